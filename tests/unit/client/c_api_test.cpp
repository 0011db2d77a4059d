// SPDX-License-Identifier: Apache-2.0
// hpfeeds.h from C: c_program.c is compiled as C11.
#include "support/temporary_directory.hpp"
#include "unit/client/c_program.h"
#include "unit/client/client_fixture.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace hpfeeds {
namespace {

using client::testing::DeadPort;
using client::testing::Diary;
using client::testing::error;
using client::testing::greet;
using client::testing::hear_out;
using client::testing::Peer;
using client::testing::publish;
using client::testing::ScriptedBroker;
using ::testing::ElementsAre;

std::string port_of(const ScriptedBroker& broker) {
    return std::to_string(broker.port());
}

TEST(CProgram, PublishesAndCloses) {
    Diary diary;
    ScriptedBroker broker({hear_out(diary)});
    EXPECT_EQ(publishes_and_closes(port_of(broker).c_str()), 0);
    EXPECT_THAT(diary.wait_for(2),
                ElementsAre(publish("me", "chan", std::string_view("one\0two", 7)),
                            publish("me", "chan", "")));
}

TEST(CProgram, ReadsAndAnswersInACallback) {
    Diary diary;
    ScriptedBroker broker({[&](const Peer& peer) {
        greet(peer);
        static_cast<void>(peer.read_frame());
        for (const char* payload : {"first", "a", "b", "c"})
            peer.send(publish("you", "in", payload));
        for (int i = 0; i < 3; ++i)
            diary.write(peer.read_frame());
    }});
    EXPECT_EQ(reads_and_answers_in_a_callback(port_of(broker).c_str()), 0);
    EXPECT_THAT(diary.wait_for(3), ElementsAre(publish("me", "out", "a"), publish("me", "out", "b"),
                                               publish("me", "out", "c")));
}

TEST(CProgram, HearsARefusal) {
    ScriptedBroker broker({[](const Peer& peer) {
        greet(peer);
        peer.send(error("Authentication failed for me"));
    }});
    EXPECT_EQ(hears_a_refusal(port_of(broker).c_str()), 0);
}

TEST(CProgram, HearsWhatIsWrongWithItsOptions) {
    EXPECT_EQ(says_what_is_wrong_with_options(), 0);
}

TEST(CProgram, Spools) {
    const DeadPort dead;
    const support::TemporaryDirectory folder;
    EXPECT_EQ(spools(std::to_string(dead.port()).c_str(), folder.file("spool.db").c_str()), 0);
}

}  // namespace
}  // namespace hpfeeds
