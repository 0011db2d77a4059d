// SPDX-License-Identifier: Apache-2.0
// challenge.hpp: how a client proves that it knows a secret without sending it: SHA-1(nonce ‖
// secret).
//
// Threads  any.    Errors  fill_random() throws hpfeeds::Error when the system has no randomness to
// give; the rest are values. SHA-1 is what the protocol says; nothing here rests on it being free
// of collisions.
#pragma once

#include "wire/limits.hpp"

#include <array>
#include <cstddef>
#include <span>
#include <string_view>

namespace hpfeeds::wire {

using Nonce = std::array<std::byte, nonce_bytes>;
using Digest = std::array<std::byte, digest_bytes>;

// Bytes from the system's CSPRNG. One call for many nonces is cheaper than many calls.
void fill_random(std::span<std::byte> out);

// `nonce` of any length: our clients accept what test brokers send (client-quirk 1).
[[nodiscard]] Digest digest_of(std::span<const std::byte> nonce, std::string_view secret) noexcept;

// In time that depends on the lengths alone. A claim of another length is wrong.
[[nodiscard]] bool equal_constant_time(std::span<const std::byte> claim,
                                       const Digest& expected) noexcept;

}  // namespace hpfeeds::wire
