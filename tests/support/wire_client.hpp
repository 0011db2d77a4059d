// SPDX-License-Identifier: Apache-2.0
// wire_client.hpp: one raw connection to a broker; a test says what goes over it, byte for byte;
// over TLS, if the address says so.
//
// Every call that waits has a deadline and throws std::runtime_error, with what was seen instead,
// when the expected thing does not come. Nothing is sent unasked: not even AUTH.
//
// Silence cannot be waited for. "Nothing comes" is shown by making something come behind it: a
// marker message that the broker can only deliver after whatever must not be there (marker() and
// expect_marker()).
#pragma once

#include "support/deadline.hpp"
#include "support/frames.hpp"
#include "support/tls_side.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace hpfeeds::support {

struct Address {
    std::string host = "127.0.0.1";  // or the path of a Unix socket, which has a slash
    std::uint16_t port = 0;
    std::optional<TlsTerms> tls{};  // none: plain TCP
    std::string preface{};          // said before anything else, TLS too
};

struct Login {
    std::string ident;
    std::string secret;
};

struct Info {
    std::string name;
    std::string nonce;
};

class WireClient {
public:
    // 0: the system's own size. A small one makes a reader that stalls soon.
    explicit WireClient(const Address& broker, int receive_buffer_bytes = 0);
    // Connects, reads INFO, sends AUTH.
    WireClient(const Address& broker, const Login& login, int receive_buffer_bytes = 0);
    ~WireClient();
    WireClient(WireClient&& other) noexcept;
    WireClient& operator=(WireClient&&) = delete;

    [[nodiscard]] int descriptor() const noexcept { return socket_; }
    [[nodiscard]] const Info& info() const noexcept { return info_; }
    [[nodiscard]] const std::string& ident() const noexcept { return login_.ident; }
    // Who publish(), subscribe() and settle() say we are, when AUTH was sent by hand.
    void set_ident(std::string ident) { login_.ident = std::move(ident); }
    // As the broker sees us: "127.0.0.1:40000".
    [[nodiscard]] std::string local_address() const;

    // Sending; whole or not at all, and never waiting for a reader longer than the deadline.
    void send(std::string_view bytes, Deadline deadline = Deadline{});
    // Sends as much as the broker takes without waiting; returns how many bytes that was. The
    // connection being gone counts as taking nothing.
    std::size_t send_some(std::string_view bytes);
    void auth(const Login& login);
    void publish(std::string_view channel, std::string_view payload);
    void subscribe(std::string_view channel);
    void unsubscribe(std::string_view channel);

    // Receiving.
    Info expect_info();
    Received expect_frame(Deadline deadline = Deadline{});
    Message expect_message(Deadline deadline = Deadline{});
    void expect_message(const Message& wanted);
    void expect_error(std::string_view text);
    // The broker's end: orderly, or a reset. Frames before it fail.
    void expect_closed(Deadline deadline = Deadline{});
    void expect_refusal(std::string_view error_text) {
        expect_error(error_text);
        expect_closed();
    }
    // A frame if a whole one comes within `wait`; nothing else. Throws when the connection ends.
    std::optional<Received> poll_frame(std::chrono::milliseconds wait);
    // Everything that comes until the broker closes: whole frames, then at most a torn one.
    struct Rest {
        std::vector<Received> frames;
        std::string torn;
    };
    Rest read_to_end(Deadline deadline = Deadline{std::chrono::seconds(60)});

    // Whatever bytes come until the broker closes, be they frames or not.
    std::string read_raw_to_end(Deadline deadline = Deadline{});

    // Proves that the broker has executed all that we sent: subscribes a private channel of
    // `accounts.hpp`, publishes to itself, and reads until that arrives. Frames of other channels
    // that come first fail.
    void settle();

    // Ends.
    void half_close();  // FIN, with TLS a close_notify before: nothing more from us, but we read on
    void close();       // FIN, or RST when something is unread
    void reset();       // RST at once

    // With TLS: what is beneath. Null without.
    [[nodiscard]] TlsSide* tls() noexcept { return tls_.get(); }
    // Sends what tls() has written.
    void flush_tls(Deadline deadline = Deadline{});

private:
    void shake_hands();
    void send_raw(std::string_view bytes, Deadline deadline);
    bool take_in(std::string_view bytes);
    bool fill(Deadline deadline);
    std::optional<Received> cut_frame();

    int socket_ = -1;
    std::unique_ptr<TlsSide> tls_;
    std::string records_;  // encrypted, and not taken by the socket yet
    Login login_;
    Info info_;
    std::string unread_;
    std::size_t unread_start_ = 0;
    bool ended_ = false;
    std::string end_reason_;
};

// Publishes on `channel` until `subscriber` has heard one, then makes sure no other copy is on its
// way. After that every shard of the broker knows the subscription (SUBSCRIBE has no
// acknowledgement).
void wait_until_subscribed(WireClient& publisher, WireClient& subscriber, std::string_view channel);

}  // namespace hpfeeds::support
