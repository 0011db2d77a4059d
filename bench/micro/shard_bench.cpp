// SPDX-License-Identifier: Apache-2.0
// A segment of PUBLISH frames through the shard to its subscribers' queues and out. Items are
// deliveries.
#include "guard/shard_load.hpp"

#include <benchmark/benchmark.h>

#include <cstddef>
#include <string>

namespace {

using hpfeeds::bench::ShardLoad;

// Arguments: subscribers, payload bytes, channels.
void publish_segment(benchmark::State& state) {
    const auto subscribers = static_cast<std::size_t>(state.range(0));
    const auto payload_bytes = static_cast<std::size_t>(state.range(1));
    const auto channels = static_cast<std::size_t>(state.range(2));
    ShardLoad load(1, subscribers, channels);
    const std::size_t frames = 40'000 / (payload_bytes + 30) + 1;
    const std::string segment = ShardLoad::segment(frames, channels, payload_bytes);
    for (auto _ : state)
        load.publish(segment);
    state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(frames * subscribers));
}
BENCHMARK(publish_segment)
    ->ArgNames({"subscribers", "payload", "channels"})
    ->Args({1, 100, 1})
    ->Args({1, 100, 10})
    ->Args({1, 100, 1'000})
    ->Args({50, 1024, 1})
    ->Args({1'000, 1024, 1})
    ->Args({10, 300, 1});

}  // namespace
