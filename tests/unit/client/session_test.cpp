// SPDX-License-Identifier: Apache-2.0
// Against a real broker, in this process.
#include "hpfeeds/session.hpp"

#include "hpfeeds/testing.hpp"
#include "unit/client/asio_context.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <asio/detached.hpp>
#include <asio/experimental/as_tuple.hpp>
#include <asio/steady_timer.hpp>
#include <asio/strand.hpp>
#include <asio/thread_pool.hpp>
#include <asio/use_future.hpp>

#include <atomic>
#include <future>
#include <set>
#include <string>
#include <thread>
#include <vector>

namespace hpfeeds {
namespace {

using asio::use_awaitable;
using client::testing::AsioContext;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using namespace std::chrono_literals;
constexpr auto as_result = asio::experimental::as_tuple(asio::use_awaitable);

class SessionTest : public ::testing::Test {
protected:
    hpfeeds::testing::Broker broker_{{{"sensor", "s3cret", {"events", "more"}, {}},
                                      {"logger", "t0p", {}, {"events", "more"}},
                                      {"both", "b0th", {"events"}, {"events"}}}};
    AsioContext context_;

    ClientOptions options(const char* ident) const {
        ClientOptions made = broker_.options_for(ident);
        made.backoff = {1ms, 10ms};
        return made;
    }
    // A subscription has no answer: one that is there is one that was heard by way of it.
    asio::awaitable<void> subscribed(Session& session, std::string channel) {
        session.subscribe(channel);
        Session probe(*context_, options("sensor"));
        probe.start();
        bool heard = false;
        asio::steady_timer pause(*context_);
        asio::co_spawn(
            *context_,
            [&]() -> asio::awaitable<void> {
                while (!heard) {
                    probe.publish(channel, "probe");
                    pause.expires_after(2ms);
                    co_await pause.async_wait(as_result);
                }
                probe.publish(channel, "last probe");
                co_await probe.async_close(as_result);
            },
            asio::detached);
        for (;;) {
            const Message message = co_await session.async_read(use_awaitable);
            heard = true;
            if (message.text() == "last probe") co_return;
        }
    }
};

TEST_F(SessionTest, PublishesAndReads) {
    context_.run([this]() -> asio::awaitable<void> {
        Session session(*context_, options("both"));
        session.start();
        session.subscribe("events");
        session.publish("events", "one");
        const Message message = co_await session.async_read(use_awaitable);
        EXPECT_EQ(message.ident, "both");
        EXPECT_EQ(message.channel, "events");
        EXPECT_EQ(message.text(), "one");
    }());
}

TEST_F(SessionTest, KeepsTheOrderOfWhatWasPublishedBeforeThereWasABroker) {
    broker_.stop();
    context_.run([this]() -> asio::awaitable<void> {
        Session session(*context_, options("both"));
        session.start();
        session.subscribe("events");
        for (int i = 0; i < 1000; ++i)
            session.publish("events", std::to_string(i));
        broker_.start();
        for (int i = 0; i < 1000; ++i) {
            const MessageView message = co_await session.async_read_view(use_awaitable);
            EXPECT_EQ(message.text(), std::to_string(i));
        }
        EXPECT_EQ(session.stats().sent, 1000U);
        EXPECT_EQ(session.stats().connections, 1U);
    }());
}

TEST_F(SessionTest, ComesBackAfterARestartAndSubscribesAgain) {
    context_.run([this]() -> asio::awaitable<void> {
        Session session(*context_, options("both"));
        std::vector<std::string> troubles;
        session.on_trouble([&](const Error& error) { troubles.emplace_back(error.what()); });
        session.start();
        session.subscribe("events");
        for (int round = 0; round < 5; ++round) {
            session.publish("events", std::to_string(round));
            EXPECT_EQ((co_await session.async_read(use_awaitable)).text(), std::to_string(round));
            broker_.restart();
        }
        session.publish("events", "last");
        EXPECT_EQ((co_await session.async_read(use_awaitable)).text(), "last");
        EXPECT_GE(troubles.size(), 5U);
        EXPECT_THAT(troubles.front(), HasSubstr("closed by the broker"));
        EXPECT_EQ(session.stats().connections, 6U);
    }());
}

TEST_F(SessionTest, GivesWhatHasComeInBatches) {
    context_.run([this]() -> asio::awaitable<void> {
        Session session(*context_, options("both"));
        session.start();
        session.subscribe("events");
        const std::string padding(300, 'x');
        constexpr int count = 20'000;
        int next = 0;
        std::size_t batches = 0;
        asio::co_spawn(
            *context_,
            [&]() -> asio::awaitable<void> {
                for (int i = 0; i < count; ++i) {
                    const std::string payload = std::to_string(i) + padding;
                    co_await session.async_publish("events", payload, use_awaitable);
                }
            },
            asio::detached);
        while (next < count) {
            const auto batch = co_await session.async_read_batch(use_awaitable);
            EXPECT_FALSE(batch.empty());
            ++batches;
            for (const MessageView& message : batch)
                EXPECT_EQ(message.text(), std::to_string(next++) + padding);
        }
        EXPECT_LT(batches, count / 2U);
    }());
}

TEST_F(SessionTest, CarriesTheLongestMessageAndRefusesALongerOne) {
    context_.run([this]() -> asio::awaitable<void> {
        Session session(*context_, options("both"));
        session.start();
        session.subscribe("events");
        const std::string longest(1'048'581 - 5 - 5 - 7, 'm');
        session.publish("events", longest);
        EXPECT_EQ((co_await session.async_read_view(use_awaitable)).text(), longest);
        std::error_code error;
        session.publish("events", longest + "m", error);
        EXPECT_EQ(error, Errc::payload_too_large);
        session.publish(std::string(256, 'c'), "", error);
        EXPECT_EQ(error, Errc::channel_too_long);
        EXPECT_THROW(session.publish("events", longest + "m"), Error);
        EXPECT_THROW(session.subscribe(std::string(256, 'c')), Error);
        const auto [late] = co_await session.async_publish("events", longest + "m", as_result);
        EXPECT_EQ(late, Errc::payload_too_large);
        session.publish("events", "");
        EXPECT_EQ((co_await session.async_read_view(use_awaitable)).payload.size(), 0U);
    }());
}

TEST_F(SessionTest, UnsubscribesForThisConnectionAndLaterOnes) {
    context_.run([this]() -> asio::awaitable<void> {
        Session reader(*context_, options("logger"));
        reader.start();
        co_await subscribed(reader, "events");
        co_await subscribed(reader, "more");
        reader.unsubscribe("events");
        for (const bool restarted : {false, true}) {
            if (restarted) broker_.restart();
            co_await subscribed(reader, "more");
            Session writer(*context_, options("sensor"));
            writer.start();
            writer.publish("events", "not wanted");
            writer.publish("more", "wanted");
            EXPECT_EQ((co_await reader.async_read(use_awaitable)).text(), "wanted");
        }
    }());
}

TEST_F(SessionTest, PublishesARangeThatIsLargerThanTheOutbox) {
    context_.run([this]() -> asio::awaitable<void> {
        ClientOptions small = options("both");
        small.outbox.bytes_max = 1'100'000;
        Session session(*context_, small);
        session.start();
        session.subscribe("events");
        constexpr int count = 30'000;
        auto payloads = std::views::iota(0, count) | std::views::transform([](int i) {
                            return std::to_string(i) + std::string(100, 'p');
                        });
        std::size_t published = 0;
        session.async_publish_range("events", payloads,
                                    [&](std::error_code error, std::size_t number) {
                                        EXPECT_FALSE(error);
                                        published = number;
                                    });
        for (int i = 0; i < count; ++i)
            EXPECT_EQ((co_await session.async_read_view(use_awaitable)).text(),
                      std::to_string(i) + std::string(100, 'p'));
        co_await asio::post(*context_, use_awaitable);
        EXPECT_EQ(published, static_cast<std::size_t>(count));
        EXPECT_EQ(session.stats().dropped_for_room, 0U);
    }());
}

TEST_F(SessionTest, DropsTheOldestWhenTheOutboxIsFullAndCounts) {
    ClientOptions small = options("sensor");
    small.outbox.bytes_max = 1'100'000;
    Session session(*context_, small);
    const std::string payload(100'000, 'x');
    for (int i = 0; i < 30; ++i)
        session.publish("events", payload);
    const SessionStats stats = session.stats();
    EXPECT_EQ(stats.published, 30U);
    EXPECT_EQ(stats.unsent_messages + stats.dropped_for_room, 30U);
    EXPECT_GE(stats.dropped_for_room, 19U);
    EXPECT_LE(stats.unsent_bytes, small.outbox.bytes_max);
}

TEST_F(SessionTest, TellsARefusedLoginAndDoesNotSpin) {
    context_.run([this]() -> asio::awaitable<void> {
        ClientOptions wrong = options("sensor");
        wrong.secret = "wrong";
        wrong.backoff = {1ms, 2h};
        Session session(*context_, wrong);
        std::vector<std::error_code> troubles;
        session.on_trouble([&](const Error& error) { troubles.push_back(error.code()); });
        session.start();
        session.publish("events", "kept");
        asio::steady_timer pause(*context_);
        while (troubles.empty()) {
            pause.expires_after(1ms);
            co_await pause.async_wait(use_awaitable);
        }
        EXPECT_EQ(troubles.front(), Errc::authentication_failed);
        EXPECT_EQ(troubles.front(), Trouble::refusal);
        EXPECT_THAT(session.last_trouble().what(),
                    HasSubstr("the broker says: Authentication failed for sensor"));
        EXPECT_THAT(session.last_trouble().what(), ::testing::Not(HasSubstr("wrong")));
        EXPECT_EQ(session.stats().unsent_messages, 1U) << "what was sent in doubt is kept";
        EXPECT_EQ(session.stats().connections, 1U) << "the next attempt is an hour away";
    }());
}

TEST_F(SessionTest, WithoutReconnectTheFirstEndEndsEverything) {
    context_.run([this]() -> asio::awaitable<void> {
        ClientOptions once = options("sensor");
        once.secret = "wrong";
        once.reconnect = false;
        Session session(*context_, once);
        std::optional<std::error_code> read_ended;
        session.async_read([&](std::error_code error, const Message&) { read_ended = error; });
        const auto [ended] = co_await session.async_run(as_result);
        EXPECT_EQ(ended, Errc::authentication_failed);
        const auto [late, message] = co_await session.async_read(as_result);
        EXPECT_EQ(late, Errc::authentication_failed);
        EXPECT_EQ(read_ended, make_error_code(Errc::authentication_failed));
        std::error_code error;
        session.publish("events", "x", error);
        EXPECT_EQ(error, Errc::authentication_failed);
    }());
}

TEST_F(SessionTest, SkipsOnlyTheMessageThatIsRefused) {
    context_.run([this]() -> asio::awaitable<void> {
        Session session(*context_, options("both"));
        std::vector<std::string> troubles;
        session.on_trouble([&](const Error& error) { troubles.emplace_back(error.what()); });
        session.subscribe("events");
        session.publish("events", "before");
        session.publish("forbidden", "never");
        session.publish("events", "behind");
        session.start();
        EXPECT_EQ((co_await session.async_read(use_awaitable)).text(), "before");
        EXPECT_EQ((co_await session.async_read(use_awaitable)).text(), "behind");
        EXPECT_THAT(troubles, ElementsAre(HasSubstr("not allowed to pub here. ident=both, "
                                                    "chan=forbidden")));
        EXPECT_EQ(session.stats().refused, 1U);
        EXPECT_EQ(session.stats().connections, 2U);
    }());
}

TEST_F(SessionTest, FlushWaitsUntilTheBrokersSystemHasEverything) {
    broker_.stop();
    context_.run([this]() -> asio::awaitable<void> {
        Session session(*context_, options("sensor"));
        session.start();
        bool flushed = false;
        const std::string payload(10'000, 'f');
        for (int i = 0; i < 100; ++i)
            session.publish("events", payload);
        session.async_flush([&](std::error_code error) {
            EXPECT_FALSE(error);
            flushed = true;
        });
        co_await asio::post(*context_, use_awaitable);
        EXPECT_FALSE(flushed);
        broker_.start();
        co_await session.async_flush(use_awaitable);
        EXPECT_TRUE(flushed);
        EXPECT_EQ(session.stats().sent, 100U);
    }());
}

TEST_F(SessionTest, ClosesInGoodOrder) {
    context_.run([this]() -> asio::awaitable<void> {
        Session reader(*context_, options("logger"));
        reader.start();
        co_await subscribed(reader, "events");
        Session session(*context_, options("sensor"));
        session.start();
        for (int i = 0; i < 100; ++i)
            session.publish("events", std::to_string(i));
        const auto [closed] = co_await session.async_close(as_result);
        EXPECT_FALSE(closed) << closed.message();
        for (int i = 0; i < 100; ++i)
            EXPECT_EQ((co_await reader.async_read(use_awaitable)).text(), std::to_string(i));
        std::error_code error;
        session.publish("events", "late", error);
        EXPECT_EQ(error, Errc::closed);
        const auto [again] = co_await session.async_close(as_result);
        EXPECT_EQ(again, Errc::closed);
        const auto [run] = co_await session.async_run(as_result);
        EXPECT_EQ(run, Errc::closed);
    }());
}

TEST_F(SessionTest, AGoodByeSaysWhatTheBrokerRefusedLast) {
    context_.run([this]() -> asio::awaitable<void> {
        Session session(*context_, options("sensor"));
        session.start();
        session.publish("forbidden", "x");
        const auto [closed] = co_await session.async_close(as_result);
        EXPECT_EQ(closed, Errc::publish_refused);
    }());
}

TEST_F(SessionTest, ClosesAtOnceWhenThereIsNothingToSay) {
    broker_.stop();
    context_.run([this]() -> asio::awaitable<void> {
        Session idle(*context_, options("sensor"));
        const auto [closed] = co_await idle.async_close(as_result);
        EXPECT_FALSE(closed);
        Session offline(*context_, options("sensor"));
        offline.start();
        const auto [also] = co_await offline.async_close(as_result);
        EXPECT_FALSE(also);
        ClientOptions hurried = options("sensor");
        hurried.timeout = 20ms;
        Session unsent(*context_, hurried);
        unsent.start();
        unsent.publish("events", "lost");
        const auto [lost] = co_await unsent.async_close(as_result);
        EXPECT_EQ(lost, Errc::unsent);
    }());
}

TEST_F(SessionTest, ReadsOneAtATime) {
    context_.run([this]() -> asio::awaitable<void> {
        Session session(*context_, options("both"));
        session.start();
        session.async_read([](std::error_code, const Message&) {});
        const auto [error, message] = co_await session.async_read(as_result);
        EXPECT_EQ(error, asio::error::already_started);
        const auto [run] = co_await session.async_run(as_result);
        EXPECT_EQ(run, asio::error::already_started);
    }());
}

TEST_F(SessionTest, TakesCallbacksAndFutures) {
    asio::io_context context;
    Session session(context, options("both"));
    std::future<void> ended = session.async_run(asio::use_future);
    std::future<void> connected = session.async_connected(asio::use_future);
    std::thread thread([&] { context.run(); });
    connected.get();
    session.subscribe("events");
    std::future<Message> message = session.async_read(asio::use_future);
    session.async_publish("events", std::string_view("by callback"), asio::use_future).get();
    EXPECT_EQ(message.get().text(), "by callback");
    const std::vector<std::string> payloads{"a", "b"};
    EXPECT_EQ(session.async_publish_range("events", payloads, asio::use_future).get(), 2U);
    session.close();
    EXPECT_THROW(ended.get(), std::system_error);
    thread.join();
}

TEST_F(SessionTest, LivesOnAThreadPoolAndIsPublishedFromManyThreads) {
    asio::thread_pool pool(3);
    constexpr int threads = 4;
    constexpr int each = 2000;
    Session session(pool, options("both"));
    session.start();
    session.async_connected(asio::use_future).get();
    session.subscribe("events");
    std::vector<std::thread> writers;
    for (int writer = 0; writer < threads; ++writer)
        writers.emplace_back([&session, writer] {
            for (int i = 0; i < each; ++i)
                session.publish("events", std::to_string(writer) + " " + std::to_string(i));
        });
    std::vector<int> next(threads, 0);
    for (int count = 0; count < threads * each; ++count) {
        const Message message = session.async_read(asio::use_future).get();
        const auto writer = static_cast<std::size_t>(message.text()[0] - '0');
        EXPECT_EQ(message.text().substr(2), std::to_string(next[writer]++));
    }
    for (std::thread& writer : writers)
        writer.join();
    session.async_close(asio::use_future).get();
    pool.join();
}

TEST_F(SessionTest, LivesOnAStrandOfSeveralThreads) {
    asio::io_context context;
    auto strand = asio::make_strand(context);
    std::atomic<int> inside{0};
    std::atomic<bool> overlapped{false};
    Session session(strand, options("both"));
    session.subscribe("events");
    int left = 500;
    std::function<void(std::error_code, MessageView)> on_message = [&](std::error_code error,
                                                                       const MessageView&) {
        if (error) return;
        if (++inside != 1) overlapped = true;
        --inside;
        if (--left == 0) return session.close();
        session.publish("events", "next");
        session.async_read_view(on_message);
    };
    session.async_read_view(on_message);
    session.on_trouble([&](const Error&) {
        if (++inside != 1) overlapped = true;
        --inside;
    });
    session.start();
    session.publish("events", "first");
    std::vector<std::thread> threads;
    for (int i = 0; i < 3; ++i)
        threads.emplace_back([&] { context.run(); });
    for (std::thread& thread : threads)
        thread.join();
    EXPECT_EQ(left, 0);
    EXPECT_FALSE(overlapped);
}

TEST_F(SessionTest, RefusesOptionsThatMakeNoSense) {
    ClientOptions bad = options("sensor");
    bad.port = 0;
    EXPECT_THROW(Session(*context_, bad), Error);
    bad = options("sensor");
    bad.ident = std::string(256, 'i');
    EXPECT_THROW(Session(*context_, bad), Error);
}

}  // namespace
}  // namespace hpfeeds
