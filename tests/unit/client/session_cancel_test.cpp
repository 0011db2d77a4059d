// SPDX-License-Identifier: Apache-2.0
// Cancellation at every await, and destruction with operations pending.
#include "hpfeeds/session.hpp"
#include "hpfeeds/testing.hpp"
#include "unit/client/asio_context.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <asio/bind_cancellation_slot.hpp>
#include <asio/cancellation_signal.hpp>
#include <asio/detached.hpp>
#include <asio/experimental/as_tuple.hpp>
#include <asio/experimental/awaitable_operators.hpp>
#include <asio/post.hpp>
#include <asio/steady_timer.hpp>

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace hpfeeds {
namespace {

using asio::cancellation_type;
using asio::use_awaitable;
using client::testing::AsioContext;
using namespace std::chrono_literals;
constexpr auto as_result = asio::experimental::as_tuple(asio::use_awaitable);
const std::error_code aborted = asio::error::operation_aborted;

class SessionCancel : public ::testing::Test {
protected:
    hpfeeds::testing::Broker broker_{{{"both", "b0th", {"events"}, {"events"}}}};
    AsioContext context_;

    ClientOptions options() const {
        ClientOptions made = broker_.options_for("both");
        made.backoff = {1ms, 5ms};
        made.outbox.bytes_max = 1'100'000;
        return made;
    }
    // Lets everything that is ready happen.
    asio::awaitable<void> breathe() {
        for (int i = 0; i < 20; ++i)
            co_await asio::post(*context_, use_awaitable);
    }
};

TEST_F(SessionCancel, AReadIsCancelledAloneAndTheMessageGoesToTheNext) {
    context_.run([this]() -> asio::awaitable<void> {
        Session session(*context_, options());
        session.start();
        session.subscribe("events");
        for (const auto kind :
             {cancellation_type::total, cancellation_type::partial, cancellation_type::terminal}) {
            asio::cancellation_signal signal;
            std::optional<std::error_code> ended;
            session.async_read(asio::bind_cancellation_slot(
                signal.slot(), [&](std::error_code error, const Message&) { ended = error; }));
            co_await breathe();
            EXPECT_FALSE(ended);
            signal.emit(kind);
            co_await breathe();
            EXPECT_EQ(ended, aborted);
            signal.emit(kind);  // nothing is there any more
            session.publish("events", "goes to the next");
            EXPECT_EQ((co_await session.async_read(use_awaitable)).text(), "goes to the next");
        }
        EXPECT_EQ(session.stats().connections, 1U);
    }());
}

TEST_F(SessionCancel, ARunIsCancelledAndStartsAgainWithWhatItHad) {
    context_.run([this]() -> asio::awaitable<void> {
        Session session(*context_, options());
        session.subscribe("events");
        std::optional<std::string> read;
        session.async_read([&](std::error_code error, const Message& message) {
            EXPECT_FALSE(error);
            read = std::string(message.text());
        });
        asio::cancellation_signal signal;
        std::optional<std::error_code> ended;
        session.async_run(asio::bind_cancellation_slot(
            signal.slot(), [&](std::error_code error) { ended = error; }));
        co_await session.async_connected(use_awaitable);
        signal.emit(cancellation_type::total);  // the broker would notice: not supported
        co_await breathe();
        EXPECT_FALSE(ended);
        signal.emit(cancellation_type::terminal);
        co_await breathe();
        EXPECT_EQ(ended, aborted);
        EXPECT_FALSE(session.stats().connected);
        session.publish("events", "meanwhile");
        session.start();
        while (!read)
            co_await asio::post(*context_, use_awaitable);
        EXPECT_EQ(read, "meanwhile");
    }());
}

TEST_F(SessionCancel, ACancelledPublishWasNotPublished) {
    broker_.stop();
    context_.run([this]() -> asio::awaitable<void> {
        Session session(*context_, options());
        session.start();
        session.subscribe("events");
        const std::string filling(1'040'000, 'f');
        co_await session.async_publish("events", filling, use_awaitable);
        const std::string second(100'000, 's');
        for (const auto kind :
             {cancellation_type::total, cancellation_type::partial, cancellation_type::terminal}) {
            asio::cancellation_signal signal;
            std::optional<std::error_code> ended;
            session.async_publish(
                "events", second,
                asio::bind_cancellation_slot(signal.slot(),
                                             [&](std::error_code error) { ended = error; }));
            co_await breathe();
            EXPECT_FALSE(ended);
            signal.emit(kind);
            co_await breathe();
            EXPECT_EQ(ended, aborted);
        }
        EXPECT_EQ(session.stats().published, 1U);
        broker_.start();
        co_await session.async_publish("events", std::string_view("third"), use_awaitable);
        EXPECT_EQ((co_await session.async_read_view(use_awaitable)).text(), filling);
        EXPECT_EQ((co_await session.async_read_view(use_awaitable)).text(), "third");
    }());
}

TEST_F(SessionCancel, ACancelledRangeSaysHowFarItCame) {
    broker_.stop();
    context_.run([this]() -> asio::awaitable<void> {
        Session session(*context_, options());
        session.start();
        std::size_t published = 0;
        std::optional<std::error_code> ended;
        asio::cancellation_signal signal;
        const std::vector<std::string> payloads(50, std::string(100'000, 'p'));
        session.async_publish_range(
            "events", payloads,
            asio::bind_cancellation_slot(signal.slot(), [&](std::error_code error, std::size_t n) {
                ended = error;
                published = n;
            }));
        co_await breathe();
        signal.emit(cancellation_type::total);  // some are published already
        co_await breathe();
        EXPECT_FALSE(ended);
        signal.emit(cancellation_type::partial);
        co_await breathe();
        EXPECT_EQ(ended, aborted);
        EXPECT_EQ(published, 10U);
        EXPECT_EQ(session.stats().published, 10U);
    }());
}

TEST_F(SessionCancel, WaitsForConnectionAndFlushAreCancelled) {
    broker_.stop();
    context_.run([this]() -> asio::awaitable<void> {
        using namespace asio::experimental::awaitable_operators;
        Session session(*context_, options());
        session.start();
        session.publish("events", "x");
        asio::steady_timer soon(*context_, 2ms);
        const auto connected =
            co_await (session.async_connected(use_awaitable) || soon.async_wait(use_awaitable));
        EXPECT_EQ(connected.index(), 1U);
        soon.expires_after(2ms);
        const auto flushed =
            co_await (session.async_flush(use_awaitable) || soon.async_wait(use_awaitable));
        EXPECT_EQ(flushed.index(), 1U);
        EXPECT_EQ(session.stats().unsent_messages, 1U);
    }());
}

TEST_F(SessionCancel, ACancelledCloseClosesAtOnce) {
    broker_.stop();
    context_.run([this]() -> asio::awaitable<void> {
        using namespace asio::experimental::awaitable_operators;
        Session session(*context_, options());
        session.start();
        session.publish("events", "x");
        asio::steady_timer soon(*context_, 2ms);
        const auto first =
            co_await (session.async_close(use_awaitable) || soon.async_wait(use_awaitable));
        EXPECT_EQ(first.index(), 1U);
        std::error_code error;
        session.publish("events", "late", error);
        EXPECT_EQ(error, Errc::closed);
    }());
}

TEST_F(SessionCancel, DestroyedWithEverythingPending) {
    broker_.stop();
    for (const bool online : {false, true}) {
        if (online) broker_.start();
        context_.run([this, online]() -> asio::awaitable<void> {
            std::vector<std::error_code> ended;
            const auto note = [&](std::error_code error) { ended.push_back(error); };
            const std::string payload(1'000'000, 'p');
            {
                Session session(*context_, options());
                session.async_run(note);
                if (online) co_await session.async_connected(use_awaitable);
                session.async_read_view([&](std::error_code error, MessageView) { note(error); });
                if (!online) {
                    session.publish("events", payload);
                    session.async_connected(note);
                    session.async_flush(note);
                    session.async_publish("events", payload, note);
                    session.async_publish_range(
                        "events", std::vector<std::string>(3, payload),
                        [&](std::error_code error, std::size_t) { note(error); });
                }
                co_await breathe();
            }
            EXPECT_TRUE(ended.empty()) << "handlers are never called from inside a call";
            co_await breathe();
            EXPECT_EQ(ended.size(), online ? 2U : 6U);
            for (const std::error_code& error : ended)
                EXPECT_TRUE(error == aborted || error == Errc::closed) << error.message();
        }());
    }
}

TEST_F(SessionCancel, TheContextMayEndBeforeItsHandlersRan) {
    for (const bool online : {false, true}) {
        auto uncalled = std::make_shared<int>(0);
        const std::weak_ptr<int> watched = uncalled;
        {
            asio::io_context context;
            bool reading = false;
            asio::co_spawn(
                context,
                [&, kept = std::move(uncalled)]() -> asio::awaitable<void> {
                    // The frame owns the session, and the session the frame: as a handler.
                    Session session(context, options());
                    session.start();
                    if (online) co_await session.async_connected(use_awaitable);
                    reading = true;
                    static_cast<void>(co_await session.async_read_view(as_result));
                    ADD_FAILURE() << "nothing comes, and nothing is cancelled";
                    static_cast<void>(kept);
                },
                asio::detached);
            const auto end = std::chrono::steady_clock::now() + 20s;
            while (!reading && std::chrono::steady_clock::now() < end)
                context.run_one_for(5ms);
            EXPECT_TRUE(reading);
        }
        EXPECT_TRUE(watched.expired());
    }
}

TEST_F(SessionCancel, MovesAndIsReplaced) {
    context_.run([this]() -> asio::awaitable<void> {
        Session session(*context_, options());
        session.start();
        session.subscribe("events");
        std::optional<std::error_code> first;
        session.async_read([&](std::error_code error, const Message&) { first = error; });
        Session moved(std::move(session));
        co_await breathe();
        EXPECT_FALSE(first);
        moved = Session(*context_, options());
        co_await breathe();
        EXPECT_EQ(first, aborted);
        moved.start();
        moved.subscribe("events");
        moved.publish("events", "new");
        EXPECT_EQ((co_await moved.async_read(use_awaitable)).text(), "new");
    }());
}

}  // namespace
}  // namespace hpfeeds
