// SPDX-License-Identifier: Apache-2.0
// blocking.cpp: hpfeeds::Client publishes and reads messages of 100 bytes through a broker.
//
//     client_bench_blocking PORT SECONDS    ident, secret and channel are `bench`
//
// One line: messages per second, and CPU nanoseconds of this process for each, publishing and
// reading together.
#include "hpfeeds/client.hpp"

#include <sys/resource.h>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <string>
#include <thread>

namespace {

using namespace std::chrono_literals;
constexpr auto doubt = 3200ms;
using Clock = std::chrono::steady_clock;

hpfeeds::ClientOptions options(const char* port) {
    hpfeeds::ClientOptions made;
    made.host = "127.0.0.1";
    made.port = static_cast<std::uint16_t>(std::stoi(port));
    made.ident = "bench";
    made.secret = "bench";
    made.outbox.bytes_max = 2U << 20;  // who publishes faster than the broker takes waits here
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

}  // namespace

int main(int argc, char** argv) {
    if (argc != 3) return 2;
    const std::string payload(100, 'x');
    hpfeeds::Client publisher(options(argv[1]));
    hpfeeds::Client reader(options(argv[1]));
    reader.subscribe("bench");
    std::error_code failed;
    hpfeeds::MessageView message;
    do {  // until the subscription is known to be there
        publisher.publish("bench", "probe");
    } while (!reader.read(message, 20ms, failed));
    // The first seconds, in which a login is doubted and everything is kept, are not what is
    // measured.
    while (reader.read(message, doubt, failed)) {
    }

    std::uint64_t published = 0;
    const auto begin = Clock::now();
    const double cpu_before = cpu_seconds();
    std::thread thread([&] {
        const auto end = begin + std::chrono::seconds(std::stoi(argv[2]));
        for (;; ++published) {
            if (published % 1024 == 0 && Clock::now() >= end) break;
            publisher.publish("bench", payload);
        }
        publisher.publish("bench", "last");
    });
    std::uint64_t read = 0;
    while (reader.read(message, 20s, failed)) {
        if (message.payload.size() == payload.size())
            ++read;
        else if (message.text() == "last")
            break;
    }
    const double seconds = std::chrono::duration<double>(Clock::now() - begin).count();
    const double cpu = cpu_seconds() - cpu_before;
    thread.join();
    std::printf("%.0f msg/s, %.1f ns CPU per message, lost %lld\n",
                static_cast<double>(read) / seconds, cpu * 1e9 / static_cast<double>(read),
                static_cast<long long>(published - read));
    return published == read ? 0 : 1;
}
