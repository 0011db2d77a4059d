// SPDX-License-Identifier: Apache-2.0
#include "service/handed_sockets.hpp"

#include "hpfeeds/error.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cstdlib>
#include <string>

namespace hpfeeds::service {
namespace {

using testing::HasSubstr;

net::Descriptor any_socket() {
    return net::Descriptor(::socket(AF_INET, SOCK_STREAM, 0));
}

HandedSockets three() {
    std::vector<HandedSocket> sockets;
    for (const char* name : {"feeds", "web", "feeds"})
        sockets.push_back({name, any_socket()});
    return HandedSockets(std::move(sockets));
}

std::string refusal_of(const char* fds, const char* names) {
    ::setenv("LISTEN_PID", std::to_string(::getpid()).c_str(), 1);
    ::setenv("LISTEN_FDS", fds, 1);
    ::setenv("LISTEN_FDNAMES", names, 1);
    try {
        (void)HandedSockets::from_environment();
    } catch (const Error& error) {
        return error.what();
    }
    return "";
}

TEST(HandedSockets, AreTakenByNameInTheirOrder) {
    HandedSockets handed = three();
    const int first = handed.left()[0].socket.get();
    const int last = handed.left()[2].socket.get();
    const auto taken = handed.take_all("feeds");
    ASSERT_EQ(taken.size(), 2U);
    EXPECT_EQ(taken[0].get(), first);
    EXPECT_EQ(taken[1].get(), last);
    ASSERT_EQ(handed.left().size(), 1U);
    EXPECT_EQ(handed.left()[0].name, "web");
    EXPECT_TRUE(handed.take_all("feeds").empty());
}

TEST(HandedSockets, AreTakenOneByOne) {
    HandedSockets handed = three();
    EXPECT_TRUE(handed.take("feeds").open());
    EXPECT_TRUE(handed.take("feeds").open());
    EXPECT_FALSE(handed.take("feeds").open());
}

TEST(HandedSockets, TellTheirNamesOnce) {
    EXPECT_EQ(three().names(), "'feeds', 'web'");
    EXPECT_EQ(HandedSockets().names(), "none");
}

TEST(HandedSockets, WithoutVariablesThereAreNone) {
    EXPECT_TRUE(HandedSockets::from_environment().left().empty());
}

TEST(HandedSockets, VariablesAreRefusedWithTheirNameAndValue) {
    EXPECT_THAT(refusal_of("-1", ""), HasSubstr("LISTEN_FDS='-1'"));
    EXPECT_THAT(refusal_of("2000", ""), HasSubstr("from 0 to 1024"));
    EXPECT_THAT(refusal_of("2", "one"), HasSubstr("1 names for 2 sockets"));
    EXPECT_THAT(refusal_of("x\ny", ""), HasSubstr("LISTEN_FDS='x?y'"));
}

TEST(HandedSockets, ADescriptorThatIsNotOpenIsRefused) {
    // Whatever the test was started with, 600 descriptors are not open.
    std::string names(599, ':');
    EXPECT_THAT(refusal_of("600", names.c_str()), HasSubstr("is not open"));
}

TEST(HandedSockets, VariablesLeaveTheEnvironment) {
    refusal_of("0", "x");
    EXPECT_EQ(std::getenv("LISTEN_PID"), nullptr);
    EXPECT_EQ(std::getenv("LISTEN_FDS"), nullptr);
    EXPECT_EQ(std::getenv("LISTEN_FDNAMES"), nullptr);
}

}  // namespace
}  // namespace hpfeeds::service
