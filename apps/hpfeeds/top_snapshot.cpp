// SPDX-License-Identifier: Apache-2.0
#include "top_snapshot.hpp"

#include "hpfeeds/error.hpp"
#include "hpfeeds/text.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <limits>
#include <utility>

namespace hpfeeds::cli::top_view {
namespace {

using Json = nlohmann::json;

constexpr double seconds_max = 1e10;  // three hundred years

// Runs `read` on the object in `text`; whatever is not as it should be is one kind of Error.
template <typename Read>
auto reading(std::string_view text, Read read) {
    try {
        const Json json = Json::parse(text);
        if (!json.is_object()) throw Error("not an object");
        return read(json);
    } catch (const std::exception& error) {
        // The words quote what came.
        throw Error("the exporter's answer is not what hpfeeds top knows: " +
                    one_line(error.what()));
    }
}

std::string text_in(const Json& json, const char* key) {
    return json.value(key, std::string());
}
// A number that does not fit, or has a fraction, is not one of ours: converting it would be
// undefined.
std::uint64_t count_of(const Json& value) {
    if (!value.is_number_unsigned()) throw Error("a count is not a whole number");
    return value.get<std::uint64_t>();
}
std::uint64_t count_in(const Json& json, const char* key) {
    const auto found = json.find(key);
    return found == json.end() ? 0 : count_of(*found);
}
std::int64_t number_in(const Json& json, const char* key) {
    const auto found = json.find(key);
    if (found == json.end()) return 0;
    if (!found->is_number_integer()) throw Error("a number is not a whole one");
    if (found->is_number_unsigned() && count_of(*found) > std::numeric_limits<std::int64_t>::max())
        throw Error("a number is too large");
    return found->get<std::int64_t>();
}
double seconds_of(const Json& value) {
    return std::clamp(value.get<double>(), 0.0, seconds_max);
}

template <typename Row, typename Read>
std::vector<Row> rows_in(std::string_view text, const char* key, Read read) {
    return reading(text, [&](const Json& json) {
        std::vector<Row> rows;
        for (const Json& each : json.at(key))
            rows.push_back(read(each));
        return rows;
    });
}

std::map<std::string, std::uint64_t> refusals_in(const Json& json) {
    std::map<std::string, std::uint64_t> refusals;
    if (const auto found = json.find("refusals"); found != json.end())
        for (const auto& [reason, count] : found->items())
            refusals.emplace(reason, count_of(count));
    return refusals;
}

}  // namespace

Overview parse_overview(std::string_view text) {
    return reading(text, [](const Json& json) {
        Overview made;
        made.name = text_in(json, "name");
        made.version = text_in(json, "version");
        made.seconds = seconds_of(json.at("seconds"));
        made.connections = number_in(json, "connections");
        made.logged_in = number_in(json, "logged_in");
        made.idents = number_in(json, "idents");
        made.channels = number_in(json, "channels");
        made.subscriptions = number_in(json, "subscriptions");
        made.accepted = count_in(json, "accepted");
        made.messages = count_in(json, "published_messages");
        made.received_bytes = count_in(json, "received_bytes");
        made.sent_bytes = count_in(json, "sent_bytes");
        made.dropped = count_in(json, "dropped_messages");
        made.queued_bytes = number_in(json, "queued_bytes");
        made.memory_bytes = number_in(json, "memory_bytes");
        made.memory_bytes_max = number_in(json, "memory_bytes_max");
        made.refusals = refusals_in(json);
        return made;
    });
}

std::vector<Ident> parse_idents(std::string_view text) {
    return rows_in<Ident>(text, "idents", [](const Json& json) {
        Ident made;
        made.name = text_in(json, "ident");
        made.owner = text_in(json, "owner");
        made.connections = number_in(json, "connections");
        made.queued_bytes = number_in(json, "queued_bytes");
        made.messages = count_in(json, "published_messages");
        made.received_bytes = count_in(json, "received_bytes");
        made.sent_bytes = count_in(json, "sent_bytes");
        made.dropped = count_in(json, "dropped_messages");
        for (const auto& [reason, count] : refusals_in(json))
            made.refused += count;
        return made;
    });
}

std::vector<Channel> parse_channels(std::string_view text) {
    return rows_in<Channel>(text, "channels", [](const Json& json) {
        Channel made;
        made.name = text_in(json, "channel");
        made.subscriptions = number_in(json, "subscriptions");
        made.publishers = count_in(json, "publishers");
        made.messages = count_in(json, "published_messages");
        made.bytes = count_in(json, "published_bytes");
        return made;
    });
}

std::vector<Connection> parse_connections(std::string_view text) {
    return rows_in<Connection>(text, "connections", [](const Json& json) {
        Connection made;
        made.address = text_in(json, "address");
        made.ident = text_in(json, "ident");
        made.state = text_in(json, "state");
        made.seconds = json.contains("seconds") ? seconds_of(json["seconds"]) : 0;
        made.queued_bytes = number_in(json, "queued_bytes");
        made.slow = json.value("slow", false);
        made.dropping = json.value("dropping", false);
        return made;
    });
}

}  // namespace hpfeeds::cli::top_view
