// SPDX-License-Identifier: Apache-2.0
#include "payload.hpp"

#include "hpfeeds/error.hpp"
#include "unit/apps/console_fixture.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

namespace hpfeeds::cli {
namespace {

using testing::CapturedConsole;
using testing::Folder;
using ::testing::HasSubstr;
using namespace std::string_literals;

std::string complaint(const std::function<void()>& act) {
    try {
        act();
    } catch (const Error& error) {
        return error.what();
    }
    return "nothing was thrown";
}

TEST(Payload, JoinsWordsByBlanks) {
    const CapturedConsole captured;
    EXPECT_EQ(payload_of_words({"one"}, 100, captured.console()), "one");
    EXPECT_EQ(payload_of_words({"one", "", "[2,3]"}, 100, captured.console()), "one  [2,3]");
    EXPECT_EQ(payload_of_words({""}, 100, captured.console()), "");
}

TEST(Payload, IsAFilesBytesWhenTheOnlyWordNamesOne) {
    const CapturedConsole captured;
    const Folder folder;
    const std::string path = folder.write("malware.bin", "MZ\0\xff"s);
    EXPECT_EQ(payload_of_words({path}, 100, captured.console()), "MZ\0\xff"s);
    EXPECT_EQ(payload_of_words({path, "x"}, 1000, captured.console()), path + " x");
}

TEST(Payload, IsTheWordWhenItNamesAFolder) {
    const CapturedConsole captured;
    const Folder folder;
    EXPECT_EQ(payload_of_words({folder.path("")}, 1000, captured.console()), folder.path(""));
}

TEST(Payload, ReadsStandardInputForADash) {
    const CapturedConsole captured("from \0 stdin"s);
    EXPECT_EQ(payload_of_words({"-"}, 100, captured.console()), "from \0 stdin"s);
    const CapturedConsole again("more");
    EXPECT_EQ(payload_of_file("-", 100, again.console()), "more");
    const CapturedConsole words;
    EXPECT_EQ(payload_of_words({"-", "-"}, 100, words.console()), "- -");
}

TEST(Payload, HoldsExactlyTheLimit) {
    const Folder folder;
    const CapturedConsole captured(std::string(100'000, 'x'));
    EXPECT_EQ(payload_of_file("-", 100'000, captured.console()).size(), 100'000U);
    const std::string path = folder.write("file", std::string(10, 'x'));
    EXPECT_EQ(payload_of_file(path, 10, captured.console()).size(), 10U);
    EXPECT_EQ(payload_of_words({std::string(5, 'w')}, 5, captured.console()).size(), 5U);
}

TEST(Payload, RefusesWhatIsTooLarge) {
    const Folder folder;
    const CapturedConsole captured(std::string(100'001, 'x'));
    EXPECT_EQ(
        complaint([&] { static_cast<void>(payload_of_file("-", 100'000, captured.console())); }),
        "standard input is too large: a message on this channel holds at most 100000 bytes");
    const std::string path = folder.write("file", std::string(11, 'x'));
    EXPECT_THAT(
        complaint([&] { static_cast<void>(payload_of_file(path, 10, captured.console())); }),
        HasSubstr("file' is too large"));
    EXPECT_THAT(complaint([&] {
                    static_cast<void>(payload_of_words({"abc", "def"}, 6, captured.console()));
                }),
                HasSubstr("the payload is too large"));
}

TEST(Payload, NamesTheFileItCannotRead) {
    const CapturedConsole captured;
    const Folder folder;
    EXPECT_THAT(complaint([&] {
                    static_cast<void>(payload_of_file(folder.path("no"), 10, captured.console()));
                }),
                HasSubstr("/no': No such file or directory"));
    EXPECT_THAT(complaint([&] {
                    static_cast<void>(payload_of_file(folder.path(""), 10, captured.console()));
                }),
                HasSubstr("Is a directory"));
}

}  // namespace
}  // namespace hpfeeds::cli
