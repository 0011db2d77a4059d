// SPDX-License-Identifier: Apache-2.0
// client_load.hpp: what a client library does with messages beside the kernel and its locks: the
// outbox on one side, machine, inbox and views on the other.
//
// The functions that are counted are never inlined, so that valgrind knows them by name.
#pragma once

#include "client/client_machine.hpp"
#include "client/inbox.hpp"
#include "client/outbox.hpp"
#include "unit/client/frames.hpp"
#include "wire/frame.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <memory>
#include <span>
#include <string>

namespace hpfeeds::bench {

class ClientLoad {
public:
    // What one read of a busy connection brings.
    static constexpr std::size_t frames = 500;

    explicit ClientLoad(std::size_t payload_bytes) : payload_(payload_bytes, 'x') {
        const std::string frame = client::testing::publish("sensor", "channel-0", payload_);
        for (std::size_t i = 0; i < frames; ++i)
            segment_ += frame;
        const std::string greeting = client::testing::info("broker", "nonce");
        machine_.receive(wire::as_bytes(greeting));
        while (machine_.next().kind != client::ClientMachine::Kind::none) {
        }
    }

    // Publishes and gives the chunks to nobody.
    [[gnu::noinline]] void publish() {
        for (std::size_t i = 0; i < frames; ++i) {
            const auto payload = wire::as_bytes(payload_);
            if (!outbox_.push_quickly("channel-0", payload, now_))
                outbox_.push("channel-0", payload, now_, client::Outbox::Overflow::drop_oldest);
        }
        for (auto lent = outbox_.lend(); !lent.empty(); lent = outbox_.lend())
            outbox_.sent(lent.size());
        outbox_.forget(outbox_.position());
    }
    // A read of hpfeeds::Client: from the receiver to the reader.
    void receive() {
        if (!slab_) slab_ = inbox_.new_slab();
        std::ranges::copy(wire::as_bytes(segment_), slab_->begin());
        hand_over();
        read();
    }
    // A read of hpfeeds::Session: views, in place.
    [[gnu::noinline]] void view() {
        machine_.receive(wire::as_bytes(segment_));
        MessageView message;
        while (machine_.next_whole(message))
            heard_bytes_ += message.payload.size();
        static_cast<void>(machine_.next());
    }
    [[nodiscard]] std::size_t heard_bytes() const noexcept { return heard_bytes_; }

private:
    [[gnu::noinline]] void hand_over() {
        machine_.receive(std::span(*slab_).first(segment_.size()));
        client::Inbox::Filling(inbox_).add_frames(machine_.take_whole(), slab_);
        static_cast<void>(machine_.next());
    }
    [[gnu::noinline]] void read() {
        MessageView message;
        for (std::size_t i = 0; i < frames; ++i) {
            client::Timeout at_once(std::chrono::milliseconds(0));
            if (inbox_.next(at_once, message) == client::Inbox::Kind::message)
                heard_bytes_ += message.payload.size();
        }
    }

    const client::Clock::time_point now_{std::chrono::hours(1)};
    std::string payload_;
    std::string segment_;
    client::Outbox outbox_{"sensor", {}};
    client::ClientMachine machine_{"sensor", "secret"};
    client::WakeEvent room_;
    client::Inbox inbox_{room_};
    std::unique_ptr<client::Inbox::Slab> slab_;
    std::size_t heard_bytes_ = 0;
};

}  // namespace hpfeeds::bench
