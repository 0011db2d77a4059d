// SPDX-License-Identifier: Apache-2.0
#include "service/takeover.hpp"

#include "hpfeeds/error.hpp"
#include "service/channel.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cerrno>
#include <cstdlib>
#include <string>
#include <thread>
#include <utility>

namespace hpfeeds::service {
namespace {

using testing::HasSubstr;
using State = Successor::State;

net::Descriptor any_socket() {
    return net::Descriptor(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
}

// ---- the old process; a shell is the new one, whose channel is its descriptor 3

Program shell(const std::string& script) {
    return {"/bin/sh", {"sh", "-c", script}};
}

State outcome(Successor& successor) {
    while (successor.look() == State::starting)
        std::this_thread::yield();
    return successor.look();
}

int status_of(pid_t pid) {
    int status = 0;
    return ::waitpid(pid, &status, 0) == pid && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

TEST(Successor, IsReadyWhenItSaysSo) {
    Successor successor(shell("printf r >&3; read never <&3"), {}, {});
    EXPECT_EQ(outcome(successor), State::ready);
    EXPECT_EQ(successor.look(), State::ready);
}

TEST(Successor, FailsWithItsOwnWordsInOneLine) {
    Successor successor(shell("printf 'fno keys\\tat all' >&3; exit 1"), {}, {});
    EXPECT_EQ(outcome(successor), State::failed);
    EXPECT_EQ(successor.why(), "no keys at all");
}

TEST(Successor, FailsWhenItEndsWithoutAWord) {
    Successor ended(shell("exit 7"), {}, {});
    EXPECT_EQ(outcome(ended), State::failed);
    EXPECT_THAT(ended.why(), HasSubstr("it ended with status 7"));
    Successor killed(shell("kill -9 $$"), {}, {});
    EXPECT_EQ(outcome(killed), State::failed);
    EXPECT_THAT(killed.why(), HasSubstr("it died of signal 9"));
}

TEST(Successor, CannotBeWhatIsNotThere) {
    try {
        const Successor successor({"/nowhere/broker", {"broker"}}, {}, {});
        ADD_FAILURE() << "it started";
    } catch (const Error& error) {
        EXPECT_STREQ(error.what(), "cannot start /nowhere/broker: No such file or directory");
    }
}

TEST(Successor, HasTheChannelOurEnvironmentAndTheVariables) {
    ::setenv("COLOUR", "red", 1);
    ::setenv("SHAPE", "round", 1);
    const net::Descriptor ours(::fcntl(1, F_DUPFD, 20));  // may be inherited, and is not
    Successor successor(shell("[ \"$HPFEEDS_TAKEOVER\" = \"$PPID\" ] && [ \"$COLOUR\" = blue ] && "
                              "[ \"$SHAPE\" = round ] && [ -S /proc/$$/fd/3 ] && "
                              "[ ! -e /proc/$$/fd/" +
                              std::to_string(ours.get()) + " ] && exit 42"),
                        {}, {{"COLOUR", "blue"}});
    EXPECT_EQ(outcome(successor), State::failed);
    EXPECT_THAT(successor.why(), HasSubstr("status 42"));
}

TEST(Successor, IsEndedWithItsOwnerUnlessThatOneSteppedBack) {
    pid_t pid = 0;
    {
        const Successor successor(shell("read never <&3; read never <&3"), {}, {});
        pid = successor.pid();
    }
    EXPECT_EQ(::waitpid(pid, nullptr, WNOHANG), -1);
    EXPECT_EQ(errno, ECHILD) << "it was waited for";
    {
        // Two packets come: that all was sent, and to go on.
        Successor successor(shell("printf r >&3; dd bs=64 count=2 <&3 >&- 2>&-; exit 5"), {}, {});
        ASSERT_EQ(outcome(successor), State::ready);
        pid = successor.pid();
        successor.step_back();
    }
    EXPECT_NE(status_of(pid), -1) << "it ended by itself";
}

// ---- the new process: this one

class PredecessorTest : public testing::Test {
protected:
    PredecessorTest() : kept_(::fcntl(3, F_DUPFD_CLOEXEC, 10)) {
        auto [ours, theirs] = open_channel();
        // Either of them may be 3 itself.
        old_ = net::Descriptor(::fcntl(ours.get(), F_DUPFD_CLOEXEC, 10));
        const net::Descriptor end(::fcntl(theirs.get(), F_DUPFD_CLOEXEC, 10));
        ours.reset();
        theirs.reset();
        ::dup2(end.get(), 3);
        ::setenv("HPFEEDS_TAKEOVER", std::to_string(::getppid()).c_str(), 1);
        predecessor_ = Predecessor::from_environment();
    }
    ~PredecessorTest() override {
        predecessor_ = {};
        if (kept_.open()) ::dup2(kept_.get(), 3);
    }

    std::string refusal() {
        try {
            (void)predecessor_.receive_sockets();
        } catch (const Error& error) {
            return error.what();
        }
        return "";
    }
    Packet heard() {
        Packet packet;
        EXPECT_EQ(receive_packet(old_.get(), packet, std::chrono::milliseconds{0}),
                  Received::packet);
        return packet;
    }

    net::Descriptor kept_;
    net::Descriptor old_;
    Predecessor predecessor_;
};

TEST_F(PredecessorTest, HandsOverSocketsByName) {
    EXPECT_TRUE(predecessor_.there());
    EXPECT_EQ(std::getenv("HPFEEDS_TAKEOVER"), nullptr);
    for (const char* name : {"feeds", "web"}) {
        const net::Descriptor socket = any_socket();
        ASSERT_TRUE(send_packet(old_.get(), Word::socket, name, socket.get()));
    }
    ASSERT_TRUE(send_packet(old_.get(), Word::all_sent));
    HandedSockets handed = predecessor_.receive_sockets();
    ASSERT_EQ(handed.left().size(), 2U);
    EXPECT_TRUE(handed.take("web").open());
    EXPECT_TRUE(handed.take("feeds").open());
}

TEST_F(PredecessorTest, MustHandOverAll) {
    const net::Descriptor socket = any_socket();
    ASSERT_TRUE(send_packet(old_.get(), Word::socket, "feeds", socket.get()));
    old_.reset();
    EXPECT_THAT(refusal(), HasSubstr("did not hand over all of its sockets"));
}

TEST_F(PredecessorTest, MustSayWhatIsKnown) {
    ASSERT_TRUE(send_packet(old_.get(), Word::ready));
    EXPECT_THAT(refusal(), HasSubstr("said what this one does not know"));
}

TEST_F(PredecessorTest, MustSendASocketWithItsName) {
    ASSERT_TRUE(send_packet(old_.get(), Word::socket, "feeds"));
    EXPECT_THAT(refusal(), HasSubstr("said what this one does not know"));
}

TEST_F(PredecessorTest, MayNotSendMoreSocketsThanAreTaken) {
    const net::Descriptor socket = any_socket();
    std::thread sending([&] {
        for (std::size_t sent = 0; sent <= handed_sockets_max; ++sent)
            if (!send_packet(old_.get(), Word::socket, "feeds", socket.get())) return;
    });
    EXPECT_THAT(refusal(), HasSubstr("said what this one does not know"));
    sending.join();
}

TEST_F(PredecessorTest, IsToldThatThisOneServesAndHeard) {
    ASSERT_TRUE(send_packet(old_.get(), Word::go));
    predecessor_.ready();
    EXPECT_EQ(heard().word, Word::ready);
    EXPECT_FALSE(predecessor_.there());
}

TEST_F(PredecessorTest, IsToldWhyThisOneEnds) {
    predecessor_.failed("no keys");
    const Packet packet = heard();
    EXPECT_EQ(packet.word, Word::failed);
    EXPECT_EQ(packet.text, "no keys");
}

TEST(Predecessor, IsNotThereWithoutTheVariable) {
    ::unsetenv("HPFEEDS_TAKEOVER");
    EXPECT_FALSE(Predecessor::from_environment().there());
}

TEST(Predecessor, MustBeWhoStartedThisOne) {
    for (const char* value : {"1", "x", ""}) {
        ::setenv("HPFEEDS_TAKEOVER", value, 1);
        try {
            (void)Predecessor::from_environment();
            ADD_FAILURE() << value;
        } catch (const Error& error) {
            EXPECT_THAT(error.what(), HasSubstr("HPFEEDS_TAKEOVER='" + std::string(value) + "'"));
        }
        EXPECT_EQ(std::getenv("HPFEEDS_TAKEOVER"), nullptr);
    }
}

}  // namespace
}  // namespace hpfeeds::service
