// SPDX-License-Identifier: Apache-2.0
// ticket_keys.hpp: the keys that seal session tickets: a client keeps its own TLS session, and the
// broker only the key to it.
//
//   current (seals and opens) ──ticket_key_age──> previous (opens, and has a new ticket sent) ──>
//   gone
//
// They outlive a certificate that is renewed, so that sensors resume their sessions after a
// roll-over too; and they change with time, so that a stolen key opens little.
//
// Threads  made anywhere, then used by the one thread that does handshakes.
// Errors   the constructor and seal() throw hpfeeds::Error when the system has no randomness; a
// ticket that does not open means a full handshake, and no more.
#pragma once

#include "net/limits.hpp"

#include <array>
#include <chrono>
#include <optional>

typedef struct evp_cipher_ctx_st EVP_CIPHER_CTX;
typedef struct evp_mac_ctx_st EVP_MAC_CTX;
typedef struct ssl_st SSL;
typedef struct ssl_ctx_st SSL_CTX;

namespace hpfeeds::net {

class TicketKeys {
public:
    using Clock = std::chrono::steady_clock;

    explicit TicketKeys(Clock::time_point now = Clock::now());

    // From here on `context` seals and opens its tickets with these keys, which must outlive every
    // handshake it does.
    void serve(SSL_CTX* context) noexcept;

    // Changes the keys when they are old enough. False, and nothing has changed, when the system
    // has no randomness.
    bool age(Clock::time_point now) noexcept;

private:
    struct Key {
        std::array<unsigned char, 16> name;
        std::array<unsigned char, 32> cipher;
        std::array<unsigned char, 32> mac;
    };
    [[nodiscard]] static bool draw(Key& key) noexcept;
    [[nodiscard]] const Key* named(const unsigned char* name) const noexcept;
    static int on_ticket(SSL* ssl, unsigned char* name, unsigned char* iv, EVP_CIPHER_CTX* cipher,
                         EVP_MAC_CTX* mac, int sealing) noexcept;

    Key current_;
    std::optional<Key> previous_;
    Clock::time_point drawn_at_;
};

}  // namespace hpfeeds::net
