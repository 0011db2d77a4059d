// SPDX-License-Identifier: Apache-2.0
// certificates.hpp: keys and certificates as a test wants them: good, expired, another's.
//
// Made with OpenSSL's library; nothing of src/ is used.
#pragma once

#include <chrono>
#include <string>

namespace hpfeeds::support {

// A private key with its certificate, as PEM.
struct Identity {
    std::string key;
    std::string certificate;
};

struct CertificateWish {
    std::string name = "localhost";    // the CN, and a DNS name; 127.0.0.1 and ::1 are added
    const Identity* issuer = nullptr;  // null: signed by itself
    bool authority = false;            // may sign others
    bool rsa = false;                  // RSA of 2048 bits; otherwise ECDSA on P-256
    std::chrono::hours begins_in{-1};
    std::chrono::hours ends_in{24};
    bool nameless = false;      // no CN at all
    std::string second_name{};  // one more CN
};

[[nodiscard]] Identity make_identity(const CertificateWish& wish = {});

// The key again, under a passphrase.
[[nodiscard]] std::string encrypted_key(const Identity& identity, const std::string& passphrase);

}  // namespace hpfeeds::support
