// SPDX-License-Identifier: Apache-2.0
#include "bench_command.hpp"

#include "bench_stamp.hpp"
#include "hpfeeds/error.hpp"
#include "publish.hpp"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cmath>

namespace hpfeeds::cli {
namespace {

using std::chrono::milliseconds;

// "1000", "64K", "1M": powers of 1024.
std::size_t size_of(const std::string& text) {
    std::size_t bytes = 0;
    const char* const end = text.data() + text.size();
    const auto [stopped, error] = std::from_chars(text.data(), end, bytes);
    const std::string unit(stopped, end);
    const std::size_t factor = unit.empty()  ? 1
                               : unit == "K" ? 1024
                               : unit == "M" ? 1024 * 1024
                                             : 0;
    if (error != std::errc{} || factor == 0 || bytes > (std::size_t{1} << 40) / factor)
        throw Error("--size '" + text + "' is not a size: give bytes, or a number with K or M");
    return bytes * factor;
}

double rate_of(const std::string& text) {
    double rate = 0;
    const char* const end = text.data() + text.size();
    const auto [stopped, error] = std::from_chars(text.data(), end, rate);
    if (error != std::errc{} || stopped != end || !(rate >= 0) || rate > 1e9)
        throw Error("--rate '" + text + "' is not a rate: give messages per second, or 0");
    return rate;
}

milliseconds duration_of(double seconds) {
    return milliseconds(static_cast<long>(std::lround(seconds * 1e3)));
}

}  // namespace

const char* const bench_examples =
    R"(Puts a load on a broker and says what it carried, how long messages took, and whether any was
lost, came twice or out of order; with those, and with a connection that ends, the status is 1.
Every payload bears its publisher, its number and the time at which it was due. Without --rate
publishers send as fast as TCP lets them, and latency is queueing time; with a rate the load does
not wait for the broker, so a stall shows in the latency of every message that it held up.

The key must be allowed to publish and to subscribe on the channel; with --channels 3 and -c test
on test.0, test.1 and test.2. Do not do this to a broker that others depend on.

Examples:
  hpfeeds bench -i me -s secret -c test
  hpfeeds bench -i me -s secret -c test --publishers 5 --subscribers 50 --size 1K
  hpfeeds bench -i me -s secret -c test --rate 200 --size 200 --duration 30
  hpfeeds bench -i me -s secret -c test --publishers 2 --size 1M,64 --rate 0,500
  hpfeeds bench --tlscert broker.crt -i me -s secret -c test
  hpfeeds bench -i me -s secret -c test --idle 1000 --stalled 1 --json
  hpfeeds bench -i me -s secret -c test --broker-pid $(pidof hpfeeds-broker))";

void add_bench_options(CLI::App& app, BenchWords& words) {
    BenchOptions& options = words.options;
    const auto number = [&](const std::string& name, unsigned& where, unsigned least, unsigned most,
                            const std::string& help) {
        app.add_option(name, where, help)
            ->check(CLI::Range(least, most).description(""))
            ->type_name("NUMBER");
    };
    const auto list = [&](const std::string& name, std::vector<std::string>& where,
                          const std::string& help) {
        app.add_option(name, where, help)
            ->delimiter(',')
            ->allow_extra_args(false)
            ->type_name("LIST");
    };
    const auto seconds = [&](const std::string& name, double& where, double least,
                             const std::string& help) {
        app.add_option(name, where, help)
            ->check(CLI::Range(least, 86'400.0).description(""))
            ->type_name("SECONDS");
    };
    const unsigned most = bench_connections_max;
    number("--publishers", options.publishers, 1, most, "connections that publish [1]");
    number("--subscribers", options.subscribers, 0, most, "connections that subscribe [1]");
    number("--idle", options.idle, 0, most, "connections that log in and are quiet [0]");
    number("--stalled", options.stalled, 0, most, "subscribers that never read [0]");
    number("--channels", words.channels, 1, 1'000'000,
           "CHANNEL.0, CHANNEL.1 …, which every publisher uses in turn [1: CHANNEL itself]");
    list("--size", words.sizes,
         "bytes of a payload, at least 24; several, with commas: the publishers take turns [100]");
    list("--rate", words.rates,
         "messages per second of each publisher; 0: as fast as it goes; several as above [0]");
    number("--pause", words.pause_milliseconds, 0, 60'000,
           "milliseconds that a subscriber rests between two reads [0]");
    seconds("--duration", words.duration_seconds, 0.1, "how long is measured [5]");
    seconds("--warmup", words.warmup_seconds, 0, "how long the load runs before that [1]");
    app.add_option("-n,--count", options.count, "end when every publisher has sent so many")
        ->type_name("NUMBER");
    number("--connecting", options.connecting, 1, 10'000,
           "connections that a thread sets up at the same time [64]");
    number("--threads", options.threads, 1, bench_threads_max, "threads that make the load [1]");
    app.add_option("--broker-pid", options.broker_pid,
                   "the broker's process on this machine: tells its CPU time and memory")
        ->check(CLI::PositiveNumber.description(""))
        ->type_name("PID");
    app.add_flag("--json", options.json, "one JSON object in place of the text");
}

BenchOptions bench_options(const BenchWords& words, const ClientOptions& client) {
    BenchOptions options = words.options;
    options.client = client;
    if (words.channels > 1) {
        if (client.channels.size() > 1)
            throw Error("--channels numbers the channels of one name: give -c once");
        options.client.channels.clear();
        for (unsigned i = 0; i < words.channels; ++i)
            options.client.channels.push_back(client.channels.front() + '.' + std::to_string(i));
    }
    if (!words.sizes.empty()) options.sizes.clear();
    for (const std::string& size : words.sizes)
        options.sizes.push_back(size_of(size));
    if (!words.rates.empty()) options.rates.clear();
    for (const std::string& rate : words.rates)
        options.rates.push_back(rate_of(rate));
    const std::size_t most = payload_bytes_max(options.client);
    for (const std::size_t size : options.sizes) {
        if (size < sizeof(bench::Stamp))
            throw Error("--size " + std::to_string(size) + " is too small: a payload bears " +
                        std::to_string(sizeof(bench::Stamp)) + " bytes by which it is known");
        if (size > most)
            throw Error("--size " + std::to_string(size) + " does not fit into a frame, which " +
                        "has room for " + std::to_string(most));
    }
    if (std::max(options.sizes.size(), options.rates.size()) > options.publishers)
        throw Error(
            "--size or --rate lists more values than there are publishers: give "
            "--publishers");
    options.pause = milliseconds(words.pause_milliseconds);
    options.duration = duration_of(words.duration_seconds);
    options.warmup = words.options.count ? milliseconds{0} : duration_of(words.warmup_seconds);
    return options;
}

}  // namespace hpfeeds::cli
