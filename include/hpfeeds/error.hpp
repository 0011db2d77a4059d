// SPDX-License-Identifier: Apache-2.0
// error.hpp: what can go wrong, for those who catch it and for those who look at an error_code.
//
// Every call of the client libraries that can fail comes in two forms: one throws hpfeeds::Error,
// one fills a std::error_code. Error::code() is that same code. What the system says (connection
// refused, no route) stays in the system's own category; Errc is the rest. Trouble sorts all of
// them by what one does about it:
//
//     if (error == hpfeeds::Trouble::network) return;   // the client is already trying again
//     if (error == hpfeeds::Errc::authentication_failed) ask_for_another_secret();
//
// The text of an Error is one line for a person: what went wrong, where (file, line, field; host
// and port), and what to do about it. It never holds a secret.
//
// Threads  values; any.
#pragma once

#include "hpfeeds/export.hpp"

#include <stdexcept>
#include <string>
#include <system_error>

namespace hpfeeds {

enum class Errc {
    closed_by_broker = 1,   // the broker ended the connection, or nothing is open
    timed_out,              // the deadline passed first
    interrupted,            // stop() was called
    host_not_found,         // the name has no address
    certificate_unusable,   // the file with trusted certificates cannot be read
    certificate_refused,    // the broker's certificate is not trusted, or is not for its name
    tls_failed,             // the handshake or a record failed for another reason
    ident_too_long,         // more than 255 bytes
    channel_too_long,       // more than 255 bytes
    payload_too_large,      // the frame would be longer than a PUBLISH may be
    authentication_failed,  // the broker's ERROR: it does not know the ident, or not this secret
    publish_refused,        // the broker's ERROR: the ident may not publish on that channel
    subscribe_refused,      // the broker's ERROR: the ident may not subscribe to that channel
    reader_too_slow,        // the broker's ERROR: it gave up waiting for us to read
    refused,                // any other ERROR of the broker
    not_hpfeeds,            // what the other side sends is not this protocol
    closed,                 // the client was closed before
    no_room,                // more waits to be sent than the outbox may hold
    unsent,                 // the end came before everything was sent
    unconfirmed,            // all was sent, but the broker did not say by its end that it was read
    spool_unusable,         // the spool file cannot be opened, read or written, or is damaged
    spool_locked,           // another process has this spool file
    spool_full,             // no space on the device, or a message above the spool's own bound
};

// What to do about an error, for `code == Trouble::…`.
enum class Trouble {
    network = 1,  // no connection, or a lost one: trying again may help, and the client does
    refusal,      // the broker heard us and said no: somebody has to change keys or permissions
    trust,        // the other side is not what it should be: a certificate, or another protocol
    usage,        // what was asked for cannot be said in this protocol
    storage,      // the spool file
};

[[nodiscard]] HPFEEDS_EXPORT const std::error_category&
error_category() noexcept;  // of Errc, "hpfeeds"
[[nodiscard]] HPFEEDS_EXPORT const std::error_category& trouble_category() noexcept;  // of Trouble
// For `std::error_code code = Errc::…`.
[[nodiscard]] inline std::error_code make_error_code(Errc value) noexcept {
    return {static_cast<int>(value), error_category()};
}
// For `code == Trouble::…`.
[[nodiscard]] inline std::error_condition make_error_condition(Trouble value) noexcept {
    return {static_cast<int>(value), trouble_category()};
}

class HPFEEDS_EXPORT Error : public std::runtime_error {
public:
    // `what` is one line for a person.
    explicit Error(const std::string& what, std::error_code code = {})
        : std::runtime_error(what), code_(code) {}

    // Empty for errors that have nothing but their text.
    [[nodiscard]] const std::error_code& code() const noexcept { return code_; }

private:
    std::error_code code_;
};

}  // namespace hpfeeds

template <>
struct std::is_error_code_enum<hpfeeds::Errc> : std::true_type {};
template <>
struct std::is_error_condition_enum<hpfeeds::Trouble> : std::true_type {};
