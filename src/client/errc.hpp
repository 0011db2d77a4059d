// SPDX-License-Identifier: Apache-2.0
// errc.hpp: what can go wrong between a client and its broker, as std::error_code.
//
// What the system says (connection refused, no route) stays in the system's own category; these are
// the rest.
#pragma once

#include <system_error>

namespace hpfeeds::client {

enum class Errc {
    closed_by_broker = 1,  // the broker ended the connection, or nothing is open
    timed_out,             // the deadline passed first
    interrupted,           // the wake descriptor became readable
    host_not_found,        // the name has no address
    certificate_unusable,  // the file with trusted certificates cannot be read
    certificate_refused,   // the broker's certificate is not trusted, or is not for its name
    tls_failed,            // the handshake or a record failed for another reason
    ident_too_long,        // more than 255 bytes
    channel_too_long,      // more than 255 bytes
    payload_too_large,     // the frame would be longer than a PUBLISH may be
};

[[nodiscard]] const std::error_category& error_category() noexcept;
[[nodiscard]] inline std::error_code make_error_code(Errc value) noexcept {
    return {static_cast<int>(value), error_category()};
}

}  // namespace hpfeeds::client

template <>
struct std::is_error_code_enum<hpfeeds::client::Errc> : std::true_type {};
