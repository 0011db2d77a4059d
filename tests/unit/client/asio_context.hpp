// SPDX-License-Identifier: Apache-2.0
// asio_context.hpp: an io_context that a test runs until something has happened, and a deadline
// that no good run comes near.
#pragma once

#include <gtest/gtest.h>
#include <asio/co_spawn.hpp>
#include <asio/io_context.hpp>
#include <asio/use_awaitable.hpp>

#include <chrono>
#include <exception>
#include <utility>

namespace hpfeeds::client::testing {

class AsioContext {
public:
    asio::io_context& operator*() { return context_; }
    asio::io_context* operator->() { return &context_; }

    // Handles events until `done` says true.
    template <typename Done>
    [[nodiscard]] bool run_until(Done done) {
        const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(20);
        while (!done()) {
            if (context_.stopped()) context_.restart();
            if (context_.run_one_until(end) == 0 && std::chrono::steady_clock::now() > end)
                return false;
        }
        return true;
    }
    // Runs a coroutine to its end; what it throws fails the test.
    void run(asio::awaitable<void> coroutine) {
        bool over = false;
        asio::co_spawn(context_, std::move(coroutine), [&over](const std::exception_ptr& thrown) {
            over = true;
            try {
                if (thrown) std::rethrow_exception(thrown);
            } catch (const std::exception& error) {
                ADD_FAILURE() << "the coroutine threw: " << error.what();
            }
        });
        ASSERT_TRUE(run_until([&over] { return over; })) << "the coroutine did not end";
    }

private:
    asio::io_context context_;
};

}  // namespace hpfeeds::client::testing
