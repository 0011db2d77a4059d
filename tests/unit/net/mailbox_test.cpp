// SPDX-License-Identifier: Apache-2.0
#include "net/mailbox.hpp"

#include <gtest/gtest.h>

#include <poll.h>
#include <memory>
#include <thread>
#include <vector>

namespace hpfeeds::net {
namespace {

struct Note {
    unsigned sender = 0;
    unsigned number = 0;
    std::unique_ptr<int> cargo;
};

TEST(Mailbox, GivesWhatWasPostedInOrder) {
    Mailbox<Note> mailbox(4);
    for (unsigned i = 0; i < 4; ++i) {
        Note note{0, i, std::make_unique<int>(static_cast<int>(i))};
        EXPECT_TRUE(mailbox.post(note));
    }
    Note note;
    for (unsigned i = 0; i < 4; ++i) {
        ASSERT_TRUE(mailbox.take(note));
        EXPECT_EQ(*note.cargo, static_cast<int>(i));
    }
    EXPECT_FALSE(mailbox.take(note));
    EXPECT_TRUE(mailbox.empty());
}

TEST(Mailbox, AFullOneLeavesTheMessageWithItsSender) {
    Mailbox<Note> mailbox(2);
    for (unsigned i = 0; i < 2; ++i) {
        Note note;
        ASSERT_TRUE(mailbox.post(note));
    }
    Note kept{1, 2, std::make_unique<int>(7)};
    EXPECT_FALSE(mailbox.post(kept));
    ASSERT_NE(kept.cargo, nullptr);
    Note taken;
    ASSERT_TRUE(mailbox.take(taken));
    EXPECT_TRUE(mailbox.post(kept));
    EXPECT_EQ(kept.cargo, nullptr);
}

TEST(Mailbox, LetsGoOfWhatWasTaken) {
    struct Shared {
        std::shared_ptr<int> cargo;
    };
    Mailbox<Shared> mailbox(2);
    auto cargo = std::make_shared<int>(1);
    Shared message{cargo};
    ASSERT_TRUE(mailbox.post(message));
    ASSERT_TRUE(mailbox.take(message));
    message = {};
    EXPECT_EQ(cargo.use_count(), 1);
}

TEST(Mailbox, KeepsTheOrderOfEachSender) {
    constexpr unsigned senders = 3;
    constexpr unsigned each = 20'000;
    Mailbox<Note> mailbox(64);
    Waker waker;
    std::vector<std::thread> threads;
    for (unsigned sender = 0; sender < senders; ++sender)
        threads.emplace_back([&, sender] {
            for (unsigned i = 0; i < each; ++i) {
                Note note{sender, i, nullptr};
                while (!mailbox.post(note))
                    std::this_thread::yield();
                waker.wake();
            }
        });
    std::vector<unsigned> next(senders, 0);
    for (unsigned taken = 0; taken < senders * each;) {
        // The owner's side of the protocol: announce sleep, look once more, wait, wake up.
        waker.going_to_sleep();
        pollfd descriptor{waker.fd(), POLLIN, 0};
        const bool called = ::poll(&descriptor, 1, mailbox.empty() ? 10'000 : 0) > 0;
        waker.woken(called);
        for (Note note; mailbox.take(note); ++taken)
            ASSERT_EQ(note.number, next[note.sender]++);
    }
    for (std::thread& thread : threads)
        thread.join();
    EXPECT_TRUE(mailbox.empty());
}

TEST(Waker, OnlyTheFirstCallWrites) {
    Waker waker;
    waker.going_to_sleep();
    waker.wake();
    waker.wake();
    pollfd descriptor{waker.fd(), POLLIN, 0};
    EXPECT_EQ(::poll(&descriptor, 1, 0), 1);
    waker.woken(true);
    EXPECT_EQ(::poll(&descriptor, 1, 0), 0);
    waker.wake();
    EXPECT_EQ(::poll(&descriptor, 1, 0), 0) << "its owner is awake";
}

}  // namespace
}  // namespace hpfeeds::net
