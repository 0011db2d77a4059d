// SPDX-License-Identifier: Apache-2.0
#include "client/outbox.hpp"

#include "client/limits.hpp"
#include "unit/client/frames.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <string>
#include <vector>

namespace hpfeeds::client {
namespace {

using testing::publish;
using Overflow = Outbox::Overflow;
using namespace std::chrono_literals;

const Clock::time_point start{std::chrono::hours(1)};

bool push(Outbox& outbox, std::string_view payload, Overflow overflow = Overflow::drop_oldest,
          std::uint64_t tag = 0, Clock::time_point now = start) {
    return outbox.push("chan", wire::as_bytes(payload), now, overflow, tag);
}
std::string frame(std::string_view payload) {
    return publish("me", "chan", payload);
}
// What goes over the wire when the system takes `count` bytes at the most.
std::string send(Outbox& outbox, std::size_t count = std::string::npos) {
    std::string taken;
    while (taken.size() < count) {
        const auto lent = outbox.lend();
        if (lent.empty()) break;
        const auto piece = lent.first(std::min(lent.size(), count - taken.size()));
        taken += wire::as_text(piece);
        outbox.sent(piece.size());
    }
    return taken;
}

TEST(Outbox, GivesWhatWasPushedInOrderAsFrames) {
    Outbox outbox("me", {});
    EXPECT_TRUE(outbox.lend().empty());
    EXPECT_TRUE(push(outbox, "one"));
    EXPECT_TRUE(push(outbox, ""));
    EXPECT_EQ(outbox.unsent_messages(), 2U);
    EXPECT_EQ(send(outbox), frame("one") + frame(""));
    EXPECT_EQ(outbox.unsent_messages(), 0U);
    EXPECT_EQ(outbox.unsent_bytes(), 0U);
    EXPECT_EQ(outbox.counts().sent, 2U);
}

// Beside a plain list of what is kept.
TEST(Outbox, CountsAsAPlainListDoes) {
    std::mt19937 random(7);
    Outbox outbox("me", {});
    std::vector<std::pair<std::size_t, std::uint64_t>> kept;  // size and tag of each frame
    std::uint64_t tags = 0;
    std::uint64_t sent = 0;       // bytes
    std::uint64_t forgotten = 0;  // bytes
    std::uint64_t sent_messages = 0;
    std::uint64_t forgotten_messages = 0;
    for (int round = 0; round < 50'000; ++round) {
        if (random() % 2 == 0) {
            const std::string payload(random() % 3000, 'x');
            const std::uint64_t tag = random() % 3 == 0 ? ++tags : 0;
            // The quick way, where it is open, comes to the same.
            if (tag != 0 || !outbox.push_quickly("chan", wire::as_bytes(payload), start)) {
                ASSERT_TRUE(push(outbox, payload, Overflow::refuse, tag));
            }
            kept.emplace_back(frame(payload).size(), tag);
        }
        if (random() % 2 == 0) {
            const auto lent = outbox.lend();
            const std::size_t taken =
                random() % 2 == 0 ? lent.size() : random() % (lent.size() + 1);
            outbox.sent(taken);
            sent += taken;
        }
        if (random() % 4 == 0) {
            const std::uint64_t position = random() % 2 == 0 ? sent : sent - random() % (sent + 1);
            std::uint64_t tag = 0;
            std::uint64_t end = forgotten;
            for (; forgotten_messages < kept.size(); ++forgotten_messages) {
                end += kept[forgotten_messages].first;
                if (end > position) break;
                if (kept[forgotten_messages].second != 0) tag = kept[forgotten_messages].second;
                forgotten = end;
            }
            ASSERT_EQ(outbox.forget(position), tag);
        }
        std::uint64_t end = 0;
        std::size_t cost = 0;
        sent_messages = 0;
        if (round % 100 != 0) continue;
        for (std::size_t i = 0; i < kept.size(); ++i) {
            end += kept[i].first;
            sent_messages += end <= sent ? 1 : 0;
            if (i >= forgotten_messages) cost += kept[i].first + outbox_frame_overhead_bytes;
        }
        ASSERT_EQ(outbox.counts().sent, sent_messages);
        ASSERT_EQ(outbox.unsent_messages(), kept.size() - sent_messages);
        ASSERT_EQ(outbox.cost(), cost);
    }
    EXPECT_GT(forgotten_messages, 1'000U);
}

TEST(Outbox, PushesQuicklyOnlyWhereNothingElseIsToBeDone) {
    const std::size_t one = frame("0000").size() + outbox_frame_overhead_bytes;
    Outbox outbox("me", {.bytes_max = 3 * one});
    const auto quickly = [&](Clock::time_point now = start) {
        return outbox.push_quickly("chan", wire::as_bytes("fast"), now);
    };
    EXPECT_FALSE(quickly());  // no chunk
    push(outbox, "slow");
    EXPECT_FALSE(quickly(start + 1ms));  // to be stamped
    EXPECT_TRUE(quickly());
    EXPECT_EQ(outbox.unsent_messages(), 2U);
    EXPECT_EQ(outbox.cost(), 2 * one);
    push(outbox, "tags", Overflow::refuse, 7);
    EXPECT_FALSE(quickly());  // to be tagged, and full
    EXPECT_EQ(send(outbox), frame("slow") + frame("fast") + frame("tags"));
    EXPECT_EQ(outbox.forget(outbox.position()), 7U);
    EXPECT_FALSE(quickly());
}

TEST(Outbox, KnowsTheAgeOfEachMessage) {
    Outbox outbox("me", {.age_max = 10s});
    const std::string big(outbox_chunk_bytes / 2, 'x');
    for (const auto age : {0s, 0s, 4s, 6s, 6s})
        push(outbox, big, Overflow::refuse, 0, start + age);
    EXPECT_EQ(outbox.oldest(), start);
    outbox.drop_expired(start + 11s);
    EXPECT_EQ(outbox.counts().dropped_for_age, 2U);
    EXPECT_EQ(outbox.oldest(), start + 4s);
    outbox.drop_expired(start + 15s);
    EXPECT_EQ(outbox.counts().dropped_for_age, 3U);
    EXPECT_EQ(outbox.oldest(), start + 6s);
    EXPECT_EQ(outbox.unsent_messages(), 2U);
}

TEST(Outbox, IsRelievedWhenAQuarterIsFree) {
    Outbox outbox("me", {outbox_bytes_min, 1h});
    EXPECT_TRUE(outbox.is_relieved());
    push(outbox, std::string(outbox_bytes_min / 2, 'x'));
    EXPECT_TRUE(outbox.is_relieved());
    push(outbox, std::string(outbox_bytes_min / 3, 'x'));
    EXPECT_FALSE(outbox.is_relieved());
    send(outbox, outbox_bytes_min / 2 + 100);
    EXPECT_TRUE(outbox.is_relieved());
}

TEST(Outbox, LendsOneFrameWhenSomethingElseIsNext) {
    Outbox outbox("me", {});
    EXPECT_TRUE(outbox.lend_frame().empty());
    push(outbox, "one");
    push(outbox, "two");
    EXPECT_EQ(wire::as_text(outbox.lend_frame()), frame("one"));
    outbox.sent(3);
    EXPECT_EQ(wire::as_text(outbox.lend_frame()), frame("one").substr(3));
    outbox.sent(frame("one").size() - 3);
    EXPECT_TRUE(outbox.at_frame_boundary());
    EXPECT_EQ(wire::as_text(outbox.lend_frame()), frame("two"));
}

TEST(Outbox, SendsAHalfWrittenFrameAgainWhole) {
    Outbox outbox("me", {});
    push(outbox, "one");
    push(outbox, "two");
    const std::string begun = send(outbox, frame("one").size() + 3);
    EXPECT_FALSE(outbox.at_frame_boundary());
    outbox.forget(outbox.position());
    outbox.rewind();
    EXPECT_TRUE(outbox.at_frame_boundary());
    EXPECT_EQ(send(outbox), frame("two"));
    EXPECT_EQ(outbox.counts().sent_again, 0U) << "`two` had not been sent";
}

TEST(Outbox, SendsWhatWasNotForgottenAgain) {
    Outbox outbox("me", {});
    for (const char* payload : {"one", "two", "three"})
        push(outbox, payload);
    send(outbox);
    outbox.forget(frame("one").size() + 1);
    outbox.rewind();
    EXPECT_EQ(outbox.unsent_messages(), 2U);
    EXPECT_EQ(send(outbox), frame("two") + frame("three"));
    EXPECT_EQ(outbox.counts().sent_again, 2U);
}

TEST(Outbox, CountsPositionsFromTheLastRewind) {
    Outbox outbox("me", {});
    push(outbox, "one");
    send(outbox);
    EXPECT_EQ(outbox.position(), frame("one").size());
    outbox.rewind();
    EXPECT_EQ(outbox.position(), 0U);
    send(outbox);
    outbox.forget(outbox.position());
    outbox.rewind();
    EXPECT_TRUE(outbox.lend().empty());
    EXPECT_EQ(outbox.cost(), 0U);
}

TEST(Outbox, ForgettingTellsTheNewestTag) {
    Outbox outbox("me", {});
    push(outbox, "one", Overflow::refuse, 7);
    push(outbox, "two", Overflow::refuse, 0);
    push(outbox, "three", Overflow::refuse, 9);
    send(outbox);
    EXPECT_EQ(outbox.forget(frame("one").size() - 1), 0U);
    EXPECT_EQ(outbox.forget(frame("one").size() + frame("two").size()), 7U);
    EXPECT_EQ(outbox.forget(outbox.position()), 9U);
}

TEST(Outbox, DropsTheOldestWhenItIsFull) {
    const std::size_t one = frame("0000").size() + outbox_frame_overhead_bytes;
    Outbox outbox("me", {.bytes_max = 3 * one});
    for (const char* payload : {"aaaa", "bbbb", "cccc"})
        push(outbox, payload);
    EXPECT_FALSE(outbox.has_room(4, 4));
    EXPECT_FALSE(push(outbox, "dddd", Overflow::refuse));
    EXPECT_TRUE(push(outbox, "dddd", Overflow::drop_oldest));
    EXPECT_EQ(outbox.counts().dropped_for_room, 1U);
    EXPECT_EQ(outbox.cost(), 3 * one);
    EXPECT_EQ(send(outbox), frame("bbbb") + frame("cccc") + frame("dddd"));
}

TEST(Outbox, ForgetsWhatWasSentBeforeItDropsWhatWasNot) {
    const std::size_t one = frame("0000").size() + outbox_frame_overhead_bytes;
    Outbox outbox("me", {.bytes_max = 3 * one});
    for (const char* payload : {"aaaa", "bbbb", "cccc"})
        push(outbox, payload);
    send(outbox, 2 * frame("0000").size());
    EXPECT_TRUE(outbox.has_room(4, 4));
    push(outbox, "dddd");
    push(outbox, "eeee");
    EXPECT_EQ(outbox.counts().dropped_for_room, 0U);
    EXPECT_EQ(send(outbox), frame("cccc") + frame("dddd") + frame("eeee"));
}

TEST(Outbox, NeverDropsAFrameThatIsHalfSent) {
    const std::size_t one = frame("0000").size() + outbox_frame_overhead_bytes;
    Outbox outbox("me", {.bytes_max = 2 * one});
    push(outbox, "aaaa");
    push(outbox, "bbbb");
    const std::string begun = send(outbox, 3);
    for (const char* payload : {"cccc", "dddd", "eeee"})
        EXPECT_TRUE(push(outbox, payload));
    const std::string sent = begun + send(outbox);
    EXPECT_EQ(sent.substr(0, frame("aaaa").size()), frame("aaaa"));
    EXPECT_EQ(sent.size() % frame("aaaa").size(), 0U) << "only whole frames";
    EXPECT_EQ(sent.substr(sent.size() - frame("eeee").size()), frame("eeee"));
}

TEST(Outbox, LentBytesStayWhereTheyAreWhileOthersPush) {
    Outbox outbox("me", {.bytes_max = 3 * outbox_chunk_bytes});
    const std::string big(outbox_chunk_bytes / 4, 'x');
    push(outbox, big + "first");
    const auto lent = outbox.lend();
    const std::string before(wire::as_text(lent));
    for (int i = 0; i < 40; ++i)
        push(outbox, big + std::to_string(i));
    EXPECT_EQ(wire::as_text(lent), before);
    outbox.sent(lent.size());
    EXPECT_GT(outbox.counts().dropped_for_room, 20U);
    EXPECT_LE(outbox.cost(), 4 * outbox_chunk_bytes);
    const std::string rest = send(outbox);
    EXPECT_EQ(rest.substr(rest.size() - frame(big + "39").size()), frame(big + "39"));
}

TEST(Outbox, DropsWhatHasWaitedTooLong) {
    Outbox outbox("me", {.bytes_max = 1U << 20, .age_max = 10s});
    push(outbox, "old", Overflow::refuse, 0, start);
    push(outbox, "young", Overflow::refuse, 0, start + 8s);
    EXPECT_EQ(outbox.oldest(), start);
    outbox.drop_expired(start + 10s);
    EXPECT_EQ(outbox.unsent_messages(), 2U);
    outbox.drop_expired(start + 11s);
    EXPECT_EQ(outbox.counts().dropped_for_age, 1U);
    EXPECT_EQ(outbox.oldest(), start + 8s);
    EXPECT_EQ(send(outbox), frame("young"));
}

TEST(Outbox, ForgetsARefusedMessageAndAllBeforeIt) {
    Outbox outbox("me", {});
    outbox.push("good", {}, start, Overflow::refuse, 1);
    outbox.push("bad", {}, start, Overflow::refuse, 2);
    outbox.push("good", {}, start, Overflow::refuse, 3);
    send(outbox);
    EXPECT_EQ(outbox.forget_refused("bad"), 2U);
    EXPECT_EQ(outbox.counts().refused, 1U);
    outbox.rewind();
    EXPECT_EQ(send(outbox), publish("me", "good", ""));
}

TEST(Outbox, ForgetsAllThatWasSentWhenTheRefusalNamesNoMessage) {
    Outbox outbox("me", {});
    push(outbox, "one", Overflow::refuse, 1);
    push(outbox, "two", Overflow::refuse, 2);
    send(outbox, frame("one").size());
    EXPECT_EQ(outbox.forget_refused(""), 1U);
    outbox.rewind();
    EXPECT_EQ(send(outbox), frame("two"));
}

TEST(Outbox, TakesTheLongestFrame) {
    Outbox outbox("me", {.bytes_max = outbox_bytes_min});
    const std::string longest(wire::publish_frame_bytes_max - frame("").size(), 'x');
    push(outbox, "short");
    EXPECT_TRUE(push(outbox, longest));
    EXPECT_EQ(outbox.counts().dropped_for_room, 1U);
    EXPECT_EQ(send(outbox), frame(longest));
}

// Random sending, breaking and forgetting, against a list of payloads.
TEST(Outbox, LosesAndInventsNothing) {
    const unsigned seed = std::random_device{}();
    SCOPED_TRACE(seed);
    std::mt19937 random(seed);
    Outbox outbox("me", {.bytes_max = 64U << 20});
    std::vector<std::string> kept;  // not yet forgotten
    std::size_t sent_bytes = 0;     // of them, on this connection
    std::size_t forgotten_bytes = 0;
    std::string wire;
    int count = 0;
    for (int round = 0; round < 5'000; ++round) {
        switch (random() % 4) {
            case 0:
            case 1: {
                const std::size_t size = random() % 200 == 0 ? 70'000 : random() % 300;
                kept.push_back(std::to_string(count++) + std::string(size, '.'));
                ASSERT_TRUE(push(outbox, kept.back()));
                break;
            }
            case 2: {
                const std::string sent = send(outbox, random() % 2000);
                sent_bytes += sent.size();
                wire += sent;
                break;
            }
            default:
                if (random() % 10 == 0) {
                    std::string expected;
                    for (const std::string& payload : kept) {
                        if (expected.size() >= wire.size()) break;
                        expected += frame(payload);
                    }
                    ASSERT_EQ(wire, expected.substr(0, wire.size()));
                    outbox.rewind();
                    wire.clear();
                    sent_bytes = forgotten_bytes = 0;
                } else {
                    outbox.forget(sent_bytes);
                    while (!kept.empty() &&
                           forgotten_bytes + frame(kept.front()).size() <= sent_bytes) {
                        forgotten_bytes += frame(kept.front()).size();
                        wire.erase(0, frame(kept.front()).size());
                        kept.erase(kept.begin());
                    }
                }
        }
    }
    EXPECT_EQ(outbox.counts().dropped_for_room, 0U);
}

}  // namespace
}  // namespace hpfeeds::client
