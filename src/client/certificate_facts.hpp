// SPDX-License-Identifier: Apache-2.0
// certificate_facts.hpp: what a certificate says of itself, for people.
//
// Every text is its maker's: show it through one_line().
//
// Threads  values; any.    Errors  none: what cannot be read is empty.
#pragma once

#include <chrono>
#include <cstddef>
#include <string>
#include <vector>

// OpenSSL's X509, without its headers.
struct x509_st;

namespace hpfeeds::client {

inline constexpr std::size_t certificate_names_max = 32;  // more are left out

struct CertificateFacts {
    std::string subject;             // "CN = broker.example"
    std::string issuer;              // the same, of who signed it
    std::vector<std::string> names;  // the DNS names and addresses for which it is good
    std::chrono::system_clock::time_point begins;
    std::chrono::system_clock::time_point ends;
    bool self_signed = false;
};
[[nodiscard]] CertificateFacts facts_of(const x509_st* certificate);

}  // namespace hpfeeds::client
