// SPDX-License-Identifier: Apache-2.0
// counted_names.hpp: which names metrics tell by name, where several shards count: every one of
// them would fill the bounds of core/limits.hpp with names of its own, and all together would tell
// as many times more.
//
// A set of hashes (core/keyed_hash.hpp) that only grows, up to its bound. It is looked at when a
// shard meets a name for the first time, never for a message, and has no lock: a word is written
// once, by compare-and-swap.
//
// Threads  any. Two that bring the last names at once may both be told that there is no room.
// Errors   nothing throws but the constructor (std::bad_alloc).
#pragma once

#include "core/limits.hpp"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>

namespace hpfeeds::core {

class NameSet {
public:
    explicit NameSet(std::size_t names_max);

    // Whether the name with this hash is among them, now if it was not.
    [[nodiscard]] bool admit(std::uint64_t hash) noexcept;
    [[nodiscard]] std::size_t size() const noexcept {
        return size_.load(std::memory_order_relaxed);
    }

private:
    struct Free {
        void operator()(std::uint64_t* words) const noexcept { std::free(words); }
    };
    const std::size_t names_max_;
    const std::size_t mask_;
    std::atomic<std::size_t> size_{0};
    std::unique_ptr<std::uint64_t[], Free> words_;  // pages that nobody used are not there
};

struct CountedNames {
    NameSet idents{counted_idents_max};
    NameSet strangers{counted_strangers_max};
    NameSet channels{counted_channels_max};
    NameSet unlisted_channels{counted_unlisted_channels_max};
};

}  // namespace hpfeeds::core
