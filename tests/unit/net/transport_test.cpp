// SPDX-License-Identifier: Apache-2.0
#include "net/transport.hpp"

#include "net/descriptor.hpp"

#include <gtest/gtest.h>

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>
#include <array>
#include <csignal>
#include <string>
#include <vector>

namespace hpfeeds::net {
namespace {

class TransportTest : public ::testing::Test {
protected:
    TransportTest() {
        std::array<int, 2> both{};
        EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, both.data()), 0);
        ours = Descriptor(both[0]);
        theirs = Descriptor(both[1]);
    }
    static std::span<const std::byte> bytes(const std::string& text) {
        return std::as_bytes(std::span(text));
    }
    Descriptor ours, theirs;
    std::array<std::byte, 1024> room{};
};

TEST_F(TransportTest, GathersPiecesInOrder) {
    const std::string one = "one", two = "two", three = "three";
    const std::array pieces{bytes(one), bytes(two), bytes(three)};
    EXPECT_EQ(send(ours.get(), pieces).bytes, 11U);
    const Transfer got = receive(theirs.get(), room);
    EXPECT_EQ(got.status, Transfer::Status::done);
    EXPECT_EQ(std::string(reinterpret_cast<const char*>(room.data()), got.bytes), "onetwothree");
}

TEST_F(TransportTest, SaysLaterInsteadOfWaiting) {
    EXPECT_EQ(receive(ours.get(), room).status, Transfer::Status::later);
    const std::string much(1 << 20, 'x');
    const std::array pieces{bytes(much)};
    Transfer transfer;
    do
        transfer = send(ours.get(), pieces);
    while (transfer.status == Transfer::Status::done);
    EXPECT_EQ(transfer.status, Transfer::Status::later) << "it took less than all";
    EXPECT_LT(transfer.bytes, much.size());
    transfer = send(ours.get(), pieces);
    EXPECT_EQ(transfer.status, Transfer::Status::later);
    EXPECT_EQ(transfer.bytes, 0U);
}

TEST_F(TransportTest, SendsPagesOfAFile) {
    const Descriptor file(memfd_create("test", MFD_CLOEXEC));
    const std::string text = "lent pages";
    ASSERT_EQ(write(file.get(), text.data(), text.size()), static_cast<ssize_t>(text.size()));
    const auto sent = send_pages(ours.get(), file.get(), 5, 5);
    ASSERT_TRUE(sent);
    EXPECT_EQ(sent->status, Transfer::Status::done);
    EXPECT_EQ(sent->bytes, 5U);
    const Transfer got = receive(theirs.get(), room);
    EXPECT_EQ(std::string(reinterpret_cast<const char*>(room.data()), got.bytes), "pages");
}

TEST_F(TransportTest, SendsNoMorePagesThanTheSocketTakes) {
    const Descriptor file(memfd_create("test", MFD_CLOEXEC));
    constexpr std::size_t much = 8 << 20;
    ASSERT_EQ(ftruncate(file.get(), much), 0);
    auto sent = send_pages(ours.get(), file.get(), 0, much);
    ASSERT_TRUE(sent);
    EXPECT_EQ(sent->status, Transfer::Status::later);
    EXPECT_LT(sent->bytes, much);
    sent = send_pages(ours.get(), file.get(), 0, much);
    ASSERT_TRUE(sent);
    EXPECT_EQ(sent->status, Transfer::Status::later);
    EXPECT_EQ(sent->bytes, 0U);
}

TEST_F(TransportTest, LeavesToOrdinarySendingWhatCannotBeSentAsPages) {
    const Descriptor no_file(open("/", O_RDONLY | O_CLOEXEC));
    EXPECT_FALSE(send_pages(ours.get(), no_file.get(), 0, 5));
    const Descriptor file(memfd_create("test", MFD_CLOEXEC));
    ASSERT_EQ(ftruncate(file.get(), 4096), 0);
    std::signal(SIGPIPE, SIG_IGN);
    theirs.reset();
    EXPECT_FALSE(send_pages(ours.get(), file.get(), 0, 5)) << "send() says that it is broken";
    std::signal(SIGPIPE, SIG_DFL);
}

TEST_F(TransportTest, TellsAGoodbyeFromABrokenConnection) {
    theirs.reset();
    EXPECT_EQ(receive(ours.get(), room).status, Transfer::Status::closed);
    const std::string text = "x";
    const std::array pieces{bytes(text)};
    EXPECT_EQ(send(ours.get(), pieces).status, Transfer::Status::broken) << "and no SIGPIPE";
}

TEST_F(TransportTest, ShuttingOursLeavesTheirsOpen) {
    shut_sending(ours.get());
    EXPECT_EQ(receive(theirs.get(), room).status, Transfer::Status::closed);
    const std::string text = "x";
    const std::array pieces{bytes(text)};
    EXPECT_EQ(send(theirs.get(), pieces).bytes, 1U);
    EXPECT_EQ(receive(ours.get(), room).bytes, 1U);
}

}  // namespace
}  // namespace hpfeeds::net
