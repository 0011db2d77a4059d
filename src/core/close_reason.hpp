// SPDX-License-Identifier: Apache-2.0
// close_reason.hpp: why a connection ended. Each has one word for metrics and one sentence for
// people.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace hpfeeds::core {

enum class CloseReason : std::uint8_t {
    peer_closed,     // the peer said goodbye, or was a bare TCP probe (client-quirk 8)
    protocol_error,  // not hpfeeds: wire::Refusal says what
    first_message_not_auth,
    login_deadline,
    unknown_ident,
    wrong_secret,
    store_unavailable,     // no store could answer; never grants
    lookups_full,          // too many logins wait
    certificate_mismatch,  // the TLS client certificate names another ident
    ident_mismatch,        // PUBLISH with an ident that is not the login
    no_publish_permission,
    no_subscribe_permission,
    slow_deadline,  // over the high mark for the whole deadline
    slow_bytes,     // over the hard cap of one subscriber
    memory,         // the largest holder of message memory when the broker's cap was passed
    shutdown,
    key_removed,              // its key went away while it was logged in
    secret_changed,           // … or has another secret now
    too_many_subscriptions,   // a pattern grants endless channels, a session has a bound
    endpoint_publish_only,    // SUBSCRIBE at an endpoint with allow=publish
    endpoint_subscribe_only,  // PUBLISH at one with allow=subscribe
    ident_full,               // its ident has as many connections as one may have
};
inline constexpr std::size_t close_reason_count = 22;

[[nodiscard]] std::string_view label(CloseReason reason) noexcept;
[[nodiscard]] std::string_view describe(CloseReason reason) noexcept;

// The category under which PROTOCOL.md's connection_error counts it; empty when it is not an error
// there.
[[nodiscard]] std::string_view error_category(CloseReason reason) noexcept;

}  // namespace hpfeeds::core
