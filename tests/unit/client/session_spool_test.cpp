// SPDX-License-Identifier: Apache-2.0
// A session with a spool: what was published without a broker outlives the session.
#include "client/spool.hpp"
#include "hpfeeds/session.hpp"
#include "hpfeeds/testing.hpp"
#include "support/temporary_directory.hpp"
#include "unit/client/asio_context.hpp"

#include <gtest/gtest.h>

#include <string>

namespace hpfeeds {
namespace {

using asio::use_awaitable;
using client::testing::AsioContext;
using namespace std::chrono_literals;

class SessionSpool : public ::testing::Test {
protected:
    [[nodiscard]] ClientOptions spooling() const {
        ClientOptions made = broker.options_for("both");
        made.backoff = {1ms, 10ms};
        made.spool.path = folder.file("spool.db");
        return made;
    }
    [[nodiscard]] std::size_t left_behind() const {
        return client::Spool(folder.file("spool.db"), {}).events();
    }
    void publish_without_a_broker(int count) {
        broker.stop();
        context.run([&]() -> asio::awaitable<void> {
            Session session(*context, spooling());
            session.start();
            for (int i = 0; i < count; ++i)
                session.publish("events", std::to_string(i));
            EXPECT_EQ(session.stats().spooled_messages, static_cast<std::size_t>(count));
            co_return;
        }());
        EXPECT_EQ(left_behind(), static_cast<std::size_t>(count));
        broker.start();
    }

    hpfeeds::testing::Broker broker{{{"both", "b0th", {"events"}, {"events"}}}};
    support::TemporaryDirectory folder;
    AsioContext context;
};

TEST_F(SessionSpool, SendsWhatAnEarlierSessionLeftBehindInOrder) {
    publish_without_a_broker(500);
    context.run([&]() -> asio::awaitable<void> {
        Session session(*context, spooling());
        session.subscribe("events");
        session.start();
        for (int i = 0; i < 500; ++i)
            EXPECT_EQ((co_await session.async_read(use_awaitable)).text(), std::to_string(i));
        co_await session.async_close(use_awaitable);
    }());
    EXPECT_EQ(left_behind(), 0U);
}

TEST_F(SessionSpool, SendsNothingTwiceAfterAGoodEnd) {
    publish_without_a_broker(3);
    for (int round = 0; round < 2; ++round) {
        context.run([&]() -> asio::awaitable<void> {
            Session session(*context, spooling());
            session.subscribe("events");
            session.start();
            session.publish("events", "mark");
            std::size_t before = 0;
            while ((co_await session.async_read(use_awaitable)).text() != "mark")
                ++before;
            EXPECT_EQ(before, round == 0 ? 3U : 0U);
            co_await session.async_close(use_awaitable);
        }());
        EXPECT_EQ(left_behind(), 0U);
    }
}

TEST_F(SessionSpool, RefusesAFileThatAnotherSessionHas) {
    const Session first(*context, spooling());
    try {
        const Session second(*context, spooling());
        FAIL() << "one file, two sessions";
    } catch (const Error& error) {
        EXPECT_EQ(error.code(), Errc::spool_locked);
    }
}

}  // namespace
}  // namespace hpfeeds
