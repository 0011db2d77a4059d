// SPDX-License-Identifier: Apache-2.0
#include "support/loopback_engine.hpp"
#include "wire/parser.hpp"

#include <benchmark/benchmark.h>

#include <string>

namespace {

using namespace hpfeeds;

void parse_publish(benchmark::State& state) {
    const std::string frame = testing::publish("sensor", "cowrie.sessions", std::string(100, 'x'));
    const auto bytes = wire::as_bytes(frame);
    for (auto _ : state)
        benchmark::DoNotOptimize(wire::parse(bytes, wire::Peer::client));
}
BENCHMARK(parse_publish);

void parse_subscribe(benchmark::State& state) {
    const std::string frame = testing::subscribe("sensor", "cowrie.sessions");
    const auto bytes = wire::as_bytes(frame);
    for (auto _ : state)
        benchmark::DoNotOptimize(wire::parse(bytes, wire::Peer::client));
}
BENCHMARK(parse_subscribe);

}  // namespace
