// SPDX-License-Identifier: Apache-2.0
// The C functions of hpfeeds.h over hpfeeds::Client.
#include "client/errc.hpp"
#include "hpfeeds/client.hpp"
#include "hpfeeds/hpfeeds.h"
#include "hpfeeds/version.hpp"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <functional>
#include <limits>
#include <map>
#include <new>
#include <string>
#include <string_view>
#include <utility>

struct hpfeeds_options {
    hpfeeds::ClientOptions value;
};

struct hpfeeds_client {
    explicit hpfeeds_client(const hpfeeds::ClientOptions& options) : value(options) {}
    hpfeeds::Client value;
};

namespace hpfeeds::client {
namespace {

static_assert(static_cast<int>(Errc::closed_by_broker) == HPFEEDS_CLOSED_BY_BROKER);
static_assert(static_cast<int>(Errc::payload_too_large) == HPFEEDS_PAYLOAD_TOO_LARGE);
static_assert(static_cast<int>(Errc::not_hpfeeds) == HPFEEDS_NOT_HPFEEDS);
static_assert(static_cast<int>(Errc::spool_full) == HPFEEDS_SPOOL_FULL);

// Of this thread's last failure; one for all clients, since a thread asks right after it.
std::string& last_text() {
    thread_local std::string text;
    return text;
}

hpfeeds_error code_of(const std::error_code& error) {
    if (!error) return HPFEEDS_OK;
    if (error.category() == error_category()) return static_cast<hpfeeds_error>(error.value());
    if (error == std::errc::invalid_argument) return HPFEEDS_BAD_ARGUMENT;
    return HPFEEDS_SYSTEM;
}

hpfeeds_error fail(hpfeeds_error code, std::string text) {
    last_text() = std::move(text);
    return code;
}

// No exception passes into C.
template <typename Work>
hpfeeds_error guarded(Work work) noexcept {
    try {
        work();
        return HPFEEDS_OK;
    } catch (const Error& error) {
        return fail(code_of(error.code()), error.what());
    } catch (const std::bad_alloc&) {
        return HPFEEDS_SYSTEM;
    } catch (const std::exception& error) {
        return fail(HPFEEDS_SYSTEM, error.what());
    }
}

std::chrono::milliseconds timeout_of(int milliseconds) {
    return milliseconds < 0 ? Client::forever : std::chrono::milliseconds(milliseconds);
}

template <typename Number>
bool read_number(std::string_view text, Number& number) {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    return error == std::errc{} && end == text.data() + text.size();
}

using Setter = std::function<bool(ClientOptions&, std::string_view)>;

Setter text(std::string& (*where)(ClientOptions&)) {
    return [where](ClientOptions& options, std::string_view value) {
        where(options) = value;
        return true;
    };
}
template <typename Number>
Setter number(Number& (*where)(ClientOptions&)) {
    return [where](ClientOptions& options, std::string_view value) {
        return read_number(value, where(options));
    };
}
template <typename Duration>
Setter duration(Duration& (*where)(ClientOptions&)) {
    return [where](ClientOptions& options, std::string_view value) {
        std::int64_t count = 0;
        if (!read_number(value, count)) return false;
        where(options) = Duration(count);
        return true;
    };
}
Setter flag(bool& (*where)(ClientOptions&)) {
    return [where](ClientOptions& options, std::string_view value) {
        where(options) = value == "true";
        return value == "true" || value == "false";
    };
}

const std::map<std::string_view, Setter>& setters() {
    using O = ClientOptions;
    using std::chrono::milliseconds;
    using std::chrono::seconds;
    static const std::map<std::string_view, Setter> all{
        {"host", text([](O& o) -> std::string& { return o.host; })},
        {"port", number<std::uint16_t>([](O& o) -> std::uint16_t& { return o.port; })},
        {"ident", text([](O& o) -> std::string& { return o.ident; })},
        {"secret", text([](O& o) -> std::string& { return o.secret; })},
        {"timeout_ms", duration<milliseconds>([](O& o) -> milliseconds& { return o.timeout; })},
        {"reconnect", flag([](O& o) -> bool& { return o.reconnect; })},
        {"backoff_first_ms",
         duration<milliseconds>([](O& o) -> milliseconds& { return o.backoff.first; })},
        {"backoff_longest_ms",
         duration<milliseconds>([](O& o) -> milliseconds& { return o.backoff.longest; })},
        {"tls", flag([](O& o) -> bool& { return o.tls.enabled; })},
        {"tls_trusted_file",
         [](O& o, std::string_view value) {
             o.tls = {true, std::string(value)};
             return true;
         }},
        {"keepalive_idle_s", duration<seconds>([](O& o) -> seconds& { return o.keepalive.idle; })},
        {"keepalive_interval_s",
         duration<seconds>([](O& o) -> seconds& { return o.keepalive.interval; })},
        {"keepalive_count", number<int>([](O& o) -> int& { return o.keepalive.count; })},
        {"outbox_bytes_max",
         number<std::size_t>([](O& o) -> std::size_t& { return o.outbox.bytes_max; })},
        {"outbox_age_max_ms",
         duration<milliseconds>([](O& o) -> milliseconds& { return o.outbox.age_max; })},
        {"spool_path", text([](O& o) -> std::string& { return o.spool.path; })},
        {"spool_bytes_max",
         number<std::size_t>([](O& o) -> std::size_t& { return o.spool.bytes_max; })},
        {"spool_age_max_ms",
         duration<milliseconds>([](O& o) -> milliseconds& { return o.spool.age_max; })},
    };
    return all;
}

hpfeeds_message message_of(const MessageView& view) {
    return {view.ident.data(),   view.ident.size(),   view.channel.data(),
            view.channel.size(), view.payload.data(), view.payload.size()};
}

void copy_text(const std::string& from, char* to, std::size_t size) {
    if (to == nullptr || size == 0) return;
    const std::size_t count = std::min(from.size(), size - 1);
    std::memcpy(to, from.data(), count);
    to[count] = '\0';
}

}  // namespace
}  // namespace hpfeeds::client

