// SPDX-License-Identifier: Apache-2.0
#include "bench_publisher.hpp"

#include "bench_stamp.hpp"

#include <algorithm>
#include <cstring>
#include <iterator>
#include <limits>

namespace hpfeeds::cli::bench {

Publisher::Publisher(const Plan& plan, unsigned number)
    : plan_(plan),
      kind_(plan.kinds[plan.kind_of(number)]),
      number_(number),
      interval_ns_(kind_.interval_ns),
      last_sequence_(plan.options.count ? plan.options.count
                                        : std::numeric_limits<std::uint64_t>::max()) {}

void Publisher::start(std::uint64_t begin_ns) {
    // Publishers of one rate take turns.
    due_ns_ = static_cast<double>(begin_ns) +
              interval_ns_ * static_cast<double>(number_) / plan_.options.publishers;
}

std::string_view Publisher::pending(std::uint64_t now) {
    if (empty()) fill(now);
    return {batch_.data() + sent_bytes_, end_bytes_ - sent_bytes_};
}

std::uint64_t Publisher::sent(std::size_t bytes) noexcept {
    sent_bytes_ += bytes;
    const std::size_t before = slot_sent_;
    while (slot_sent_ < slot_count_ && slots_[slot_sent_].end <= sent_bytes_)
        ++slot_sent_;
    return slot_sent_ - before;
}

void Publisher::stop() noexcept {
    if (ended()) return;
    std::size_t kept = slot_sent_;
    if (kept < slot_count_ && slots_[kept].offset < sent_bytes_) ++kept;
    sequence_ -= slot_count_ - kept;
    slot_count_ = kept;
    end_bytes_ = kept == 0 ? 0 : slots_[kept - 1].end;
    if (kept == 0) sent_bytes_ = 0;
    last_sequence_ = sequence_;
}

std::string Publisher::probe(std::uint64_t now) const {
    // On the channel that a subscriber asks for last.
    std::string frame = kind_.heads.back();
    const std::size_t payload_at = frame.size();
    frame.append(kind_.payload_bytes, 'p').append(plan_.tail);
    Stamp{plan_.run, number_, 0, now}.write(frame.data() + payload_at);
    return frame;
}

// A frame for the right channel that lies at the right place from an earlier batch is only stamped:
// for one channel, and for few, that is every frame.
void Publisher::fill(std::uint64_t now) {
    slot_count_ = slot_sent_ = sent_bytes_ = end_bytes_ = 0;
    const std::size_t channels = kind_.heads.size();
    for (std::size_t i = 0;; ++i) {
        if (sequence_ >= last_sequence_) break;
        if (paced() && due_ns_ > static_cast<double>(now)) break;
        const std::size_t channel = sequence_ % channels;
        const std::size_t end =
            end_bytes_ + kind_.heads[channel].size() + kind_.payload_bytes + plan_.tail.size();
        if (i > 0 && end > batch_bytes) break;
        if (i == slots_.size()) slots_.push_back({});
        Slot& slot = slots_[i];
        if (slot.offset != end_bytes_ || slot.end != end || slot.channel != channel) {
            slot = {end_bytes_, end, channel};
            write_frame(i);
        }
        const std::uint64_t due = paced() ? due_ns() : now;
        Stamp{plan_.run, number_, ++sequence_, due}.write(batch_.data() + slot.offset +
                                                          kind_.heads[channel].size());
        due_ns_ += interval_ns_;
        end_bytes_ = end;
        slot_count_ = i + 1;
    }
}

void Publisher::write_frame(std::size_t index) {
    const Slot& slot = slots_[index];
    if (batch_.size() < slot.end) batch_.resize(slot.end);
    const std::string& head = kind_.heads[slot.channel];
    auto at = batch_.begin() + static_cast<std::ptrdiff_t>(slot.offset);
    at = std::copy(head.begin(), head.end(), at) + sizeof(Stamp);
    at = std::copy_n(plan_.filler.begin(), kind_.payload_bytes - sizeof(Stamp), at);
    std::copy(plan_.tail.begin(), plan_.tail.end(), at);
    // A longer name than before: what lay behind is no longer whole.
    for (std::size_t i = index + 1; i < slots_.size(); ++i) {
        if (slots_[i].offset == nowhere) continue;
        if (slots_[i].offset >= slot.end) break;
        slots_[i].offset = nowhere;
    }
}

}  // namespace hpfeeds::cli::bench
