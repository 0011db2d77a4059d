// SPDX-License-Identifier: Apache-2.0
#include "wire/parser.hpp"

#include "bytes_of.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace hpfeeds::wire {
namespace {

using testing::bytes_of;
using testing::frame;
using testing::header;
using testing::str8;

constexpr std::array every_peer{Peer::client_before_login, Peer::client, Peer::broker};
constexpr std::array every_opcode{Opcode::error,   Opcode::info,      Opcode::auth,
                                  Opcode::publish, Opcode::subscribe, Opcode::unsubscribe};

// Parses from memory of exactly this size, so that a sanitizer sees every byte read too many.
Parsed parse_exactly(std::string_view text, Peer peer, const Limits& limits = {}) {
    const auto exact = std::make_unique<std::byte[]>(text.size());
    const auto bytes = bytes_of(text);
    std::copy(bytes.begin(), bytes.end(), exact.get());
    Parsed parsed = parse({exact.get(), text.size()}, peer, limits);
    // The views would dangle; they are looked at by tests that keep the bytes.
    parsed.frame.ident = {};
    parsed.frame.channel = {};
    parsed.frame.payload = {};
    return parsed;
}

Refusal refusal_of(std::string_view text, Peer peer, const Limits& limits = {}) {
    const Parsed parsed = parse_exactly(text, peer, limits);
    EXPECT_EQ(parsed.outcome == Parsed::Outcome::refused, parsed.refusal != Refusal::none);
    return parsed.refusal;
}

// That the header alone is enough to wait for a frame of `length` bytes.
void expect_waiting(std::size_t length, Opcode opcode, Peer peer, const Limits& limits = {}) {
    const Parsed parsed =
        parse_exactly(header(static_cast<std::uint32_t>(length), opcode), peer, limits);
    EXPECT_EQ(parsed.outcome, Parsed::Outcome::incomplete);
    EXPECT_EQ(parsed.frame_bytes, length);
}

void expect_refused(std::size_t length, Opcode opcode, Peer peer, Refusal why,
                    const Limits& limits = {}) {
    EXPECT_EQ(refusal_of(header(static_cast<std::uint32_t>(length), opcode), peer, limits), why);
}

// ---- what the six messages mean

TEST(Parser, ReadsAPublish) {
    const std::string text = frame(Opcode::publish, str8("sensor") + str8("events") + "payload");
    const Parsed parsed = parse(bytes_of(text), Peer::client);
    ASSERT_EQ(parsed.outcome, Parsed::Outcome::frame);
    EXPECT_EQ(parsed.frame.opcode, Opcode::publish);
    EXPECT_EQ(parsed.frame.frame_bytes, text.size());
    EXPECT_EQ(parsed.frame.ident, "sensor");
    EXPECT_EQ(parsed.frame.channel, "events");
    EXPECT_EQ(as_text(parsed.frame.payload), "payload");
}

TEST(Parser, ReadsAnAuth) {
    const std::string digest(digest_bytes, '\x7f');
    const std::string text = frame(Opcode::auth, str8("sensor") + digest);
    const Parsed parsed = parse(bytes_of(text), Peer::client_before_login);
    ASSERT_EQ(parsed.outcome, Parsed::Outcome::frame);
    EXPECT_EQ(parsed.frame.opcode, Opcode::auth);
    EXPECT_EQ(parsed.frame.ident, "sensor");
    EXPECT_EQ(as_text(parsed.frame.payload), digest);
    EXPECT_TRUE(parsed.frame.channel.empty());
}

TEST(Parser, ReadsSubscribeAndUnsubscribe) {
    for (const Opcode opcode : {Opcode::subscribe, Opcode::unsubscribe}) {
        const std::string text = frame(opcode, str8("logger") + "events");
        const Parsed parsed = parse(bytes_of(text), Peer::client);
        ASSERT_EQ(parsed.outcome, Parsed::Outcome::frame);
        EXPECT_EQ(parsed.frame.opcode, opcode);
        EXPECT_EQ(parsed.frame.ident, "logger");
        EXPECT_EQ(parsed.frame.channel, "events");
        EXPECT_TRUE(parsed.frame.payload.empty());
    }
}

TEST(Parser, ReadsAnInfo) {
    const std::string text = frame(Opcode::info, str8("hpfeeds") + "\x01\x02\x03\x04");
    const Parsed parsed = parse(bytes_of(text), Peer::broker);
    ASSERT_EQ(parsed.outcome, Parsed::Outcome::frame);
    EXPECT_EQ(parsed.frame.opcode, Opcode::info);
    EXPECT_EQ(parsed.frame.ident, "hpfeeds");
    EXPECT_EQ(as_text(parsed.frame.payload), "\x01\x02\x03\x04");
}

// client-quirk 1: test brokers send other lengths.
TEST(Parser, ReadsAnInfoWithANonceOfAnyLength) {
    for (const std::size_t size : {std::size_t{0}, std::size_t{8}, std::size_t{16}}) {
        const std::string nonce(size, 'n');
        const std::string text = frame(Opcode::info, str8("b") + nonce);
        const Parsed parsed = parse(bytes_of(text), Peer::broker);
        ASSERT_EQ(parsed.outcome, Parsed::Outcome::frame);
        EXPECT_EQ(as_text(parsed.frame.payload), nonce);
    }
}

TEST(Parser, ReadsAnError) {
    const std::string text = frame(Opcode::error, "Authentication failed for x");
    const Parsed parsed = parse(bytes_of(text), Peer::broker);
    ASSERT_EQ(parsed.outcome, Parsed::Outcome::frame);
    EXPECT_EQ(parsed.frame.opcode, Opcode::error);
    EXPECT_EQ(as_text(parsed.frame.payload), "Authentication failed for x");
    EXPECT_TRUE(parsed.frame.ident.empty());
}

TEST(Parser, ReadsAnErrorWithoutAText) {
    const std::string text = frame(Opcode::error, "");
    const Parsed parsed = parse(bytes_of(text), Peer::broker);
    ASSERT_EQ(parsed.outcome, Parsed::Outcome::frame);
    EXPECT_TRUE(parsed.frame.payload.empty());
}

// client-quirk 16
TEST(Parser, ReadsAPublishWithoutAPayload) {
    const std::string text = frame(Opcode::publish, str8("s") + str8("c"));
    const Parsed parsed = parse(bytes_of(text), Peer::client);
    ASSERT_EQ(parsed.outcome, Parsed::Outcome::frame);
    EXPECT_EQ(parsed.frame.channel, "c");
    EXPECT_TRUE(parsed.frame.payload.empty());
}

TEST(Parser, ReadsEmptyStrings) {
    const std::string publish = frame(Opcode::publish, str8("") + str8(""));
    EXPECT_EQ(parse(bytes_of(publish), Peer::client).outcome, Parsed::Outcome::frame);
    const std::string subscribe = frame(Opcode::subscribe, str8(""));
    EXPECT_EQ(parse(bytes_of(subscribe), Peer::client).outcome, Parsed::Outcome::frame);
}

// client-quirk 17
TEST(Parser, TakesNamesAsBytes) {
    const std::string ident("\x00\xff\xfe", 3);
    const std::string channel("caf\xe9\0", 5);
    const std::string text = frame(Opcode::publish, str8(ident) + str8(channel));
    const Parsed parsed = parse(bytes_of(text), Peer::client);
    ASSERT_EQ(parsed.outcome, Parsed::Outcome::frame);
    EXPECT_EQ(parsed.frame.ident, ident);
    EXPECT_EQ(parsed.frame.channel, channel);
}

TEST(Parser, ReadsNamesOf255Bytes) {
    const std::string ident(string_bytes_max, 'i');
    const std::string channel(string_bytes_max, 'c');
    const std::string text = frame(Opcode::publish, str8(ident) + str8(channel) + "p");
    const Parsed parsed = parse(bytes_of(text), Peer::client);
    ASSERT_EQ(parsed.outcome, Parsed::Outcome::frame);
    EXPECT_EQ(parsed.frame.ident, ident);
    EXPECT_EQ(parsed.frame.channel, channel);
    EXPECT_EQ(as_text(parsed.frame.payload), "p");
}

// The refusal of such a channel is an ERROR, and so not the parser's.
TEST(Parser, ReadsASubscribeWhoseChannelIsLongerThan255Bytes) {
    const std::string channel(string_bytes_max + 1, 'c');
    const std::string text = frame(Opcode::subscribe, str8("i") + channel);
    const Parsed parsed = parse(bytes_of(text), Peer::client);
    ASSERT_EQ(parsed.outcome, Parsed::Outcome::frame);
    EXPECT_EQ(parsed.frame.channel, channel);
}

// Core answers it with an ERROR, "First message was not AUTH".
TEST(Parser, ReadsAShortPublishBeforeLogin) {
    const std::string text = frame(Opcode::publish, str8("s") + str8("c") + "early");
    EXPECT_EQ(parse(bytes_of(text), Peer::client_before_login).outcome, Parsed::Outcome::frame);
}

TEST(Parser, ViewsPointIntoTheBytesGiven) {
    const std::string text = frame(Opcode::publish, str8("sensor") + str8("events") + "payload");
    const Parsed parsed = parse(bytes_of(text), Peer::client);
    ASSERT_EQ(parsed.outcome, Parsed::Outcome::frame);
    EXPECT_EQ(parsed.frame.ident.data(), text.data() + 6);
    EXPECT_EQ(parsed.frame.channel.data(), text.data() + 13);
    EXPECT_EQ(as_text(parsed.frame.payload).data(), text.data() + 19);
}

TEST(Parser, ReadsOneFrameAndLeavesTheNext) {
    const std::string first = frame(Opcode::subscribe, str8("i") + "one");
    const std::string second = frame(Opcode::subscribe, str8("i") + "two");
    const std::string both = first + second;
    const Parsed parsed = parse(bytes_of(both), Peer::client);
    ASSERT_EQ(parsed.outcome, Parsed::Outcome::frame);
    EXPECT_EQ(parsed.frame.frame_bytes, first.size());
    EXPECT_EQ(parsed.frame.channel, "one");
    const Parsed next = parse(bytes_of(both).subspan(parsed.frame.frame_bytes), Peer::client);
    ASSERT_EQ(next.outcome, Parsed::Outcome::frame);
    EXPECT_EQ(next.frame.channel, "two");
}

TEST(Parser, IsNotMisledByTheBytesOfTheNextFrame) {
    const std::string text = frame(Opcode::publish, str8("s") +
                                                        "\x04"
                                                        "cha") +
                             frame(Opcode::subscribe, str8("i") + "c");
    EXPECT_EQ(refusal_of(text, Peer::client), Refusal::string_past_frame);
}

// ---- torn frames

struct Sample {
    Peer peer;
    std::string text;
};

std::vector<Sample> one_of_each() {
    return {
        {Peer::broker, frame(Opcode::error, "why")},
        {Peer::broker, frame(Opcode::info, str8("hpfeeds") + "\x01\x02\x03\x04")},
        {Peer::broker, frame(Opcode::publish, str8("sensor") + str8("events") + "payload")},
        {Peer::client_before_login,
         frame(Opcode::auth, str8("sensor") + std::string(digest_bytes, 'd'))},
        {Peer::client, frame(Opcode::auth, str8("sensor") + std::string(digest_bytes, 'd'))},
        {Peer::client, frame(Opcode::publish, str8("sensor") + str8("events") + "payload")},
        {Peer::client, frame(Opcode::subscribe, str8("sensor") + "events")},
        {Peer::client, frame(Opcode::unsubscribe, str8("sensor") + "events")},
    };
}

TEST(Parser, AsksForMoreAtEveryByteOfATornFrame) {
    for (const Sample& sample : one_of_each()) {
        for (std::size_t have = 0; have < sample.text.size(); ++have) {
            SCOPED_TRACE(have);
            const Parsed parsed =
                parse_exactly(std::string_view(sample.text).substr(0, have), sample.peer);
            EXPECT_EQ(parsed.outcome, Parsed::Outcome::incomplete);
            EXPECT_EQ(parsed.refusal, Refusal::none);
            EXPECT_EQ(parsed.frame_bytes, have < header_bytes ? 0 : sample.text.size());
        }
        EXPECT_EQ(parse_exactly(sample.text, sample.peer).outcome, Parsed::Outcome::frame);
    }
}

// ---- lengths

TEST(Parser, RefusesALengthBelowTheHeader) {
    for (const Peer peer : every_peer)
        for (const Opcode opcode : every_opcode)
            for (std::uint32_t length = 0; length < header_bytes; ++length)
                expect_refused(length, opcode, peer, Refusal::length_below_header);
}

TEST(Parser, RefusesALengthBelowTheHeaderWhateverFollows) {
    const std::string text = header(4, Opcode::publish) + std::string(100, '\0');
    EXPECT_EQ(refusal_of(text, Peer::client), Refusal::length_below_header);
}

// Whoever speaks TLS to an endpoint without is told apart; after login nobody does.
TEST(Parser, KnowsATlsHandshakeBeforeLogin) {
    for (const char minor : {'\0', '\1', '\2', '\3', '\4'}) {
        for (const char length : {'\0', '\5', '\x7f'}) {
            const std::string hello{'\x16', '\x03', minor, '\x02', length};
            EXPECT_EQ(refusal_of(hello, Peer::client_before_login), Refusal::tls_handshake);
            EXPECT_NE(refusal_of(hello, Peer::client), Refusal::tls_handshake);
            EXPECT_NE(refusal_of(hello, Peer::client), Refusal::none);
        }
    }
    for (const char* other :
         {"\x16\x03\x05\x02\x03", "\x16\x02\x01\x02\x03", "\x15\x03\x01\x02\x03"})
        EXPECT_EQ(refusal_of(other, Peer::client_before_login), Refusal::longer_than_auth);
}

TEST(Parser, KnowsAProxyHeaderBeforeLogin) {
    for (const char* text : {"\r\n\r\n\x01", "PROXY"}) {
        EXPECT_EQ(refusal_of(text, Peer::client_before_login), Refusal::proxy_header);
        EXPECT_NE(refusal_of(text, Peer::client), Refusal::proxy_header);
        EXPECT_NE(refusal_of(text, Peer::client), Refusal::none);
    }
    EXPECT_EQ(refusal_of(std::string("\r\n\r\n\0", 5), Peer::client_before_login),
              Refusal::proxy_header);
    EXPECT_NE(refusal_of("PROPS", Peer::client_before_login), Refusal::proxy_header);
}

TEST(Parser, RefusesAnEmptyBody) {
    for (const Opcode opcode :
         {Opcode::auth, Opcode::publish, Opcode::subscribe, Opcode::unsubscribe}) {
        expect_refused(5, opcode, Peer::client_before_login, Refusal::empty_body);
        expect_refused(5, opcode, Peer::client, Refusal::empty_body);
    }
    for (const Opcode opcode : {Opcode::info, Opcode::publish})
        expect_refused(5, opcode, Peer::broker, Refusal::empty_body);
}

// As signed numbers these are negative; a parser that adds to them overflows.
TEST(Parser, RefusesLengthsFrom2To31Upwards) {
    for (const std::uint32_t length : {0x7FFF'FFFFU, 0x8000'0000U, 0x8000'0005U, 0xFFFF'FFFFU}) {
        for (const Opcode opcode : {Opcode::auth, Opcode::publish, Opcode::subscribe}) {
            expect_refused(length, opcode, Peer::client_before_login, Refusal::longer_than_auth);
            expect_refused(length, opcode, Peer::client, Refusal::length_above_limit);
        }
        for (const Opcode opcode : {Opcode::error, Opcode::info, Opcode::publish})
            expect_refused(length, opcode, Peer::broker, Refusal::length_above_limit);
    }
}

TEST(Parser, HoldsAClientToTheLimitOfEachKind) {
    const std::vector<std::pair<Opcode, std::size_t>> limits{{Opcode::auth, 281},
                                                             {Opcode::publish, 1'048'581},
                                                             {Opcode::subscribe, 1'048'576},
                                                             {Opcode::unsubscribe, 1'048'576}};
    for (const auto& [opcode, most] : limits) {
        expect_waiting(most, opcode, Peer::client);
        expect_refused(most + 1, opcode, Peer::client, Refusal::length_above_limit);
    }
}

TEST(Parser, HoldsABrokerToTheLimitOfEachKind) {
    const std::vector<std::pair<Opcode, std::size_t>> limits{
        {Opcode::error, 1'048'581}, {Opcode::info, 281}, {Opcode::publish, 1'048'581}};
    for (const auto& [opcode, most] : limits) {
        expect_waiting(most, opcode, Peer::broker);
        expect_refused(most + 1, opcode, Peer::broker, Refusal::length_above_limit);
    }
}

TEST(Parser, HearsNothingLongerThanAnAuthBeforeLogin) {
    for (const Opcode opcode :
         {Opcode::auth, Opcode::publish, Opcode::subscribe, Opcode::unsubscribe}) {
        expect_waiting(281, opcode, Peer::client_before_login);
        expect_refused(282, opcode, Peer::client_before_login, Refusal::longer_than_auth);
    }
}

TEST(Parser, ReadsFramesOfExactlyTheLimit) {
    const std::string publish = frame(
        Opcode::publish, str8("s") + str8("c") + std::string(1'048'581 - header_bytes - 4, 'p'));
    ASSERT_EQ(publish.size(), 1'048'581U);
    EXPECT_EQ(parse_exactly(publish, Peer::client).outcome, Parsed::Outcome::frame);
    EXPECT_EQ(parse_exactly(publish, Peer::broker).outcome, Parsed::Outcome::frame);

    const std::string subscribe =
        frame(Opcode::subscribe, str8("s") + std::string(1'048'576 - header_bytes - 2, 'c'));
    ASSERT_EQ(subscribe.size(), 1'048'576U);
    EXPECT_EQ(parse_exactly(subscribe, Peer::client).outcome, Parsed::Outcome::frame);

    const std::string auth =
        frame(Opcode::auth, str8(std::string(255, 'i')) + std::string(digest_bytes, 'd'));
    ASSERT_EQ(auth.size(), 281U);
    EXPECT_EQ(parse_exactly(auth, Peer::client_before_login).outcome, Parsed::Outcome::frame);
}

TEST(Parser, ObeysTheConfiguredLimitOfAPublish) {
    Limits limits;
    limits.publish_frame_bytes_max = 100;
    for (const Peer peer : {Peer::client, Peer::broker}) {
        expect_waiting(100, Opcode::publish, peer, limits);
        expect_refused(101, Opcode::publish, peer, Refusal::length_above_limit, limits);
    }
    limits.publish_frame_bytes_max = 16 * 1024 * 1024;  // client-quirk 14
    expect_waiting(16 * 1024 * 1024, Opcode::publish, Peer::client, limits);
    expect_refused(16 * 1024 * 1024 + 1, Opcode::publish, Peer::client, Refusal::length_above_limit,
                   limits);
}

TEST(Parser, KeepsTheOtherLimitsWhenThatOfAPublishIsConfigured) {
    Limits limits;
    limits.publish_frame_bytes_max = 100;
    expect_waiting(1'048'576, Opcode::subscribe, Peer::client, limits);
    expect_waiting(281, Opcode::publish, Peer::client_before_login, Limits{16UL * 1024 * 1024});
    expect_refused(282, Opcode::publish, Peer::client_before_login, Refusal::longer_than_auth,
                   Limits{16UL * 1024 * 1024});
}

// ---- opcodes

TEST(Parser, RefusesEveryUnknownOpcode) {
    for (unsigned opcode = opcode_max + 1U; opcode <= 255; ++opcode)
        for (const Peer peer : every_peer)
            EXPECT_EQ(refusal_of(header(6, static_cast<std::uint8_t>(opcode)), peer),
                      Refusal::unknown_opcode)
                << opcode;
}

TEST(Parser, RefusesErrorAndInfoFromAClient) {
    for (const Peer peer : {Peer::client_before_login, Peer::client})
        for (const Opcode opcode : {Opcode::error, Opcode::info})
            expect_refused(20, opcode, peer, Refusal::from_wrong_side);
}

TEST(Parser, RefusesAuthAndSubscriptionsFromABroker) {
    for (const Opcode opcode : {Opcode::auth, Opcode::subscribe, Opcode::unsubscribe})
        expect_refused(20, opcode, Peer::broker, Refusal::from_wrong_side);
}

// ---- inner strings

TEST(Parser, RefusesAnIdentThatRunsPastItsFrame) {
    for (const Opcode opcode :
         {Opcode::auth, Opcode::publish, Opcode::subscribe, Opcode::unsubscribe})
        for (const std::string_view body : {"\x01", "\x06senso", "\xffx"})
            EXPECT_EQ(refusal_of(frame(opcode, body), Peer::client), Refusal::string_past_frame);
    EXPECT_EQ(refusal_of(frame(Opcode::info, "\x08hpfeeds"), Peer::broker),
              Refusal::string_past_frame);
}

TEST(Parser, RefusesAPublishWhoseChannelRunsPastItsFrame) {
    for (const std::string_view rest : {"", "\x01",
                                        "\x04"
                                        "cha",
                                        "\xffx"})
        for (const Peer peer : {Peer::client, Peer::broker})
            EXPECT_EQ(refusal_of(frame(Opcode::publish, str8("s") + std::string(rest)), peer),
                      Refusal::string_past_frame);
}

TEST(Parser, TakesStringsThatEndWithTheirFrame) {
    EXPECT_EQ(parse_exactly(frame(Opcode::publish, str8("s") + str8("chan")), Peer::client).outcome,
              Parsed::Outcome::frame);
    EXPECT_EQ(parse_exactly(frame(Opcode::subscribe, str8("sensor")), Peer::client).outcome,
              Parsed::Outcome::frame);
    EXPECT_EQ(parse_exactly(frame(Opcode::info, str8("hpfeeds")), Peer::broker).outcome,
              Parsed::Outcome::frame);
}

// ---- every header there is, at the edges: the judgement never waits for more than a limit allows

TEST(Parser, NeverWaitsForMoreThanTheLongestFrame) {
    for (const Peer peer : every_peer) {
        for (unsigned opcode = 0; opcode < 256; ++opcode) {
            for (unsigned bit = 0; bit < 32; ++bit) {
                for (const std::uint32_t off : {0U, 1U, 0xFFFF'FFFFU}) {
                    const std::uint32_t length = (1U << bit) + off;
                    const Parsed parsed =
                        parse_exactly(header(length, static_cast<std::uint8_t>(opcode)), peer);
                    if (parsed.outcome == Parsed::Outcome::refused) continue;
                    EXPECT_LE(length, publish_frame_bytes_max);
                    EXPECT_LE(opcode, opcode_max);
                    EXPECT_GE(length, header_bytes);
                }
            }
        }
    }
}

// ---- the short way

TEST(PublishShape, SaysWhatParsingSays) {
    std::mt19937 random(20'260'726);
    std::size_t whole = 0;
    for (int round = 0; round < 200'000; ++round) {
        std::string text = frame(Opcode::publish, str8(std::string(random() % 4, 'i')) +
                                                      str8(std::string(random() % 4, 'c')) +
                                                      std::string(random() % 8, 'p'));
        // Mostly a sound frame; else one byte of its head is another, or its end is missing.
        if (random() % 4 == 0) text[random() % 8 % text.size()] = static_cast<char>(random() % 16);
        if (random() % 4 == 0) text.resize(random() % (text.size() + 1));
        const auto exact = std::make_unique<std::byte[]>(text.size());
        const auto bytes = bytes_of(text);
        std::copy(bytes.begin(), bytes.end(), exact.get());
        const std::span<const std::byte> unread(exact.get(), text.size());
        const Limits limits{16};
        const Parsed parsed = parse(unread, Peer::broker, limits);
        const PublishShape shape = publish_shape(unread, limits);
        const bool is_publish =
            parsed.outcome == Parsed::Outcome::frame && parsed.frame.opcode == Opcode::publish;
        ASSERT_EQ(shape.frame_bytes, is_publish ? parsed.frame.frame_bytes : 0U) << text;
        if (!is_publish) continue;
        ASSERT_EQ(shape.ident_bytes, parsed.frame.ident.size());
        ASSERT_EQ(shape.channel_bytes, parsed.frame.channel.size());
        const PublishShape known = shape_of_sound(unread.data());
        ASSERT_EQ(known.frame_bytes, shape.frame_bytes);
        ASSERT_EQ(known.ident_bytes, shape.ident_bytes);
        ASSERT_EQ(known.channel_bytes, shape.channel_bytes);
        ++whole;
    }
    EXPECT_GT(whole, 10'000U);
}

// ---- words

TEST(Refusal, EachHasItsOwnWordAndSentence) {
    std::set<std::string_view> labels;
    std::set<std::string_view> sentences;
    for (std::size_t index = 0; index < refusal_count; ++index) {
        const auto refusal = static_cast<Refusal>(index);
        EXPECT_THAT(std::string(label(refusal)), ::testing::MatchesRegex("[a-z-]+"));
        EXPECT_NE(label(refusal), "unknown");
        EXPECT_NE(describe(refusal), "unknown");
        labels.insert(label(refusal));
        sentences.insert(describe(refusal));
    }
    EXPECT_EQ(labels.size(), refusal_count);
    EXPECT_EQ(sentences.size(), refusal_count);
}

}  // namespace
}  // namespace hpfeeds::wire
