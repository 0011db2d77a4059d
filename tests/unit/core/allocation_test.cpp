// SPDX-License-Identifier: Apache-2.0
// After warm-up the data path allocates nothing: a counting allocator holds us to it.
#include "core/shard.hpp"
#include "support/counted_allocations.hpp"
#include "support/loopback_engine.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

namespace hpfeeds::core {
namespace {

using namespace hpfeeds::testing;

constexpr std::size_t subscriber_count = 10;

// One shard with a publisher and some subscribers; its turn is the engine's without sockets.
class DataPathTest : public ::testing::Test {
protected:
    DataPathTest() {
        auto granted = account("sensor", {"chan", "other"}, {"chan", "other"});
        publisher = login(granted);
        for (std::size_t i = 0; i < subscriber_count; ++i) {
            const SessionId id = login(granted);
            receive(id, subscribe("sensor", i % 2 ? "chan" : "other"));
            subscribers.push_back(id);
        }
        turn();
    }
    SessionId login(const std::shared_ptr<const Account>& granted) {
        const SessionId id = shard.open({}, now);
        turn();
        receive(id, auth("sensor", "secret", {}));
        shard.effects().lookups.clear();
        shard.account_found({id, AccountAnswer::Status::found, granted}, now);
        turn();
        return id;
    }
    void receive(SessionId id, std::string_view bytes) {
        while (!bytes.empty()) {
            const auto room = shard.read_room(id);
            const std::size_t count = std::min(room.size(), bytes.size());
            std::memcpy(room.data(), bytes.data(), count);
            shard.received(id, count, now);
            bytes.remove_prefix(count);
        }
    }
    void turn() {
        Effects& effects = shard.effects();
        while (!effects.dirty.empty()) {
            const SessionId id = effects.dirty.back();
            effects.dirty.pop_back();
            flush(id);
        }
        effects.reading.clear();
    }
    void flush(SessionId id) {
        for (const bytes::SendQueue* queue = shard.output(id); !queue->empty();) {
            std::array<std::span<const std::byte>, bytes::gather_pieces_max> pieces;
            std::size_t gathered = 0;
            const std::size_t count = queue->gather(pieces);
            for (std::size_t i = 0; i < count; ++i)
                gathered += pieces[i].size();
            shard.sent(id, gathered);
        }
    }
    // What `work` allocates when it has been done often enough before.
    template <typename Work>
    std::size_t allocations_of(Work work) {
        for (int i = 0; i < 50; ++i)
            work();
        const std::size_t before = allocations();
        for (int i = 0; i < 200; ++i)
            work();
        return allocations() - before;
    }

    Instant now{std::chrono::hours(1)};
    bytes::MemoryBudget budget{512U << 20};
    bytes::SlabPool pool{budget};
    Shard shard{ShardOptions{}, pool};
    SessionId publisher;
    std::vector<SessionId> subscribers;
};

TEST_F(DataPathTest, AllocatesNothingForSmallFrames) {
    std::string segment;
    for (int i = 0; i < 300; ++i)
        segment += publish("sensor", "chan", std::string(100, 'x'));
    EXPECT_EQ(allocations_of([&] {
                  receive(publisher, segment);
                  turn();
              }),
              0U);
}

TEST_F(DataPathTest, AllocatesNothingForAlternatingChannels) {
    std::string segment;
    for (int i = 0; i < 300; ++i)
        segment += publish("sensor", i % 2 ? "chan" : "other", std::string(100, 'x'));
    EXPECT_EQ(allocations_of([&] {
                  receive(publisher, segment);
                  turn();
              }),
              0U);
}

TEST_F(DataPathTest, AllocatesNothingForTornFrames) {
    const std::string frame = publish("sensor", "chan", std::string(1000, 'x'));
    EXPECT_EQ(allocations_of([&] {
                  receive(publisher, std::string_view(frame).substr(0, 700));
                  turn();
                  receive(publisher, std::string_view(frame).substr(700));
                  turn();
              }),
              0U);
}

TEST_F(DataPathTest, AllocatesNothingForLateReaders) {
    const std::string frame = publish("sensor", "chan", std::string(1000, 'x'));
    EXPECT_EQ(allocations_of([&] {
                  for (const SessionId id : subscribers)
                      shard.set_late(id, true);
                  for (int i = 0; i < 20; ++i)
                      receive(publisher, frame);
                  for (const SessionId id : subscribers) {
                      shard.set_late(id, false);
                      flush(id);
                  }
              }),
              0U);
}

TEST_F(DataPathTest, AllocatesNothingForManySmallPublishers) {
    std::vector<SessionId> publishers;
    const auto granted = account("sensor", {"chan"}, {});
    for (int i = 0; i < 100; ++i)
        publishers.push_back(login(granted));
    const std::string frame = publish("sensor", "chan", std::string(100, 'x'));
    EXPECT_EQ(allocations_of([&] {
                  for (const SessionId id : publishers)
                      receive(id, frame);
                  turn();
              }),
              0U);
}

TEST_F(DataPathTest, AllocatesNothingWhilePublishersWaitForReaders) {
    const std::string frame = publish("sensor", "chan", std::string(40'000, 'x'));
    EXPECT_EQ(allocations_of([&] {
                  for (const SessionId id : subscribers)
                      shard.set_late(id, true);
                  for (std::size_t queued = 0; queued <= crowding_bytes; queued += frame.size())
                      receive(publisher, frame);
                  for (const SessionId id : subscribers)
                      if (!shard.output(id)->empty())
                          shard.sent(id, 1);  // it moves: it is waited for
                  receive(publisher, frame);
                  ASSERT_FALSE(shard.admits(publisher, now));
                  now += deferral;
                  shard.tick(now);
                  ASSERT_TRUE(shard.admits(publisher, now));
                  receive(publisher, frame);
                  for (const SessionId id : subscribers) {
                      shard.set_late(id, false);
                      flush(id);
                  }
                  now += std::chrono::milliseconds(1);
                  shard.tick(now);
                  turn();
              }),
              0U);
}

TEST_F(DataPathTest, AllocatesNothingForRunsOfOtherShards) {
    const std::string frame = publish("sensor", "chan", std::string(1000, 'x'));
    bytes::SlabPool other(budget);
    bytes::Slab* slab = other.take(frame.size());
    std::memcpy(slab->data(), frame.data(), frame.size());
    slab->used = static_cast<std::uint32_t>(frame.size());
    const bytes::FrameRef run = bytes::FrameRef::adopt({slab, 0, slab->used});
    EXPECT_EQ(allocations_of([&] {
                  shard.deliver(run, 1, 1000, now);
                  turn();
              }),
              0U);
}

// Slabs come from malloc, not from operator new: the pool must give the same ones again.
TEST_F(DataPathTest, TakesNoNewSlabsForLargeFrames) {
    const std::string frame = publish("sensor", "chan", std::string(300'000, 'x'));
    EXPECT_EQ(allocations_of([&] {
                  receive(publisher, frame);
                  turn();
              }),
              0U);
    EXPECT_LT(budget.in_use_bytes(), 4 * bytes::slab_bytes);
}

}  // namespace
}  // namespace hpfeeds::core
