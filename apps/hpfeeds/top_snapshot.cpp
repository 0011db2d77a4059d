// SPDX-License-Identifier: Apache-2.0
#include "top_snapshot.hpp"

#include "hpfeeds/error.hpp"

#include <nlohmann/json.hpp>

#include <utility>

namespace hpfeeds::cli::top_view {
namespace {

using Json = nlohmann::json;

// Runs `read` on the object in `text`; whatever is not as it should be is one kind of Error.
template <typename Read>
auto reading(std::string_view text, Read read) {
    try {
        const Json json = Json::parse(text);
        if (!json.is_object()) throw Error("not an object");
        return read(json);
    } catch (const std::exception& error) {
        throw Error("the exporter's answer is not what hpfeeds top knows: " +
                    std::string(error.what()));
    }
}

std::string text_in(const Json& json, const char* key) {
    return json.value(key, std::string());
}
std::int64_t number_in(const Json& json, const char* key) {
    return json.value(key, std::int64_t{0});
}
std::uint64_t count_in(const Json& json, const char* key) {
    return json.value(key, std::uint64_t{0});
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
    return json.value("refusals", std::map<std::string, std::uint64_t>{});
}

}  // namespace

Overview parse_overview(std::string_view text) {
    return reading(text, [](const Json& json) {
        Overview made;
        made.name = text_in(json, "name");
        made.version = text_in(json, "version");
        made.seconds = json.at("seconds").get<double>();
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
        made.seconds = json.value("seconds", 0.0);
        made.queued_bytes = number_in(json, "queued_bytes");
        made.slow = json.value("slow", false);
        made.dropping = json.value("dropping", false);
        return made;
    });
}

}  // namespace hpfeeds::cli::top_view
