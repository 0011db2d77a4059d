// SPDX-License-Identifier: Apache-2.0
#include "client/inbox.hpp"

#include "client/limits.hpp"
#include "unit/client/frames.hpp"
#include "wire/frame.hpp"

#include <gtest/gtest.h>

#include <poll.h>
#include <algorithm>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <thread>

namespace hpfeeds::client {
namespace {

using Kind = Inbox::Kind;
using namespace std::chrono_literals;

class InboxTest : public ::testing::Test {
protected:
    void add(std::string_view payload) {
        Inbox::Filling(inbox).add({"me", "chan", wire::as_bytes(payload)});
    }
    void add_incident(std::string text) {
        Inbox::Filling(inbox).add(Incident{std::make_error_code(std::errc::io_error), text});
    }
    // The next item in a word.
    std::string next(std::chrono::milliseconds wait = 0ms) {
        Timeout timeout(wait);
        MessageView message;
        switch (inbox.next(timeout, message)) {
            case Kind::message:
                return std::string(message.text());
            case Kind::incident:
                return "incident " + inbox.incident().text;
            case Kind::ended:
                return "ended " + inbox.incident().text;
            case Kind::stopped:
                return "stopped";
            case Kind::timed_out:
                break;
        }
        return "timed out";
    }
    [[nodiscard]] bool room_was_made() const {
        pollfd watched{room.descriptor(), POLLIN, 0};
        return poll(&watched, 1, 0) == 1;
    }

