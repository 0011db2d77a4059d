// SPDX-License-Identifier: Apache-2.0
// hpfeeds_guard WORKLOAD TURNS [limits]: runs a workload of the guard for so many turns, and prints
// how many messages it published in one. check.py counts its instructions. `limits`: with all
// limits on, and none reached.
//
//   fan_out      one publisher, 50 subscribers, one channel, 1 KiB
//   alternating  one publisher, one subscriber, 1,000 channels in turn, 100 bytes
//   many_small   200 publishers with one message each, 5 subscribers, one channel, 100 bytes
#include "guard/shard_load.hpp"

#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

namespace {

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

}  // namespace

int main(int argc, char** argv) {
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
    std::fputs("usage: hpfeeds_guard fan_out|alternating|many_small TURNS [limits]\n", stderr);
    return 2;
}
