// SPDX-License-Identifier: Apache-2.0
// session.cpp: hpfeeds::Session publishes and reads messages of 100 bytes through a broker.
//
//     client_bench_session PORT SECONDS    ident, secret and channel are `bench`
//     client_bench_session PORT idle COUNT how much memory COUNT idle, subscribed sessions take
//
// One line: messages per second, and CPU nanoseconds of this process for each, publishing and
// reading together; or bytes of a session, resident in this process.
#include "hpfeeds/session.hpp"

#include <asio/co_spawn.hpp>
#include <asio/detached.hpp>
#include <asio/io_context.hpp>
#include <asio/post.hpp>
#include <asio/steady_timer.hpp>
#include <asio/use_awaitable.hpp>

#include <sys/resource.h>
#include <unistd.h>
#include <chrono>
#include <fstream>
#include <iostream>
#include <list>
#include <string>

namespace {

using asio::use_awaitable;
using Clock = std::chrono::steady_clock;

hpfeeds::ClientOptions options(const char* port) {
    hpfeeds::ClientOptions made;
    made.host = "127.0.0.1";
    made.port = static_cast<std::uint16_t>(std::stoi(port));
    made.ident = "bench";
    made.secret = "bench";
    return made;
}

double cpu_seconds() {
    rusage used{};
    getrusage(RUSAGE_SELF, &used);
    const auto seconds = [](const timeval& time) {
        return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
    };
    return seconds(used.ru_utime) + seconds(used.ru_stime);
}

std::size_t resident_bytes() {
    std::ifstream statm("/proc/self/statm");
    std::size_t all = 0;
    std::size_t resident = 0;
    std::size_t shared = 0;
    statm >> all >> resident >> shared;
    return (resident - shared) * static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
}

// As a sensor does that may not lose anything: it waits for room when there is none.
asio::awaitable<void> publish(hpfeeds::Session& session, Clock::time_point end,
                              std::uint64_t& published) {
    const std::string payload(100, 'x');
    const auto executor = co_await asio::this_coro::executor;
    asio::steady_timer pause(executor);
    std::error_code failed;
    while (Clock::now() < end) {
        if (session.stats().unsent_bytes > 1U << 20) {
            pause.expires_after(std::chrono::microseconds(200));
            co_await pause.async_wait(use_awaitable);
            continue;
        }
        for (int i = 0; i < 256; ++i) {
            session.publish("bench", payload, failed);
            ++published;
        }
        co_await asio::post(executor, use_awaitable);
    }
}

asio::awaitable<void> exchange(const char* port, int seconds) {
    const auto executor = co_await asio::this_coro::executor;
    hpfeeds::Session publisher(executor, options(port));
    hpfeeds::Session reader(executor, options(port));
    publisher.start();
    reader.start();
    reader.subscribe("bench");
    co_await reader.async_connected(use_awaitable);
    reader.publish("bench", "probe");  // behind the subscription
    static_cast<void>(co_await reader.async_read_view(use_awaitable));
    co_await publisher.async_connected(use_awaitable);
    // The first seconds, in which a login is doubted and everything is kept, are not what is
    // measured.
    asio::steady_timer doubt(executor, std::chrono::milliseconds(3200));
    co_await doubt.async_wait(use_awaitable);

    std::uint64_t published = 0;
    std::uint64_t heard = 0;
    const auto begin = Clock::now();
    const double cpu_before = cpu_seconds();
    asio::co_spawn(executor, publish(publisher, begin + std::chrono::seconds(seconds), published),
                   asio::detached);
    do {
        const auto batch = co_await reader.async_read_batch(use_awaitable);
        for (const hpfeeds::MessageView& message : batch)
            heard += message.payload.size() == 100 ? 1 : 0;
    } while (heard < published || Clock::now() < begin + std::chrono::seconds(seconds));
    const double cpu = cpu_seconds() - cpu_before;
    const std::chrono::duration<double> took = Clock::now() - begin;
    std::cout << static_cast<double>(heard) / took.count() << " msg/s, "
              << cpu * 1e9 / static_cast<double>(heard) << " ns CPU per message, lost "
              << published - heard << '\n';
}

asio::awaitable<void> idle(const char* port, int count) {
    const auto executor = co_await asio::this_coro::executor;
    std::list<hpfeeds::Session> sessions;
    const auto one_more = [&] {
        hpfeeds::Session& session = sessions.emplace_back(executor, options(port));
        session.subscribe("idle");
        session.start();
        session.async_read_view([](std::error_code, hpfeeds::MessageView) {});
    };
    one_more();
    co_await sessions.front().async_connected(use_awaitable);
    const std::size_t before = resident_bytes();
    for (int i = 0; i < count; ++i) {
        one_more();
        if (i % 100 == 0) co_await sessions.back().async_connected(use_awaitable);
    }
    for (hpfeeds::Session& session : sessions)
        co_await session.async_connected(use_awaitable);
    // Past the time in which a login is doubted, and the settling behind it.
    asio::steady_timer pause(executor, std::chrono::seconds(5));
    co_await pause.async_wait(use_awaitable);
    std::cout << (resident_bytes() - before) / static_cast<std::size_t>(count)
              << " bytes per session, " << count << " idle sessions\n";
}

}  // namespace

int main(int argc, char** argv) {
    if (argc < 3) return 2;
    asio::io_context context(1);
    const bool only_idle = argc == 4 && std::string(argv[2]) == "idle";
    auto work =
        only_idle ? idle(argv[1], std::stoi(argv[3])) : exchange(argv[1], std::stoi(argv[2]));
    asio::co_spawn(context, std::move(work), [](const std::exception_ptr& thrown) {
        if (thrown) std::rethrow_exception(thrown);
    });
    context.run();
}
