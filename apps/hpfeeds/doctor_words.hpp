// SPDX-License-Identifier: Apache-2.0
// doctor_words.hpp: what happened on the network, in plain words. No I/O.
//
// Threads  any.    Errors  none.
#pragma once

#include "client/certificate_facts.hpp"

#include <chrono>
#include <string>
#include <string_view>
#include <system_error>

namespace hpfeeds::cli {

struct Words {
    std::string text;
    std::string advice;
};

// Why there is no connection to a Unix socket.
[[nodiscard]] Words words_for_socket_file(std::error_code error);
// Why there is no connection to an address.
[[nodiscard]] Words words_for_connect(std::error_code error, std::chrono::milliseconds waited);
// What the broker's refusal of a login, a subscription or a message means. `text` is the ERROR's.
[[nodiscard]] Words words_for_refusal(std::string_view text, const std::string& ident,
                                      const std::string& channel);

// Who else speaks like this, of the first bytes that were heard: "an SSH server"; empty: unknown.
[[nodiscard]] std::string stranger_that_says(std::string_view heard);

// "for broker.example, 192.0.2.7; by 'CN = Our CA'; valid until 2027-01-01 (66 days)"
[[nodiscard]] std::string certificate_text(const client::CertificateFacts& facts,
                                           std::chrono::system_clock::time_point now);
// What to do about a certificate that was refused with the words `why`.
[[nodiscard]] std::string certificate_advice(const client::CertificateFacts& facts,
                                             const std::string& host,
                                             std::chrono::system_clock::time_point now);
// Whether the certificate names `host` at all, as a name or a wildcard of one label.
[[nodiscard]] bool names_host(const client::CertificateFacts& facts, std::string_view host);

}  // namespace hpfeeds::cli
