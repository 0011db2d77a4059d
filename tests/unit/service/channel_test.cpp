// SPDX-License-Identifier: Apache-2.0
#include "service/channel.hpp"

#include <gtest/gtest.h>

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>
#include <array>
#include <cstring>
#include <span>
#include <string>
#include <vector>

namespace hpfeeds::service {
namespace {

constexpr std::chrono::milliseconds at_once{0};

struct Pipe {
    Pipe() {
        std::array<int, 2> made{-1, -1};
        EXPECT_EQ(::pipe2(made.data(), O_NONBLOCK | O_CLOEXEC), 0);
        read = net::Descriptor(made[0]);
        write = net::Descriptor(made[1]);
    }
    // Whether nobody has its other end, once this is the last to close it.
    [[nodiscard]] bool over() {
        write.reset();
        char byte = 0;
        return ::read(read.get(), &byte, 1) == 0;
    }
    net::Descriptor read, write;
};

// What no process of ours sends.
void send_descriptors(int channel, std::span<const int> descriptors) {
    char word = static_cast<char>(Word::socket);
    iovec piece{&word, 1};
    alignas(cmsghdr) std::array<char, CMSG_SPACE(8 * sizeof(int))> control{};
    msghdr header{};
    header.msg_iov = &piece;
    header.msg_iovlen = 1;
    header.msg_control = control.data();
    header.msg_controllen = CMSG_SPACE(descriptors.size_bytes());
    cmsghdr* rights = CMSG_FIRSTHDR(&header);
    rights->cmsg_level = SOL_SOCKET;
    rights->cmsg_type = SCM_RIGHTS;
    rights->cmsg_len = CMSG_LEN(descriptors.size_bytes());
    std::memcpy(CMSG_DATA(rights), descriptors.data(), descriptors.size_bytes());
    ASSERT_EQ(::sendmsg(channel, &header, 0), 1);
}

TEST(Channel, BringsAWordAndItsText) {
    const auto [ours, theirs] = open_channel();
    ASSERT_TRUE(send_packet(ours.get(), Word::failed, "no keys"));
    ASSERT_TRUE(send_packet(ours.get(), Word::ready));
    Packet packet;
    ASSERT_EQ(receive_packet(theirs.get(), packet, at_once), Received::packet);
    EXPECT_EQ(packet.word, Word::failed);
    EXPECT_EQ(packet.text, "no keys");
    EXPECT_FALSE(packet.descriptor.open());
    ASSERT_EQ(receive_packet(theirs.get(), packet, at_once), Received::packet);
    EXPECT_EQ(packet.word, Word::ready);
    EXPECT_EQ(packet.text, "");
    EXPECT_EQ(receive_packet(theirs.get(), packet, at_once), Received::nothing);
}

TEST(Channel, BringsADescriptor) {
    const auto [ours, theirs] = open_channel();
    Pipe pipe;
    ASSERT_TRUE(send_packet(ours.get(), Word::socket, "feeds", pipe.write.get()));
    Packet packet;
    ASSERT_EQ(receive_packet(theirs.get(), packet, at_once), Received::packet);
    EXPECT_EQ(packet.text, "feeds");
    ASSERT_TRUE(packet.descriptor.open());
    ASSERT_EQ(::write(packet.descriptor.get(), "x", 1), 1);
    char byte = 0;
    ASSERT_EQ(::read(pipe.read.get(), &byte, 1), 1);
    EXPECT_EQ(byte, 'x');
    packet = {};
    EXPECT_TRUE(pipe.over());
}

TEST(Channel, CutsALongText) {
    const auto [ours, theirs] = open_channel();
    ASSERT_TRUE(send_packet(ours.get(), Word::failed, std::string(2 * packet_bytes_max, 'x')));
    Packet packet;
    ASSERT_EQ(receive_packet(theirs.get(), packet, at_once), Received::packet);
    EXPECT_EQ(packet.text, std::string(packet_bytes_max - 1, 'x'));
}

TEST(Channel, SaysThatTheOtherEndIsGone) {
    auto [ours, theirs] = open_channel();
    ours.reset();
    Packet packet;
    EXPECT_EQ(receive_packet(theirs.get(), packet, at_once), Received::end);
    EXPECT_FALSE(send_packet(theirs.get(), Word::ready));
}

// Two fit into the room for one, of more the kernel says that they did not fit.
TEST(Channel, BringsTheLastWordsOfOneThatDidNotReadOurs) {
    auto [ours, theirs] = open_channel();
    ASSERT_TRUE(send_packet(ours.get(), Word::all_sent));
    ASSERT_TRUE(send_packet(theirs.get(), Word::failed, "no keys"));
    theirs.reset();
    Packet packet;
    ASSERT_EQ(receive_packet(ours.get(), packet, at_once), Received::packet);
    EXPECT_EQ(packet.text, "no keys");
    EXPECT_EQ(receive_packet(ours.get(), packet, at_once), Received::end);
}

TEST(Channel, ClosesDescriptorsThatComeInTwosOrMoreAndForgetsTheWord) {
    for (const std::size_t count : {2U, 3U, 8U}) {
        const auto [ours, theirs] = open_channel();
        Pipe pipe;
        const std::vector<int> descriptors(count, pipe.write.get());
        send_descriptors(ours.get(), descriptors);
        Packet packet;
        ASSERT_EQ(receive_packet(theirs.get(), packet, at_once), Received::packet);
        EXPECT_EQ(packet.word, Word{}) << count;
        EXPECT_FALSE(packet.descriptor.open()) << count;
        EXPECT_TRUE(pipe.over()) << count << ": all of them are closed";
    }
}

}  // namespace
}  // namespace hpfeeds::service
