// SPDX-License-Identifier: Apache-2.0
// A session that is read by views allocates nothing per message. A counting allocator holds us to
// it.
#include "hpfeeds/session.hpp"
#include "support/counted_allocations.hpp"
#include "unit/client/asio_context.hpp"
#include "unit/client/frames.hpp"
#include "unit/client/scripted_broker.hpp"

#include <gtest/gtest.h>

#include <semaphore>
#include <string>

namespace hpfeeds {
namespace {

using asio::use_awaitable;
using client::testing::AsioContext;
using client::testing::Peer;
using client::testing::ScriptedBroker;
using testing::allocations;

constexpr std::size_t burst = 20'000;
constexpr int rounds = 4;

enum class By { views, batches };

asio::awaitable<void> read_burst(Session& session, By by) {
    for (std::size_t left = burst; left > 0;) {
        if (by == By::views) {
            EXPECT_GE((co_await session.async_read_view(use_awaitable)).payload.size(), 100U);
            --left;
        } else {
            left -= (co_await session.async_read_batch(use_awaitable)).size();
        }
    }
}

// How much the last of several bursts allocated, when all memory was warm.
std::size_t allocated_by_last_burst(By by) {
    std::string segment;
    for (std::size_t i = 0; i < burst; ++i)
        segment += client::testing::publish("sensor", "chan", std::string(100 + i % 7, 'x'));
    std::counting_semaphore<> go(0);
    ScriptedBroker broker({[&](const Peer& peer) {
        peer.send(client::testing::info("scripted", "abcd"));
        static_cast<void>(peer.read_frame());
        for (int round = 0; round < rounds; ++round) {
            go.acquire();
            peer.send(segment);
        }
        peer.stay_silent();
    }});
    std::size_t before = 0;
    std::size_t after = 0;
    AsioContext context;
    context.run([&]() -> asio::awaitable<void> {
        ClientOptions options;
        options.host = "127.0.0.1";
        options.port = broker.port();
        options.ident = "me";
        options.secret = "secret";
        Session session(*context, options);
        session.start();
        for (int round = 0; round < rounds; ++round) {
            before = allocations();
            go.release();
            co_await read_burst(session, by);
            after = allocations();
        }
    }());
    return after - before;
}

// One coroutine frame and a wait for the socket now and then, but nothing per message.
TEST(SessionReading, ByViewsAllocatesNothingPerMessage) {
    EXPECT_LE(allocated_by_last_burst(By::views), burst / 20);
}

TEST(SessionReading, ByBatchesAllocatesNothingPerMessage) {
    EXPECT_LE(allocated_by_last_burst(By::batches), burst / 20);
}

}  // namespace
}  // namespace hpfeeds
