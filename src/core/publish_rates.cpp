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
    : per_second_{frames_per_second, bytes_per_second},
      read_bytes_max_(bytes::slab_bytes),
      buckets_(static_cast<Bucket*>(std::calloc(entries, sizeof(Bucket)))) {
    if (!buckets_) throw std::bad_alloc();
    const auto read_at_most = [&](std::uint64_t bytes) {
        read_bytes_max_ = std::clamp<std::size_t>(bytes, rated_read_bytes_min, read_bytes_max_);
    };
    // An eighth of a second's worth; of messages, as if they had 64 bytes.
    if (bounds(Kind::frames)) read_at_most(frames_per_second * 64 / 8);
    if (bounds(Kind::bytes)) read_at_most(bytes_per_second / 8);
}

void PublishRates::begin(std::uint32_t entry, std::uint64_t hash) noexcept {
    Bucket& bucket = buckets_[entry];
    if (std::atomic_ref(bucket.owner).exchange(hash, std::memory_order_relaxed) == hash) return;
    for (std::int64_t& until_ns : bucket.until_ns)
        std::atomic_ref(until_ns).store(0, std::memory_order_relaxed);
}

Instant PublishRates::use(Kind kind, std::uint32_t entry, std::int64_t amount,
                          Instant now) noexcept {
    const std::int64_t now_ns = nanoseconds_of(now);
    const auto per_second = static_cast<std::int64_t>(per_second_[index(kind)]);
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
