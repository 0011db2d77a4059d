// SPDX-License-Identifier: Apache-2.0
#include "bench_result.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <cstdio>
#include <string_view>

namespace hpfeeds::cli::bench {
namespace {

using Json = nlohmann::ordered_json;

template <typename... Arguments>
std::string formatted(const char* format, Arguments... arguments) {
    std::array<char, 512> room{};
    std::snprintf(room.data(), room.size(), format, arguments...);
    return room.data();
}

// 1234567 as 1,234,567.
std::string grouped(double number) {
    std::string digits = formatted("%.0f", number);
    for (std::size_t at = digits.size(); at > 3;)
        digits.insert(at -= 3, ",");
    return digits;
}

std::string counted(unsigned count, std::string_view one) {
    return grouped(count) + ' ' + std::string(one) + (count == 1 ? "" : "s");
}

double microseconds(std::uint64_t nanoseconds) {
    return static_cast<double>(nanoseconds) / 1e3;
}

std::string latency_line(const Histogram& latency) {
    return formatted("p50 %.1f us, p90 %.1f, p99 %.1f, p99.9 %.1f, max %.1f\n",
                     microseconds(latency.at(0.5)), microseconds(latency.at(0.9)),
                     microseconds(latency.at(0.99)), microseconds(latency.at(0.999)),
                     microseconds(latency.max()));
}

std::string kind_words(const BenchOptions& options, std::size_t kind) {
    const double rate = options.rates[kind % options.rates.size()];
    return grouped(static_cast<double>(options.sizes[kind % options.sizes.size()])) + " bytes, " +
           (rate > 0 ? formatted("%g msg/s each", rate) : "as fast as the broker takes it");
}

std::string title(const BenchOptions& options, const Result& result) {
    std::string line = counted(options.publishers, "publisher") + " -> " +
                       counted(options.subscribers, "subscriber");
    if (options.stalled) line += " and " + grouped(options.stalled) + " that never read";
    if (options.idle) line += ", " + grouped(options.idle) + " quiet";
    line += ", " + counted(static_cast<unsigned>(options.client.channels.size()), "channel");
    if (result.latencies.size() == 1) line += "; " + kind_words(options, 0);
    return line + '\n';
}

Json latency_json(const Histogram& latency) {
    return {{"count", latency.count()},
            {"p50", microseconds(latency.at(0.5))},
            {"p90", microseconds(latency.at(0.9))},
            {"p99", microseconds(latency.at(0.99))},
            {"p99_9", microseconds(latency.at(0.999))},
            {"max", microseconds(latency.max())}};
}

double ns_per_delivery(const Result& result) {
    return result.delivered > 0 ? result.broker_cpu * result.seconds * 1e9 / result.delivered : 0;
}

}  // namespace

std::string text_report(const BenchOptions& options, const Result& result) {
    const double seconds = std::max(result.seconds, 1e-9);
    std::string text = title(options, result);
    text += formatted("connected   %s in %.2f s\n",
                      counted(result.connections, "connection").c_str(), result.connect_seconds);
    if (!result.tls.empty()) text += "encrypted   " + result.tls + '\n';
    text += "published   " + grouped(result.published / seconds) + " msg/s\n";
    text += "delivered   " + grouped(result.delivered / seconds) + " msg/s, " +
            formatted("%.1f MB/s\n", result.delivered_bytes / seconds / 1e6);
    for (std::size_t kind = 0; kind < result.latencies.size(); ++kind) {
        text += "latency     ";
        if (result.latencies.size() > 1) text += "(" + kind_words(options, kind) + ") ";
        text += latency_line(*result.latencies[kind]);
    }
    text += "verified    " + grouped(static_cast<double>(result.deliveries)) +
            " deliveries: " + grouped(static_cast<double>(result.lost)) + " lost, " +
            grouped(static_cast<double>(result.duplicated)) + " duplicated, " +
            grouped(static_cast<double>(result.reordered)) + " out of order, " +
            grouped(static_cast<double>(result.corrupt)) + " corrupt\n";
    if (options.stalled)
        text += "stalled     " + grouped(result.stalled_cut) + " of " + grouped(options.stalled) +
                " were cut off by the broker\n";
    text += formatted("generator   %.2f of a core", result.own_cpu);
    if (result.own_cpu > generator_busy * options.threads)
        text += ": it may be the bottleneck; try --threads " + std::to_string(options.threads + 1);
    text += '\n';
    if (options.broker_pid == 0) return text;
    text += formatted("broker      %.2f of a core, %.0f ns per delivery, %.1f MiB resident\n",
                      result.broker_cpu, ns_per_delivery(result),
                      static_cast<double>(result.broker_resident_bytes) / (1024.0 * 1024.0));
    if (result.others_cpu > others_noisy)
        text += formatted("others      %.2f of a core: do not trust this run\n", result.others_cpu);
    return text;
}

std::string json_report(const BenchOptions& options, const Result& result) {
    const double seconds = std::max(result.seconds, 1e-9);
    Json report = {{"publishers", options.publishers},
                   {"subscribers", options.subscribers},
                   {"idle", options.idle},
                   {"stalled", options.stalled},
                   {"stalled_cut", result.stalled_cut},
                   {"channels", options.client.channels.size()},
                   {"connections", result.connections},
                   {"connect_seconds", result.connect_seconds},
                   {"seconds", result.seconds},
                   {"published_per_second", result.published / seconds},
                   {"delivered_per_second", result.delivered / seconds},
                   {"delivered_bytes_per_second", result.delivered_bytes / seconds},
                   {"deliveries", result.deliveries},
                   {"lost", result.lost},
                   {"duplicated", result.duplicated},
                   {"out_of_order", result.reordered},
                   {"corrupt", result.corrupt},
                   {"generator_cpu", result.own_cpu},
                   {"others_cpu", result.others_cpu}};
    for (std::size_t kind = 0; kind < result.latencies.size(); ++kind)
        report["kinds"].push_back({{"payload_bytes", options.sizes[kind % options.sizes.size()]},
                                   {"rate", options.rates[kind % options.rates.size()]},
                                   {"latency_us", latency_json(*result.latencies[kind])}});
    if (options.broker_pid != 0) {
        report["broker_cpu"] = result.broker_cpu;
        report["broker_cpu_ns_per_delivery"] = ns_per_delivery(result);
        report["broker_resident_bytes"] = result.broker_resident_bytes;
    }
    if (!result.tls.empty()) report["tls"] = result.tls;
    if (!result.failure.empty()) report["failure"] = result.failure;
    return report.dump(-1, ' ', true, Json::error_handler_t::replace) + '\n';
}

}  // namespace hpfeeds::cli::bench
