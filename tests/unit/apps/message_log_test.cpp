// SPDX-License-Identifier: Apache-2.0
#include "message_log.hpp"

#include "hpfeeds/error.hpp"
#include "unit/apps/console_fixture.hpp"
#include "wire/frame.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fcntl.h>
#include <unistd.h>
#include <array>
#include <csignal>

namespace hpfeeds::cli {
namespace {

using testing::CapturedConsole;
using testing::Folder;
using ::testing::HasSubstr;

const Message hello{"me", "chan", wire::as_bytes("hello")};

TEST(MessageLog, WritesAtTheFlush) {
    const CapturedConsole captured;
    const Console console = captured.console();
    MessageLog log({}, console);
    log.status("connected to b");
    log.message(hello);
    EXPECT_EQ(captured.out(), "");
    EXPECT_TRUE(log.flush());
    EXPECT_TRUE(log.flush());
    EXPECT_EQ(captured.out(), "[feedcli] connected to b\n[feedcli] publish to chan by me: hello\n");
    EXPECT_EQ(captured.err(), "");
}

TEST(MessageLog, KeepsAStreamOfMessagesPure) {
    const CapturedConsole captured;
    const Console console = captured.console();
    SubscribeOptions options;
    options.format = Format::raw;
    MessageLog log(options, console);
    log.status("connected to b");
    log.message(hello);
    EXPECT_TRUE(log.flush());
    EXPECT_EQ(captured.out(), "hello");
    EXPECT_EQ(captured.err(), "[feedcli] connected to b\n");
}

TEST(MessageLog, AppendsToItsFileAndShowsTextAllTheSame) {
    const CapturedConsole captured;
    const Console console = captured.console();
    const Folder folder;
    folder.write("log", "before ");
    SubscribeOptions options;
    options.output = folder.path("log");
    options.format = Format::raw;
    MessageLog log(options, console);
    log.message(hello);
    EXPECT_TRUE(log.flush());
    EXPECT_EQ(folder.read("log"), "before hello");
    EXPECT_EQ(captured.out(), "[feedcli] publish to chan by me: hello\n");
}

TEST(MessageLog, NamesTheFileItCannotWrite) {
    const CapturedConsole captured;
    const Console console = captured.console();
    const Folder folder;
    SubscribeOptions options;
    options.output = folder.path("missing/log");
    try {
        const MessageLog log(options, console);
        FAIL();
    } catch (const Error& error) {
        EXPECT_THAT(error.what(), HasSubstr("missing/log' (--output): No such file"));
    }
}

TEST(MessageLog, SaysThatADiskIsFull) {
    const CapturedConsole captured;
    Console console = captured.console();
    const int full = open("/dev/full", O_WRONLY | O_CLOEXEC);
    ASSERT_GE(full, 0);
    console.out = full;
    MessageLog log({}, console);
    log.message(hello);
    try {
        static_cast<void>(log.flush());
        FAIL();
    } catch (const Error& error) {
        EXPECT_THAT(error.what(), HasSubstr("standard output: No space left"));
    }
    close(full);
}

class Pipe {
public:
    Pipe() { static_cast<void>(!pipe2(ends_.data(), O_CLOEXEC)); }
    ~Pipe() {
        close_reader();
        close(ends_[1]);
    }
    void close_reader() {
        if (ends_[0] >= 0) close(ends_[0]);
        ends_[0] = -1;
    }
    [[nodiscard]] int writer() const { return ends_[1]; }

private:
    std::array<int, 2> ends_{-1, -1};
};

TEST(MessageLog, EndsQuietlyWhenNobodyReadsAnyMore) {
    std::signal(SIGPIPE, SIG_IGN);  // as main() does
    const CapturedConsole captured;
    Console console = captured.console();
    Pipe pipe;
    pipe.close_reader();
    console.out = pipe.writer();
    MessageLog log({}, console);
    log.message(hello);
    EXPECT_FALSE(log.flush());
}

TEST(MessageLog, GivesUpOnASlowReaderWhenToldToEnd) {
    const CapturedConsole captured;
    captured.ask_to_stop();
    Console console = captured.console();
    const Pipe pipe;  // nobody reads: it fills up
    console.out = pipe.writer();
    SubscribeOptions options;
    options.format = Format::raw;
    MessageLog log(options, console);
    const std::string large(4 << 20, 'x');
    log.message({"me", "chan", wire::as_bytes(large)});
    EXPECT_FALSE(log.flush());
}

}  // namespace
}  // namespace hpfeeds::cli
