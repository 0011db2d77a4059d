// SPDX-License-Identifier: Apache-2.0
// publish_rates.hpp: how many messages and bytes a second the sessions of one ident may publish,
// all shards together.
//
// A bucket for each ident and each of the two, as one number: until when the ident has used up what
// it may. Using moves it into the future, time goes by, and an ident that has been silent has one
// second's worth in hand. Sessions buy slices (core/shard_rates.cpp), so that a bucket is touched
// a few dozen times a second and not for every message; what is bought is counted at once, so that
// the rate holds over all sessions and shards.
//
// The buckets are numbered like the entries of the PlaceTable in which the idents have their
// places. Rates can change: then a new generation begins, in which nobody has used anything yet.
//
// Units      messages, bytes, a second.
// Threads    any.
// Errors     nothing throws but the constructor (std::bad_alloc).
#pragma once

#include "core/limits.hpp"
#include "core/session.hpp"

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>

namespace hpfeeds::core {

class PublishRates {
public:
    enum class Kind : std::uint8_t { frames, bytes };
    static constexpr std::size_t kind_count = 2;

    // 0: any number of that kind.
    PublishRates(std::size_t entries, std::uint64_t frames_per_second,
                 std::uint64_t bytes_per_second);

    // From now on. Sessions learn of it by the generation, and begin() again.
    void set(std::uint64_t frames_per_second, std::uint64_t bytes_per_second) noexcept;
    [[nodiscard]] std::uint32_t generation() const noexcept {
        return generation_.load(std::memory_order_acquire);
    }

    // A session of the ident with this hash begins with a place in `entry`. What another ident that
    // stood there before has used is forgotten, and what was used in an earlier generation.
    void begin(std::uint32_t entry, std::uint64_t hash) noexcept;

    // Uses `amount`; returns until when the ident may publish no more: now, or earlier, if it may.
    [[nodiscard]] Instant use(Kind kind, std::uint32_t entry, std::int64_t amount,
                              Instant now) noexcept;

    [[nodiscard]] bool bounds(Kind kind) const noexcept { return per_second(kind) != 0; }
    [[nodiscard]] bool bounds_any() const noexcept {
        return bounds(Kind::frames) || bounds(Kind::bytes);
    }
    // What a session buys at once.
    [[nodiscard]] std::int64_t slice(Kind kind) const noexcept {
        return static_cast<std::int64_t>(per_second(kind) / rate_slices_per_second) + 1;
    }
    // What is read from a publisher at once, so that it is not far over when it is stopped.
    [[nodiscard]] std::size_t read_bytes_max() const noexcept {
        return read_bytes_max_.load(std::memory_order_relaxed);
    }

private:
    struct Bucket {
        std::uint64_t owner;
        std::array<std::int64_t, kind_count> until_ns;
    };
    struct Free {
        void operator()(Bucket* buckets) const noexcept { std::free(buckets); }
    };
    [[nodiscard]] static constexpr std::size_t index(Kind kind) noexcept {
        return static_cast<std::size_t>(kind);
    }

    [[nodiscard]] std::uint64_t per_second(Kind kind) const noexcept {
        return per_second_[index(kind)].load(std::memory_order_relaxed);
    }
    void take(std::uint64_t frames_per_second, std::uint64_t bytes_per_second) noexcept;

    std::array<std::atomic<std::uint64_t>, kind_count> per_second_{};
    std::atomic<std::size_t> read_bytes_max_{0};
    std::atomic<std::uint32_t> generation_{0};
    std::unique_ptr<Bucket[], Free> buckets_;  // pages that nobody used are not there
};

}  // namespace hpfeeds::core
