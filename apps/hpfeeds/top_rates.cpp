// SPDX-License-Identifier: Apache-2.0
#include "top_rates.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <unordered_map>
#include <utility>

namespace hpfeeds::cli::top_view {
namespace {

using Json = nlohmann::ordered_json;

std::uint64_t sum_of(const std::map<std::string, std::uint64_t>& counts) {
    std::uint64_t sum = 0;
    for (const auto& [name, count] : counts)
        sum += count;
    return sum;
}

constexpr double seconds_min = 0.001;  // nobody looks more often; less makes rates without end

// What turns two values of a counter into a rate, if anything does.
class Elapsed {
public:
    Elapsed(const Snapshot* before, const Snapshot& now)
        : seconds_(before ? now.overview.seconds - before->overview.seconds : 0) {}
    [[nodiscard]] bool known() const { return seconds_ >= seconds_min; }
    [[nodiscard]] Rate rate(std::uint64_t before, std::uint64_t now) const {
        if (!known() || now < before) return unknown_rate;
        return static_cast<double>(now - before) / seconds_;
    }

private:
    double seconds_;
};

template <typename Row>
std::unordered_map<std::string_view, const Row*> by_name(const std::vector<Row>& rows) {
    std::unordered_map<std::string_view, const Row*> index;
    for (const Row& row : rows)
        index.emplace(row.name, &row);
    return index;
}

// What a row was before. One that was not on the page counted nothing that we know of.
template <typename Row>
const Row* find(const std::unordered_map<std::string_view, const Row*>& index,
                const std::string& name) {
    const auto found = index.find(name);
    return found == index.end() ? nullptr : found->second;
}

Json rate_json(Rate rate) {
    return rate < 0 ? Json(nullptr) : Json(rate);
}

}  // namespace

View view_of(const Snapshot* before, const Snapshot& now) {
    View view;
    view.overview = now.overview;
    view.connections = now.connections;
    view.restarted = before && now.overview.seconds < before->overview.seconds;
    const Elapsed elapsed(view.restarted ? nullptr : before, now);
    static const Snapshot nothing;
    const Snapshot& known = before ? *before : nothing;  // the indices point into it
    const auto idents = by_name(known.idents);
    const auto channels = by_name(known.channels);
    if (elapsed.known()) {
        const Overview& old = before->overview;
        view.messages = elapsed.rate(old.messages, now.overview.messages);
        view.received = elapsed.rate(old.received_bytes, now.overview.received_bytes);
        view.sent = elapsed.rate(old.sent_bytes, now.overview.sent_bytes);
        view.accepted = elapsed.rate(old.accepted, now.overview.accepted);
        view.refused = elapsed.rate(sum_of(old.refusals), sum_of(now.overview.refusals));
    }
    for (const Ident& each : now.idents) {
        IdentRow row{each};
        if (const Ident* old = find(idents, each.name); old && elapsed.known()) {
            row.messages = elapsed.rate(old->messages, each.messages);
            row.received = elapsed.rate(old->received_bytes, each.received_bytes);
            row.sent = elapsed.rate(old->sent_bytes, each.sent_bytes);
        }
        view.idents.push_back(std::move(row));
    }
    for (const Channel& each : now.channels) {
        ChannelRow row{each};
        if (const Channel* old = find(channels, each.name); old && elapsed.known()) {
            row.messages = elapsed.rate(old->messages, each.messages);
            row.bytes = elapsed.rate(old->bytes, each.bytes);
        }
        view.channels.push_back(std::move(row));
    }
    return view;
}

const char* word_of(Order order) {
    constexpr std::array words{"traffic", "messages", "connections", "queued", "refusals", "name"};
    return words[static_cast<std::size_t>(order)];
}

const char* page_sort_of(Order order) {
    constexpr std::array words{"bytes", "messages", "connections", "queued", "refusals", "ident"};
    return words[static_cast<std::size_t>(order)];
}

void sort_rows(View& view, Order order) {
    const auto weight = [order](const IdentRow& row) -> double {
        switch (order) {
            case Order::traffic:
                return std::max(row.received, 0.0) + std::max(row.sent, 0.0);
            case Order::messages:
                return row.messages;
            case Order::connections:
                return static_cast<double>(row.now.connections);
            case Order::queued:
                return static_cast<double>(row.now.queued_bytes);
            case Order::refusals:
                return static_cast<double>(row.now.refused);
            case Order::name:
                break;
        }
        return 0;
    };
    std::sort(view.idents.begin(), view.idents.end(),
              [&](const IdentRow& left, const IdentRow& right) {
                  const double one = weight(left);
                  const double other = weight(right);
                  return one != other ? one > other : left.now.name < right.now.name;
              });
    std::sort(view.channels.begin(), view.channels.end(),
              [&](const ChannelRow& left, const ChannelRow& right) {
                  const bool named = order == Order::name || left.messages == right.messages;
                  return named ? left.now.name < right.now.name : left.messages > right.messages;
              });
}

std::string json_of(const View& view) {
    Json json = {{"broker", view.overview.name},
                 {"seconds", view.overview.seconds},
                 {"restarted", view.restarted},
                 {"connections", view.overview.connections},
                 {"logged_in", view.overview.logged_in},
                 {"queued_bytes", view.overview.queued_bytes},
                 {"messages_per_second", rate_json(view.messages)},
                 {"received_bytes_per_second", rate_json(view.received)},
                 {"sent_bytes_per_second", rate_json(view.sent)},
                 {"accepted_per_second", rate_json(view.accepted)},
                 {"refused_per_second", rate_json(view.refused)},
                 {"refusals", view.overview.refusals},
                 {"idents", Json::array()},
                 {"channels", Json::array()},
                 {"queues", Json::array()}};
    for (const IdentRow& row : view.idents)
        json["idents"].push_back({{"ident", row.now.name},
                                  {"connections", row.now.connections},
                                  {"messages_per_second", rate_json(row.messages)},
                                  {"received_bytes_per_second", rate_json(row.received)},
                                  {"sent_bytes_per_second", rate_json(row.sent)},
                                  {"queued_bytes", row.now.queued_bytes},
                                  {"dropped_messages", row.now.dropped},
                                  {"refused", row.now.refused}});
    for (const ChannelRow& row : view.channels)
        json["channels"].push_back({{"channel", row.now.name},
                                    {"subscriptions", row.now.subscriptions},
                                    {"publishers", row.now.publishers},
                                    {"messages_per_second", rate_json(row.messages)},
                                    {"bytes_per_second", rate_json(row.bytes)}});
    for (const Connection& each : view.connections)
        if (each.queued_bytes > 0 || each.slow)
            json["queues"].push_back({{"address", each.address},
                                      {"ident", each.ident},
                                      {"queued_bytes", each.queued_bytes},
                                      {"slow", each.slow},
                                      {"dropping", each.dropping}});
    return json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace hpfeeds::cli::top_view
