// SPDX-License-Identifier: Apache-2.0
// failed_logins.hpp: how long the answer to a failed login waits, by how many came from its address
// before.
//
// An address may fail once a pause. Each failure adds one pause to what the address owes, and is
// answered when that is over: five at once are answered one after another. Nothing but the answer
// waits: a right login from the same address is granted at once, and nobody is locked out by a
// neighbour behind the same address.
//
// What an address owes is one word of a table that all shards share, changed by compare-and-swap,
// and looked at by failed logins alone. An address may stand in one of eight words. Where all eight
// are owed more than one pause by others, it is not written down and pauses once: a crowd of
// addresses makes the broker forget newcomers, never whom it slows already.
//
// Threads  any.
// Errors   nothing throws but the constructor (std::bad_alloc).
#pragma once

#include "core/limits.hpp"
#include "core/session.hpp"

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace hpfeeds::core {

class FailedLogins {
public:
    explicit FailedLogins(std::size_t addresses = failed_addresses_max);

    // A login from the address with this hash has failed. How long its answer waits: `pause` at the
    // least, `most` at the most. Requires: 0 < pause <= most.
    [[nodiscard]] std::chrono::milliseconds add(std::uint64_t hash, Instant now,
                                                std::chrono::milliseconds pause,
                                                std::chrono::milliseconds most) noexcept;

    // Failures whose address was not written down.
    [[nodiscard]] std::uint64_t uncounted() const noexcept {
        return uncounted_.load(std::memory_order_relaxed);
    }

private:
    // Of a word: below, until when it owes, in milliseconds of the steady clock; above, what is
    // left of the hash.
    static constexpr unsigned until_bits = 40;  // 34 years
    static constexpr std::uint64_t until_mask = (std::uint64_t{1} << until_bits) - 1;
    static constexpr std::size_t words_of_set = 8;
    struct alignas(64) Set {
        std::array<std::atomic<std::uint64_t>, words_of_set> words{};
    };

    std::vector<Set> sets_;
    std::atomic<std::uint64_t> uncounted_{0};
};

}  // namespace hpfeeds::core