using hpfeeds::client::code_of;
using hpfeeds::client::fail;
using hpfeeds::client::guarded;

const char* hpfeeds_error_text(hpfeeds_error error) {
    if (error == HPFEEDS_OK) return "no error";
    if (error == HPFEEDS_BAD_ARGUMENT) return "an argument makes no sense";
    if (error == HPFEEDS_SYSTEM) return "the system refused";
    // The category makes its texts anew each time; C wants one that stays.
    static const std::map<int, std::string> texts = [] {
        std::map<int, std::string> all;
        for (int value = 0; value <= HPFEEDS_SPOOL_FULL; ++value)
            all[value] = hpfeeds::error_category().message(value);
        return all;
    }();
    const auto known = texts.find(error);
    return known == texts.end() ? "unknown" : known->second.c_str();
}

const char* hpfeeds_version() {
    return HPFEEDS_VERSION_TEXT;
}

hpfeeds_options* hpfeeds_options_new() {
    return new (std::nothrow) hpfeeds_options;
}

void hpfeeds_options_free(hpfeeds_options* options) {
    delete options;
}

hpfeeds_error hpfeeds_options_set(hpfeeds_options* options, const char* name, const char* value) {
    if (options == nullptr || name == nullptr || value == nullptr)
        return fail(HPFEEDS_BAD_ARGUMENT, "options, name or value is NULL");
    const auto& setters = hpfeeds::client::setters();
    const auto setter = setters.find(name);
    if (setter == setters.end())
        return fail(HPFEEDS_BAD_ARGUMENT, "there is no option '" + std::string(name) + "'");
    if (setter->second(options->value, value)) return HPFEEDS_OK;
    // A secret is no kind of number, so this never shows one.
    return fail(HPFEEDS_BAD_ARGUMENT,
                "option '" + std::string(name) + "' cannot be '" + std::string(value) + "'");
}

