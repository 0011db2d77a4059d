// SPDX-License-Identifier: Apache-2.0
#include "client/client_machine.hpp"

#include "client/errc.hpp"
#include "hpfeeds/error.hpp"
#include "wire/challenge.hpp"
#include "wire/encode.hpp"

#include <algorithm>
#include <cassert>
#include <utility>

namespace hpfeeds::client {
namespace {

using Outcome = wire::Parsed::Outcome;

// A torn frame above this size does not leave its memory behind.
constexpr std::size_t kept_capacity_bytes = 4096;

}  // namespace

ClientMachine::ClientMachine(std::string ident, std::string secret, wire::Limits limits)
    : ident_(std::move(ident)), secret_(std::move(secret)), limits_(limits) {
    if (ident_.size() > wire::string_bytes_max)
        throw Error("the ident has " + std::to_string(ident_.size()) +
                    " bytes, but hpfeeds allows at most 255");
}

void ClientMachine::reset() {
    state_ = State::waiting_for_info;
    unread_ = {};
    torn_.clear();
    torn_is_spent_ = false;
    after_error_ = false;
    why_violated_ = {};
    output_.clear();
    output_sent_ = 0;
}

void ClientMachine::receive(std::span<const std::byte> bytes) {
    assert(unread_.empty());
    unread_ = bytes;
}

ClientMachine::Event ClientMachine::next() {
    if (state_ == State::violated) return violation(why_violated_);
    if (torn_is_spent_) {
        torn_.clear();
        torn_is_spent_ = false;
        if (torn_.capacity() > kept_capacity_bytes) torn_.shrink_to_fit();
    }
    wire::Parsed parsed = parse_next();
    while (skip_stray_byte(parsed))
        parsed = parse_next();
    switch (parsed.outcome) {
        case Outcome::frame:
            return understand(parsed.frame);
        case Outcome::refused:
            return violation(wire::describe(parsed.refusal));
        case Outcome::incomplete:
            break;
    }
    return {};
}

std::span<const std::byte> ClientMachine::take_whole() noexcept {
    const std::span<const std::byte> lent = unread_;
    for (;;) {
        const wire::PublishShape shape = whole_shape();
        if (shape.frame_bytes == 0) return lent.first(lent.size() - unread_.size());
        unread_ = unread_.subspan(shape.frame_bytes);
    }
}

// Takes one frame from what is unread: in place when it is whole, else by way of torn_.
wire::Parsed ClientMachine::parse_next() {
    if (!torn_.empty()) return parse_torn();
    wire::Parsed parsed = wire::parse(unread_, wire::Peer::broker, limits_);
    if (parsed.outcome == Outcome::frame) {
        unread_ = unread_.subspan(parsed.frame.frame_bytes);
    } else if (parsed.outcome == Outcome::incomplete && !unread_.empty()) {
        torn_.reserve(std::max(parsed.frame_bytes, wire::header_bytes));
        torn_.assign(unread_.begin(), unread_.end());
        unread_ = {};
    }
    return parsed;
}

wire::Parsed ClientMachine::parse_torn() {
    for (;;) {
        wire::Parsed parsed = wire::parse(torn_, wire::Peer::broker, limits_);
        if (parsed.outcome == Outcome::frame) torn_is_spent_ = true;
        if (parsed.outcome != Outcome::incomplete || unread_.empty()) return parsed;
        const std::size_t whole = parsed.frame_bytes == 0 ? wire::header_bytes : parsed.frame_bytes;
        torn_.reserve(whole);
        const std::size_t taken = std::min(whole - torn_.size(), unread_.size());
        torn_.insert(torn_.end(), unread_.begin(),
                     unread_.begin() + static_cast<std::ptrdiff_t>(taken));
        unread_ = unread_.subspan(taken);
    }
}

// hpfeeds/broker writes ERROR frames one byte longer than their header says (client-quirk 11). That
// byte shows itself by making the next header impossible; it is forgiven once per ERROR.
bool ClientMachine::skip_stray_byte(const wire::Parsed& parsed) {
    if (!after_error_ || parsed.outcome == Outcome::incomplete) return false;
    after_error_ = false;
    if (parsed.outcome == Outcome::frame || parsed.refusal == wire::Refusal::string_past_frame)
        return false;
    if (torn_.empty())
        unread_ = unread_.subspan(1);
    else
        torn_.erase(torn_.begin());
    return true;
}

ClientMachine::Event ClientMachine::understand(const wire::Frame& frame) {
    Event event;
    switch (frame.opcode) {
        case wire::Opcode::error:
            event.kind = Kind::error;
            event.text = whole_error_text(frame);
            return event;
        case wire::Opcode::info:
            if (state_ == State::connected)
                return violation("the broker introduced itself a second time");
            greet(frame.payload);
            event.kind = Kind::connected;
            event.name = frame.ident;
            return event;
        case wire::Opcode::publish:
            if (state_ != State::connected)
                return violation("the broker sent a message before it introduced itself");
            event.kind = Kind::message;
            event.ident = frame.ident;
            event.channel = frame.channel;
            event.payload = frame.payload;
            return event;
        case wire::Opcode::auth:
        case wire::Opcode::subscribe:
        case wire::Opcode::unsubscribe:
            break;
    }
    return violation(wire::describe(wire::Refusal::from_wrong_side));
}

ClientMachine::Event ClientMachine::violation(std::string_view why) {
    state_ = State::violated;
    why_violated_ = why;
    unread_ = {};
    Event event;
    event.kind = Kind::violation;
    event.text = why;
    return event;
}

// The stray byte of client-quirk 11 is the last one of the text. Every header begins with a zero,
// so another byte right behind an ERROR cannot begin a frame: it is given back to the text it
// belongs to.
std::string_view ClientMachine::whole_error_text(const wire::Frame& frame) {
    std::string_view text = wire::as_text(frame.payload);
    after_error_ = unread_.empty() || unread_.front() == std::byte{0};
    if (after_error_) return text;
    if (!torn_is_spent_) {
        text = {text.data(),
                text.size() + 1};  // the text and this byte are neighbours in unread memory
    } else {
        torn_.push_back(unread_.front());
        text = wire::as_text(std::span<const std::byte>(torn_).subspan(wire::header_bytes));
    }
    unread_ = unread_.subspan(1);
    return text;
}

void ClientMachine::greet(std::span<const std::byte> nonce) {
    state_ = State::connected;
    const wire::Digest digest = wire::digest_of(nonce, secret_);
    wire::encode_auth(grow_output(wire::auth_frame_bytes(ident_.size())), ident_, digest);
    for (const std::string& channel : channels_)
        wire::encode_subscribe(
            grow_output(wire::subscribe_frame_bytes(ident_.size(), channel.size())), ident_,
            channel);
}

std::error_code ClientMachine::subscribe(std::string_view channel) {
    if (channel.size() > wire::string_bytes_max) return Errc::channel_too_long;
    channels_.emplace(channel);
    if (connected())
        wire::encode_subscribe(
            grow_output(wire::subscribe_frame_bytes(ident_.size(), channel.size())), ident_,
            channel);
    return {};
}

void ClientMachine::unsubscribe(std::string_view channel) {
    const auto known = channels_.find(channel);
    if (known == channels_.end()) return;
    if (connected())
        wire::encode_unsubscribe(
            grow_output(wire::subscribe_frame_bytes(ident_.size(), channel.size())), ident_,
            channel);
    channels_.erase(known);
}

std::error_code ClientMachine::check_publish(std::string_view channel,
                                             std::size_t payload_bytes) const noexcept {
    if (channel.size() > wire::string_bytes_max) return Errc::channel_too_long;
    if (!fits(channel, payload_bytes)) return Errc::payload_too_large;
    return {};
}

std::error_code ClientMachine::publish(std::string_view channel,
                                       std::span<const std::byte> payload) {
    if (const std::error_code refused = check_publish(channel, payload.size())) return refused;
    assert(connected());
    const std::size_t bytes =
        wire::publish_frame_bytes(ident_.size(), channel.size(), payload.size());
    wire::encode_publish(grow_output(bytes), ident_, channel, payload);
    return {};
}

std::span<std::byte> ClientMachine::grow_output(std::size_t count) {
    // What was sent is dropped when it is the greater part, so every byte is moved once on average.
    if (output_sent_ > output_.size() / 2) {
        output_.erase(output_.begin(), output_.begin() + static_cast<std::ptrdiff_t>(output_sent_));
        output_sent_ = 0;
    }
    const std::size_t before = output_.size();
    output_.resize(before + count);
    return std::span(output_).subspan(before);
}

std::span<const std::byte> ClientMachine::unsent() const noexcept {
    return std::span<const std::byte>(output_).subspan(output_sent_);
}

void ClientMachine::sent(std::size_t count) noexcept {
    assert(count <= output_.size() - output_sent_);
    output_sent_ += count;
    if (output_sent_ < output_.size()) return;
    output_.clear();
    output_sent_ = 0;
    if (output_.capacity() > kept_capacity_bytes) output_ = {};
}

}  // namespace hpfeeds::client
