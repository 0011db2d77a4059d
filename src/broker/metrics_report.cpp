// SPDX-License-Identifier: Apache-2.0
#include "broker/metrics_report.hpp"

#include "broker/proxy_metrics.hpp"
#include "broker/tls_metrics.hpp"
#include "hpfeeds/version.hpp"
#include "metrics/families.hpp"
#include "metrics/process.hpp"
#include "metrics/prometheus_text.hpp"
#include "metrics/time_histogram.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <functional>
#include <iterator>
#include <map>
#include <numeric>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

namespace hpfeeds::broker {
namespace {

using metrics::Family;
using Values = std::vector<std::string>;
using Sums = std::map<Values, double>;  // a shard's entry for the same labels adds to another's

// One family under construction: the names of its labels, and what was summed so far.
class Summed {
public:
    Summed(std::string name, std::string help, Family::Type type, Values label_names = {})
        : family_{std::move(name), std::move(help), type}, label_names_(std::move(label_names)) {}

    void add(Values labels, double value) { sums_[std::move(labels)] += value; }

    void finish(std::vector<Family>& out) {
        for (const auto& [labels, value] : sums_)
            family_.samples.push_back({named(labels), value});
        out.push_back(std::move(family_));
    }

private:
    std::vector<metrics::Label> named(const Values& values) const {
        std::vector<metrics::Label> labels;
        for (std::size_t i = 0; i < values.size(); ++i)
            labels.push_back({label_names_[i], values[i]});
        return labels;
    }
    Family family_;
    Values label_names_;
    Sums sums_;
};

constexpr auto counter = Family::Type::counter;
constexpr auto gauge = Family::Type::gauge;

double number(const metrics::Counter& value) {
    return static_cast<double>(value.value());
}
double number(const metrics::Gauge& value) {
    return static_cast<double>(value.value());
}

template <typename Visit>
void each_ident(std::span<net::ShardThread* const> shards, Visit visit) {
    for (const net::ShardThread* shard : shards)
        for (const auto* entry = shard->counters().first_ident(); entry; entry = entry->next)
            visit(*entry);
}

// All entries, those with the same `key` beside each other: a shard's entry adds to another's.
// Visits each such group with what bears its name.
template <typename Entry, typename Key, typename Visit>
void each_group(std::vector<const Entry*>& entries, Key key, Visit visit) {
    std::sort(entries.begin(), entries.end(),
              [&](const Entry* a, const Entry* b) { return key(*a) < key(*b); });
    for (auto first = entries.begin(); first != entries.end();) {
        const auto last = std::find_if(
            first, entries.end(), [&](const Entry* each) { return key(*each) != key(**first); });
        visit(std::span<const Entry* const>(first, last));
        first = last;
    }
}

template <typename Visit>
void each_channel(std::span<net::ShardThread* const> shards, Visit visit) {
    for (const net::ShardThread* shard : shards)
        for (const auto* entry = shard->counters().first_channel(); entry; entry = entry->next)
            visit(*entry);
}

// One time histogram under construction, summed over those that have the same labels.
class SummedTimes {
public:
    SummedTimes(std::string name, std::string help)
        : family_{std::move(name), std::move(help), Family::Type::histogram} {
        using std::chrono::duration;
        for (std::size_t i = 0; i + 1 < metrics::TimeHistogram::bucket_count; ++i)
            family_.upper_bounds.push_back(
                duration<double>(metrics::TimeHistogram::upper_bound(i)).count());
    }

    void add(metrics::Labels labels, const metrics::TimeHistogram& times) {
        const auto same = [&](const metrics::Histogram& each) { return each.labels == labels; };
        auto sum = std::find_if(family_.histograms.begin(), family_.histograms.end(), same);
        if (sum == family_.histograms.end())
            sum = family_.histograms.insert(
                sum, {std::move(labels),
                      std::vector<std::uint64_t>(metrics::TimeHistogram::bucket_count), 0});
        for (std::size_t i = 0; i < metrics::TimeHistogram::bucket_count; ++i)
            sum->counts[i] += times.count_in(i);
        sum->sum += std::chrono::duration<double>(times.sum()).count();
    }

