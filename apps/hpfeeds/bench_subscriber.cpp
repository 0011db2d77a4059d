// SPDX-License-Identifier: Apache-2.0
#include "bench_subscriber.hpp"

#include "bench_stamp.hpp"

#include <algorithm>
#include <utility>

namespace hpfeeds::cli::bench {

bool Subscriber::hear(std::string_view unread, std::uint64_t now, Notes& notes,
                      std::string& replies, std::string& rest) {
    using What = Dialect::Heard::Kind;
    const Dialect& dialect = *plan_.dialect;
    for (;;) {
        const std::size_t skipped = std::min(skip_bytes_, unread.size());
        skip_bytes_ -= skipped;
        unread.remove_prefix(skipped);
        if (unread.empty()) return true;
        const Dialect::Heard heard = dialect.understand(unread);
        switch (heard.kind) {
            case What::message:
                check(unread, heard, now, notes);
                break;
            case What::other:
                replies += heard.reply;
                break;
            case What::refusal:
                refusal_ = heard.text;
                break;
            case What::incomplete:
                if (unread.size() >= head_bytes_max) return false;
                rest.append(unread);
                return true;
            case What::nonsense:
                return false;
        }
        skip_bytes_ = heard.frame_bytes;
    }
}

void Subscriber::check(std::string_view unread, const Dialect::Heard& heard, std::uint64_t now,
                       Notes& notes) {
    if (ledgers_.empty()) return;
    const Stamp stamp = Stamp::read(unread.data() + heard.payload_at);
    if (stamp.run != plan_.run) return;  // somebody else uses the channel
    const std::uint64_t payload_bytes = heard.frame_bytes - heard.payload_at - plan_.tail.size();
    if (stamp.publisher >= ledgers_.size() ||
        payload_bytes != plan_.kinds[plan_.kind_of(stamp.publisher)].payload_bytes) {
        notes.tallies.corrupt.add(1);
        return;
    }
    Seen& seen = ledgers_[stamp.publisher];
    if (stamp.sequence == 0) {
        if (!std::exchange(seen.probe, true)) board_.probes_seen[stamp.publisher].fetch_add(1);
        return;
    }
    notes.tallies.delivered.add(1);
    notes.tallies.delivered_bytes.add(heard.frame_bytes);
    switch (seen.ledger.receive(stamp.sequence)) {
        case Ledger::Verdict::in_order:
            break;
        case Ledger::Verdict::reordered:
            notes.tallies.reordered.add(1);
            break;
        case Ledger::Verdict::duplicated:
            notes.tallies.duplicated.add(1);
            return;
    }
    if (stamp.due_ns >= board_.window_begin_ns.load(std::memory_order_relaxed) &&
        stamp.due_ns < board_.window_end_ns.load(std::memory_order_relaxed))
        notes.latencies[plan_.kind_of(stamp.publisher)]->add(now > stamp.due_ns ? now - stamp.due_ns
                                                                                : 0);
}

std::uint64_t Subscriber::lost(std::span<const std::uint64_t> sent) const noexcept {
    std::uint64_t sum = 0;
    for (std::size_t i = 0; i < ledgers_.size(); ++i)
        sum += ledgers_[i].ledger.lost(sent[i]);
    return sum;
}

}  // namespace hpfeeds::cli::bench
