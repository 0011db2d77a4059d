// SPDX-License-Identifier: Apache-2.0
// Whole clients against a broker that sends what a random seed says: good messages, then perhaps
// something hostile, torn into random pieces. Whatever it is, each client delivers exactly the
// messages before it, says why it ended, and ends.
#include "client/client_machine.hpp"
#include "client/errc.hpp"
#include "hpfeeds/client.hpp"
#include "hpfeeds/session.hpp"
#include "unit/client/asio_context.hpp"
#include "unit/client/frames.hpp"
#include "unit/client/scripted_broker.hpp"

#include <gtest/gtest.h>

#include <asio/experimental/as_tuple.hpp>

#include <random>
#include <string>
#include <vector>

namespace hpfeeds::client {
namespace {

using testing::AsioContext;
using testing::Peer;
using testing::ScriptedBroker;
using namespace std::string_literals;
using namespace std::chrono_literals;
constexpr auto as_result = asio::experimental::as_tuple(asio::use_awaitable);

constexpr unsigned seeds = 150;

// What comes behind a good greeting, and in which pieces.
struct Stream {
    std::string bytes;
    std::vector<std::size_t> cuts;
};

std::string poison(std::mt19937& random) {
    const std::string body(300, 'x');
    switch (random() % 10) {
        case 0:
            return testing::error("accessfail.");
        case 1: {
            std::string greetings;  // endless, as far as anybody can tell
            for (int i = 0; i < 1000; ++i)
                greetings += testing::info("again", "abcd");
            return greetings;
        }
        case 2:
            return "\x7f\xff\xff\xff\x03"s + body;  // two gigabytes are to come
        case 3:
            return "\x00\x00\x00\x00\x03"s + body;  // shorter than its own header
        case 4:
            return "\x00\x00\x00\x20\x09"s + body;  // no such opcode
        case 5:
            return "\x00\x00\x00\x20\x02"s + body;  // AUTH, from a broker
        case 6:
            return "\x00\x00\x00\x08\x03\xff\x01\x01"s + body;  // an ident past its frame
        case 7:
            return "\x00\x00\x40\x00\x03\x01"s;  // torn, for ever
        case 8:
            return testing::subscribe("me", "events");
        default:
            return {};
    }
}

Stream stream_of(unsigned seed) {
    std::mt19937 random(seed);
    Stream stream;
    for (auto left = random() % 200; left > 0; --left) {
        const std::size_t size = random() % 50 == 0 ? random() % 200'000 : random() % 300;
        stream.bytes += testing::publish("sensor", "events", std::string(size, 'p'));
    }
    stream.bytes += poison(random);
    const std::size_t longest = random() % 4 == 0 ? 3 : 40'000;
    for (std::size_t at = 0; at < stream.bytes.size() && stream.cuts.size() < 5'000;) {
        at += 1 + random() % longest;
        stream.cuts.push_back(at);
    }
    return stream;
}

// What is to be heard of it, and how it ends.
struct Expected {
    std::vector<std::size_t> payload_bytes;
    std::error_code end = Errc::closed_by_broker;
};

Expected expected_of(const Stream& stream) {
    Expected expected;
    ClientMachine machine("me", "secret");
    const std::string all = testing::info("scripted", "abcd") + stream.bytes;
    machine.receive(wire::as_bytes(all));
    for (;;) {
        const ClientMachine::Event event = machine.next();
        switch (event.kind) {
            case ClientMachine::Kind::none:
                return expected;
            case ClientMachine::Kind::connected:
                break;
            case ClientMachine::Kind::message:
                expected.payload_bytes.push_back(event.payload.size());
                break;
            case ClientMachine::Kind::error:
                expected.end = refusal_of(event.text);
                return expected;
            case ClientMachine::Kind::violation:
                expected.end = Errc::not_hpfeeds;
                return expected;
        }
    }
}

testing::Script script_of(const Stream& stream) {
    return [&stream](const Peer& peer) {
        peer.send(testing::info("scripted", "abcd"));
        static_cast<void>(peer.read_frame());
        std::size_t sent = 0;
        for (const std::size_t cut : stream.cuts) {
            peer.send(std::string_view(stream.bytes).substr(sent, cut - sent));
            sent = std::min(cut, stream.bytes.size());
        }
        peer.send(std::string_view(stream.bytes).substr(sent));
        shutdown(peer.descriptor(), SHUT_WR);
        peer.stay_silent();
    };
}

ClientOptions options_for(std::uint16_t port) {
    ClientOptions options;
    options.host = "127.0.0.1";
    options.port = port;
    options.ident = "me";
    options.secret = "secret";
    options.reconnect = false;
    return options;
}

TEST(HostileStreams, ABlockingClientHearsWhatWasGoodAndEnds) {
    for (unsigned seed = 0; seed < seeds; ++seed) {
        SCOPED_TRACE("seed " + std::to_string(seed));
        const Stream stream = stream_of(seed);
        const Expected expected = expected_of(stream);
        ScriptedBroker broker({script_of(stream)});
        std::vector<std::size_t> heard;
        std::error_code end;
        try {
            Client client(options_for(broker.port()));
            MessageView message;
            while (client.read(message, 20s, end))
                heard.push_back(message.payload.size());
        } catch (const Error& error) {
            // It was over before anybody could have read.
            EXPECT_EQ(error.code(), expected.end);
            continue;
        }
        ASSERT_EQ(heard, expected.payload_bytes);
        ASSERT_EQ(end, expected.end);
    }
}

TEST(HostileStreams, ASessionHearsWhatWasGoodAndEnds) {
    for (unsigned seed = 0; seed < seeds; ++seed) {
        SCOPED_TRACE("seed " + std::to_string(seed));
        const Stream stream = stream_of(seed);
        const Expected expected = expected_of(stream);
        ScriptedBroker broker({script_of(stream)});
        std::vector<std::size_t> heard;
        std::error_code end;
        AsioContext context;
        context.run([&]() -> asio::awaitable<void> {
            Session session(*context, options_for(broker.port()));
            session.start();
            while (!end) {
                if (seed % 2 == 0) {
                    const auto [failed, message] = co_await session.async_read_view(as_result);
                    end = failed;
                    if (!end) heard.push_back(message.payload.size());
                } else {
                    const auto [failed, batch] = co_await session.async_read_batch(as_result);
                    end = failed;
                    for (const MessageView& message : batch)
                        heard.push_back(message.payload.size());
                }
            }
        }());
        ASSERT_EQ(heard, expected.payload_bytes);
        ASSERT_EQ(end, expected.end);
    }
}

}  // namespace
}  // namespace hpfeeds::client
