// SPDX-License-Identifier: Apache-2.0
#include "client/inbox.hpp"

#include "client/limits.hpp"
#include "client/tcp_connect.hpp"

#include <poll.h>
#include <cstring>
#include <utility>

namespace hpfeeds::client {
namespace {

// A batch that once held huge messages gives its memory back.
constexpr std::size_t kept_batch_bytes = 4 * inbox_bytes_max;

}  // namespace

void Inbox::Batch::clear() {
    bytes.clear();
    if (bytes.capacity() > kept_batch_bytes) bytes.shrink_to_fit();
    incidents.clear();
    read_bytes = 0;
    read_incidents = 0;
}

void Inbox::Batch::append(const void* from, std::size_t count) {
    const auto* const begin = static_cast<const std::byte*>(from);
    bytes.insert(bytes.end(), begin, begin + count);
}

Inbox::Filling::~Filling() {
    const bool wake = inbox_.reader_waits_ && (!inbox_.filling_.used_up() || inbox_.ended_);
    if (wake) inbox_.reader_waits_ = false;
    lock_.unlock();
    if (wake) inbox_.mail_.notify();
}

void Inbox::Filling::add(const MessageView& message) {
    Batch& batch = inbox_.filling_;
    const Header header{static_cast<std::uint32_t>(message.payload.size()),
                        static_cast<std::uint8_t>(message.ident.size()),
                        static_cast<std::uint8_t>(message.channel.size()), false};
    batch.append(&header, sizeof header);
    batch.append(message.ident.data(), message.ident.size());
    batch.append(message.channel.data(), message.channel.size());
    batch.append(message.payload.data(), message.payload.size());
}

void Inbox::Filling::add(Incident incident) {
    Batch& batch = inbox_.filling_;
    if (batch.incidents.size() == troubles_max) {
        batch.incidents.back() = std::move(incident);
        return;
    }
    batch.incidents.push_back(std::move(incident));
    const Header header{0, 0, 0, true};
    batch.append(&header, sizeof header);
}

void Inbox::Filling::end(Incident last) {
    if (inbox_.ended_) return;
    inbox_.last_ = std::move(last);
    inbox_.ended_ = true;
}

bool Inbox::has_room() {
    const std::lock_guard lock(mutex_);
    receiver_waits_ = filling_.bytes.size() >= inbox_bytes_max;
    return !receiver_waits_;
}

Inbox::Item Inbox::next(Timeout& timeout) {
    for (;;) {
        if (stopped()) return {Kind::stopped, {}, nullptr};
        if (!reading_.used_up()) return take();
        if (swap()) continue;
        {
            const std::lock_guard lock(mutex_);
            if (!filling_.used_up()) continue;
            if (ended_) return {Kind::ended, {}, &last_};
            reader_waits_ = true;
        }
        const std::error_code waited =
            wait_until_ready(mail_.descriptor(), POLLIN, timeout.deadline(), -1);
        mail_.clear();
        if (waited && !stopped()) {
            const std::lock_guard lock(mutex_);
            reader_waits_ = false;
            if (filling_.used_up() && !ended_) return {};
        }
    }
}

bool Inbox::swap() {
    const std::lock_guard lock(mutex_);
    if (filling_.used_up()) return false;
    reading_.clear();
    std::swap(reading_, filling_);
    if (std::exchange(receiver_waits_, false)) room_.notify();
    return true;
}

Inbox::Item Inbox::take() {
    Header header;
    const std::byte* at = reading_.bytes.data() + reading_.read_bytes;
    std::memcpy(&header, at, sizeof header);
    at += sizeof header;
    reading_.read_bytes +=
        sizeof header + header.ident_bytes + header.channel_bytes + header.payload_bytes;
    if (header.is_incident)
        return {Kind::incident, {}, &reading_.incidents[reading_.read_incidents++]};
    const auto* const text = reinterpret_cast<const char*>(at);
    return {Kind::message,
            {{text, header.ident_bytes},
             {text + header.ident_bytes, header.channel_bytes},
             {at + header.ident_bytes + header.channel_bytes, header.payload_bytes}},
            nullptr};
}

void Inbox::stop() noexcept {
    stopped_.store(true, std::memory_order_relaxed);
    mail_.notify();
}

}  // namespace hpfeeds::client
