// SPDX-License-Identifier: Apache-2.0
// request_ring.hpp: look-ups that wait for a worker: bounded, without locks, without allocation
// after construction.
//
// Each place carries a sequence number that says whose turn it is. For place p, ring size n: `p +
// k·n` means free for the push of that number, `p + k·n + 1` means filled by it. A push or a pop
// first claims its number, then has the place to itself until it publishes the next sequence
// number.
//
// Threads  any number push and pop at once.    Errors  values.
#pragma once

#include "auth/limits.hpp"
#include "core/account.hpp"

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string_view>

namespace hpfeeds::auth {

// One look-up, as a plain value. `opened_ns` is the steady clock's nanoseconds when it was made; 0
// if nobody counts.
struct Request {
    std::uint32_t shard = 0;
    std::uint32_t session_index = 0;
    std::uint32_t session_generation = 0;
    core::Purpose purpose = core::Purpose::login;
    std::uint64_t opened_ns = 0;
    std::uint8_t ident_bytes = 0;
    std::array<char, ident_bytes_max> ident_storage{};

    // False when it is longer than any ident can be; nothing changes then.
    [[nodiscard]] bool set_ident(std::string_view ident) noexcept {
        if (ident.size() > ident_storage.size()) return false;
        ident_bytes = static_cast<std::uint8_t>(ident.size());
        if (!ident.empty()) std::memcpy(ident_storage.data(), ident.data(), ident.size());
        return true;
    }
    [[nodiscard]] std::string_view ident() const noexcept {
        return {ident_storage.data(), ident_bytes};
    }
};

class RequestRing {
public:
    // Requires: size >= 2, or a filled place could not be told from a free one.
    explicit RequestRing(std::size_t size);

    // False when the ring is full.
    [[nodiscard]] bool push(const Request& request) noexcept;
    // False when it is empty, or when the oldest is still being written.
    [[nodiscard]] bool pop(Request& out) noexcept;
    // True a moment ago.
    [[nodiscard]] std::size_t size() const noexcept;

private:
    struct Place {
        std::atomic<std::uint64_t> sequence{0};
        Request request;
    };
    static constexpr std::size_t cache_line_bytes = 64;

    const std::size_t places_count_;
    const std::unique_ptr<Place[]> places_;
    alignas(cache_line_bytes) std::atomic<std::uint64_t> pushed_{0};
    alignas(cache_line_bytes) std::atomic<std::uint64_t> popped_{0};
};

}  // namespace hpfeeds::auth
