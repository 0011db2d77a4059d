// SPDX-License-Identifier: Apache-2.0
#include "client/inbox.hpp"

#include "client/limits.hpp"
#include "wire/encode.hpp"

#include <algorithm>
#include <utility>

namespace hpfeeds::client {
namespace {

// A batch that once held huge messages gives its memory back.
constexpr std::size_t kept_batch_bytes = 4 * inbox_bytes_max;

}  // namespace

void Inbox::Batch::clear() {
    copied.clear();
    if (copied.capacity() > kept_batch_bytes) copied.shrink_to_fit();
    slabs.clear();
    pieces.clear();
    incidents.clear();
    frame_bytes = 0;
    next_frame = piece_end = nullptr;
    read_pieces = 0;
    read_incidents = 0;
}

std::span<std::byte> Inbox::Batch::grow(std::size_t bytes) {
    const std::size_t before = copied.size();
    copied.resize(before + bytes);
    frame_bytes += bytes;
    const bool incident_between = !incidents.empty() && incidents.back().at == pieces.size();
    if (pieces.empty() || pieces.back().slab != nullptr || incident_between)
        pieces.push_back({nullptr, before, before + bytes});
    else
        pieces.back().end += bytes;
    return std::span(copied).subspan(before);
}

void Inbox::Batch::copy(std::span<const std::byte> frames) {
    std::copy(frames.begin(), frames.end(), grow(frames.size()).begin());
}

bool Inbox::Batch::begin_piece() noexcept {
    if (read_pieces == pieces.size()) return false;
    const Piece& piece = pieces[read_pieces++];
    const std::byte* const memory = piece.slab == nullptr ? copied.data() : piece.slab;
    next_frame = memory + piece.begin;
    piece_end = memory + piece.end;
    return true;
}

const Incident* Inbox::Batch::take_incident() noexcept {
    if (read_incidents == incidents.size() || incidents[read_incidents].at > read_pieces)
        return nullptr;
    return &incidents[read_incidents++].incident;
}

void Inbox::wake_reader() {
    {
        const std::lock_guard lock(mutex_);
        if (!reader_waits_ || (filling_.empty() && !ended_)) return;
        reader_waits_ = false;
    }
    mail_.ring();
}

void Inbox::Filling::add_frames(std::span<const std::byte> frames, std::unique_ptr<Slab>& slab) {
    Batch& batch = inbox_.filling_;
    if (!slab || frames.size() < handed_over_bytes_min) return batch.copy(frames);
    const auto begin = static_cast<std::size_t>(frames.data() - slab->data());
    batch.pieces.push_back({slab->data(), begin, begin + frames.size()});
    batch.slabs.push_back(std::move(slab));
    batch.frame_bytes += frames.size();
}

void Inbox::Filling::add(const MessageView& message) {
    const std::span<std::byte> room = inbox_.filling_.grow(wire::publish_frame_bytes(
        message.ident.size(), message.channel.size(), message.payload.size()));
    wire::encode_publish(room, message.ident, message.channel, message.payload);
}

void Inbox::Filling::add(Incident incident) {
    Batch& batch = inbox_.filling_;
    if (batch.incidents.size() == troubles_max) {
        if (incident.kind == Incident::Kind::connected) return;
        batch.incidents.pop_back();
    }
    batch.incidents.push_back({std::move(incident), batch.pieces.size()});
}

void Inbox::Filling::end(Incident last) {
    if (inbox_.ended_) return;
    inbox_.last_ = std::move(last);
    inbox_.ended_ = true;
}

// Only here are slabs freed: the receiver may still be looking at one that the reader is through
// with.
std::unique_ptr<Inbox::Slab> Inbox::new_slab() {
    const std::lock_guard lock(mutex_);
    while (spare_.size() > spare_slabs_max)
        spare_.pop_back();
    if (spare_.empty()) return std::make_unique_for_overwrite<Slab>();
    std::unique_ptr<Slab> slab = std::move(spare_.back());
    spare_.pop_back();
    return slab;
}

bool Inbox::has_room() {
    const std::lock_guard lock(mutex_);
    receiver_waits_ = filling_.frame_bytes >= inbox_bytes_max;
    return !receiver_waits_;
}

Inbox::Kind Inbox::wait_for_next(Timeout& timeout, MessageView& message) {
    for (;;) {
        if (stopped()) return Kind::stopped;
        if (reading_.take(message)) return Kind::message;
        incident_ = reading_.take_incident();
        if (incident_ != nullptr) return Kind::incident;
        if (reading_.begin_piece() || swap()) continue;
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
    for (std::unique_ptr<Slab>& slab : reading_.slabs)
        spare_.push_back(std::move(slab));
    reading_.clear();
    std::swap(reading_, filling_);
    if (std::exchange(receiver_waits_, false)) room_.notify();
    return true;
}

void Inbox::stop() noexcept {
    stopped_.store(true, std::memory_order_relaxed);
    mail_.ring();
}

}  // namespace hpfeeds::client
