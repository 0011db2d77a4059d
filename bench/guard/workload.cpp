// SPDX-License-Identifier: Apache-2.0
// hpfeeds_guard WORKLOAD TURNS [limits]: runs a workload of the guard for so many turns, and prints
// how many messages it published in one. check.py counts its instructions. `limits`: with all
// limits on, and none reached.
//
//   fan_out      one publisher, 50 subscribers, one channel, 1 KiB
//   alternating  one publisher, one subscriber, 1,000 channels in turn, 100 bytes
//   many_small   200 publishers with one message each, 5 subscribers, one channel, 100 bytes
//
// and of the client libraries, 100 bytes a message:
//
//   client_publish  into the outbox, and out of it
//   client_read     as hpfeeds::Client does, from one thread to the other
//   client_view     as hpfeeds::Session does, in place
#include "guard/client_load.hpp"
#include "guard/shard_load.hpp"

#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

namespace {

using hpfeeds::bench::ClientLoad;
using hpfeeds::bench::ShardLoad;

struct Workload {
    std::string_view name;
    std::size_t publishers;
    std::size_t subscribers;
    std::size_t channels;
    std::size_t payload_bytes;
    std::size_t frames;  // of a publisher in one turn
};

constexpr Workload workloads[] = {
    {"fan_out", 1, 50, 1, 1024, 40},
    {"alternating", 1, 1, 1'000, 100, 1'000},
    {"many_small", 200, 5, 1, 100, 1},
};

struct ClientWorkload {
    std::string_view name;
    void (ClientLoad::*turn)();
};

constexpr ClientWorkload client_workloads[] = {
    {"client_publish", &ClientLoad::publish},
    {"client_read", &ClientLoad::receive},
    {"client_view", &ClientLoad::view},
};

}  // namespace

int main(int argc, char** argv) {
    for (const ClientWorkload& each : client_workloads) {
        if (argc != 3 || each.name != argv[1]) continue;
        ClientLoad load(100);
        const long turns = std::strtol(argv[2], nullptr, 10);
        for (long turn = 0; turn < turns; ++turn)
            (load.*each.turn)();
        // A reader that hears less is not faster.
        const auto heard = static_cast<std::size_t>(turns) * ClientLoad::frames * 100;
        if (each.turn != &ClientLoad::publish && load.heard_bytes() != heard) return 1;
        std::printf("%zu\n", ClientLoad::frames);
        return 0;
    }
    for (const Workload& each : workloads) {
        const bool limited = argc == 4 && std::string_view(argv[3]) == "limits";
        if ((argc != 3 && !limited) || each.name != argv[1]) continue;
        ShardLoad load(each.publishers, each.subscribers, each.channels, limited);
        const std::string segment =
            ShardLoad::segment(each.frames, each.channels, each.payload_bytes);
        for (long turn = std::strtol(argv[2], nullptr, 10); turn > 0; --turn)
            load.publish(segment);
        std::printf("%zu\n", each.publishers * each.frames);
        return 0;
    }
    std::fputs(
        "usage: hpfeeds_guard fan_out|alternating|many_small TURNS [limits]\n"
        "       hpfeeds_guard client_publish|client_read|client_view TURNS\n",
        stderr);
    return 2;
}