hpfeeds_client* hpfeeds_client_new(const hpfeeds_options* options, char* why, size_t why_size) {
    hpfeeds_client* client = nullptr;
    const hpfeeds_error error = guarded([&] {
        if (options == nullptr)
            throw hpfeeds::Error("options is NULL",
                                 std::make_error_code(std::errc::invalid_argument));
        client = new hpfeeds_client(options->value);
    });
    if (error != HPFEEDS_OK)
        hpfeeds::client::copy_text(hpfeeds::client::last_text(), why, why_size);
    return client;
}

void hpfeeds_client_free(hpfeeds_client* client) {
    delete client;
}

hpfeeds_error hpfeeds_connect(hpfeeds_client* client, int timeout_ms) {
    return guarded([&] { client->value.connect(hpfeeds::client::timeout_of(timeout_ms)); });
}

hpfeeds_error hpfeeds_close(hpfeeds_client* client) {
    return guarded([&] { client->value.close(); });
}

const char* hpfeeds_last_error(const hpfeeds_client*) {
    return hpfeeds::client::last_text().c_str();
}

hpfeeds_error hpfeeds_get_stats(const hpfeeds_client* client, hpfeeds_stats* stats) {
    if (stats == nullptr || stats->size < sizeof(hpfeeds_stats))
        return fail(HPFEEDS_BAD_ARGUMENT, "stats->size is not sizeof(hpfeeds_stats)");
    return guarded([&] {
        const hpfeeds::ClientStats now = client->value.stats();
        *stats = {stats->size,
                  now.connected ? 1 : 0,
                  now.connections,
                  now.published,
                  now.sent,
                  now.sent_again,
                  now.dropped_for_room,
                  now.dropped_for_age,
                  now.refused,
                  now.spool_failures,
                  now.unsent_messages,
                  now.unsent_bytes,
                  now.spooled_messages};
    });
}

hpfeeds_error hpfeeds_publish(hpfeeds_client* client, const char* channel, const void* payload,
                              size_t payload_size) {
    return guarded([&] {
        client->value.publish(channel,
                              std::span(static_cast<const std::byte*>(payload), payload_size));
    });
}

hpfeeds_error hpfeeds_flush(hpfeeds_client* client, int timeout_ms) {
    return guarded([&] { client->value.flush(hpfeeds::client::timeout_of(timeout_ms)); });
}

hpfeeds_error hpfeeds_subscribe(hpfeeds_client* client, const char* channel) {
    return guarded([&] { client->value.subscribe(channel); });
}

hpfeeds_error hpfeeds_unsubscribe(hpfeeds_client* client, const char* channel) {
    return guarded([&] { client->value.unsubscribe(channel); });
}

hpfeeds_error hpfeeds_read(hpfeeds_client* client, hpfeeds_message* message, int timeout_ms) {
    hpfeeds_error result = HPFEEDS_OK;
    const hpfeeds_error thrown = guarded([&] {
        hpfeeds::MessageView view;
        std::error_code error;
        if (client->value.read(view, hpfeeds::client::timeout_of(timeout_ms), error))
            *message = hpfeeds::client::message_of(view);
        else
            result = fail(code_of(error), client->value.last_error());
    });
    return thrown != HPFEEDS_OK ? thrown : result;
}

hpfeeds_error hpfeeds_run(hpfeeds_client* client, hpfeeds_on_message on_message,
                          hpfeeds_on_error on_error, void* context) {
    return guarded([&] {
        const auto heard = [&](const hpfeeds::MessageView& view) {
            const hpfeeds_message message = hpfeeds::client::message_of(view);
            on_message(context, &message);
        };
        if (on_error == nullptr) return client->value.run(heard);
        client->value.run(heard, [&](const hpfeeds::Error& error) {
            on_error(context, code_of(error.code()), error.what());
        });
    });
}

void hpfeeds_stop(hpfeeds_client* client) {
    client->value.stop();
}