    WakeEvent room;
    Inbox inbox{room};
};

TEST_F(InboxTest, KeepsMessagesAndIncidentsInTheirOrder) {
    EXPECT_EQ(next(), "timed out");
    add("one");
    add_incident("first");
    add("");
    add("two");
    EXPECT_EQ(next(), "one");
    add_incident("second");
    EXPECT_EQ(next(), "incident first");
    EXPECT_EQ(next(), "");
    EXPECT_EQ(next(), "two");
    EXPECT_EQ(next(), "incident second");
    EXPECT_EQ(next(), "timed out");
}

TEST_F(InboxTest, GivesNamesAsTheyCame) {
    const std::string ident(255, 'i');
    const std::string channel(255, 'c');
    Inbox::Filling(inbox).add({ident, channel, wire::as_bytes("x")});
    Timeout timeout(0ms);
    MessageView message;
    EXPECT_EQ(inbox.next(timeout, message), Kind::message);
    EXPECT_EQ(message.ident, ident);
    EXPECT_EQ(message.channel, channel);
    EXPECT_EQ(message.text(), "x");
}

TEST_F(InboxTest, TakesWhatOneReadBroughtInOnePiece) {
    const std::string frames = testing::publish("a", "chan", "one") +
                               testing::publish("b", "", "") + testing::publish("", "chan", "two");
    std::unique_ptr<Inbox::Slab> none;
    Inbox::Filling(inbox).add_frames(wire::as_bytes(frames), none);
    add_incident("between");
    Inbox::Filling(inbox).add_frames(wire::as_bytes(frames), none);
    for (int round = 0; round < 2; ++round) {
        if (round == 1) {
            EXPECT_EQ(next(), "incident between");
        }
        EXPECT_EQ(next(), "one");
        EXPECT_EQ(next(), "");
        EXPECT_EQ(next(), "two");
    }
    EXPECT_EQ(next(), "timed out");
}

TEST_F(InboxTest, HandsSlabsOverAndGetsThemBack) {
    const std::string big = testing::publish("me", "chan", std::string(handed_over_bytes_min, 'b'));
    std::set<const Inbox::Slab*> seen;
    for (int round = 0; round < 1000; ++round) {
        std::unique_ptr<Inbox::Slab> slab = inbox.new_slab();
        const Inbox::Slab* const memory = slab.get();
        seen.insert(memory);
        const auto frames = std::span(*slab).subspan(100, big.size());
        std::ranges::copy(wire::as_bytes(big), frames.begin());
        add("before");
        Inbox::Filling(inbox).add_frames(frames, slab);
        EXPECT_EQ(slab, nullptr);
        // The rest of the same read: the slab is gone, so it is copied.
        Inbox::Filling(inbox).add_frames(frames, slab);
        EXPECT_EQ(next(), "before");
        Timeout timeout(0ms);
        MessageView message;
        ASSERT_EQ(inbox.next(timeout, message), Kind::message);
        EXPECT_EQ(message.ident.data(), reinterpret_cast<const char*>(frames.data()) + 6);
        ASSERT_EQ(inbox.next(timeout, message), Kind::message);
        EXPECT_NE(message.ident.data(), reinterpret_cast<const char*>(frames.data()) + 6);
        EXPECT_EQ(message.text().size(), handed_over_bytes_min);
    }
    EXPECT_LE(seen.size(), 2U);
}

TEST_F(InboxTest, CopiesALittleAndLeavesTheSlab) {
    std::unique_ptr<Inbox::Slab> slab = inbox.new_slab();
    const std::string frames = testing::publish("me", "chan", "small");
    std::ranges::copy(wire::as_bytes(frames), slab->begin());
    Inbox::Filling(inbox).add_frames(std::span(*slab).first(frames.size()), slab);
    ASSERT_NE(slab, nullptr);
    slab->fill(std::byte{0});
    EXPECT_EQ(next(), "small");
}

TEST_F(InboxTest, KeepsASlabAsLongAsItsViews) {
    std::unique_ptr<Inbox::Slab> slab = inbox.new_slab();
    const std::string big = testing::publish("me", "chan", std::string(handed_over_bytes_min, 'b'));
    std::ranges::copy(wire::as_bytes(big), slab->begin());
    const Inbox::Slab* const memory = slab.get();
    Inbox::Filling(inbox).add_frames(std::span(*slab).first(big.size()), slab);
    EXPECT_EQ(next(), std::string(handed_over_bytes_min, 'b'));
    EXPECT_NE(inbox.new_slab().get(), memory);  // the view may be in use
    add("later");
    EXPECT_EQ(next(), "later");
    EXPECT_EQ(inbox.new_slab().get(), memory);
}

TEST_F(InboxTest, IsNotHeldUpByARingThatNobodyWaitedFor) {
    EXPECT_EQ(next(1ms), "timed out");
    add("one");
    EXPECT_EQ(next(1ms), "one");
    EXPECT_EQ(next(1ms), "timed out");
    inbox.stop();
    EXPECT_EQ(next(20s), "stopped");
}

TEST_F(InboxTest, EndsBehindWhatCameBefore) {
    add("one");
    Inbox::Filling(inbox).end({{}, "over"});
    EXPECT_EQ(next(), "one");
    EXPECT_EQ(next(), "ended over");
    EXPECT_EQ(next(), "ended over");
}

TEST_F(InboxTest, StopsBeforeAnythingElse) {
    add("one");
    inbox.stop();
    EXPECT_EQ(next(), "stopped");
    EXPECT_EQ(next(), "stopped");
}

TEST_F(InboxTest, KeepsABoundedNumberOfIncidents) {
    for (std::size_t i = 0; i < 1000 * troubles_max; ++i)
        add_incident(std::to_string(i));
    EXPECT_TRUE(inbox.has_room());
    for (std::size_t i = 0; i + 1 < troubles_max; ++i)
        EXPECT_EQ(next(), "incident " + std::to_string(i));
    EXPECT_EQ(next(), "incident " + std::to_string(1000 * troubles_max - 1));
    EXPECT_EQ(next(), "timed out");
}

TEST_F(InboxTest, SaysWhenItIsFullAndWhenThereIsRoomAgain) {
    const std::string payload(10'000, 'x');
    std::size_t count = 0;
    for (; inbox.has_room(); ++count)
        add(payload);
    EXPECT_GE(count * payload.size(), inbox_bytes_max - payload.size());
    EXPECT_FALSE(room_was_made());
    EXPECT_EQ(next(), payload);
    EXPECT_TRUE(room_was_made());
    EXPECT_TRUE(inbox.has_room());
}

TEST_F(InboxTest, WakesAReaderThatWaits) {
    std::thread receiver([this] {
        for (int i = 0; i < 1000; ++i)
            add(std::to_string(i));
    });
    for (int i = 0; i < 1000; ++i)
        EXPECT_EQ(next(20s), std::to_string(i));
    receiver.join();
}

}  // namespace
}  // namespace hpfeeds::client
