// SPDX-License-Identifier: Apache-2.0
// bench_wire.hpp: the socket of one connection of a bench: plain TCP, or TLS on it. Never waits.
//
// Threads    one owner.    Ownership  owns the descriptor.
// Errors     Step::ended; why() says more, unless the broker just closed.
#pragma once

#include "client/tls_session.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace hpfeeds::cli::bench {

class Wire {
public:
    enum class Step : std::uint8_t { moved, waits, ended };

    Wire() = default;
    ~Wire() { close(); }
    Wire(const Wire&) = delete;
    Wire& operator=(const Wire&) = delete;

    void take(int descriptor) noexcept { descriptor_ = descriptor; }
    [[nodiscard]] int descriptor() const noexcept { return descriptor_; }
    [[nodiscard]] bool is_open() const noexcept { return descriptor_ >= 0; }
    // Says goodbye first, if there is TLS.
    void close() noexcept;

    // From here on TLS; handshake() until it has moved, then read() and write().
    void encrypt(const std::string& host, std::shared_ptr<const client::TlsContext> context);
    [[nodiscard]] Step handshake();
    [[nodiscard]] bool is_encrypted() const noexcept { return tls_ != nullptr; }

    // What is there, as far as `room` reaches.
    [[nodiscard]] Step read(std::span<char> room, std::size_t& taken);
    // With TLS up to a record more may be taken than the system took; it is owed, and goes first.
    [[nodiscard]] Step write(std::string_view bytes, std::size_t& taken);
    // What is owed; moved when nothing is any more.
    [[nodiscard]] Step write_owed();

    // What was read from the system and not yet told, so that epoll cannot know of it.
    [[nodiscard]] bool has_more() const noexcept { return has_more_; }
    // Whether it waits for room in the system's buffer, beyond what write() did not take.
    [[nodiscard]] bool wants_room() const noexcept { return wants_room_ || !owed_.empty(); }

    [[nodiscard]] const std::string& why() const noexcept { return why_; }
    // "TLSv1.3, TLS_AES_256_GCM_SHA384". Requires: is_encrypted(), after the handshake.
    [[nodiscard]] std::string description() const { return tls_->description(); }

private:
    Step system_failed();
    Step tls_failed();

    int descriptor_ = -1;
    std::unique_ptr<client::TlsSession> tls_;
    std::string owed_;  // plaintext of a record that the system did not take
    bool has_more_ = false;
    bool wants_room_ = false;  // to go on with a handshake, or to answer a change of keys
    std::string why_;
};

}  // namespace hpfeeds::cli::bench
