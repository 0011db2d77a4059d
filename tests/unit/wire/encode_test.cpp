// SPDX-License-Identifier: Apache-2.0
#include "wire/encode.hpp"

#include "bytes_of.hpp"
#include "wire/parser.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace hpfeeds::wire {
namespace {

using testing::bytes_of;
using testing::frame;
using testing::str8;

// Lends `size` bytes and not one more: a sanitizer sees what is written behind them.
template <typename Encode>
std::string encoded(std::size_t size, Encode encode) {
    std::vector<std::byte> out(size);
    const std::size_t used = encode(std::span<std::byte>(out));
    EXPECT_EQ(used, size) << "*_frame_bytes() and the encoder disagree";
    return std::string(as_text(out));
}

std::array<std::byte, digest_bytes> some_digest() {
    std::array<std::byte, digest_bytes> digest{};
    for (std::size_t index = 0; index < digest.size(); ++index)
        digest[index] = static_cast<std::byte>(0xF0 + index);
    return digest;
}

std::string encoded_publish(std::string_view ident, std::string_view channel,
                            std::string_view payload) {
    return encoded(
        publish_frame_bytes(ident.size(), channel.size(), payload.size()),
        [&](auto out) { return encode_publish(out, ident, channel, bytes_of(payload)); });
}

// ---- against bytes written by hand

TEST(Encode, WritesAnError) {
    EXPECT_EQ(encoded(error_frame_bytes(2), [](auto out) { return encode_error(out, "no"); }),
              std::string("\0\0\0\x07\0no", 7));
}

TEST(Encode, WritesAnInfo) {
    constexpr std::array nonce{std::byte{0}, std::byte{0xFF}, std::byte{1}, std::byte{0x80}};
    EXPECT_EQ(encoded(info_frame_bytes(2, nonce.size()),
                      [&](auto out) { return encode_info(out, "hp", nonce); }),
              std::string("\0\0\0\x0c\x01\x02hp\0\xff\x01\x80", 12));
}

TEST(Encode, WritesAnAuth) {
    const auto digest = some_digest();
    EXPECT_EQ(encoded(auth_frame_bytes(1), [&](auto out) { return encode_auth(out, "i", digest); }),
              std::string("\0\0\0\x1b\x02\x01i", 7) + std::string(as_text(digest)));
}

TEST(Encode, WritesAPublish) {
    EXPECT_EQ(encoded_publish("i", "ch", "pay"), std::string("\0\0\0\x0d\x03\x01i\x02"
                                                             "chpay",
                                                             13));
}

TEST(Encode, WritesTheHeadOfAPublishWhosePayloadIsElsewhere) {
    const std::string head = encoded(publish_frame_bytes(1, 2, 0), [](auto out) {
        return encode_publish_head(out, "i", "ch", 3);
    });
    EXPECT_EQ(head + "pay", encoded_publish("i", "ch", "pay"));
}

TEST(Encode, WritesASubscribeAndAnUnsubscribe) {
    EXPECT_EQ(encoded(subscribe_frame_bytes(1, 2),
                      [](auto out) { return encode_subscribe(out, "i", "ch"); }),
              std::string("\0\0\0\x09\x04\x01i"
                          "ch",
                          9));
    EXPECT_EQ(encoded(subscribe_frame_bytes(1, 2),
                      [](auto out) { return encode_unsubscribe(out, "i", "ch"); }),
              std::string("\0\0\0\x09\x05\x01i"
                          "ch",
                          9));
}

TEST(Encode, WritesLengthsInAllFourBytes) {
    std::vector<std::byte> head(publish_frame_bytes(0, 0, 0));
    ASSERT_EQ(encode_publish_head(head, "", "", 0x01020304 - head.size()), head.size());
    EXPECT_EQ(as_text(head).substr(0, 4), "\x01\x02\x03\x04");
}

// ---- against the parser

TEST(Encode, RoundTripsEveryLengthOfNameAtTheEdges) {
    for (const std::size_t ident_bytes : {0U, 1U, 127U, 128U, 254U, 255U}) {
        for (const std::size_t channel_bytes : {0U, 1U, 127U, 128U, 254U, 255U}) {
            const std::string ident(ident_bytes, '\xfe');
            const std::string channel(channel_bytes, '\0');
            const std::string publish = encoded_publish(ident, channel, "payload");
            const Parsed parsed = parse(bytes_of(publish), Peer::client);
            ASSERT_EQ(parsed.outcome, Parsed::Outcome::frame);
            EXPECT_EQ(parsed.frame.frame_bytes, publish.size());
            EXPECT_EQ(parsed.frame.ident, ident);
            EXPECT_EQ(parsed.frame.channel, channel);
            EXPECT_EQ(as_text(parsed.frame.payload), "payload");
            EXPECT_EQ(publish, frame(Opcode::publish, str8(ident) + str8(channel) + "payload"));
        }
    }
}

TEST(Encode, RoundTripsAnAuthOfTheGreatestLength) {
    const std::string ident(string_bytes_max, 'i');
    const auto digest = some_digest();
    const std::string auth = encoded(auth_frame_bytes(ident.size()),
                                     [&](auto out) { return encode_auth(out, ident, digest); });
    EXPECT_EQ(auth.size(), auth_frame_bytes_max);
    const Parsed parsed = parse(bytes_of(auth), Peer::client_before_login);
    ASSERT_EQ(parsed.outcome, Parsed::Outcome::frame);
    EXPECT_EQ(parsed.frame.ident, ident);
    EXPECT_EQ(as_text(parsed.frame.payload), as_text(digest));
}

TEST(Encode, RoundTripsAPublishOfTheGreatestLength) {
    const std::string payload(publish_frame_bytes_max - publish_frame_bytes(1, 1, 0), '\xa5');
    const std::string publish = encoded_publish("i", "c", payload);
    EXPECT_EQ(publish.size(), publish_frame_bytes_max);
    const Parsed parsed = parse(bytes_of(publish), Peer::client);
    ASSERT_EQ(parsed.outcome, Parsed::Outcome::frame);
    EXPECT_EQ(as_text(parsed.frame.payload), payload);
}

TEST(Encode, RoundTripsInfoErrorAndSubscriptions) {
    const std::string name(string_bytes_max, 'n');
    constexpr std::array<std::byte, nonce_bytes> nonce{};
    const std::string info = encoded(info_frame_bytes(name.size(), nonce.size()),
                                     [&](auto out) { return encode_info(out, name, nonce); });
    const Parsed heard = parse(bytes_of(info), Peer::broker);
    ASSERT_EQ(heard.outcome, Parsed::Outcome::frame);
    EXPECT_EQ(heard.frame.ident, name);
    EXPECT_EQ(heard.frame.payload.size(), nonce.size());

    const std::string text(error_frame_bytes_max - header_bytes, 'e');
    const std::string error =
        encoded(error_frame_bytes(text.size()), [&](auto out) { return encode_error(out, text); });
    const Parsed said = parse(bytes_of(error), Peer::broker);
    ASSERT_EQ(said.outcome, Parsed::Outcome::frame);
    EXPECT_EQ(as_text(said.frame.payload), text);

    const std::string channel(string_bytes_max, 'c');
    const std::string subscribe = encoded(subscribe_frame_bytes(1, channel.size()), [&](auto out) {
        return encode_subscribe(out, "i", channel);
    });
    const Parsed asked = parse(bytes_of(subscribe), Peer::client);
    ASSERT_EQ(asked.outcome, Parsed::Outcome::frame);
    EXPECT_EQ(asked.frame.opcode, Opcode::subscribe);
    EXPECT_EQ(asked.frame.channel, channel);
}

}  // namespace
}  // namespace hpfeeds::wire
