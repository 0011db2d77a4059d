// SPDX-License-Identifier: Apache-2.0
// What a queue costs per run: by reference, in a row on one slab, and as a copy.
#include "bytes/send_queue.hpp"

#include <benchmark/benchmark.h>

#include <array>
#include <cstdint>
#include <span>

namespace {

using namespace hpfeeds;

constexpr std::uint32_t run_bytes = 1024;
constexpr std::uint32_t runs = 32;

class Bench {
public:
    Bench() : slab_(pool_.take(bytes::slab_bytes / 2)) {
        for (std::uint32_t at = 0; at < runs * run_bytes; at += run_bytes) {  // whole frames
            slab_->data()[at + 2] = std::byte{run_bytes >> 8};
        }
        slab_->used = runs * run_bytes;
    }
    ~Bench() {
        queue_.clear();
        slab_->release();
    }
    Bench(const Bench&) = delete;
    Bench& operator=(const Bench&) = delete;

    // `step` 2: every other run, so that none continues the one before.
    void push(std::uint32_t step) {
        for (std::uint32_t i = 0; i < runs; ++i) {
            const bytes::Piece run{slab_, i * step % runs * run_bytes, run_bytes};
            slab_->add_references(1);
            if (!queue_.push(run, 1)) slab_->release();
        }
    }
    void push_copies() {
        for (std::uint32_t i = 0; i < runs; ++i)
            queue_.push_copy({slab_, i * run_bytes, run_bytes}, 1, pool_);
    }
    void send_all() {
        std::array<std::span<const std::byte>, bytes::gather_pieces_max> pieces;
        while (!queue_.empty()) {
            std::size_t gathered = 0;
            for (std::size_t i = queue_.gather(pieces); i-- > 0;)
                gathered += pieces[i].size();
            queue_.consume(gathered);
        }
    }

private:
    bytes::MemoryBudget budget_{512U << 20};
    bytes::SlabPool pool_{budget_};
    bytes::NodePool nodes_;
    bytes::SendQueue queue_{nodes_};
    bytes::Slab* slab_;
};

void queue_runs_in_a_row(benchmark::State& state) {
    Bench bench;
    for (auto _ : state) {
        bench.push(1);
        bench.send_all();
    }
    state.SetItemsProcessed(state.iterations() * runs);
}
BENCHMARK(queue_runs_in_a_row);

void queue_separate_runs(benchmark::State& state) {
    Bench bench;
    for (auto _ : state) {
        bench.push(2);
        bench.send_all();
    }
    state.SetItemsProcessed(state.iterations() * runs);
}
BENCHMARK(queue_separate_runs);

void queue_copies(benchmark::State& state) {
    Bench bench;
    for (auto _ : state) {
        bench.push_copies();
        bench.send_all();
    }
    state.SetItemsProcessed(state.iterations() * runs);
}
BENCHMARK(queue_copies);

}  // namespace
