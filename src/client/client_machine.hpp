// SPDX-License-Identifier: Apache-2.0
// client_machine.hpp: the client's half of the protocol, without I/O.
//
// The caller hands over what it read (receive), asks for what that meant until nothing is left
// (next), and sends what the machine has to say (unsent, sent). The machine answers INFO with AUTH,
// then with a SUBSCRIBE for every channel it was ever told to subscribe, so a new connection needs
// nothing but reset().
//
//     machine.receive(bytes);                    // bytes must stay until next() says Kind::none
//     for (auto event = machine.next(); event.kind != Kind::none; event = machine.next()) …
//     write(machine.unsent()); machine.sent(n);
//
// Units      frames are judged by wire::Limits; what is held of a torn frame never exceeds the
// longest frame. Threads    one owner. Ownership  views in an Event live until the next call of
// receive, next or reset. Whole frames are read in place;
//            only a torn frame is copied, each byte of it once; between frames an idle machine
//            holds nothing of what it received.
// Errors     what the broker sends is an Event, never an exception; what the caller asks for is an
// error_code.
#pragma once

#include "client/message_frame.hpp"
#include "wire/encode.hpp"
#include "wire/parser.hpp"

#include <cstddef>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

namespace hpfeeds::client {

class ClientMachine {
public:
    enum class Kind {
        none,       // everything received is understood; read more
        connected,  // INFO was heard: `name` is the broker's, AUTH and SUBSCRIBEs are ready to be
                    // sent
        message,    // `ident` published `payload` on `channel`
        error,      // the broker said `text` and will, as a rule, close
        violation,  // what came is not hpfeeds: `text` says why. Only close and reset() help
    };
    struct Event {
        Kind kind = Kind::none;
        std::string_view name;
        std::string_view ident;
        std::string_view channel;
        std::span<const std::byte> payload;
        std::string_view text;
    };

    // Throws hpfeeds::Error when `ident` is longer than 255 bytes: it cannot be said in this
    // protocol.
    ClientMachine(std::string ident, std::string secret, wire::Limits limits = {});

    // A new connection: forgets what was received and not sent; the subscriptions stay.
    void reset();

    // Lends what was read. Requires: next() said none, or nothing was received yet.
    void receive(std::span<const std::byte> bytes);
    [[nodiscard]] Event next();
    // The same for a fraction of the price, when the next event is a message that lies whole in the
    // lent bytes. False: ask next().
    [[nodiscard]] bool next_whole(MessageView& message) noexcept {
        const wire::PublishShape shape = whole_shape();
        if (shape.frame_bytes == 0) return false;
        show_message(unread_.data(), shape, message);
        unread_ = unread_.subspan(shape.frame_bytes);
        return true;
    }
    // The frames of all such messages in a row, as they came. Empty: ask next().
    [[nodiscard]] std::span<const std::byte> take_whole() noexcept;
    // Whether the last Event shows the lent bytes themselves, not a torn frame put together here:
    // then its views live as long as those bytes.
    [[nodiscard]] bool in_place() const noexcept { return !torn_is_spent_; }
    // Hands over the memory of a torn frame, so that the views of the last Event live as long as
    // that; the connection is over.
    [[nodiscard]] std::vector<std::byte> release_torn() noexcept {
        torn_is_spent_ = false;
        return std::exchange(torn_, {});
    }

    // At once when connected, and again on every later connection.
    std::error_code subscribe(std::string_view channel);
    void unsubscribe(std::string_view channel);
    // Requires: connected(); a message has no place to wait here.
    std::error_code publish(std::string_view channel, std::span<const std::byte> payload);
    // What publish() would say, without a connection.
    [[nodiscard]] std::error_code check_publish(std::string_view channel,
                                                std::size_t payload_bytes) const noexcept;
    // Whether that would be nothing.
    [[nodiscard]] bool fits(std::string_view channel, std::size_t payload_bytes) const noexcept {
        return channel.size() <= wire::string_bytes_max &&
               payload_bytes <= limits_.publish_frame_bytes_max -
                                    wire::publish_frame_bytes(ident_.size(), channel.size(), 0);
    }

    [[nodiscard]] std::span<const std::byte> unsent() const noexcept;
    void sent(std::size_t count) noexcept;

    [[nodiscard]] bool connected() const noexcept { return state_ == State::connected; }
    // What is subscribed to, on this connection and all later ones.
    [[nodiscard]] const std::set<std::string, std::less<>>& channels() const noexcept {
        return channels_;
    }
    // Bytes of a frame of which the rest has not come: a connection that ends now ends in the
    // middle.
    [[nodiscard]] std::size_t torn_bytes() const noexcept { return torn_.size(); }

private:
    enum class State { waiting_for_info, connected, violated };

    [[nodiscard]] wire::PublishShape whole_shape() const noexcept {
        if (state_ != State::connected || !torn_.empty() || after_error_) return {};
        return wire::publish_shape(unread_, limits_);
    }
    [[nodiscard]] wire::Parsed parse_next();
    [[nodiscard]] wire::Parsed parse_torn();
    [[nodiscard]] bool skip_stray_byte(const wire::Parsed& parsed);
    [[nodiscard]] Event understand(const wire::Frame& frame);
    [[nodiscard]] Event violation(std::string_view why);
    [[nodiscard]] std::string_view whole_error_text(const wire::Frame& frame);
    void greet(std::span<const std::byte> nonce);
    std::span<std::byte> grow_output(std::size_t count);

    std::string ident_;
    std::string secret_;
    wire::Limits limits_;
    State state_ = State::waiting_for_info;
    std::set<std::string, std::less<>> channels_;

    std::span<const std::byte> unread_;  // lent by receive()
    std::vector<std::byte> torn_;        // the beginning of a frame whose end is not yet there
    bool torn_is_spent_ = false;         // torn_ carries the frame of the last Event
    bool after_error_ = false;           // one stray byte may follow (client-quirk 11)
    std::string_view why_violated_;

    std::vector<std::byte> output_;
    std::size_t output_sent_ = 0;
};

}  // namespace hpfeeds::client
