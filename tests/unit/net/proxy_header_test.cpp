// SPDX-License-Identifier: Apache-2.0
#include "net/proxy_header.hpp"

#include "support/proxy_header.hpp"

#include <gtest/gtest.h>

#include <initializer_list>
#include <span>
#include <string>

namespace hpfeeds::net {
namespace {

using support::proxy_header;
using support::proxy_header_from;
using support::proxy_header_local;
using support::proxy_signature;
using support::proxy_tlv;
using Outcome = ProxyHeader::Outcome;

ProxyHeader parse(std::string_view text) {
    return parse_proxy_header(std::as_bytes(std::span(text)));
}

// Complete, and all of it; then what matters is who it speaks for.
ProxyHeader whole(std::string_view text) {
    const ProxyHeader header = parse(text);
    EXPECT_EQ(header.outcome, Outcome::complete);
    EXPECT_EQ(header.bytes, text.size());
    return header;
}

ProxyRefusal refusal(std::string_view text) {
    const ProxyHeader header = parse(text);
    EXPECT_EQ(header.outcome, Outcome::refused);
    return header.refusal;
}

constexpr std::uint8_t local = 0x20, proxy = 0x21;
constexpr std::uint8_t tcp4 = 0x11, udp4 = 0x12, tcp6 = 0x21, unix_stream = 0x31;

TEST(ProxyHeader, SaysForWhomInIpv4) {
    const ProxyHeader header = whole(proxy_header_from("192.0.2.1", 4242));
    ASSERT_TRUE(header.source);
    EXPECT_EQ(header.source->text(), "192.0.2.1:4242");
    EXPECT_FALSE(header.local);
}

TEST(ProxyHeader, SaysForWhomInIpv6) {
    const ProxyHeader header = whole(proxy_header_from("2001:db8::1", 65535));
    ASSERT_TRUE(header.source);
    EXPECT_EQ(header.source->text(), "[2001:db8::1]:65535");
}

TEST(ProxyHeader, SaysIpv4ThatWasMapped) {
    EXPECT_EQ(whole(proxy_header_from("::ffff:192.0.2.1", 7)).source->text(), "192.0.2.1:7");
}

TEST(ProxyHeader, OfABalancerThatSpeaksForItselfNamesNobody) {
    const ProxyHeader header = whole(proxy_header_local());
    EXPECT_TRUE(header.local);
    EXPECT_FALSE(header.source);
}

// PROXY protocol, 2.2: of LOCAL the family and all that is behind it are to be ignored.
TEST(ProxyHeader, OfALocalOneNothingElseCounts) {
    EXPECT_FALSE(whole(proxy_header(local, tcp4, "\1\2\3")).source);
    EXPECT_FALSE(whole(proxy_header(local, tcp4, std::string(12, '\1'))).source);
}

TEST(ProxyHeader, MayNotSayForWhom) {
    EXPECT_FALSE(whole(proxy_header(proxy, 0x00, "")).source);
    EXPECT_FALSE(whole(proxy_header(proxy, 0x00, "whatever this is")).source);
    EXPECT_FALSE(whole(proxy_header(proxy, unix_stream, std::string(216, 'p'))).source);
    EXPECT_FALSE(whole(proxy_header(proxy, udp4, std::string(12, '\1'))).source);
    EXPECT_FALSE(whole(proxy_header(proxy, 0x00, "")).local);
}

TEST(ProxyHeader, StepsOverTlvs) {
    const std::string tlvs = proxy_tlv(0x02, "sensors.example") + proxy_tlv(0x04, "") +
                             proxy_tlv(0xE0, std::string(300, '\0'));
    const std::string text = proxy_header_from("192.0.2.1", 1, tlvs);
    EXPECT_EQ(whole(text).source->text(), "192.0.2.1:1");
    const ProxyHeader followed = parse(text + "what is behind it");
    EXPECT_EQ(followed.outcome, Outcome::complete);
    EXPECT_EQ(followed.bytes, text.size());
}

TEST(ProxyHeader, TellsHowMuchIsLacking) {
    const std::string text = proxy_header_from("2001:db8::1", 1, proxy_tlv(1, "h2"));
    for (std::size_t count = 0; count < text.size(); ++count) {
        const ProxyHeader header = parse(text.substr(0, count));
        EXPECT_EQ(header.outcome, Outcome::incomplete) << count;
        EXPECT_EQ(header.bytes, count < proxy_fixed_bytes ? proxy_fixed_bytes : text.size())
            << count;
    }
}

TEST(ProxyHeader, RefusesWhatElseCame) {
    for (const char* text : {"GET / HTTP/1.1\r\n", "x", "\r\n\r\nQ", "POST"})
        EXPECT_EQ(refusal(text), ProxyRefusal::no_header) << text;
    EXPECT_EQ(refusal(std::string("\0\0\0\x20\2", 5)), ProxyRefusal::no_header) << "an AUTH";
    EXPECT_EQ(refusal("\x16\x03\x01"), ProxyRefusal::no_header) << "a ClientHello";
    std::string almost = proxy_header_local();
    almost[11] = '\r';
    EXPECT_EQ(refusal(almost), ProxyRefusal::no_header);
}

TEST(ProxyHeader, RefusesVersion1ByItsName) {
    EXPECT_EQ(parse("PROXY").outcome, Outcome::incomplete) << "could be anything yet";
    EXPECT_EQ(refusal("PROXY TCP4 192.0.2.1 127.0.0.1 4242 20000\r\n"), ProxyRefusal::version_1);
    EXPECT_EQ(refusal("PROXY UNKNOWN\r\n"), ProxyRefusal::version_1);
    EXPECT_EQ(refusal("PROXIES"), ProxyRefusal::no_header);
}

TEST(ProxyHeader, RefusesVersionsCommandsAndFamiliesThatDoNotExist) {
    for (const std::uint8_t version : std::initializer_list<std::uint8_t>{0x01, 0x11, 0x31, 0xF1})
        EXPECT_EQ(refusal(proxy_header(version, tcp4, std::string(12, '\1'))),
                  ProxyRefusal::unknown_version);
    for (const std::uint8_t command : std::initializer_list<std::uint8_t>{0x22, 0x2F})
        EXPECT_EQ(refusal(proxy_header(command, tcp4, std::string(12, '\1'))),
                  ProxyRefusal::unknown_command);
    for (const std::uint8_t family : std::initializer_list<std::uint8_t>{0x41, 0xF1, 0x13, 0x1F})
        EXPECT_EQ(refusal(proxy_header(proxy, family, std::string(216, '\1'))),
                  ProxyRefusal::unknown_family);
}

TEST(ProxyHeader, RefusesToWaitForMoreThanAHeaderMayHave) {
    const std::string most(proxy_header_bytes_max - proxy_fixed_bytes, '\0');
    EXPECT_EQ(whole(proxy_header(local, 0, most)).bytes, proxy_header_bytes_max);
    const std::string more = proxy_header(local, 0, most + "x");
    EXPECT_EQ(refusal(more.substr(0, proxy_fixed_bytes)), ProxyRefusal::too_long)
        << "as soon as it says so";
}

TEST(ProxyHeader, RefusesAddressesThatAreCutShort) {
    EXPECT_EQ(refusal(proxy_header(proxy, tcp4, std::string(11, '\1'))),
              ProxyRefusal::short_addresses);
    EXPECT_EQ(refusal(proxy_header(proxy, tcp6, std::string(35, '\1'))),
              ProxyRefusal::short_addresses);
    EXPECT_EQ(refusal(proxy_header(proxy, unix_stream, std::string(215, '\1'))),
              ProxyRefusal::short_addresses);
    EXPECT_EQ(refusal(proxy_header(proxy, tcp4, "")), ProxyRefusal::short_addresses);
}

TEST(ProxyHeader, RefusesTlvsThatRunPastItsEnd) {
    for (const std::string& tlvs : {std::string("\1"), std::string("\1\0", 2),
                                    std::string("\1\0\1", 3), std::string("\1\xFF\xFFxyz")})
        EXPECT_EQ(refusal(proxy_header_from("192.0.2.1", 1, tlvs)), ProxyRefusal::broken_tlv);
}

TEST(ProxyHeader, EveryRefusalHasItsWordAndItsSentence) {
    for (std::size_t i = 1; i < proxy_refusal_count; ++i) {
        EXPECT_FALSE(label(static_cast<ProxyRefusal>(i)).empty());
        EXPECT_FALSE(describe(static_cast<ProxyRefusal>(i)).empty());
    }
}

}  // namespace
}  // namespace hpfeeds::net
