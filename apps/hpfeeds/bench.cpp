// SPDX-License-Identifier: Apache-2.0
#include "bench.hpp"

#include "bench_meter.hpp"
#include "bench_result.hpp"
#include "bench_stamp.hpp"
#include "bench_worker.hpp"
#include "hpfeeds/error.hpp"

#include <poll.h>
#include <sys/resource.h>
#include <unistd.h>
#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <string>
#include <thread>

namespace hpfeeds::cli {
namespace bench {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds look_every{10};
constexpr double progress_every_seconds = 1;
constexpr double set_up_patience_seconds = 120;
constexpr double drain_patience_seconds = 5;  // without any delivery
// Descriptors beside the connections: outputs, the poller of each thread, libraries.
constexpr unsigned spare_descriptors = 32 + bench_threads_max;

double seconds_since(std::uint64_t begin_ns) {
    return static_cast<double>(now_ns() - begin_ns) / 1e9;
}

double seconds_of(milliseconds duration) {
    return std::chrono::duration<double>(duration).count();
}

void make_room_for_descriptors(unsigned connections) {
    rlimit limit{};
    getrlimit(RLIMIT_NOFILE, &limit);
    const rlim_t wanted = rlim_t{connections} + spare_descriptors;
    if (limit.rlim_cur >= wanted) return;
    if (limit.rlim_max < wanted)
        throw Error(std::to_string(connections) + " connections need " + std::to_string(wanted) +
                    " open files, and the limit is " + std::to_string(limit.rlim_max) +
                    ": raise it (ulimit -n), or ask for fewer");
    limit.rlim_cur = wanted;
    setrlimit(RLIMIT_NOFILE, &limit);
}

class Director {
public:
    Director(const BenchOptions& options, std::unique_ptr<Dialect> dialect, const Console& console)
        : options_(options),
          console_(console),
          plan_(options, std::move(dialect)),
          board_(options.publishers),
          shows_progress_(isatty(console.err) == 1) {
        for (unsigned i = 0; i < options.threads; ++i)
            workers_.push_back(std::make_unique<Worker>(plan_, board_));
        // Subscribers first: by the time the last publisher has logged in, most of them listen.
        place(Role::subscriber, options.subscribers);
        place(Role::stalled, options.stalled);
        place(Role::publisher, options.publishers);
        place(Role::idle, options.idle);
    }
    ~Director() { finish(); }
    Director(const Director&) = delete;
    Director& operator=(const Director&) = delete;

    // False when the load never began; the board says why.
    bool set_up() {
        const std::uint64_t begin = now_ns();
        for (const auto& worker : workers_)
            worker->start();
        result_.connections = plan_.connections();
        const bool connected =
            wait_for([&] { return board_.ready.load() >= plan_.connections(); },
                     set_up_patience_seconds, "not all connections were greeted by the broker");
        if (!connected) return false;
        board_.phase = Phase::probe;
        const bool heard = wait_for(
            [&] {
                return std::all_of(
                    board_.probes_seen.begin(), board_.probes_seen.end(),
                    [&](const auto& seen) { return seen.load() >= options_.subscribers; });
            },
            set_up_patience_seconds, "not every subscriber hears every publisher");
        result_.connect_seconds = seconds_since(begin);
        return heard;
    }

    void measure() {
        board_.phase = Phase::run;
        run_for(seconds_of(options_.warmup));
        const std::uint64_t begin = now_ns();
        const Reading before = read_meter(options_.broker_pid);
        const std::array<std::uint64_t, 3> counted = {
            sum(&Tallies::published), sum(&Tallies::delivered), sum(&Tallies::delivered_bytes)};
        board_.window_begin_ns = begin;
        run_for(seconds_of(options_.duration));
        board_.window_end_ns = now_ns();
        result_.seconds = seconds_since(begin);
        result_.published = static_cast<double>(sum(&Tallies::published) - counted[0]);
        result_.delivered = static_cast<double>(sum(&Tallies::delivered) - counted[1]);
        result_.delivered_bytes = static_cast<double>(sum(&Tallies::delivered_bytes) - counted[2]);
        const Reading after = read_meter(options_.broker_pid);
        result_.own_cpu = (after.own_cpu - before.own_cpu) / result_.seconds;
        result_.broker_cpu = (after.broker_cpu - before.broker_cpu) / result_.seconds;
        result_.others_cpu =
            std::max(0.0, (after.machine_cpu - before.machine_cpu) / result_.seconds -
                              result_.own_cpu - result_.broker_cpu);
        drain();
    }

    void finish() {
        board_.phase = Phase::done;
        for (const auto& worker : workers_)
            worker->join();
    }

    Result& conclude() {
        finish();
        if (shows_progress_) static_cast<void>(Console::put(console_.err, "\r\033[K"));
        std::vector<std::uint64_t> sent(options_.publishers, 0);
        for (const auto& worker : workers_)
            worker->collect_sent(sent);
        for (const auto& worker : workers_)
            result_.lost += worker->lost(sent);
        result_.deliveries = sum(&Tallies::delivered);
        result_.duplicated = sum(&Tallies::duplicated);
        result_.reordered = sum(&Tallies::reordered);
        result_.corrupt = sum(&Tallies::corrupt);
        result_.tls = board_.tls();
        result_.stalled_cut = board_.cut_stalled.load();
        for (std::size_t kind = 0; kind < plan_.kinds.size(); ++kind)
            result_.latencies.push_back(latency_of(kind));
        if (board_.failed()) result_.failure = board_.failure();
        return result_;
    }

