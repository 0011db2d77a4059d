// SPDX-License-Identifier: Apache-2.0
// A change of channel costs a look-up; a first subscription and a last unsubscription cost an
// entry.
#include "core/channel_table.hpp"

#include <benchmark/benchmark.h>

#include <cstddef>
#include <string>
#include <vector>

namespace {

using namespace hpfeeds;

std::vector<std::string> names_of(std::int64_t count) {
    std::vector<std::string> names;
    for (std::int64_t i = 0; i < count; ++i)
        names.push_back("channel-" + std::to_string(i));
    return names;
}

void find_channel(benchmark::State& state) {
    const std::vector<std::string> names = names_of(state.range(0));
    core::ChannelTable table;
    for (const std::string& name : names)
        table.find_or_add(name).uses = 1;
    std::size_t next = 0;
    for (auto _ : state) {
        benchmark::DoNotOptimize(table.find(names[next]));
        next = (next + 7919) % names.size();
    }
}
BENCHMARK(find_channel)->Arg(10)->Arg(1'000)->Arg(100'000);

void miss_channel(benchmark::State& state) {
    const std::vector<std::string> names = names_of(state.range(0));
    core::ChannelTable table;
    for (const std::string& name : names)
        table.find_or_add(name).uses = 1;
    for (auto _ : state)
        benchmark::DoNotOptimize(table.find("nobody listens here"));
}
BENCHMARK(miss_channel)->Arg(1'000);

void add_and_drop_channel(benchmark::State& state) {
    core::ChannelTable table;
    for (const std::string& name : names_of(state.range(0)))
        table.find_or_add(name).uses = 1;
    for (auto _ : state)
        table.drop_if_unused(table.find_or_add("comes and goes"));
}
BENCHMARK(add_and_drop_channel)->Arg(1'000);

}  // namespace
