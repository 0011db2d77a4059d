// SPDX-License-Identifier: Apache-2.0
#include "bench_dialect.hpp"

#include "bench_stamp.hpp"
#include "wire/challenge.hpp"
#include "wire/encode.hpp"
#include "wire/parser.hpp"

#include <gtest/gtest.h>

#include <array>
#include <span>
#include <string>

namespace hpfeeds::cli::bench {
namespace {

using Kind = Dialect::Heard::Kind;

std::string info(std::string_view name, std::string_view nonce) {
    std::string frame(wire::info_frame_bytes(name.size(), nonce.size()), '\0');
    wire::encode_info(std::as_writable_bytes(std::span(frame)), name, wire::as_bytes(nonce));
    return frame;
}

std::string error(std::string_view text) {
    std::string frame(wire::error_frame_bytes(text.size()), '\0');
    wire::encode_error(std::as_writable_bytes(std::span(frame)), text);
    return frame;
}

const HpfeedsDialect dialect("me", "secret");

TEST(BenchDialect, AnswersAGreetingWithTheDigest) {
    const std::string greeting = info("broker", "NONC");
    const auto greeted = dialect.greet(greeting + "more");
    EXPECT_EQ(greeted.used, greeting.size());
    const auto parsed = wire::parse(wire::as_bytes(greeted.answer), wire::Peer::client);
    ASSERT_EQ(parsed.outcome, wire::Parsed::Outcome::frame);
    EXPECT_EQ(parsed.frame.opcode, wire::Opcode::auth);
    EXPECT_EQ(parsed.frame.ident, "me");
    EXPECT_TRUE(wire::equal_constant_time(parsed.frame.payload,
                                          wire::digest_of(wire::as_bytes("NONC"), "secret")));
}

TEST(BenchDialect, WaitsForTheWholeGreeting) {
    const std::string greeting = info("broker", "NONC");
    for (std::size_t bytes = 0; bytes < greeting.size(); ++bytes) {
        const auto greeted = dialect.greet(std::string_view(greeting).substr(0, bytes));
        EXPECT_EQ(greeted.used, 0U);
        EXPECT_EQ(greeted.failure, "");
    }
}

TEST(BenchDialect, RefusesAnotherGreeting) {
    EXPECT_NE(dialect.greet("HTTP/1.1 400 Bad Request\r\n").failure, "");
    EXPECT_NE(dialect.greet(error("go away")).failure, "");
}

TEST(BenchDialect, UnderstandsAMessageAsSoonAsItsStampIsThere) {
    const std::string head = dialect.publish_head("channel", 1000);
    const std::string frame = head + std::string(1000, 'x');
    const std::size_t needed = head.size() + sizeof(Stamp);
    for (std::size_t bytes = 1; bytes < needed; ++bytes)
        EXPECT_EQ(dialect.understand(std::string_view(frame).substr(0, bytes)).kind,
                  Kind::incomplete)
            << bytes;
    const auto heard = dialect.understand(std::string_view(frame).substr(0, needed));
    EXPECT_EQ(heard.kind, Kind::message);
    EXPECT_EQ(heard.frame_bytes, frame.size());
    EXPECT_EQ(heard.payload_at, head.size());
}

TEST(BenchDialect, PassesOverMessagesTooShortForAStamp) {
    const auto heard =
        dialect.understand(dialect.publish_head("channel", 10) + std::string(10, 'x'));
    EXPECT_EQ(heard.kind, Kind::other);
}

TEST(BenchDialect, TellsWhatTheBrokerRefuses) {
    const std::string frame = error("Authentication failed for me");
    const auto heard = dialect.understand(frame);
    EXPECT_EQ(heard.kind, Kind::refusal);
    EXPECT_EQ(heard.text, "Authentication failed for me");
    EXPECT_EQ(dialect.understand(std::string_view(frame).substr(0, 10)).kind, Kind::incomplete);
}

TEST(BenchDialect, RefusesWhatIsNotHpfeeds) {
    using namespace std::string_view_literals;
    EXPECT_EQ(dialect.understand("\0\0\0\3\3\0\0\0"sv).kind, Kind::nonsense);
    EXPECT_EQ(dialect.understand("\xff\0\0\0\3\0\0\0"sv).kind, Kind::nonsense);
    EXPECT_EQ(dialect.understand("\0\0\0\20\7\0\0\0"sv).kind, Kind::nonsense);
}

}  // namespace
}  // namespace hpfeeds::cli::bench