    [[nodiscard]] const std::string& failure() const { return board_.failure(); }
    [[nodiscard]] bool interrupted() const { return interrupted_; }

private:
    void place(Role role, unsigned count) {
        for (unsigned number = 0; number < count; ++number)
            workers_[turn_++ % workers_.size()]->add(role, number);
    }

    [[nodiscard]] std::uint64_t sum(Tally Tallies::*tally) const {
        std::uint64_t all = 0;
        for (const auto& worker : workers_)
            all += (worker->notes().tallies.*tally).value();
        return all;
    }

    [[nodiscard]] std::unique_ptr<Histogram> latency_of(std::size_t kind) const {
        auto all = std::make_unique<Histogram>();
        for (const auto& worker : workers_)
            all->merge(*worker->notes().latencies[kind]);
        return all;
    }

    // False when the run is over: interrupted, or failed.
    bool look_around(milliseconds wait) {
        pollfd stop{console_.stop, POLLIN, 0};
        if (poll(&stop, console_.stop < 0 ? 0 : 1, static_cast<int>(wait.count())) > 0)
            interrupted_ = true;
        return !interrupted_ && !board_.failed();
    }

    template <typename Done>
    bool wait_for(Done done, double patience, const char* what) {
        const std::uint64_t begin = now_ns();
        while (!done()) {
            if (!look_around(milliseconds(1))) return false;
            if (seconds_since(begin) > patience) {
                board_.fail(std::string(what) + " within " +
                            std::to_string(static_cast<int>(patience)) +
                            " seconds: does its key allow publishing and subscribing there?");
                return false;
            }
        }
        return true;
    }

    // Until the time is over, all publishers have ended, or the run is over.
    void run_for(double seconds) {
        const std::uint64_t begin = now_ns();
        double shown = 0;
        for (double past = 0; past < seconds; past = seconds_since(begin)) {
            if (board_.ended_publishers.load() == options_.publishers) return;
            const auto left = milliseconds(static_cast<long>((seconds - past) * 1e3) + 1);
            if (!look_around(std::min(look_every, left))) return;
            result_.broker_resident_bytes =
                std::max(result_.broker_resident_bytes,
                         read_meter(options_.broker_pid).broker_resident_bytes);
            if (shows_progress_ && past - shown >= progress_every_seconds) {
                show_progress(past - shown);
                shown = past;
            }
        }
    }

    void show_progress(double seconds) {
        const std::uint64_t published = sum(&Tallies::published);
        const std::uint64_t delivered = sum(&Tallies::delivered);
        std::array<char, 200> line{};
        std::snprintf(line.data(), line.size(),
                      "\r\033[Kpublished %.0f msg/s, delivered %.0f msg/s, p99 %.1f us",
                      static_cast<double>(published - shown_published_) / seconds,
                      static_cast<double>(delivered - shown_delivered_) / seconds,
                      static_cast<double>(latency_of(0)->at(0.99)) / 1e3);
        shown_published_ = published;
        shown_delivered_ = delivered;
        static_cast<void>(Console::put(console_.err, line.data()));
    }

    // What is under way arrives, or nothing moves any more.
    void drain() {
        board_.phase = Phase::drain;
        std::uint64_t seen = 0;
        std::uint64_t since = now_ns();
        while (seconds_since(since) < drain_patience_seconds && !board_.failed()) {
            const std::uint64_t delivered = sum(&Tallies::delivered);
            if (delivered != seen) since = now_ns();
            seen = delivered;
            // A little patience even then: a message that comes twice comes late.
            const bool all = delivered >= sum(&Tallies::published) * options_.subscribers;
            if (all && seconds_since(since) > 0.2) return;
            std::this_thread::sleep_for(look_every);
        }
    }

    const BenchOptions& options_;
    const Console& console_;
    Plan plan_;
    Board board_;
    std::vector<std::unique_ptr<Worker>> workers_;
    std::size_t turn_ = 0;
    Result result_;
    bool interrupted_ = false;
    bool shows_progress_;
    std::uint64_t shown_published_ = 0;
    std::uint64_t shown_delivered_ = 0;
};

}  // namespace
}  // namespace bench

int run_bench(const BenchOptions& options, std::unique_ptr<bench::Dialect> dialect,
              const Console& console) {
    bench::make_room_for_descriptors(options.publishers + options.subscribers + options.idle +
                                     options.stalled);
    if (options.broker_pid != 0 && !bench::can_be_metered(options.broker_pid))
        throw Error("--broker-pid " + std::to_string(options.broker_pid) +
                    ": there is no such process, or it cannot be looked at");
    bench::Director director(options, std::move(dialect), console);
    if (!director.set_up()) {
        if (director.interrupted()) return exit_done;
        console.complain(director.failure());
        return exit_failed;
    }
    director.measure();
    const bench::Result& result = director.conclude();
    static_cast<void>(Console::put(console.out, options.json
                                                    ? bench::json_report(options, result)
                                                    : bench::text_report(options, result)));
    if (!result.failure.empty()) console.complain(result.failure);
    return result.clean() ? exit_done : exit_failed;
}

}  // namespace hpfeeds::cli
