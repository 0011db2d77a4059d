// SPDX-License-Identifier: Apache-2.0
#include "hpfeeds/stream.hpp"

#include "hpfeeds/testing.hpp"
#include "unit/client/asio_context.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <asio/post.hpp>

#include <stdexcept>
#include <string>
#include <vector>

namespace hpfeeds {
namespace {

using asio::use_awaitable;
using client::testing::AsioContext;
using ::testing::ElementsAre;
using ::testing::UnorderedElementsAre;

Stream<int> numbers(int first, int last, int throws_at = -1) {
    return Stream<int>([=]() mutable -> asio::awaitable<std::optional<int>> {
        co_await asio::post(co_await asio::this_coro::executor, use_awaitable);
        if (first == throws_at) throw std::runtime_error("a bad number");
        if (first == last) co_return std::nullopt;
        co_return first++;
    });
}

template <typename T>
asio::awaitable<std::vector<T>> all_of(Stream<T> stream) {
    std::vector<T> all;
    while (const auto element = co_await stream.next())
        all.push_back(*element);
    EXPECT_FALSE(co_await stream.next()) << "an end stays one";
    co_return all;
}

TEST(Stream, IsChangedAndFiltered) {
    AsioContext context;
    context.run([]() -> asio::awaitable<void> {
        auto even = numbers(0, 7) | filter([](int number) { return number % 2 == 0; }) |
                    transform([](int number) { return std::to_string(number * 10); });
        EXPECT_THAT(co_await all_of(std::move(even)), ElementsAre("0", "20", "40", "60"));
    }());
}

TEST(Stream, MergesUntilAllHaveEnded) {
    AsioContext context;
    context.run([]() -> asio::awaitable<void> {
        EXPECT_THAT(co_await all_of(merge(numbers(0, 3), numbers(10, 11), numbers(5, 5))),
                    UnorderedElementsAre(0, 1, 2, 10));
        std::vector<Stream<int>> many;
        for (int i = 0; i < 100; ++i)
            many.push_back(numbers(0, 100));
        EXPECT_EQ((co_await all_of(merge(std::move(many)))).size(), 10'000U);
        EXPECT_THAT(co_await all_of(merge(std::vector<Stream<int>>())), ElementsAre());
    }());
}

TEST(Stream, ThrowsWhatItsSourcesThrow) {
    AsioContext context;
    context.run([]() -> asio::awaitable<void> {
        bool thrown = false;
        try {
            co_await all_of(merge(numbers(0, 100), numbers(200, 300, 250)));
        } catch (const std::runtime_error&) {
            thrown = true;
        }
        EXPECT_TRUE(thrown);
    }());
}

TEST(Stream, CarriesMessagesFromSeveralBrokersToAnother) {
    AsioContext context;
    const hpfeeds::testing::User user{"me", "secret", {"in", "out"}, {"in", "out"}};
    hpfeeds::testing::Broker one({user});
    hpfeeds::testing::Broker two({user});
    hpfeeds::testing::Broker target({user});
    context.run([&]() -> asio::awaitable<void> {
        Session first(*context, one.options_for("me"));
        Session second(*context, two.options_for("me"));
        Session output(*context, target.options_for("me"));
        Session listener(*context, target.options_for("me"));
        listener.subscribe("out");
        listener.publish("out", "ready");
        listener.start();
        co_await listener.async_read(use_awaitable);
        for (Session* each : {&first, &second}) {
            each->subscribe("in");
            for (int i = 0; i < 10; ++i)
                each->publish("in", std::to_string(i));
            each->start();
        }
        output.start();
        std::size_t published = 0;
        auto pipeline = merge(messages(first), messages(second)) |
                        filter([](const Message& message) { return message.text() >= "5"; }) |
                        transform([](const Message& message) {
                            return message.ident + ":" + std::string(message.text());
                        });
        asio::co_spawn(*context, publish_stream(output, "out", std::move(pipeline)),
                       [&](const std::exception_ptr& thrown, std::size_t count) {
                           EXPECT_FALSE(thrown);
                           published = count;
                       });
        std::vector<std::string> heard;
        while (heard.size() < 10)
            heard.emplace_back((co_await listener.async_read(use_awaitable)).text());
        EXPECT_THAT(heard, UnorderedElementsAre("me:5", "me:6", "me:7", "me:8", "me:9", "me:5",
                                                "me:6", "me:7", "me:8", "me:9"));
        first.close();
        second.close();
        while (published == 0)
            co_await asio::post(*context, use_awaitable);
        EXPECT_EQ(published, 10U);
    }());
}

TEST(Stream, AMergeMayBeGivenUpEarly) {
    AsioContext context;
    hpfeeds::testing::Broker broker({{"me", "secret", {"in"}, {"in"}}});
    context.run([&]() -> asio::awaitable<void> {
        Session session(*context, broker.options_for("me"));
        session.subscribe("in");
        session.publish("in", "one");
        session.start();
        {
            auto merged = merge(messages(session),
                                messages(session) | filter([](Message&) { return false; }));
            bool thrown = false;
            try {
                while (co_await merged.next()) {
                }
            } catch (const std::system_error& error) {
                thrown = error.code() == asio::error::already_started;
            }
            EXPECT_TRUE(thrown) << "a session has one reader";
        }
    }());
}

}  // namespace
}  // namespace hpfeeds
