// SPDX-License-Identifier: Apache-2.0
// client_machine.cpp: what a broker sends, through the client's half of the protocol.
//
// Input   one byte: how long the pieces are in which the rest arrives; then what the broker sends.
// Holds   pieces and the whole mean the same, by either way of reading messages, up to the first
// ERROR: behind one, a stray byte is forgiven (client-quirk 11), and may be taken for text or not.
#include "client/client_machine.hpp"

#include "expect.hpp"
#include "wire/frame.hpp"

#include <algorithm>
#include <cstddef>
#include <span>
#include <string>
#include <vector>

namespace {

using hpfeeds::client::ClientMachine;
using hpfeeds::fuzz::expect;
using Bytes = std::span<const std::byte>;
using Kind = ClientMachine::Kind;

struct Heard {
    Kind kind;
    std::string text;
    bool operator==(const Heard&) const = default;
};

// The next event, by the short way when there is one.
ClientMachine::Event next(ClientMachine& machine, bool short_way) {
    hpfeeds::MessageView message;
    if (!short_way || !machine.next_whole(message)) return machine.next();
    ClientMachine::Event event;
    event.kind = Kind::message;
    event.ident = message.ident;
    event.channel = message.channel;
    event.payload = message.payload;
    return event;
}

std::vector<Heard> hear(Bytes sent, std::size_t piece_bytes, bool short_way) {
    ClientMachine machine("ident", "secret");
    (void)machine.subscribe("events");
    std::vector<Heard> heard;
    bool after_error = false;
    while (!sent.empty()) {
        const Bytes piece = sent.first(std::min(piece_bytes, sent.size()));
        sent = sent.subspan(piece.size());
        machine.receive(piece);
        for (auto event = next(machine, short_way); event.kind != Kind::none;
             event = next(machine, short_way)) {
            if (event.kind == Kind::connected)
                expect(!machine.unsent().empty(), "INFO is answered");
            if (event.kind == Kind::error) after_error = true;
            if (!after_error) {
                std::string text(event.name);
                for (const std::string_view part : {event.ident, event.channel, event.text,
                                                    hpfeeds::wire::as_text(event.payload)})
                    text.append("|").append(part);
                heard.push_back({event.kind, text});
            }
            if (event.kind == Kind::violation) return heard;
        }
        machine.sent(machine.unsent().size());
        expect(machine.unsent().empty(), "what was sent is not sent again");
    }
    return heard;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
    if (size < 2) return 0;
    const Bytes sent = std::as_bytes(std::span(data, size)).subspan(1);
    const std::size_t piece_bytes = data[0] % 32U + 1;
    const std::vector<Heard> whole = hear(sent, sent.size(), false);
    expect(whole == hear(sent, piece_bytes, false), "pieces mean what the whole means");
    expect(whole == hear(sent, piece_bytes, true), "the short way means what the long one means");
    return 0;
}
