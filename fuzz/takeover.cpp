// SPDX-License-Identifier: Apache-2.0
// takeover.cpp: what the process that started this one says: over the channel of a takeover, and in
// the environment.
//
// Input   a packet, and a variable's value; the two are the same bytes. Holds   a packet comes out
// as it went in, cut at packet_bytes_max, or the channel ended; a number is within its bound or
// refused in one line.
#include "expect.hpp"
#include "hpfeeds/error.hpp"
#include "service/channel.hpp"
#include "service/environment.hpp"
#include "service/handed_sockets.hpp"
#include "service/watchdog_interval.hpp"

#include <sys/socket.h>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

namespace {

using hpfeeds::fuzz::expect;
namespace service = hpfeeds::service;

void check_packet(std::string_view sent) {
    const auto [ours, theirs] = service::open_channel();
    expect(ours.open(), "there are socket pairs");
    if (::send(theirs.get(), sent.data(), sent.size(), MSG_NOSIGNAL) < 0) return;  // too long
    service::Packet packet;
    const auto outcome = service::receive_packet(ours.get(), packet, std::chrono::milliseconds{0});
    expect((outcome == service::Received::packet) == !sent.empty(), "what was sent has come");
    if (sent.empty()) return;
    sent = sent.substr(0, service::packet_bytes_max);
    expect(static_cast<char>(packet.word) == sent.front() && packet.text == sent.substr(1),
           "a packet is what was sent");
    expect(!packet.descriptor.open(), "no descriptor comes of itself");
}

template <typename Read>
void check_variable(Read read) {
    try {
        read();
    } catch (const hpfeeds::Error& error) {
        for (const char byte : std::string_view(error.what()))
            expect(static_cast<unsigned char>(byte) >= 0x20, "an error is one line");
    }
}

void check_environment(const std::string& value) {
    check_variable([&] {
        constexpr std::uint64_t most = 1'024;
        expect(service::whole_number("LISTEN_FDS", value, most) <= most, "a number is in bounds");
    });
    ::setenv("WATCHDOG_USEC", value.c_str(), 1);
    check_variable([] {
        const auto interval = service::watchdog_interval();
        expect(!interval || interval->count() >= 1, "the watchdog leaves time to breathe");
    });
    expect(std::getenv("WATCHDOG_USEC") == nullptr, "the variable has left");
    // For another process: this one's descriptors are the search's own.
    ::setenv("LISTEN_PID", value.c_str(), 1);
    ::setenv("LISTEN_FDS", "0", 1);
    ::setenv("LISTEN_FDNAMES", value.c_str(), 1);
    check_variable([] {
        expect(service::HandedSockets::from_environment().left().empty(), "nothing was handed");
    });
    expect(std::getenv("LISTEN_FDS") == nullptr, "the variables have left");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
    const std::string text(reinterpret_cast<const char*>(data), size);
    check_packet(text);
    check_environment(text);
    return 0;
}
