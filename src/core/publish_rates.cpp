// SPDX-License-Identifier: Apache-2.0
#include "core/publish_rates.hpp"

#include <algorithm>
#include <atomic>
#include <new>

namespace hpfeeds::core {
namespace {

constexpr std::int64_t second_ns = 1'000'000'000;

std::int64_t nanoseconds_of(Instant instant) noexcept {
    return std::chrono::duration_cast<std::chrono::nanoseconds>(instant.time_since_epoch()).count();
}

}  // namespace

PublishRates::PublishRates(std::size_t entries, std::uint64_t frames_per_second,
                           std::uint64_t bytes_per_second)
    : buckets_(static_cast<Bucket*>(std::calloc(entries, sizeof(Bucket)))) {
    if (!buckets_) throw std::bad_alloc();
    take(frames_per_second, bytes_per_second);
}

void PublishRates::take(std::uint64_t frames_per_second, std::uint64_t bytes_per_second) noexcept {
    std::size_t read_bytes_max = bytes::slab_bytes;
    const auto read_at_most = [&](std::uint64_t bytes) {
        read_bytes_max = std::clamp<std::size_t>(bytes, rated_read_bytes_min, read_bytes_max);
    };
    // An eighth of a second's worth; of messages, as if they had 64 bytes.
    if (frames_per_second != 0) read_at_most(frames_per_second * 64 / 8);
    if (bytes_per_second != 0) read_at_most(bytes_per_second / 8);
    per_second_[index(Kind::frames)].store(frames_per_second, std::memory_order_relaxed);
    per_second_[index(Kind::bytes)].store(bytes_per_second, std::memory_order_relaxed);
    read_bytes_max_.store(read_bytes_max, std::memory_order_relaxed);
}

void PublishRates::set(std::uint64_t frames_per_second, std::uint64_t bytes_per_second) noexcept {
    if (frames_per_second == per_second(Kind::frames) &&
        bytes_per_second == per_second(Kind::bytes))
        return;
    take(frames_per_second, bytes_per_second);
    generation_.fetch_add(1, std::memory_order_release);
}

void PublishRates::begin(std::uint32_t entry, std::uint64_t hash) noexcept {
    Bucket& bucket = buckets_[entry];
    const std::uint64_t owner = hash + generation();
    if (std::atomic_ref(bucket.owner).exchange(owner, std::memory_order_relaxed) == owner) return;
    for (std::int64_t& until_ns : bucket.until_ns)
        std::atomic_ref(until_ns).store(0, std::memory_order_relaxed);
}

Instant PublishRates::use(Kind kind, std::uint32_t entry, std::int64_t amount,
                          Instant now) noexcept {
    const std::int64_t now_ns = nanoseconds_of(now);
    const auto per_second = static_cast<std::int64_t>(this->per_second(kind));
    if (per_second == 0) return now;  // the bound is gone since the session bought its last slice
    const std::int64_t takes_ns =
        amount / per_second * second_ns + amount % per_second * second_ns / per_second;
    std::atomic_ref until(buckets_[entry].until_ns[index(kind)]);
    std::int64_t seen_ns = until.load(std::memory_order_relaxed);
    std::int64_t next_ns = 0;
    do {
        next_ns = std::max(seen_ns, now_ns - second_ns) + takes_ns;
    } while (!until.compare_exchange_weak(seen_ns, next_ns, std::memory_order_relaxed));
    return now + std::chrono::nanoseconds(next_ns - now_ns);
}

}  // namespace hpfeeds::core
