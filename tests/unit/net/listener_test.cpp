// SPDX-License-Identifier: Apache-2.0
#include "net/listener.hpp"

#include "hpfeeds/error.hpp"
#include "support/temporary_directory.hpp"

#include <gtest/gtest.h>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <string>

namespace hpfeeds::net {
namespace {

std::string error_of(const ListenAddress& where) {
    try {
        (void)open_listener(where, "tcp:the endpoint");
    } catch (const Error& error) {
        return error.what();
    }
    return "";
}

int option(int fd, int level, int name) {
    int value = -1;
    socklen_t size = sizeof value;
    getsockopt(fd, level, name, &value, &size);
    return value;
}

TEST(Listener, TellsThePortThatTheSystemChose) {
    const Listener listener = open_listener({"127.0.0.1", 0, ""}, "label");
    EXPECT_NE(listener.address.port(), 0);
    EXPECT_EQ(listener.address.host(), "127.0.0.1");
    EXPECT_EQ(listener.label, "label");
}

TEST(Listener, SaysWhenThePortIsInUse) {
    const Listener first = open_listener({"127.0.0.1", 0, ""}, "");
    const std::string error = error_of({"127.0.0.1", first.address.port(), ""});
    EXPECT_NE(error.find("tcp:the endpoint"), std::string::npos) << error;
    EXPECT_NE(error.find("in use"), std::string::npos) << error;
    EXPECT_NE(error.find("another port"), std::string::npos) << error;
}

TEST(Listener, SaysWhenThereIsNoSuchAddress) {
    EXPECT_NE(error_of({"192.0.2.77", 0, ""}).find("no interface"), std::string::npos);
    EXPECT_NE(error_of({"no such host.invalid", 0, ""}).find("no such address"), std::string::npos);
}

TEST(Listener, SaysWhenThereIsNoSuchDevice) {
    EXPECT_NE(error_of({"127.0.0.1", 0, "nosuchdev0"}).find("cannot listen"), std::string::npos);
}

TEST(Listener, AdoptsASocketThatListens) {
    Listener opened = open_listener({"127.0.0.1", 0, ""}, "");
    const int families[] = {AF_INET};
    const Listener adopted = adopt_listener(std::move(opened.socket), families, "tcp:fd=x");
    EXPECT_EQ(adopted.address.text(), opened.address.text());
    EXPECT_EQ(adopted.label, "tcp:fd=x");
    EXPECT_EQ(option(adopted.socket.get(), IPPROTO_TCP, TCP_NODELAY), 1);
}

TEST(Listener, AdoptsNothingElse) {
    const auto error_with = [](Descriptor socket, int family) -> std::string {
        const int families[] = {family};
        try {
            (void)adopt_listener(std::move(socket), families, "tcp:fd=x");
        } catch (const Error& error) {
            return error.what();
        }
        return "";
    };
    EXPECT_NE(error_with(Descriptor(::dup(0)), AF_INET).find("no stream socket"),
              std::string::npos);
    EXPECT_NE(
        error_with(Descriptor(::socket(AF_INET, SOCK_STREAM, 0)), AF_INET).find("does not listen"),
        std::string::npos);
    EXPECT_NE(
        error_with(open_listener({"127.0.0.1", 0, ""}, "").socket, AF_UNIX).find("another family"),
        std::string::npos);
}

TEST(Listener, AllAddressesTakeIpv4) {
    const Listener listener = open_listener({"", 0, ""}, "");
    const Descriptor client(::socket(AF_INET, SOCK_STREAM, 0));
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(listener.address.port());
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    ASSERT_EQ(connect(client.get(), reinterpret_cast<sockaddr*>(&to), sizeof to), 0);
    Accepted accepted;
    ASSERT_EQ(accept_one(listener, accepted), AcceptStatus::accepted);
    EXPECT_EQ(accepted.peer.host(), "127.0.0.1");
    EXPECT_EQ(accept_one(listener, accepted), AcceptStatus::none);
}

TEST(Listener, KnowsWhoComesByAUnixSocket) {
    const support::TemporaryDirectory folder;
    const std::string path = folder.file("socket");
    const Listener listener = open_listener(SocketPlace{path, 0600}, "label");
    const Descriptor client(::socket(AF_UNIX, SOCK_STREAM, 0));
    sockaddr_un to{};
    to.sun_family = AF_UNIX;
    path.copy(to.sun_path, path.size());
    ASSERT_EQ(connect(client.get(), reinterpret_cast<sockaddr*>(&to), sizeof to), 0);
    Accepted accepted;
    ASSERT_EQ(accept_one(listener, accepted), AcceptStatus::accepted);
    EXPECT_EQ(accepted.peer.text(),
              "unix:pid=" + std::to_string(getpid()) + ",uid=" + std::to_string(geteuid()));
}

// PROTOCOL.md, "Session" 7
TEST(Listener, AcceptedSocketsHaveNodelayAndKeepalive) {
    const Listener listener = open_listener({"127.0.0.1", 0, ""}, "");
    const Descriptor client(::socket(AF_INET, SOCK_STREAM, 0));
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(listener.address.port());
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    ASSERT_EQ(connect(client.get(), reinterpret_cast<sockaddr*>(&to), sizeof to), 0);
    Accepted accepted;
    ASSERT_EQ(accept_one(listener, accepted), AcceptStatus::accepted);
    const int fd = accepted.socket.get();
    EXPECT_EQ(option(fd, IPPROTO_TCP, TCP_NODELAY), 1);
    EXPECT_EQ(option(fd, SOL_SOCKET, SO_KEEPALIVE), 1);
    EXPECT_EQ(option(fd, IPPROTO_TCP, TCP_KEEPIDLE), 10);
    EXPECT_EQ(option(fd, IPPROTO_TCP, TCP_KEEPINTVL), 5);
    EXPECT_EQ(option(fd, IPPROTO_TCP, TCP_KEEPCNT), 3);
}

}  // namespace
}  // namespace hpfeeds::net
