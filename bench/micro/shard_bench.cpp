// SPDX-License-Identifier: Apache-2.0
// A segment of PUBLISH frames through the shard to its subscribers' queues and out, without
// sockets: what the broker costs beside the kernel. Items are deliveries.
#include "core/shard.hpp"
#include "support/loopback_engine.hpp"

#include <benchmark/benchmark.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <string>
#include <vector>

namespace {

using namespace hpfeeds;

class Bench {
public:
    Bench(std::size_t subscribers, std::size_t channels) {
        std::vector<std::string> names;
        for (std::size_t i = 0; i < channels; ++i)
            names.push_back("channel-" + std::to_string(i));
        granted_ = testing::account("sensor", names, names);
        publisher_ = login();
        for (std::size_t i = 0; i < subscribers; ++i) {
            const core::SessionId id = login();
            for (const std::string& name : names)
                receive(id, testing::subscribe("sensor", name));
        }
        turn();
    }
    void publish(std::string_view segment) {
        receive(publisher_, segment);
        turn();
    }

private:
    core::SessionId login() {
        const core::SessionId id = shard_.open({}, now_);
        receive(id, testing::auth("sensor", "secret", {}));
        shard_.account_found({id, core::AccountAnswer::Status::found, granted_}, now_);
        shard_.effects().lookups.clear();
        turn();
        return id;
    }
    void receive(core::SessionId id, std::string_view bytes) {
        while (!bytes.empty()) {
            const auto room = shard_.read_room(id);
            const std::size_t count = std::min(room.size(), bytes.size());
            std::memcpy(room.data(), bytes.data(), count);
            shard_.received(id, count, now_);
            bytes.remove_prefix(count);
        }
    }
    void turn() {
        core::Effects& effects = shard_.effects();
        for (const core::SessionId id : effects.dirty) {
            const bytes::SendQueue* queue = shard_.output(id);
            while (!queue->empty()) {
                std::array<std::span<const std::byte>, bytes::gather_pieces_max> pieces;
                std::size_t gathered = 0;
                for (std::size_t i = queue->gather(pieces); i-- > 0;)
                    gathered += pieces[i].size();
                shard_.sent(id, gathered);
            }
        }
        effects.dirty.clear();
        effects.reading.clear();
    }

    core::Instant now_{std::chrono::hours(1)};
    bytes::MemoryBudget budget_{512U << 20};
    bytes::SlabPool pool_{budget_};
    core::Shard shard_{core::ShardOptions{}, pool_};
    std::shared_ptr<const core::Account> granted_;
    core::SessionId publisher_;
};

// Arguments: subscribers, payload bytes, channels.
void publish_segment(benchmark::State& state) {
    const auto subscribers = static_cast<std::size_t>(state.range(0));
    const auto payload_bytes = static_cast<std::size_t>(state.range(1));
    const auto channels = static_cast<std::size_t>(state.range(2));
    Bench bench(subscribers, channels);
    std::string segment;
    std::size_t frames = 0;
    for (; segment.size() < 40'000; ++frames)
        segment += testing::publish("sensor", "channel-" + std::to_string(frames % channels),
                                    std::string(payload_bytes, 'x'));
    for (auto _ : state)
        bench.publish(segment);
    state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(frames * subscribers));
}
BENCHMARK(publish_segment)
    ->ArgNames({"subscribers", "payload", "channels"})
    ->Args({1, 100, 1})
    ->Args({1, 100, 10})
    ->Args({1, 100, 1'000})
    ->Args({50, 1024, 1})
    ->Args({10, 300, 1});

}  // namespace
