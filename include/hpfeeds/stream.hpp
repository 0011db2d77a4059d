// SPDX-License-Identifier: Apache-2.0
// stream.hpp: asynchronous streams for coroutines: merge the messages of several brokers, change
// and filter them, and publish what remains.
//
//     auto hashes = hpfeeds::merge(hpfeeds::messages(amsterdam), hpfeeds::messages(berlin))
//                 | hpfeeds::transform([](const hpfeeds::Message& m) { return decode(m); })
//                 | hpfeeds::filter([](const Event& event) { return !event.hashes.empty(); })
//                 | hpfeeds::transform([](const Event& event) { return encode(event); });
//     co_await hpfeeds::publish_stream(output, "hashes", std::move(hashes));
//
// C++20 has no `for co_await`. What it allows instead is a loop whose condition waits:
//
//     auto events = hpfeeds::messages(session);
//     while (auto message = co_await events.next()) std::cout << message->text() << '\n';
//
// Errors     next() throws what its source or a function of the user's throws; a session that was
//            closed is the end of its stream, not an error.
// Threads    one coroutine at a time asks a stream. The sources of a merge are asked from
//            coroutines of their own, on the executor of whoever asks the merged stream.
// Cancelling a coroutine that waits in next() is cancelled as one that waits in async_read is:
//            terminal; the stream ends.
// Lifetimes  A stream refers to its sessions, and owns everything else it is made of. A merged
//            stream that is destroyed early may take one more message from each of its sources.
// Compilers  that know C++20's coroutines: gcc 10, clang 17 (clang 14 to 16 do with libc++ only).
// Units      a merge holds at most merge_ahead_max elements that nobody has asked for.
#pragma once

#include "hpfeeds/detail/publish_range.hpp"
#include "hpfeeds/error.hpp"
#include "hpfeeds/message.hpp"
#include "hpfeeds/session.hpp"

#include <asio/detail/config.hpp>
#if !defined(ASIO_HAS_CO_AWAIT)
#error "hpfeeds/stream.hpp needs C++20's coroutines; hpfeeds/session.hpp does not"
#endif

#include <asio/awaitable.hpp>
#include <asio/co_spawn.hpp>
#include <asio/error.hpp>
#include <asio/experimental/as_tuple.hpp>
#include <asio/experimental/concurrent_channel.hpp>
#include <asio/this_coro.hpp>
#include <asio/use_awaitable.hpp>

#include <concepts>
#include <cstddef>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <system_error>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

namespace hpfeeds {

// Elements that come one after the other, each when it is there.
template <typename T>
class Stream {
public:
    using value_type = T;  // of the elements

    // `source` is called for each element, and answers asio::awaitable<std::optional<T>>: nothing
    // is the end, after which it is not called again.
    template <typename Source>
    requires std::same_as<std::invoke_result_t<Source&>, asio::awaitable<std::optional<T>>>
    explicit Stream(Source source) : source_(std::make_unique<Typed<Source>>(std::move(source))) {}

    // The next element; nothing at the end, and ever after.
    [[nodiscard]] asio::awaitable<std::optional<T>> next() {
        std::optional<T> element;
        if (source_) element = co_await source_->next();
        if (!element) source_.reset();
        co_return element;
    }

private:
    struct Erased {
        virtual ~Erased() = default;
        virtual asio::awaitable<std::optional<T>> next() = 0;
    };
    template <typename Source>
    struct Typed final : Erased {
        explicit Typed(Source given) : source(std::move(given)) {}
        asio::awaitable<std::optional<T>> next() override { return source(); }
        Source source;
    };
    std::unique_ptr<Erased> source_;
};

// What a session reads, until it is closed. The session must live as long as the stream is asked,
// and be read by nobody else meanwhile.
[[nodiscard]] inline Stream<Message> messages(Session& session) {
    return Stream<Message>([&session]() -> asio::awaitable<std::optional<Message>> {
        auto [error, message] =
            co_await session.async_read(asio::experimental::as_tuple(asio::use_awaitable));
        if (!error) co_return std::move(message);
        if (error == asio::error::operation_aborted || error == Errc::closed)
            co_return std::nullopt;
        throw std::system_error(error, "reading from an hpfeeds session");
    });
}

// stream | transform(function): what `function` makes of each element.
template <typename Function>
struct transform {
    explicit transform(Function given) : function(std::move(given)) {}
    Function function;
};
// stream | filter(predicate): the elements for which `predicate` is true.
template <typename Predicate>
struct filter {
    explicit filter(Predicate given) : predicate(std::move(given)) {}
    Predicate predicate;
};

// See transform.
template <typename T, std::invocable<T&> Function>
[[nodiscard]] auto operator|(Stream<T> stream, transform<Function> step) {
    using U = std::remove_cvref_t<std::invoke_result_t<Function&, T&>>;
    return Stream<U>(
        [from = std::move(stream),
         function = std::move(step.function)]() mutable -> asio::awaitable<std::optional<U>> {
            std::optional<T> element = co_await from.next();
            if (!element) co_return std::nullopt;
            co_return std::invoke(function, *element);
        });
}

// See filter.
template <typename T, std::predicate<T&> Predicate>
[[nodiscard]] Stream<T> operator|(Stream<T> stream, filter<Predicate> step) {
    return Stream<T>(
        [from = std::move(stream),
         predicate = std::move(step.predicate)]() mutable -> asio::awaitable<std::optional<T>> {
            for (;;) {
                std::optional<T> element = co_await from.next();
                if (!element || std::invoke(predicate, *element)) co_return element;
            }
        });
}

// Elements that a merge holds ahead of whoever asks.
inline constexpr std::size_t merge_ahead_max = 64;

namespace detail {

// The sources of a merge, each drained by a coroutine into one channel. The coroutines hold the
// state, so it outlives a merged stream that is given up; they end with their sources, or when the
// channel is closed.
template <typename T>
class Merge : public std::enable_shared_from_this<Merge<T>> {
public:
    explicit Merge(std::vector<Stream<T>> sources) : sources_(std::move(sources)) {}

