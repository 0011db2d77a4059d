// SPDX-License-Identifier: Apache-2.0
// completion.hpp: a completion handler whose type is forgotten, to be called once.
//
// It lets everything behind the session's templates be compiled once, in the library. The handler
// keeps its executor busy (outstanding work) until it is called, and is called by way of its own
// executor, never from within the call that starts an operation. Memory comes from the handler's
// allocator or, by default, from Asio's recycling one: a loop of operations does not allocate after
// warm-up.
//
// Threads    one owner; the owner may be any thread.
// Ownership  owns the handler. One that is destroyed uncalled destroys it uncalled.
// Errors     nothing throws but for want of memory.
#pragma once

#include <asio/any_io_executor.hpp>
#include <asio/associated_allocator.hpp>
#include <asio/associated_executor.hpp>
#include <asio/executor_work_guard.hpp>
#include <asio/post.hpp>
#include <asio/recycling_allocator.hpp>

#include <memory>
#include <system_error>
#include <tuple>
#include <type_traits>
#include <utility>

namespace hpfeeds::detail {

// What an operation's memory is taken from.
template <typename Handler>
auto allocator_of(const Handler& handler) noexcept {
    auto asked = asio::get_associated_allocator(handler);
    if constexpr (std::is_same_v<decltype(asked), std::allocator<void>>)
        return asio::recycling_allocator<void>();
    else
        return asked;
}

template <typename... Results>
class Completion {
public:
    Completion() = default;
    template <typename Handler>
    Completion(Handler&& handler, const asio::any_io_executor& fallback)
        : pending_(Typed<std::decay_t<Handler>>::make(std::forward<Handler>(handler), fallback)) {}
    Completion(Completion&& other) noexcept : pending_(std::exchange(other.pending_, nullptr)) {}
    Completion& operator=(Completion&& other) noexcept {
        std::swap(pending_, other.pending_);
        return *this;
    }
    ~Completion() {
        if (pending_ != nullptr) pending_->destroy();
    }

    explicit operator bool() const noexcept { return pending_ != nullptr; }

    // Has the handler called; `keep`, if any, lives until it has returned. Requires: not yet
    // called.
    void operator()(std::shared_ptr<const void> keep, std::error_code error, Results... results) {
        std::exchange(pending_, nullptr)->post(std::move(keep), error, std::move(results)...);
    }

private:
    struct Pending {
        virtual void post(std::shared_ptr<const void> keep, std::error_code error,
                          Results... results) = 0;
        virtual void destroy() noexcept = 0;

    protected:
        ~Pending() = default;
    };

    template <typename Handler>
    struct Typed final : Pending {
        using Executor = asio::associated_executor_t<Handler, asio::any_io_executor>;
        using Allocator = typename std::allocator_traits<decltype(allocator_of(
            std::declval<const Handler&>()))>::template rebind_alloc<Typed>;
        using Traits = std::allocator_traits<Allocator>;

        Typed(Handler&& given, const asio::any_io_executor& fallback)
            : handler(std::move(given)), work(asio::get_associated_executor(handler, fallback)) {}

        static Pending* make(Handler given, const asio::any_io_executor& fallback) {
            Allocator allocator(allocator_of(given));
            Typed* const room = Traits::allocate(allocator, 1);
            Traits::construct(allocator, room, std::move(given), fallback);
            return room;
        }
        // The memory is given back before the handler runs: its next operation finds it.
        void post(std::shared_ptr<const void> keep, std::error_code error,
                  Results... results) override {
            const asio::executor_work_guard<Executor> guard(std::move(work));
            Allocator allocator(allocator_of(handler));  // a moved-from handler may not tell it
            Handler called(std::move(handler));
            release(allocator);
            asio::post(
                guard.get_executor(),
                [called = std::move(called), keep = std::move(keep), error,
                 values = std::tuple<Results...>(std::move(results)...)]() mutable {
                    std::apply(
                        [&](Results&... each) { std::move(called)(error, std::move(each)...); },
                        values);
                });
        }
        void destroy() noexcept override {
            Allocator allocator(allocator_of(handler));
            release(allocator);
        }
        void release(Allocator& allocator) noexcept {
            std::destroy_at(this);
            Traits::deallocate(allocator, this, 1);
        }

        Handler handler;
        asio::executor_work_guard<Executor> work;
    };

    Pending* pending_ = nullptr;
};

}  // namespace hpfeeds::detail
