// SPDX-License-Identifier: Apache-2.0
// publish_range.hpp: the operation behind Session::async_publish_range, and what it and the session
// share: how an operation learns that it is cancelled.
//
// Not for users: nothing in here is promised from one version to the next.
#pragma once

#include "hpfeeds/detail/completion.hpp"
#include "hpfeeds/detail/session_core.hpp"
#include "hpfeeds/error.hpp"

#include <asio/associated_cancellation_slot.hpp>
#include <asio/associated_executor.hpp>
#include <asio/cancellation_type.hpp>
#include <asio/error.hpp>

#include <atomic>
#include <concepts>
#include <cstddef>
#include <memory>
#include <optional>
#include <ranges>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

namespace hpfeeds::detail {

// Gives the operation that is about to start a name, and cancels it by that name when the handler's
// slot says so. The slot may outlive the operation and the session.
template <typename Handler>
SessionCore::Ticket make_cancellable(const std::shared_ptr<SessionCore>& core,
                                     SessionCore::Operation operation,
                                     asio::cancellation_type kinds, const Handler& handler) {
    const SessionCore::Ticket ticket = core->new_ticket();
    auto slot = asio::get_associated_cancellation_slot(handler);
    if (slot.is_connected())
        slot.assign([weak = std::weak_ptr<SessionCore>(core), operation, kinds,
                     ticket](asio::cancellation_type kind) {
            if ((kind & kinds) == asio::cancellation_type::none) return;
            if (const auto alive = weak.lock()) alive->cancel(operation, ticket);
        });
    return ticket;
}

template <typename Element>
std::span<const std::byte> payload_of(const Element& element) {
    if constexpr (std::convertible_to<const Element&, std::string_view>)
        return std::as_bytes(std::span(std::string_view(element)));
    else
        return std::span<const std::byte>(element);
}

template <typename Element>
concept Payload = std::convertible_to<const Element&, std::string_view> ||
    std::convertible_to<const Element&, std::span<const std::byte>>;

template <typename Range>
concept Payloads = Payload<std::remove_cvref_t<std::ranges::range_reference_t<Range>>>;

// Publishes while there is room, waits for room with the element that found none, and goes on. It
// is its own intermediate handler: it moves along with the user's.
template <typename Range, typename Handler>
class PublishRange {
public:
    using executor_type = asio::associated_executor_t<Handler, asio::any_io_executor>;
    using allocator_type = decltype(allocator_of(std::declval<const Handler&>()));

    static void start(std::shared_ptr<SessionCore> core, std::string channel, Range range,
                      Handler handler) {
        PublishRange(std::move(core), std::move(channel), std::move(range), std::move(handler))
            .proceed();
    }

    void operator()(std::error_code error) {
        if (error) return finish(error);
        ++state_->published;
        ++*state_->at;
        proceed();
    }

    [[nodiscard]] executor_type get_executor() const noexcept {
        return asio::get_associated_executor(state_->handler, state_->core->executor());
    }
    [[nodiscard]] allocator_type get_allocator() const noexcept {
        return allocator_of(state_->handler);
    }

private:
    using Iterator = std::ranges::iterator_t<Range>;
    // Elements by value (a transforming view's) are kept while they wait for room.
    using Element = std::ranges::range_reference_t<Range>;
    using Kept = std::conditional_t<std::is_reference_v<Element>, std::monostate,
                                    std::optional<std::remove_cvref_t<Element>>>;
    // Without waiting, so many are published before others get their turn.
    static constexpr std::size_t burst_max = 256;

    // Where it stays: iterators refer to the range, and the slot to this.
    struct State {
        State(std::shared_ptr<SessionCore> session, std::string to, Range source, Handler told)
            : core(std::move(session)),
              channel(std::move(to)),
              range(std::move(source)),
              handler(std::move(told)) {}
        std::shared_ptr<SessionCore> core;
        std::string channel;
        Range range;
        Handler handler;
        std::optional<Iterator> at;
        Kept kept;
        std::size_t published = 0;
        SessionCore::Ticket ticket = 0;
    };
    // What the slot reaches, from whatever thread: a wish, and the operation to wake.
    struct Wish {
        std::atomic<bool> cancelled{false};
        std::atomic<bool> any_published{false};
        std::atomic<SessionCore::Ticket> waiting{0};
    };

    PublishRange(std::shared_ptr<SessionCore> core, std::string channel, Range range,
                 Handler handler)
        : state_(std::make_unique<State>(std::move(core), std::move(channel), std::move(range),
                                         std::move(handler))),
          wish_(std::make_shared<Wish>()) {
        auto slot = asio::get_associated_cancellation_slot(state_->handler);
        if (slot.is_connected())
            slot.assign([weak = std::weak_ptr<SessionCore>(state_->core),
                         wish = wish_](asio::cancellation_type kind) {
                const bool total_only =
                    (kind & (asio::cancellation_type::terminal |
                             asio::cancellation_type::partial)) == asio::cancellation_type::none;
                if (kind == asio::cancellation_type::none || (total_only && wish->any_published))
                    return;
                wish->cancelled = true;
                if (const auto core_alive = weak.lock())
                    core_alive->cancel(SessionCore::Operation::publish, wish->waiting);
            });
    }

    void proceed() {
        State& state = *state_;
        if (!state.at) state.at.emplace(std::ranges::begin(state.range));
        for (std::size_t burst = 0; *state.at != std::ranges::end(state.range); ++*state.at) {
            if (wish_->cancelled) return finish(asio::error::operation_aborted);
            const std::span<const std::byte> payload = current();
            // The burst's last one goes by way of the executor, as one that found no room does.
            if (++burst == burst_max) return wait_with(payload);
            const std::error_code refused = state.core->publish_if_room(state.channel, payload);
            if (refused == Errc::no_room) return wait_with(payload);
            if (refused) return finish(refused);
            ++state.published;
            wish_->any_published = true;
        }
        finish({});
    }

    std::span<const std::byte> current() {
        if constexpr (std::is_reference_v<Element>) {
            return payload_of(**state_->at);
        } else {
            state_->kept.emplace(**state_->at);
            return payload_of(*state_->kept);
        }
    }

    void wait_with(std::span<const std::byte> payload) {
        const std::shared_ptr<SessionCore> core = state_->core;
        const std::string_view channel = state_->channel;
        const SessionCore::Ticket ticket = core->new_ticket();
        const std::shared_ptr<Wish> wish = wish_;
        wish->waiting = ticket;
        core->publish_when_room(ticket, channel, payload, Done(std::move(*this), core->executor()));
        // A wish that came between the look at it and the wait.
        if (wish->cancelled) core->cancel(SessionCore::Operation::publish, ticket);
    }

    void finish(std::error_code error) {
        const std::shared_ptr<SessionCore> core = state_->core;
        const std::size_t published = state_->published;
        Completion<std::size_t> done(std::move(state_->handler), core->executor());
        state_.reset();
        done(core, error, published);
    }

    std::unique_ptr<State> state_;
    std::shared_ptr<Wish> wish_;
};

}  // namespace hpfeeds::detail
