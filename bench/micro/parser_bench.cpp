// SPDX-License-Identifier: Apache-2.0
#include "core/name_table.hpp"
#include "support/loopback_engine.hpp"
#include "wire/parser.hpp"

#include <benchmark/benchmark.h>

#include <string>
#include <vector>

namespace {

using namespace hpfeeds;

void parse_publish(benchmark::State& state) {
    const std::string frame = testing::publish("sensor", "cowrie.sessions", std::string(100, 'x'));
    const auto bytes = wire::as_bytes(frame);
    for (auto _ : state)
        benchmark::DoNotOptimize(wire::parse(bytes, wire::Peer::client));
}
BENCHMARK(parse_publish);

void check_digest(benchmark::State& state) {
    const wire::Nonce nonce{};
    const wire::Digest expected = wire::digest_of(nonce, "a secret of the usual length, 32");
    for (auto _ : state)
        benchmark::DoNotOptimize(wire::equal_constant_time(
            wire::digest_of(nonce, "a secret of the usual length, 32"), expected));
}
BENCHMARK(check_digest);

struct Name {
    std::string name;
    [[nodiscard]] std::string_view key() const { return name; }
};

void find_channel(benchmark::State& state) {
    std::vector<Name> names;
    for (int i = 0; i < state.range(0); ++i)
        names.push_back({"channel-" + std::to_string(i)});
    core::NameTable<Name> table;
    for (Name& name : names)
        table.insert(&name);
    std::size_t next = 0;
    for (auto _ : state) {
        benchmark::DoNotOptimize(table.find(names[next].name));
        next = (next + 7919) % names.size();
    }
}
BENCHMARK(find_channel)->Arg(10)->Arg(1'000)->Arg(100'000);

}  // namespace
