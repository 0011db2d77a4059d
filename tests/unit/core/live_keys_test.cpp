// SPDX-License-Identifier: Apache-2.0
#include "core/live_keys.hpp"

#include <gtest/gtest.h>

#include <deque>
#include <memory>
#include <set>
#include <string>
#include <vector>

namespace hpfeeds::core {
namespace {

class LiveKeysTest : public ::testing::Test {
protected:
    ~LiveKeysTest() override {
        for (Session& session : sessions)
            keys.detach(session);
    }
    Session& login(const std::string& ident) {
        Session& session = sessions.emplace_back(nodes);
        auto account = std::make_shared<Account>();
        account->ident = ident;
        session.account = std::move(account);
        keys.attach(session, {});
        return session;
    }
    // Asks for the next one; its ident, and its ticket for the answer.
    std::string ask(SessionId* ticket = nullptr) {
        LiveKey* const key = keys.next_turn();
        if (!key) return "nobody";
        std::string ident(key->key());
        const SessionId id = keys.begin(*key);
        (ticket ? *ticket : tickets.emplace_back()) = id;
        return ident;
    }
    void answer_all() {
        for (const SessionId ticket : tickets)
            (void)keys.answered(ticket, {});
        tickets.clear();
    }

    bytes::NodePool nodes;
    std::deque<Session> sessions;
    LiveKeys keys;
    std::vector<SessionId> tickets;
};

TEST_F(LiveKeysTest, OneKeyForAllSessionsOfAnIdent) {
    Session& first = login("a");
    Session& second = login("a");
    Session& third = login("a");
    login("b");
    EXPECT_EQ(keys.count(), 2U);
    EXPECT_EQ(first.live_key, second.live_key);
    keys.detach(first);
    keys.detach(third);
    EXPECT_EQ(second.live_key->first, &second);
    EXPECT_EQ(second.live_previous, nullptr);
    EXPECT_EQ(second.live_next, nullptr);
    EXPECT_EQ(keys.count(), 2U);
    keys.detach(second);
    keys.detach(second);
    EXPECT_EQ(keys.count(), 1U);
}

TEST_F(LiveKeysTest, EverybodyHasATurnInOrder) {
    for (const char* ident : {"a", "b", "c"})
        login(ident);
    EXPECT_EQ(ask(), "a");
    EXPECT_EQ(ask(), "b");
    EXPECT_EQ(ask(), "c");
    EXPECT_EQ(ask(), "nobody") << "one look-up an ident at a time";
    answer_all();
    EXPECT_EQ(ask(), "a");
}

TEST_F(LiveKeysTest, TheCalledComeFirst) {
    for (const char* ident : {"a", "b", "c"})
        login(ident);
    keys.call("c");
    keys.call("nobody here");
    EXPECT_EQ(keys.called(), 1U);
    EXPECT_EQ(ask(), "c");
    EXPECT_EQ(keys.called(), 0U);
    EXPECT_EQ(ask(), "a");
}

TEST_F(LiveKeysTest, CallingAllCallsEachOnce) {
    for (const char* ident : {"a", "b", "c"})
        login(ident);
    keys.call("b");
    keys.call_all();
    EXPECT_EQ(keys.called(), 3U);
    std::set<std::string> asked;
    while (keys.called() > 0)
        asked.insert(ask());
    EXPECT_EQ(asked, (std::set<std::string>{"a", "b", "c"}));
}

TEST_F(LiveKeysTest, WhoIsCalledWhileAskedForIsAskedForAgain) {
    login("a");
    login("b");
    EXPECT_EQ(ask(), "a");
    keys.call("a");
    EXPECT_EQ(keys.called(), 0U) << "not before the answer";
    answer_all();
    EXPECT_EQ(keys.called(), 1U);
    EXPECT_EQ(ask(), "a");
    keys.call_all();
    answer_all();
    EXPECT_EQ(keys.called(), 2U);
}

TEST_F(LiveKeysTest, BoundsHowManyAreAskedForAtOnce) {
    for (std::size_t i = 0; i <= rechecks_outstanding_max; ++i)
        login(std::to_string(i));
    for (std::size_t i = 0; i < rechecks_outstanding_max; ++i)
        EXPECT_EQ(ask(), std::to_string(i));
    EXPECT_EQ(ask(), "nobody");
    (void)keys.answered(tickets.at(3), {});
    EXPECT_EQ(ask(), std::to_string(rechecks_outstanding_max));
}

TEST_F(LiveKeysTest, AnAnswerForAKeyThatIsGoneFindsNobody) {
    Session& gone = login("a");
    SessionId ticket;
    EXPECT_EQ(ask(&ticket), "a");
    keys.detach(gone);
    EXPECT_EQ(keys.count(), 0U);
    login("a");
    EXPECT_EQ(keys.answered(ticket, {}), nullptr) << "another key of the same name";
    EXPECT_EQ(keys.answered(ticket, {}), nullptr) << "an answer counts once";
    EXPECT_EQ(keys.answered({1'000, 0}, {}), nullptr);
    EXPECT_EQ(ask(), "a");
}

TEST_F(LiveKeysTest, CountsWhomNoStoreAnsweredFor) {
    Session& one = login("a");
    keys.set_unsettled(*one.live_key, true);
    keys.set_unsettled(*one.live_key, true);
    EXPECT_EQ(keys.unsettled(), 1U);
    keys.detach(one);
    EXPECT_EQ(keys.unsettled(), 0U);
}

// Against a model: random logins, goodbyes, calls and answers.
TEST_F(LiveKeysTest, LosesNobodyWhateverTheOrder) {
    std::uint32_t random = 1;
    const auto draw = [&](std::uint32_t below) {
        random = random * 1'664'525U + 1'013'904'223U;
        return (random >> 8U) % below;
    };
    std::multiset<std::string> live;
    for (int step = 0; step < 20'000; ++step) {
        const std::string ident(1, static_cast<char>('a' + draw(26)));
        switch (draw(5)) {
            case 0:
                login(ident);
                live.insert(ident);
                break;
            case 1: {
                if (sessions.empty()) break;
                Session& leaving = sessions[draw(static_cast<std::uint32_t>(sessions.size()))];
                if (!leaving.live_key) break;
                live.erase(live.find(leaving.account->ident));
                keys.detach(leaving);
                break;
            }
            case 2:
                keys.call(ident);
                break;
            case 3:
                (void)ask();
                break;
            default:
                if (tickets.empty()) break;
                (void)keys.answered(tickets.front(), {});
                tickets.erase(tickets.begin());
        }
        if (step % 1'000 == 999) {
            answer_all();
            keys.call_all();
            std::set<std::string> asked;
            while (keys.called() > 0) {
                asked.insert(ask());
                answer_all();
            }
            EXPECT_EQ(asked, std::set<std::string>(live.begin(), live.end()));
        }
    }
}

}  // namespace
}  // namespace hpfeeds::core