    void finish(std::vector<Family>& out) { out.push_back(std::move(family_)); }

private:
    Family family_;
};

// ---- upstream's families

void report_connections(std::span<net::ShardThread* const> shards, std::vector<Family>& out) {
    Summed open("hpfeeds_broker_client_connections", "Open connections.", gauge);
    Summed made("hpfeeds_broker_connection_made", "Connections accepted.", counter);
    Summed lost("hpfeeds_broker_connection_lost", "Connections that ended.", counter, {"ident"});
    for (const net::ShardThread* shard : shards) {
        const core::ShardCounters& counters = shard->counters().shard;
        open.add({}, number(counters.connections));
        made.add({}, number(counters.made));
        lost.add({"None"}, number(counters.lost_before_login));
    }
    Summed ready("hpfeeds_broker_connection_ready", "Logins that succeeded.", counter, {"ident"});
    Summed errors("hpfeeds_broker_connection_error", "Refusals, by the ident and why.", counter,
                  {"ident", "category"});
    Summed authenticated("hpfeeds_client_authenticated_connections",
                         "Connections that are logged in.", gauge, {"ident", "owner"});
    each_ident(shards, [&](const core::IdentCounters& entry) {
        for (std::size_t i = 0; i < core::close_reason_count; ++i) {
            const auto category = core::error_category(static_cast<core::CloseReason>(i));
            if (entry.errors[i].value() && !category.empty())
                errors.add({entry.ident, std::string(category)}, number(entry.errors[i]));
        }
        if (entry.taken.value() == 0) return;
        ready.add({entry.ident}, number(entry.ready));
        lost.add({entry.ident}, number(entry.lost));
        authenticated.add({entry.ident, entry.owner}, number(entry.authenticated_connections));
    });
    for (Summed* family : {&open, &made, &ready, &errors, &lost, &authenticated})
        family->finish(out);
}

void report_buffers(std::span<net::ShardThread* const> shards, std::vector<Family>& out) {
    struct Row {
        const char* name;
        const char* help;
        Family::Type type;
        std::function<double(const core::IdentCounters&)> value;
    };
    using Entry = core::IdentCounters;
    const std::array rows{
        Row{"hpfeeds_broker_connection_send_buffer_size", "Bytes queued for subscribers.", gauge,
            [](const Entry& e) { return number(e.send_buffer_bytes); }},
        Row{"hpfeeds_broker_connection_receive_buffer_size", "Bytes received and not yet parsed.",
            gauge, [](const Entry& e) { return number(e.receive_buffer_bytes); }},
        Row{"hpfeeds_broker_connection_receive_buffer_fill", "Bytes received after login.", counter,
            [](const Entry& e) { return number(e.receive_buffer_fill); }},
        Row{"hpfeeds_broker_connection_send_buffer_fill", "Payload bytes queued for subscribers.",
            counter, [](const Entry& e) { return number(e.send_buffer_fill); }},
        Row{"hpfeeds_broker_connection_send_buffer_drain", "Bytes sent after login.", counter,
            [](const Entry& e) { return number(e.send_buffer_drain); }},
        Row{"hpfeeds_broker_connection_send_buffer_deadline_start",
            "Subscribers that went over the high mark.", counter,
            [](const Entry& e) { return number(e.deadline_start); }},
        Row{"hpfeeds_broker_connection_send_buffer_deadline_recover",
            "Subscribers that got below the low mark in time.", counter,
            [](const Entry& e) { return number(e.deadline_recover); }},
        Row{"hpfeeds_broker_publish_pauses",
            "Times a publisher was not read from because its ident was over its rate.", counter,
            [](const Entry& e) { return number(e.publish_pauses); }},
        Row{"hpfeeds_broker_publish_paused_seconds", "How long these took, summed.", counter,
            [](const Entry& e) { return number(e.publish_paused_ms) * 1e-3; }},
        Row{"hpfeeds_broker_subscriber_dropped_frames", "Frames dropped for slow subscribers.",
            counter, [](const Entry& e) { return number(e.dropped_frames); }},
        Row{"hpfeeds_broker_subscriber_dropped_bytes",
            "Bytes of frames dropped for slow subscribers.", counter,
            [](const Entry& e) { return number(e.dropped_bytes); }},
        Row{"hpfeeds_broker_subscriber_discarded_frames",
            "Frames that were queued for a subscriber, or no longer fitted, when its connection "
            "ended.",
            counter, [](const Entry& e) { return number(e.discarded_frames); }},
        Row{"hpfeeds_broker_subscriber_discarded_bytes", "Bytes of these frames.", counter,
            [](const Entry& e) { return number(e.discarded_bytes); }},
    };
    std::vector<const Entry*> entries;
    each_ident(shards, [&](const Entry& entry) {
        if (entry.taken.value()) entries.push_back(&entry);
    });
    std::vector<Family> families;
    for (const Row& row : rows)
        families.push_back({row.name, row.help, row.type});
    each_group(
        entries, [](const Entry& entry) { return std::string_view(entry.ident); },
        [&](std::span<const Entry* const> group) {
            const metrics::Labels labels{{"ident", group.front()->ident}};
            for (std::size_t i = 0; i < rows.size(); ++i) {
                double sum = 0;
                for (const Entry* entry : group)
                    sum += rows[i].value(*entry);
                families[i].samples.push_back({labels, sum});
            }
        });
    std::move(families.begin(), families.end(), std::back_inserter(out));
}

void report_channels(std::span<net::ShardThread* const> shards, std::vector<Family>& out) {
    using Counters = core::ChannelCounters;
    std::vector<const Counters*> entries;
    each_channel(shards, [&](const Counters& entry) { entries.push_back(&entry); });
    Family subscriptions{"hpfeeds_broker_subscriptions", "Subscriptions.", gauge};
    Family frames{"hpfeeds_broker_receive_publish_count", "Events published.", counter};
    Family sizes{"hpfeeds_broker_receive_publish_size", "Payload bytes of events published.",
                 Family::Type::histogram};
    for (std::size_t i = 0; i + 1 < Counters::bucket_count; ++i)
        sizes.upper_bounds.push_back(static_cast<double>(std::size_t{1024} << i));
    each_group(
        entries, [](const Counters& entry) { return std::tie(entry.ident, entry.channel); },
        [&](std::span<const Counters* const> group) {
            const metrics::Labels labels{{"ident", group.front()->ident},
                                         {"chan", group.front()->channel}};
            double subscribed = 0;
            metrics::Histogram histogram{labels, std::vector<std::uint64_t>(Counters::bucket_count),
                                         0};
            for (const Counters* entry : group) {
                subscribed += number(entry->subscriptions);
                histogram.sum += number(entry->payload_bytes);
                for (std::size_t i = 0; i < Counters::bucket_count; ++i)
                    histogram.counts[i] += entry->buckets[i].value();
            }
            const std::uint64_t count =
                std::accumulate(histogram.counts.begin(), histogram.counts.end(), std::uint64_t{0});
            subscriptions.samples.push_back({labels, subscribed});
            frames.samples.push_back({labels, static_cast<double>(count)});
            sizes.histograms.push_back(std::move(histogram));
        });
    for (Family* family : {&subscriptions, &frames, &sizes})
        out.push_back(std::move(*family));
}

// ---- what upstream lacks

void report_refusals(std::span<net::ShardThread* const> shards, const net::Door* door,
                     std::vector<Family>& out) {
    Summed closed("hpfeeds_broker_connections_closed", "Connections the broker closed, and why.",
                  counter, {"reason"});
    Summed refused("hpfeeds_broker_protocol_errors",
                   "Connections closed because what came is not hpfeeds.", counter, {"reason"});
    Summed limited("hpfeeds_broker_connections_refused",
                   "Connections that were not served, by the limit that forbade it.", counter,
                   {"limit"});
    for (const net::ShardThread* shard : shards) {
        const core::ShardCounters& counters = shard->counters().shard;
        for (std::size_t i = 0; i < core::close_reason_count; ++i)
            closed.add({std::string(core::label(static_cast<core::CloseReason>(i)))},
                       number(counters.closed[i]));
        for (std::size_t i = 1; i < wire::refusal_count; ++i)
            refused.add({std::string(wire::label(static_cast<wire::Refusal>(i)))},
                        number(counters.refused[i]));
        limited.add({"connections"}, number(shard->engine_counters().refused_full));
        limited.add({"address"}, number(shard->engine_counters().refused_address_full));
        limited.add(
            {"ident"},
            number(counters.closed[static_cast<std::size_t>(core::CloseReason::ident_full)]));
        limited.add({"descriptors"}, number(shard->engine_counters().out_of_descriptors));
    }
    if (door) {
        limited.add({"connections"}, number(door->counters().refused_full));
        limited.add({"address"}, number(door->counters().refused_address_full));
        limited.add({"descriptors"}, number(door->counters().out_of_descriptors));
        for (const auto end : {net::ProxyEnd::bad_header, net::ProxyEnd::untrusted})
            closed.add({std::string(net::label(end))},
                       number(door->counters().greetings_ended[static_cast<std::size_t>(end)]));
    }
    for (Summed* family : {&closed, &refused, &limited})
        family->finish(out);
}

void report_limits(std::span<net::ShardThread* const> shards, const LimitTables& tables,
                   std::vector<Family>& out) {
    Summed slowed("hpfeeds_broker_failed_logins_slowed",
                  "Failed logins answered later because their address had failed before.", counter);
    Summed undelivered("hpfeeds_broker_undelivered_frames",
                       "Events accepted, and longer than what is handed to subscribers.", counter);
    for (const net::ShardThread* shard : shards) {
        slowed.add({}, number(shard->counters().shard.failed_logins_slowed));
        undelivered.add({}, number(shard->counters().shard.undelivered_frames));
    }
    Summed uncounted("hpfeeds_broker_limit_uncounted",
                     "Peers for whom the table of a limit had no room; they are let in.", counter,
                     {"limit"});
    uncounted.add({"address"}, static_cast<double>(tables.addresses_uncounted));
    uncounted.add({"ident"}, static_cast<double>(tables.idents_uncounted));
    uncounted.add({"failed-logins"}, static_cast<double>(tables.failed_logins_uncounted));
    for (Summed* family : {&slowed, &undelivered, &uncounted})
        family->finish(out);
}

void report_live_keys(std::span<net::ShardThread* const> shards, std::vector<Family>& out) {
    constexpr std::array<const char*, core::live_change_count> labels{
        "channels", "owner", "key-removed", "secret-changed"};
    Summed changes("hpfeeds_broker_live_key_changes",
                   "Sessions that a changed key met while they were logged in, and what changed.",
                   counter, {"change"});
    Summed keys("hpfeeds_broker_live_keys", "Idents that are logged in, counted once a shard.",
                gauge);
    Summed rechecks("hpfeeds_broker_key_rechecks",
                    "Idents that are logged in, looked up again in the key stores.", counter);
    Summed unanswered("hpfeeds_broker_key_rechecks_unanswered",
                      "Of these, look-ups that the deciding key store did not answer.", counter);
    Summed forgotten("hpfeeds_broker_routes_forgotten",
                     "Channels forgotten for publishers with more than a session remembers.",
                     counter);
    for (const net::ShardThread* shard : shards) {
        const core::ShardCounters& counters = shard->counters().shard;
        for (std::size_t i = 0; i < core::live_change_count; ++i)
            changes.add({labels[i]}, number(counters.live_changes[i]));
        keys.add({}, number(counters.live_keys));
        rechecks.add({}, number(counters.rechecks));
        unanswered.add({}, number(counters.rechecks_unanswered));
        forgotten.add({}, number(counters.routes_forgotten));
    }
    for (Summed* family : {&changes, &keys, &rechecks, &unanswered, &forgotten})
        family->finish(out);
}

void report_engine(std::span<net::ShardThread* const> shards, const bytes::MemoryBudget& budget,
                   std::vector<Family>& out) {
    Summed turns("hpfeeds_broker_shard_turns", "Turns of the event loop.", counter, {"shard"});
    Summed waits("hpfeeds_broker_shard_mailbox_full", "Messages to other shards that had to wait.",
                 counter, {"shard"});
    SummedTimes turn("hpfeeds_broker_shard_turn_seconds",
                     "How long the turns of the event loop took, without the waiting.");
    Summed held("hpfeeds_broker_log_incidents_untold", "Refusals that were counted but not logged.",
                counter);
    for (std::size_t i = 0; i < shards.size(); ++i) {
        turns.add({std::to_string(i)}, number(shards[i]->engine_counters().turns));
        waits.add({std::to_string(i)}, number(shards[i]->engine_counters().mailbox_full));
        turn.add({{"shard", std::to_string(i)}}, shards[i]->engine_counters().turn_times);
        held.add({}, number(shards[i]->counters().shard.untold_incidents));
    }
    turn.finish(out);
    Summed memory("hpfeeds_broker_message_memory_bytes",
                  "Bytes that messages pin: whole slabs, as long as anything in them is unread or "
                  "unsent.",
                  gauge);
    memory.add({}, static_cast<double>(budget.in_use_bytes()));
    Summed memory_max("hpfeeds_broker_message_memory_max_bytes", "Message memory there may be.",
                      gauge);
    memory_max.add({}, static_cast<double>(budget.bytes_max()));
    for (Summed* family : {&turns, &waits, &held, &memory, &memory_max})
        family->finish(out);
}

// Without labels, for a broker with many idents: one series each.
void report_traffic(std::span<net::ShardThread* const> shards, std::vector<Family>& out) {
    Summed published("hpfeeds_broker_published_frames", "Events that were accepted.", counter);
    Summed delivered("hpfeeds_broker_delivered_bytes", "Bytes that subscribers' sockets took.",
                     counter);
    Summed lent("hpfeeds_broker_lent_bytes",
                "Bytes that subscribers' sockets took from the broker's memory without a copy.",
                counter);
    Summed forwarded("hpfeeds_broker_forwarded_runs",
                     "Runs of events that went to subscribers on other shards.", counter);
    for (const net::ShardThread* shard : shards) {
        const core::ShardCounters& counters = shard->counters().shard;
        published.add({}, number(counters.published_frames));
        delivered.add({}, number(counters.delivered_bytes));
        lent.add({}, number(shard->engine_counters().lent_bytes));
        forwarded.add({}, number(counters.forwarded_runs));
    }
    for (Summed* family : {&published, &delivered, &lent, &forwarded})
        family->finish(out);
}

void report_logins(std::span<net::ShardThread* const> shards, std::vector<Family>& out) {
    SummedTimes logins("hpfeeds_broker_login_seconds",
                       "From a login's question to the key stores until its answer, the waiting "
                       "included.");
    for (const net::ShardThread* shard : shards)
        logins.add({}, shard->counters().shard.login_times);
    logins.finish(out);
}

void report_build(std::vector<Family>& out) {
#ifdef __clang__
    const std::string compiler = __VERSION__;
#else
    const std::string compiler = "gcc " __VERSION__;
#endif
    Summed build("hpfeeds_build_info", "1, with what this broker was built from.", gauge,
                 {"version", "compiler"});
    build.add({HPFEEDS_VERSION_TEXT, compiler}, 1);
    build.finish(out);
}

void report_key_stores(const auth::Desk& desk, std::vector<Family>& out) {
    const auth::Desk::Counts counts = desk.counts();
    Summed lookups("hpfeeds_broker_auth_lookups", "Look-ups in the key stores.", counter);
    lookups.add({}, static_cast<double>(counts.looked_up));
    Summed full("hpfeeds_broker_auth_lookups_refused",
                "Logins refused because too many were waiting.", counter);
    full.add({}, static_cast<double>(counts.refused_full));
    Summed queued("hpfeeds_broker_auth_queue_length", "Look-ups that wait for a worker.", gauge);
    queued.add({}, static_cast<double>(counts.queue_length));
    Summed queue_max("hpfeeds_broker_auth_queue_max",
                     "Look-ups that may wait for each store, and in front of all.", gauge);
    queue_max.add({}, static_cast<double>(counts.queue_max));

    Summed asked("hpfeeds_broker_auth_store_lookups", "Look-ups that reached the key store.",
                 counter, {"store"});
    Summed seconds("hpfeeds_broker_auth_store_seconds", "How long they took, summed.", counter,
                   {"store"});
    Summed failures("hpfeeds_broker_auth_store_failures",
                    "Look-ups that the key store could not answer, and why.", counter,
                    {"store", "reason"});
    Summed waiting("hpfeeds_broker_auth_store_queue_length", "Look-ups that wait for the store.",
                   gauge, {"store"});
    Summed outages("hpfeeds_broker_auth_store_out", "1 while the key store cannot answer.", gauge,
                   {"store"});
    for (const auth::Desk::StoreCounts& store : counts.stores) {
        asked.add({store.name}, static_cast<double>(store.store.lookups));
        seconds.add({store.name}, static_cast<double>(store.store.lookups_ns) * 1e-9);
        for (std::size_t i = 0; i < auth::failure_count; ++i)
            failures.add({store.name, std::string(label(static_cast<auth::Failure>(i)))},
                         static_cast<double>(store.store.failures[i]));
        waiting.add({store.name}, static_cast<double>(store.queue_length));
        outages.add({store.name}, store.out ? 1 : 0);
    }
    for (Summed* family :
         {&lookups, &full, &queued, &queue_max, &asked, &seconds, &failures, &waiting, &outages})
        family->finish(out);
}

void report_reloads(const ReloadCounters& reloads, std::vector<Family>& out) {
    out.push_back({"hpfeeds_broker_configuration_reloads",
                   "Configurations that were read again at SIGHUP, by what came of it.",
                   Family::Type::counter,
                   {{{{"result", "done"}}, static_cast<double>(reloads.done.value())},
                    {{{"result", "refused"}}, static_cast<double>(reloads.refused.value())}}});
}

void report_exporter(const metrics::ExporterCounters& exporter, std::vector<Family>& out) {
    out.push_back({"hpfeeds_broker_exporter_connections_closed",
                   "Connections to the exporter that were closed before they were over.",
                   counter,
                   {{{{"reason", "crowded-out"}}, number(exporter.crowded_out)},
                    {{{"reason", "too-slow"}}, number(exporter.too_slow)}}});
}

}  // namespace

std::string metrics_report(std::span<net::ShardThread* const> shards, const auth::Desk& desk,
                           const bytes::MemoryBudget& budget, const TlsEntrance& tls,
                           const LimitTables& limits, const ReloadCounters& reloads,
                           const metrics::ExporterCounters& exporter) {
    std::vector<Family> families;
    report_connections(shards, families);
    report_buffers(shards, families);
    report_channels(shards, families);
    report_refusals(shards, tls.door, families);
    report_traffic(shards, families);
    report_logins(shards, families);
    report_limits(shards, limits, families);
    report_live_keys(shards, families);
    report_engine(shards, budget, families);
    report_key_stores(desk, families);
    report_reloads(reloads, families);
    report_exporter(exporter, families);
    if (tls.door && !tls.certificates.empty())
        report_tls(*tls.door, tls.certificates, shards, families);
    if (tls.door) report_proxies(tls.door->counters(), families);
    report_build(families);
    for (Family& family : metrics::process_families())
        families.push_back(std::move(family));
    return metrics::prometheus_text(families);
}

}  // namespace hpfeeds::broker
