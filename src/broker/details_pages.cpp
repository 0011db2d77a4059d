// SPDX-License-Identifier: Apache-2.0
#include "broker/details_pages.hpp"

#include "broker/details.hpp"
#include "broker/details_survey.hpp"
#include "hpfeeds/version.hpp"
#include "metrics/page_query.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string_view>
#include <tuple>
#include <utility>

namespace hpfeeds::broker {
namespace {

using namespace std::string_view_literals;
using metrics::PageQuery;
using metrics::Response;
using Json = nlohmann::ordered_json;
using Clock = std::chrono::steady_clock;

// Names are bytes of strangers: what is not UTF-8 comes as U+FFFD.
Response answer_of(const Json& json) {
    return {Response::Status::ok, metrics::json_text,
            json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n"};
}

Response refusal_of(const PageQuery& query) {
    return {Response::Status::bad_request, metrics::plain_text, query.refusal + "\n"};
}

// The rows of one page, the largest first. `weight(row)` says how large; equal ones stay in order.
template <typename Row, typename Weight>
std::span<Row> page_of(std::vector<Row>& rows, const PageQuery& query, Weight weight) {
    std::stable_sort(rows.begin(), rows.end(), [&](const Row& left, const Row& right) {
        return weight(left) > weight(right);
    });
    const std::size_t first = std::min(query.offset, rows.size());
    return std::span(rows).subspan(first, std::min(query.limit, rows.size() - first));
}

Json head_of(const PageQuery& query, std::size_t total) {
    return {
        {"total", total}, {"offset", query.offset}, {"limit", query.limit}, {"sort", query.sort}};
}

double seconds_since(core::Instant then) {
    return std::chrono::duration<double>(Clock::now() - then).count();
}

// ---- connections

constexpr std::array connection_sorts{"queued"sv, "age"sv, "subscriptions"sv, "ident"sv};

const char* word_of(core::State state) {
    switch (state) {
        case core::State::greeted:
        case core::State::verifying:
            return "logging in";
        case core::State::refused:
            return "refused";
        case core::State::ready:
            return "ready";
        default:
            return "closing";
    }
}

Json json_of(const SurveyedConnection& connection) {
    const net::ConnectionRow& row = connection.row;
    return {{"address", row.peer.text()},
            {"ident", row.ident},
            {"owner", row.owner},
            {"state", word_of(row.state)},
            {"tls", row.tls},
            {"seconds", seconds_since(row.accepted_at)},
            {"subscriptions", row.subscriptions},
            {"queued_bytes", row.queued_bytes},
            {"slow", row.slow},
            {"dropping", row.dropping},
            {"shard", connection.shard}};
}

std::span<SurveyedConnection> sorted(std::vector<SurveyedConnection>& all, const PageQuery& query) {
    using Row = SurveyedConnection;
    if (query.sort == "age")
        return page_of(all, query, [](const Row& each) {
            return -each.row.accepted_at.time_since_epoch().count();
        });
    if (query.sort == "subscriptions")
        return page_of(all, query, [](const Row& each) { return each.row.subscriptions; });
    if (query.sort == "queued")
        return page_of(all, query, [](const Row& each) { return each.row.queued_bytes; });
    std::stable_sort(all.begin(), all.end(), [](const Row& left, const Row& right) {
        return left.row.ident < right.row.ident;
    });
    return page_of(all, query, [](const Row&) { return 0; });
}

Response connections_page(const DetailsOf& broker, std::string_view asked) {
    const PageQuery query = metrics::parse_page_query(asked, connection_sorts);
    if (!query.refusal.empty()) return refusal_of(query);
    Surveyed surveyed = survey_connections(broker.shards);
    if (surveyed.connections.empty() && !surveyed.complete)
        return {Response::Status::unavailable, metrics::plain_text,
                "The shards did not answer in time: the broker is overloaded or stopping.\n"};
    Json json = head_of(query, surveyed.connections.size());
    json["complete"] = surveyed.complete;
    Json& rows = json["connections"] = Json::array();
    for (const SurveyedConnection& each : sorted(surveyed.connections, query))
        rows.push_back(json_of(each));
    return answer_of(json);
}

// ---- idents

constexpr std::array ident_sorts{"bytes"sv,   "connections"sv, "queued"sv, "messages"sv,
                                 "dropped"sv, "refusals"sv,    "ident"sv};

Json json_of(const IdentDetails& row) {
    Json refusals = Json::object();
    for (std::size_t i = 0; i < core::close_reason_count; ++i)
        if (row.refusals[i] > 0)
            refusals[std::string(core::label(static_cast<core::CloseReason>(i)))] = row.refusals[i];
    return {{"ident", row.ident},
            {"owner", row.owner},
            {"connections", row.connections},
            {"logins", row.logins},
            {"published_messages", row.published_messages},
            {"published_bytes", row.published_bytes},
            {"received_bytes", row.received_bytes},
            {"sent_bytes", row.sent_bytes},
            {"queued_bytes", row.queued_bytes},
            {"dropped_messages", row.dropped_messages},
            {"dropped_bytes", row.dropped_bytes},
            {"slow_started", row.slow_started},
            {"slow_recovered", row.slow_recovered},
            {"refusals", std::move(refusals)}};
}

std::uint64_t weight_of(const IdentDetails& row, std::string_view sort) {
    if (sort == "bytes") return row.received_bytes + row.sent_bytes;
    if (sort == "connections") return static_cast<std::uint64_t>(row.connections);
    if (sort == "queued") return static_cast<std::uint64_t>(row.queued_bytes);
    if (sort == "messages") return row.published_messages;
    if (sort == "dropped") return row.dropped_messages;
    if (sort == "refusals") return row.refused();
    return 0;  // by name, as they come
}

Response idents_page(const DetailsOf& broker, std::string_view asked) {
    const PageQuery query = metrics::parse_page_query(asked, ident_sorts);
    if (!query.refusal.empty()) return refusal_of(query);
    std::vector<IdentDetails> all = ident_details(broker.shards);
    Json json = head_of(query, all.size());
    Json& rows = json["idents"] = Json::array();
    for (const IdentDetails& each :
         page_of(all, query, [&](const IdentDetails& row) { return weight_of(row, query.sort); }))
        rows.push_back(json_of(each));
    return answer_of(json);
}

// ---- channels

constexpr std::array channel_sorts{"messages"sv, "bytes"sv, "subscriptions"sv, "channel"sv};

std::uint64_t weight_of(const ChannelDetails& row, std::string_view sort) {
    if (sort == "messages") return row.messages;
    if (sort == "bytes") return row.bytes;
    if (sort == "subscriptions") return static_cast<std::uint64_t>(row.subscriptions);
    return 0;
}

Response channels_page(const DetailsOf& broker, std::string_view asked) {
    const PageQuery query = metrics::parse_page_query(asked, channel_sorts);
    if (!query.refusal.empty()) return refusal_of(query);
    std::vector<ChannelDetails> all = channel_details(broker.shards);
    Json json = head_of(query, all.size());
    Json& rows = json["channels"] = Json::array();
    for (const ChannelDetails& each :
         page_of(all, query, [&](const ChannelDetails& row) { return weight_of(row, query.sort); }))
        rows.push_back({{"channel", each.channel},
                        {"subscriptions", each.subscriptions},
                        {"publishers", each.publishers},
                        {"published_messages", each.messages},
                        {"published_bytes", each.bytes}});
    return answer_of(json);
}

// ---- overview

// Why connections were refused or closed by the broker, those that happened; ends that are nobody's
// fault are left out.
Json refusals_of(const DetailsOf& broker) {
    using core::CloseReason;
    Json refusals = Json::object();
    const auto add = [&](std::string_view reason, std::uint64_t count) {
        if (count == 0) return;
        Json& sum = refusals[std::string(reason)];
        sum = count + (sum.is_null() ? 0 : sum.get<std::uint64_t>());
    };
    for (const net::ShardThread* shard : broker.shards) {
        for (std::size_t i = 0; i < core::close_reason_count; ++i) {
            const auto reason = static_cast<CloseReason>(i);
            if (!core::error_category(reason).empty())
                add(core::label(reason), shard->counters().shard.closed[i].value());
        }
        add("connections-full", shard->engine_counters().refused_full.value());
        add("out-of-descriptors", shard->engine_counters().out_of_descriptors.value());
    }
    if (broker.door) {
        add("connections-full", broker.door->counters().refused_full.value());
        add("out-of-descriptors", broker.door->counters().out_of_descriptors.value());
    }
    return refusals;
}

Response overview_page(const DetailsOf& broker, core::Instant started) {
    std::int64_t connections = 0;
    std::uint64_t accepted = 0;
    for (const net::ShardThread* shard : broker.shards) {
        connections += shard->counters().shard.connections.value();
        accepted += shard->counters().shard.made.value();
    }
    IdentDetails sum;
    std::uint64_t logged_in_idents = 0;
    const std::vector<IdentDetails> idents = ident_details(broker.shards);
    for (const IdentDetails& each : idents) {
        logged_in_idents += each.connections > 0 ? 1 : 0;
        sum.connections += each.connections;
        sum.queued_bytes += each.queued_bytes;
        sum.logins += each.logins;
        sum.published_messages += each.published_messages;
        sum.published_bytes += each.published_bytes;
        sum.received_bytes += each.received_bytes;
        sum.sent_bytes += each.sent_bytes;
        sum.dropped_messages += each.dropped_messages;
        sum.slow_started += each.slow_started;
        sum.slow_recovered += each.slow_recovered;
    }
    std::int64_t subscriptions = 0;
    const std::vector<ChannelDetails> channels = channel_details(broker.shards);
    for (const ChannelDetails& each : channels)
        subscriptions += each.subscriptions;
    return answer_of({{"name", broker.name},
                      {"version", HPFEEDS_VERSION_TEXT},
                      {"seconds", seconds_since(started)},
                      {"shards", broker.shards.size()},
                      {"connections", connections},
                      {"logged_in", sum.connections},
                      {"idents", logged_in_idents},
                      {"channels", channels.size()},
                      {"subscriptions", subscriptions},
                      {"accepted", accepted},
                      {"logins", sum.logins},
                      {"published_messages", sum.published_messages},
                      {"published_bytes", sum.published_bytes},
                      {"received_bytes", sum.received_bytes},
                      {"sent_bytes", sum.sent_bytes},
                      {"queued_bytes", sum.queued_bytes},
                      {"dropped_messages", sum.dropped_messages},
                      {"slow_started", sum.slow_started},
                      {"slow_recovered", sum.slow_recovered},
                      {"memory_bytes", broker.budget->in_use_bytes()},
                      {"memory_bytes_max", broker.budget->bytes_max()},
                      {"refusals", refusals_of(broker)}});
}

}  // namespace

std::vector<metrics::Page> details_pages(DetailsOf broker) {
    const auto shared = std::make_shared<const DetailsOf>(std::move(broker));
    const core::Instant started = Clock::now();
    return {
        {"/overview", [=](std::string_view) { return overview_page(*shared, started); }},
        {"/connections", [=](std::string_view query) { return connections_page(*shared, query); }},
        {"/idents", [=](std::string_view query) { return idents_page(*shared, query); }},
        {"/channels", [=](std::string_view query) { return channels_page(*shared, query); }}};
}

}  // namespace hpfeeds::broker