    asio::awaitable<std::optional<T>> next() {
        if (!channel_) start(co_await asio::this_coro::executor);
        while (running_ > 0) {
            auto [error, thrown, element] =
                co_await channel_->async_receive(asio::experimental::as_tuple(asio::use_awaitable));
            if (error) break;
            if (element) co_return std::move(element);
            if (thrown) std::rethrow_exception(thrown);
            --running_;  // one source is at its end
        }
        co_return std::nullopt;
    }
    void give_up() noexcept {
        if (channel_) channel_->close();
    }

private:
    using Channel = asio::experimental::concurrent_channel<void(std::error_code, std::exception_ptr,
                                                                std::optional<T>)>;

    void start(const asio::any_io_executor& executor) {
        channel_.emplace(executor, merge_ahead_max);
        running_ = sources_.size();
        for (Stream<T>& source : sources_)
            asio::co_spawn(executor, drain(this->shared_from_this(), source),
                           [](const std::exception_ptr&) {});
    }
    static asio::awaitable<void> drain(std::shared_ptr<Merge> self, Stream<T>& source) {
        constexpr auto quietly = asio::experimental::as_tuple(asio::use_awaitable);
        std::exception_ptr thrown;
        try {
            while (std::optional<T> element = co_await source.next()) {
                const auto [closed] = co_await self->channel_->async_send(
                    std::error_code(), std::exception_ptr(), std::move(element), quietly);
                if (closed) co_return;
            }
        } catch (...) {
            thrown = std::current_exception();
        }
        co_await self->channel_->async_send(std::error_code(), thrown, std::optional<T>(), quietly);
    }

    std::vector<Stream<T>> sources_;
    std::optional<Channel> channel_;
    std::size_t running_ = 0;
};

}  // namespace detail

// The elements of all streams, in the order in which they come; it ends when all have ended. What
// one of them throws is thrown by the merged stream.
template <typename T>
[[nodiscard]] Stream<T> merge(std::vector<Stream<T>> streams) {
    auto give_up = [](detail::Merge<T>* merged) { merged->give_up(); };
    auto merged = std::make_shared<detail::Merge<T>>(std::move(streams));
    return Stream<T>([merged, guard = std::unique_ptr<detail::Merge<T>, decltype(give_up)>(
                                  merged.get())]() { return merged->next(); });
}

// The same, for streams that are named one by one.
template <typename T, std::same_as<Stream<T>>... Others>
[[nodiscard]] Stream<T> merge(Stream<T> first, Others... others) {
    std::vector<Stream<T>> streams;
    streams.push_back(std::move(first));
    (streams.push_back(std::move(others)), ...);
    return merge(std::move(streams));
}

// Publishes every element, text or bytes, waiting for room as Session::async_publish does. Returns
// how many there were. Throws what the stream throws, and what async_publish completes with.
template <detail::Payload T>
[[nodiscard]] asio::awaitable<std::size_t> publish_stream(Session& session, std::string channel,
                                                          Stream<T> stream) {
    std::size_t published = 0;
    while (const std::optional<T> element = co_await stream.next()) {
        co_await session.async_publish(channel, detail::payload_of(*element), asio::use_awaitable);
        ++published;
    }
    co_return published;
}

}  // namespace hpfeeds
