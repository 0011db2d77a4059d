// SPDX-License-Identifier: Apache-2.0
#include "client/inbox.hpp"

#include "client/limits.hpp"
#include "wire/encode.hpp"

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
    stop_at = 0;
}

void Inbox::Batch::find_stop() noexcept {
    stop_at = read_incidents < incidents.size() ? incidents[read_incidents].at : bytes.size();
}

const Incident* Inbox::Batch::take_incident() noexcept {
    if (read_incidents == incidents.size()) return nullptr;
    const Incident& taken = incidents[read_incidents++].incident;
    find_stop();
    return &taken;
}

void Inbox::wake_reader() {
    {
        const std::lock_guard lock(mutex_);
        if (!reader_waits_ || (filling_.empty() && !ended_)) return;
        reader_waits_ = false;
    }
    mail_.ring();
}

void Inbox::Filling::add_frames(std::span<const std::byte> frames) {
    std::vector<std::byte>& bytes = inbox_.filling_.bytes;
    bytes.insert(bytes.end(), frames.begin(), frames.end());
}

void Inbox::Filling::add(const MessageView& message) {
    std::vector<std::byte>& bytes = inbox_.filling_.bytes;
    const std::size_t before = bytes.size();
    bytes.resize(before + wire::publish_frame_bytes(message.ident.size(), message.channel.size(),
                                                    message.payload.size()));
    wire::encode_publish(std::span(bytes).subspan(before), message.ident, message.channel,
                         message.payload);
}

void Inbox::Filling::add(Incident incident) {
    Batch& batch = inbox_.filling_;
    if (batch.incidents.size() == troubles_max) {
        if (incident.kind == Incident::Kind::connected) return;
        batch.incidents.pop_back();
    }
    batch.incidents.push_back({std::move(incident), batch.bytes.size()});
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

Inbox::Kind Inbox::wait_for_next(Timeout& timeout, MessageView& message) {
    for (;;) {
        if (stopped()) return Kind::stopped;
        if (reading_.take(message)) return Kind::message;
        incident_ = reading_.take_incident();
        if (incident_ != nullptr) return Kind::incident;
        if (swap()) continue;
        {
            const std::lock_guard lock(mutex_);
            if (!filling_.empty()) continue;
            if (ended_) {
                incident_ = &last_;
                return Kind::ended;
            }
            reader_waits_ = true;
        }
        if (!mail_.wait(timeout.deadline()) && !stopped()) {
            const std::lock_guard lock(mutex_);
            reader_waits_ = false;
            if (filling_.empty() && !ended_) return Kind::timed_out;
        }
    }
}

bool Inbox::swap() {
    const std::lock_guard lock(mutex_);
    if (filling_.empty()) return false;
    reading_.clear();
    std::swap(reading_, filling_);
    reading_.find_stop();
    if (std::exchange(receiver_waits_, false)) room_.notify();
    return true;
}

void Inbox::stop() noexcept {
    stopped_.store(true, std::memory_order_relaxed);
    mail_.ring();
}

}  // namespace hpfeeds::client
