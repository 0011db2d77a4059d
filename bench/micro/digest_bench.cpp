// SPDX-License-Identifier: Apache-2.0
// What a login computes: a nonce that came from the system's randomness, and one SHA-1.
#include "wire/challenge.hpp"

#include <benchmark/benchmark.h>

#include <array>
#include <span>

namespace {

using namespace hpfeeds;

void check_digest(benchmark::State& state) {
    const wire::Nonce nonce{};
    const wire::Digest expected = wire::digest_of(nonce, "a secret of the usual length, 32");
    for (auto _ : state)
        benchmark::DoNotOptimize(wire::equal_constant_time(
            wire::digest_of(nonce, "a secret of the usual length, 32"), expected));
}
BENCHMARK(check_digest);

// As many at once as net/limits.hpp says; an item is one nonce.
void draw_nonces(benchmark::State& state) {
    std::array<wire::Nonce, 64> nonces{};
    for (auto _ : state)
        wire::fill_random(std::as_writable_bytes(std::span(nonces)));
    state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(nonces.size()));
}
BENCHMARK(draw_nonces);

}  // namespace
