// SPDX-License-Identifier: Apache-2.0
// A segment of PUBLISH frames through the shard to its subscribers' queues and out. Items are
// deliveries.
#include "guard/shard_load.hpp"

#include <benchmark/benchmark.h>

#include <cstddef>
#include <string>

namespace {

using namespace hpfeeds;

// Whether the broker has --wildcards, and what subscribers ask for.
enum class Patterns : std::int64_t {
    off,       // each channel by its name
    none,      // … with --wildcards
    beside,    // … and somebody subscribes to a thousand patterns that cover none of them
    matching,  // `*` alone
    both,      // each channel, `channel.*` and `*`: once a message all the same
};

core::ShardOptions options_with(Patterns patterns) {
    core::ShardOptions options;
    options.wildcards = patterns != Patterns::off;
    return options;
}

class Bench {
public:
    Bench(std::size_t subscribers, std::size_t channels, Patterns patterns = Patterns::off)
        : shard_(options_with(patterns), pool_) {
        std::vector<std::string> names;
        for (std::size_t i = 0; i < channels; ++i)
            names.push_back("channel." + std::to_string(i));
        std::vector<std::string> granted = names;
        granted.insert(granted.end(), {"channel.*", "*"});
        granted_ = testing::account("sensor", granted, granted);
        if (patterns == Patterns::matching) names = {"*"};
        if (patterns == Patterns::both) names.insert(names.end(), {"channel.*", "*"});
        publisher_ = login();
        for (std::size_t i = 0; i < subscribers; ++i) {
            const core::SessionId id = login();
            for (const std::string& name : names)
                receive(id, testing::subscribe("sensor", name));
        }
        if (patterns == Patterns::beside) {
            const core::SessionId id = login();
            for (int i = 0; i < 1'000; ++i)
                receive(id, testing::subscribe("sensor", "other" + std::to_string(i) + ".*"));
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
    core::Shard shard_;
    std::shared_ptr<const core::Account> granted_;
    core::SessionId publisher_;
};
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

// Arguments: subscribers, channels, Patterns. Every message is for another channel than the one
// before, so that each is a run of its own.
void publish_by_pattern(benchmark::State& state) {
    const auto subscribers = static_cast<std::size_t>(state.range(0));
    const auto channels = static_cast<std::size_t>(state.range(1));
    Bench bench(subscribers, channels, static_cast<Patterns>(state.range(2)));
    std::vector<std::string> segments(1);
    for (std::size_t i = 0; i < channels; ++i) {
        if (segments.back().size() > 40'000) segments.emplace_back();
        segments.back() +=
            testing::publish("sensor", "channel." + std::to_string(i), std::string(100, 'x'));
    }
    for (auto _ : state)
        for (const std::string& segment : segments)
            bench.publish(segment);
    state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(channels * subscribers));
}
BENCHMARK(publish_segment)
    ->ArgNames({"subscribers", "payload", "channels"})
    ->Args({1, 100, 1})
    ->Args({1, 100, 10})
    ->Args({1, 100, 1'000})
    ->Args({50, 1024, 1})
    ->Args({1'000, 1024, 1})
    ->Args({10, 300, 1});
BENCHMARK(publish_by_pattern)
    ->ArgNames({"subscribers", "channels", "patterns"})
    ->ArgsProduct({{10}, {1, 10'000}, {0, 1, 2, 3, 4}});

// The same work whatever the machine, for counting instructions: bench/micro/instructions.
void publish_counted(benchmark::State& state) {
    publish_segment(state);
}
BENCHMARK(publish_counted)
    ->Args({1, 100, 1})
    ->Args({1, 100, 10})
    ->Args({10, 300, 1})
    ->Iterations(1'000);
BENCHMARK(publish_counted)
    ->Args({1, 100, 1})
    ->Args({1, 100, 10})
    ->Args({10, 300, 1})
    ->Iterations(2'000);

}  // namespace
