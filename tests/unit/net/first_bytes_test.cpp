// SPDX-License-Identifier: Apache-2.0
#include "net/first_bytes.hpp"

#include <gtest/gtest.h>

#include <string>

namespace hpfeeds::net {
namespace {

Tongue tongue(const std::string& text) {
    return tongue_of(std::as_bytes(std::span(text)));
}

TEST(FirstBytes, KnowAClientHelloByItsFirstByte) {
    const std::string hello("\x16\x03\x01\x02\x00\x01\x00\x01", 8);
    for (std::size_t have = 1; have <= hello.size(); ++have)
        EXPECT_EQ(tongue(hello.substr(0, have)), Tongue::tls) << have;
}

TEST(FirstBytes, KnowAnHpfeedsFrame) {
    EXPECT_EQ(tongue(std::string(1, '\0')), Tongue::hpfeeds);
    EXPECT_EQ(tongue(std::string("\0\0\0\x2c\x02\x06se", 8)), Tongue::hpfeeds) << "an AUTH";
}

TEST(FirstBytes, KnowABrowser) {
    for (const char* text :
         {"GET / HT", "POST /x ", "HEAD / H", "OPTIONS ", "CONNECT ", "DELETE /"})
        EXPECT_EQ(tongue(text), Tongue::http) << text;
}

TEST(FirstBytes, KnowNothingElse) {
    EXPECT_EQ(tongue("\x16\x02"), Tongue::other) << "a handshake of version 2";
    EXPECT_EQ(tongue("\x15\x03\x01"), Tongue::other) << "an alert";
    EXPECT_EQ(tongue("\x80\x2e\x01"), Tongue::other) << "SSL 2";
    EXPECT_EQ(tongue("GE"), Tongue::other);
    EXPECT_EQ(tongue("SSH-2.0-"), Tongue::other);
}

}  // namespace
}  // namespace hpfeeds::net
