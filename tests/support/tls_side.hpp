// SPDX-License-Identifier: Apache-2.0
// tls_side.hpp: the client's half of TLS as bytes in and bytes out; WireClient moves them.
#pragma once

#include <memory>
#include <string>
#include <string_view>

namespace hpfeeds::support {

inline constexpr int tls12 = 0x0303;
inline constexpr int tls13 = 0x0304;

// How a test client speaks TLS.
struct TlsTerms {
    std::string trusted_file = {};      // PEM: who may have signed the broker's certificate
    std::string certificate_file = {};  // PEM: shown when the broker asks
    std::string key_file = {};
    int version = 0;           // tls12 or tls13; 0: the newest that both know
    std::string session = {};  // of an earlier connection
};

class TlsSide {
public:
    explicit TlsSide(const TlsTerms& terms);
    ~TlsSide();

    // Drives the handshake; true once it is done. Throws std::runtime_error when it fails.
    bool shake_hands();
    // What came during the handshake.
    void take_in(std::string_view ciphertext);
    // Plaintext into records; take_output() has them.
    void encrypt(std::string_view plaintext);
    // Whatever came into plaintext, appended to `plaintext`. False when a record is broken, or an
    // alert came.
    bool decrypt(std::string_view ciphertext, std::string& plaintext);
    [[nodiscard]] std::string take_output();
    void say_goodbye();
    [[nodiscard]] bool heard_goodbye() const;
    // New keys for what we send, and, if asked for, for what the broker sends.
    void change_keys(bool ask_for_theirs);
    // What a later connection may resume, and whether this one did.
    [[nodiscard]] std::string session() const;
    [[nodiscard]] bool resumed() const;
    // The serial number of the broker's certificate, in hex.
    [[nodiscard]] std::string peer_serial() const;

private:
    struct State;  // keeps OpenSSL's headers out of this one
    std::unique_ptr<State> state_;
};

}  // namespace hpfeeds::support
