// SPDX-License-Identifier: Apache-2.0
#include "auth/tentacool_source.hpp"

#include "hpfeeds/error.hpp"
#include "unit/auth/scratch_folder.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace hpfeeds::auth {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using tests::message_of;
using tests::ScratchFolder;
using tests::write_file;

TEST(TentacoolAccounts, AreTheLinesOfItsDocumentation) {
    const auto accounts = parse_tentacool_accounts(
        "user1;s3cr3t;channel1,channel2;channel22;\nuser2;p4ssw0rd;channel16;;\n");
    ASSERT_EQ(accounts.size(), 2U);
    EXPECT_EQ(accounts[0].ident, "user1");
    EXPECT_EQ(accounts[0].owner, "user1");
    EXPECT_EQ(accounts[0].secret, "s3cr3t");
    EXPECT_THAT(accounts[0].pubchans.names(), ElementsAre("channel1", "channel2"));
    EXPECT_THAT(accounts[0].subchans.names(), ElementsAre("channel22"));
    EXPECT_THAT(accounts[1].pubchans.names(), ElementsAre("channel16"));
    EXPECT_THAT(accounts[1].subchans.names(), IsEmpty());
}

TEST(TentacoolAccounts, HaveNoBlanksAroundThem) {
    const auto accounts = parse_tentacool_accounts(" aldo; s3 cr3t ; ch1, ch2; ch1 ,ch2;\r\n");
    ASSERT_EQ(accounts.size(), 1U);
    EXPECT_EQ(accounts[0].ident, "aldo");
    EXPECT_EQ(accounts[0].secret, "s3 cr3t");
    EXPECT_THAT(accounts[0].pubchans.names(), ElementsAre("ch1", "ch2"));
    EXPECT_THAT(accounts[0].subchans.names(), ElementsAre("ch1", "ch2"));
}

TEST(TentacoolAccounts, NeedNoLastSemicolonAndNoLastLineFeed) {
    const auto accounts = parse_tentacool_accounts("a;s;b;c");
    ASSERT_EQ(accounts.size(), 1U);
    EXPECT_THAT(accounts[0].subchans.names(), ElementsAre("c"));
    EXPECT_THAT(parse_tentacool_accounts(""), IsEmpty());
    EXPECT_EQ(parse_tentacool_accounts("a;s;b;c\n\n \n").size(), 1U);
}

TEST(TentacoolAccounts, AnEmptyNameBetweenCommasIsNoChannel) {
    EXPECT_THAT(parse_tentacool_accounts("a;s;,b,,;;")[0].pubchans.names(), ElementsAre("b"));
}

TEST(TentacoolAccounts, AreRefusedByLineAndNeverTellASecret) {
    const auto fault = [](const char* text) {
        return message_of<Error>([&] { (void)parse_tentacool_accounts(text); });
    };
    EXPECT_THAT(fault("a;s;b;c\nb;hunter2"),
                AllOf(HasSubstr("line 2 has 2 fields"), Not(HasSubstr("hunter2"))));
    EXPECT_THAT(fault("a;hunter2;b;c;d;"),
                AllOf(HasSubstr("line 1 has 6 fields"), Not(HasSubstr("hunter2"))));
    EXPECT_THAT(fault(";s;b;c"), HasSubstr("line 1 ident is empty"));
    EXPECT_THAT(fault("a;;b;c"), HasSubstr("line 1 field \"secret\" is empty"));
    EXPECT_THAT(fault("a;s;b;c\n\nb;s;b;c"),
                AllOf(HasSubstr("line 3"), HasSubstr("the empty line 2")));
    EXPECT_THAT(fault("a;s;b;c\nb;s;;\na;t;b;c"),
                AllOf(HasSubstr("line 3"), HasSubstr("\"a\""), HasSubstr("of line 1")));
    EXPECT_THAT(fault(("a;s;" + std::string(256, 'x') + ";").c_str()), HasSubstr("256 bytes"));
}

TEST(TentacoolSource, FindsAndListsWhatTheFileHolds) {
    const ScratchFolder folder;
    write_file(folder / "keys.dat", "b;2;;\na;1;x;\n");
    TentacoolSource source(folder / "keys.dat");
    EXPECT_EQ(source.find("a").account->secret, "1");
    EXPECT_EQ(source.find("b").account->secret, "2");
    for (const char* ident : {"", "c", "A"})
        EXPECT_EQ(source.find(ident).status, Lookup::Status::absent) << ident;
    ASSERT_EQ(source.list().size(), 2U);
    EXPECT_EQ(source.list()[0].ident, "a");
    EXPECT_EQ(source.name(), "tentacool:" + (folder / "keys.dat"));
}

TEST(TentacoolSource, NamesTheFileThatItCannotUse) {
    const ScratchFolder folder;
    write_file(folder / "keys.dat", "a;s\n");
    EXPECT_THAT(message_of<Error>([&] { TentacoolSource{folder / "keys.dat"}; }),
                HasSubstr("keys.dat: line 1"));
    EXPECT_THAT(message_of<Error>([&] { TentacoolSource{folder / "none.dat"}; }),
                HasSubstr("Cannot find"));
}

}  // namespace
}  // namespace hpfeeds::auth
