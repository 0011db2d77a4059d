// SPDX-License-Identifier: Apache-2.0
#include "auth/open_source.hpp"
#include "auth/sqlite_connection.hpp"
#include "unit/apps/user_fixture.hpp"
#include "unit/auth/account_builder.hpp"
#include "user_names.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace hpfeeds::cli {
namespace {

using auth::tests::account_of;
using nlohmann::json;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

TEST_F(UserTest, AddMakesAStrongSecretAndPrintsItOnce) {
    const Outcome added = run({"add", "bob", "-p", "a,b", "-p", "c", "-s", "d", "--owner", "me"});
    EXPECT_EQ(added.status, exit_done);
    EXPECT_EQ(added.err, "");
    const AccountRef bob = find("bob");
    ASSERT_NE(bob, nullptr);
    EXPECT_EQ(bob->secret.size(), 32U);
    EXPECT_EQ(bob->owner, "me");
    EXPECT_THAT(bob->pubchans.names(), ElementsAre("a", "b", "c"));
    EXPECT_THAT(bob->subchans.names(), ElementsAre("d"));
    EXPECT_THAT(added.out, AllOf(HasSubstr("sqlite.db"), HasSubstr(bob->secret)));
    EXPECT_THAT(run({"show", "bob"}).out, Not(HasSubstr(bob->secret)));
    EXPECT_THAT(run({"list"}).out, Not(HasSubstr(bob->secret)));
}

TEST_F(UserTest, AddTakesASecretAndDoesNotRepeatIt) {
    const Outcome added = run({"add", "bob", "--secret", "-hunter2"});
    EXPECT_EQ(added.status, exit_done);
    EXPECT_EQ(find("bob")->secret, "-hunter2");
    EXPECT_EQ(find("bob")->owner, "bob");
    EXPECT_THAT(added.out, Not(HasSubstr("hunter2")));
}

TEST_F(UserTest, AddReadsASecretFromTheFirstLineOfStandardInput) {
    EXPECT_EQ(run({"add", "a", "--secret-stdin"}, "hunter 2\nmore\n").status, exit_done);
    EXPECT_EQ(run({"add", "b", "--secret-stdin"}, "x\r\n").status, exit_done);
    EXPECT_EQ(run({"add", "c", "--secret-stdin"}, "no line end").status, exit_done);
    EXPECT_EQ(find("a")->secret, "hunter 2");
    EXPECT_EQ(find("b")->secret, "x");
    EXPECT_EQ(find("c")->secret, "no line end");
}

TEST_F(UserTest, AddRefusesAnEmptyOrEndlessSecretFromStandardInput) {
    EXPECT_EQ(run({"add", "a", "--secret-stdin"}, "").status, exit_usage);
    EXPECT_EQ(run({"add", "a", "--secret-stdin"}, "\nx\n").status, exit_usage);
    const Outcome endless = run({"add", "a", "--secret-stdin"}, std::string(65'537, 'x'));
    EXPECT_EQ(endless.status, exit_usage);
    EXPECT_THAT(endless.err, HasSubstr("longer than 64 KiB"));
    EXPECT_FALSE(fs::exists("sqlite.db"));
}

TEST_F(UserTest, AddRefusesAnIdentThatExists) {
    ASSERT_EQ(run({"add", "bob", "--secret", "one"}).status, exit_done);
    const Outcome again = run({"add", "bob", "--secret", "two"});
    EXPECT_EQ(again.status, exit_failed);
    EXPECT_THAT(again.err, AllOf(HasSubstr("\"bob\" exists"), HasSubstr("user set")));
    EXPECT_EQ(again.out, "");
    EXPECT_EQ(find("bob")->secret, "one");
}

TEST_F(UserTest, AddRefusesWhatCanNeverWork) {
    EXPECT_THAT(run({"add", ""}).err, HasSubstr("the ident is empty"));
    EXPECT_EQ(run({"add", ""}).status, exit_usage);
    EXPECT_EQ(run({"add", std::string(256, 'i')}).status, exit_usage);
    EXPECT_THAT(run({"add", "i", "-p", std::string(256, 'c')}).err, HasSubstr("has 256 bytes"));
    EXPECT_EQ(run({"add", "i", "-s", std::string(256, 'c')}).status, exit_usage);
    EXPECT_EQ(run({"add", "i", "--secret", ""}).status, exit_usage);
    EXPECT_EQ(run({"add", "i", "--owner", std::string(5000, 'o')}).status, exit_usage);
    EXPECT_FALSE(fs::exists("sqlite.db"));
    EXPECT_EQ(run({"add", std::string(255, 'i'), "-p", std::string(255, 'c')}).status, exit_done);
}

TEST_F(UserTest, ParsingRefusesWhatMakesNoSense) {
    EXPECT_EQ(run({}).status, refused_by_parser);
    EXPECT_EQ(run({"add"}).status, refused_by_parser);
    EXPECT_EQ(run({"add", "a", "b"}).status, refused_by_parser);
    EXPECT_EQ(run({"add", "a", "--bogus"}).status, refused_by_parser);
    EXPECT_EQ(run({"add", "a", "--secret", "x", "--secret-stdin"}).status, refused_by_parser);
    EXPECT_EQ(run({"set", "a", "--secret", "x", "--generate-secret"}).status, refused_by_parser);
    EXPECT_EQ(run({"list", "a"}).status, refused_by_parser);
    EXPECT_EQ(run({"bogus"}).status, refused_by_parser);
}

TEST_F(UserTest, IdentsMayBeCalledLikeCommands) {
    for (const char* ident : {"list", "add", "user", "publish"}) {
        EXPECT_EQ(run({"add", ident}).status, exit_done) << ident;
        EXPECT_THAT(run({"show", ident}).out, HasSubstr(ident));
        EXPECT_EQ(run({"remove", ident}).status, exit_done) << ident;
    }
    EXPECT_EQ(run({"add", "--", "-dash"}).status, exit_done);
    EXPECT_NE(find("-dash"), nullptr);
}

TEST_F(UserTest, ChannelsLeaveTheIdentAlone) {
    EXPECT_EQ(run({"add", "-p", "a", "-s", "b", "bob"}).status, exit_done);
    ASSERT_NE(find("bob"), nullptr);
    EXPECT_THAT(find("bob")->pubchans.names(), ElementsAre("a"));
    EXPECT_THAT(find("bob")->subchans.names(), ElementsAre("b"));
}

TEST_F(UserTest, ListShowsATableInOrder) {
    run({"add", "zoe", "-p", "p1,p2"});
    run({"add", "amy", "-s", "s1"});
    const Outcome listed = run({"list"});
    EXPECT_EQ(listed.status, exit_done);
    EXPECT_EQ(listed.out,
              "IDENT  OWNER  PUBLISH  SUBSCRIBE\n"
              "amy    amy    -        s1\n"
              "zoe    zoe    p1,p2    -\n");
}

TEST_F(UserTest, ListOfNobodySaysSo) {
    write_file("u.json", "{}");
    const Outcome listed = run({"list", "--store", "u.json"});
    EXPECT_EQ(listed.status, exit_done);
    EXPECT_EQ(listed.out, "");
    EXPECT_THAT(listed.err, HasSubstr("no users in u.json"));
    EXPECT_EQ(json::parse(run({"list", "--store", "u.json", "--json"}).out), json::array());
}

TEST_F(UserTest, ShowTellsTheSecretOnlyWhenAsked) {
    run({"add", "bob", "--secret", "hunter2", "-p", "a"});
    EXPECT_EQ(run({"show", "bob"}).out,
              "ident      bob\nowner      bob\npublish    a\nsubscribe  -\n");
    EXPECT_THAT(run({"show", "bob", "--show-secret"}).out, HasSubstr("secret     hunter2\n"));
    EXPECT_THAT(run({"show", "bob", "--json"}).out, Not(HasSubstr("hunter2")));
    EXPECT_EQ(json::parse(run({"show", "bob", "--json", "--show-secret"}).out)["secret"],
              "hunter2");
}

TEST_F(UserTest, SetChangesOnlyWhatIsNamed) {
    run({"add", "bob", "--secret", "one", "--owner", "me", "-p", "a,b", "-s", "c"});
    EXPECT_EQ(run({"set", "bob", "--publish", "x"}).status, exit_done);
    EXPECT_THAT(find("bob")->pubchans.names(), ElementsAre("x"));
    EXPECT_THAT(find("bob")->subchans.names(), ElementsAre("c"));
    EXPECT_EQ(find("bob")->secret, "one");
    EXPECT_EQ(find("bob")->owner, "me");
    EXPECT_EQ(run({"set", "bob", "--add-publish", "y,z", "--remove-publish", "x"}).status,
              exit_done);
    EXPECT_THAT(find("bob")->pubchans.names(), ElementsAre("y", "z"));
    EXPECT_EQ(run({"set", "bob", "--add-subscribe", "d", "--remove-subscribe", "c"}).status,
              exit_done);
    EXPECT_THAT(find("bob")->subchans.names(), ElementsAre("d"));
    EXPECT_EQ(run({"set", "bob", "-s", ""}).status, exit_done);
    EXPECT_THAT(find("bob")->subchans.names(), IsEmpty());
    EXPECT_EQ(run({"set", "bob", "--owner", "you", "--secret", "two"}).status, exit_done);
    EXPECT_EQ(find("bob")->owner, "you");
    EXPECT_EQ(find("bob")->secret, "two");
    EXPECT_EQ(run({"set", "bob", "--secret-stdin"}, "three\n").status, exit_done);
    EXPECT_EQ(find("bob")->secret, "three");
}

TEST_F(UserTest, SetMakesANewSecretAndPrintsIt) {
    run({"add", "bob", "--secret", "one"});
    const Outcome changed = run({"set", "bob", "--generate-secret"});
    EXPECT_EQ(changed.status, exit_done);
    EXPECT_EQ(find("bob")->secret.size(), 32U);
    EXPECT_THAT(changed.out, HasSubstr(find("bob")->secret));
}

TEST_F(UserTest, SetRefusesToChangeNothingOrNobody) {
    run({"add", "bob"});
    EXPECT_EQ(run({"set", "bob"}).status, exit_usage);
    EXPECT_EQ(run({"set", "bob", "--secret", ""}).status, exit_usage);
    EXPECT_EQ(run({"set", "bob", "-p", std::string(256, 'c')}).status, exit_usage);
    const Outcome nobody = run({"set", "eve", "--owner", "x"});
    EXPECT_EQ(nobody.status, exit_failed);
    EXPECT_THAT(nobody.err, HasSubstr("no user \"eve\" in sqlite.db"));
}

TEST_F(UserTest, SetTellsOfAChannelThatWasNotThere) {
    run({"add", "bob", "-p", "a"});
    const Outcome changed = run({"set", "bob", "--remove-publish", "b"});
    EXPECT_EQ(changed.status, exit_done);
    EXPECT_THAT(changed.err, HasSubstr("channel \"b\" was not in the list"));
}

TEST_F(UserTest, RemoveRemovesOnce) {
    run({"add", "bob"});
    EXPECT_EQ(run({"remove", "bob"}).status, exit_done);
    EXPECT_EQ(find("bob"), nullptr);
    const Outcome again = run({"remove", "bob"});
    EXPECT_EQ(again.status, exit_failed);
    EXPECT_THAT(again.err, HasSubstr("no user \"bob\""));
    EXPECT_EQ(run({"show", "bob"}).status, exit_failed);
}

TEST_F(UserTest, EveryCommandSpeaksJson) {
    const std::vector<std::string> in_json{"--store", "u.json", "--json"};
    const auto run_json = [&](std::vector<std::string> words) {
        words.insert(words.end(), in_json.begin(), in_json.end());
        return json::parse(run(words).out);
    };
    const json added = run_json({"add", "bob", "-p", "a"});
    EXPECT_EQ(added["ident"], "bob");
    EXPECT_EQ(added["owner"], "bob");
    EXPECT_EQ(added["pubchans"], json({"a"}));
    EXPECT_EQ(added["subchans"], json::array());
    EXPECT_EQ(added["secret"], find("bob", "u.json")->secret);
    EXPECT_FALSE(run_json({"add", "eve", "--secret", "x"}).contains("secret"));
    EXPECT_FALSE(run_json({"set", "eve", "--owner", "me"}).contains("secret"));
    EXPECT_TRUE(run_json({"set", "eve", "--generate-secret"}).contains("secret"));
    const json listed = run_json({"list"});
    ASSERT_EQ(listed.size(), 2U);
    EXPECT_EQ(listed[1]["ident"], "eve");
    EXPECT_FALSE(listed[0].contains("secret"));
    EXPECT_EQ(run_json({"show", "bob"})["ident"], "bob");
    EXPECT_EQ(run_json({"remove", "bob"}), json({{"ident", "bob"}, {"removed", true}}));
}

TEST_F(UserTest, OddBytesReachTheStoreAndNotTheTerminal) {
    EXPECT_EQ(run({"add", "f\xFChler\x1b[2J"}).status, exit_done);
    ASSERT_NE(find("f\xFChler\x1b[2J"), nullptr);
    EXPECT_THAT(run({"list"}).out, HasSubstr("f\\xfchler\\x1b[2J"));
    EXPECT_THAT(run({"show", "f\xFChler\x1b[2J"}).out, Not(HasSubstr("\x1b")));
    const json listed = json::parse(run({"list", "--json"}).out);
    EXPECT_EQ(listed[0]["ident_base64"], "ZvxobGVyG1sySg==");
    EXPECT_FALSE(listed[0].contains("ident"));
}

TEST_F(UserTest, QuotesAndCommentsAreJustNames) {
    const std::string ident = "'; DROP TABLE authkeys; --";
    EXPECT_EQ(run({"add", ident}).status, exit_done);
    EXPECT_EQ(run({"remove", ident}).status, exit_done);
    EXPECT_EQ(run({"add", "bob"}).status, exit_done);
}

TEST_F(UserTest, WarnsOfNamesThatSomeClientsCannotBear) {
    const Outcome added = run({"add", std::string(128, 'i'), "-p", std::string(126, 'c')});
    EXPECT_EQ(added.status, exit_done);
    EXPECT_THAT(added.err, AllOf(HasSubstr("253 bytes together"), HasSubstr("Java")));
    EXPECT_EQ(run({"add", "fine", "-p", std::string(127, 'c')}).err, "");
    EXPECT_THAT(run({"add", "a", "-p", "b,,c"}).err, HasSubstr("empty name between commas"));
    EXPECT_THAT(run({"add", "with space"}).err, HasSubstr("blanks"));
    EXPECT_THAT(run({"add", "with,comma"}).err, HasSubstr("comma"));
    EXPECT_THAT(run({"set", "fine", "--add-subscribe", "b c"}).err, HasSubstr("channel \"b c\""));
}

TEST_F(UserTest, TellsOfStoresThatCannotBeUsed) {
    for (const std::vector<std::string>& words : {std::vector<std::string>{"list"},
                                                  {"show", "a"},
                                                  {"remove", "a"},
                                                  {"set", "a", "-p", "b"}}) {
        const Outcome outcome = run(words);
        EXPECT_EQ(outcome.status, exit_failed);
        EXPECT_THAT(outcome.err,
                    AllOf(HasSubstr("Cannot find 'sqlite.db'"), HasSubstr("user add")));
    }
    EXPECT_FALSE(fs::exists("sqlite.db"));
    EXPECT_THAT(run({"add", "a", "--store", "env"}).err, HasSubstr("cannot be written to"));
    EXPECT_EQ(run({"add", "a", "--store", "env"}).status, exit_failed);
    EXPECT_EQ(run({"add", "a", "--store", "nonsense"}).status, exit_failed);
    write_file("bad.json", "{\"a\": {},}");
    const Outcome broken = run({"add", "b", "--store", "bad.json"});
    EXPECT_EQ(broken.status, exit_failed);
    EXPECT_THAT(broken.err, HasSubstr("bad.json: entry \"a\""));
    EXPECT_EQ(read_file("bad.json"), "{\"a\": {},}");
}

TEST_F(UserTest, RemovesARowThatNobodyCanRead) {
    run({"add", "bob"});
    auth::SqliteConnection("sqlite.db", std::chrono::seconds(1))
        .run("UPDATE authkeys SET pubchans = 'csv,list'");
    EXPECT_EQ(run({"show", "bob"}).status, exit_failed);
    EXPECT_EQ(run({"list"}).status, exit_failed);
    EXPECT_EQ(run({"add", "bob"}).status, exit_failed);
    EXPECT_EQ(run({"remove", "bob"}).status, exit_done);
    EXPECT_EQ(run({"add", "bob"}).status, exit_done);
}

TEST_F(UserTest, FailsWhenItsOutputGoesNowhere) {
    run({"add", "bob"});
    const int full = ::open("/dev/full", O_WRONLY | O_CLOEXEC);
    ASSERT_GE(full, 0);
    EXPECT_EQ(parse({"list"}, Console{0, full, full, -1}), exit_failed);
    ::close(full);
}

TEST(SplitNames, SplitsAtCommasAndLeavesEmptyOnesOut) {
    EXPECT_THAT(split_names({"a,b", "c"}).names, ElementsAre("a", "b", "c"));
    EXPECT_FALSE(split_names({"a,b", "c"}).had_empty);
    EXPECT_THAT(split_names({""}).names, IsEmpty());
    EXPECT_FALSE(split_names({""}).had_empty);
    for (const std::string given : {",a", "a,", "a,,", ",,a,,"}) {
        EXPECT_THAT(split_names({given}).names, ElementsAre("a")) << given;
        EXPECT_TRUE(split_names({given}).had_empty) << given;
    }
}

TEST(Warnings, AreNoneForAnOrdinaryUser) {
    EXPECT_THAT(warnings_of(account_of("sensor-1", "s", {"cowrie.sessions"}, {"a.b"})), IsEmpty());
}

TEST(Warnings, SayWhatAStarMeansAndWhatItNeeds) {
    EXPECT_THAT(warnings_of(account_of("i", "s", {"cowrie.*"})),
                ElementsAre(AllOf(HasSubstr("begins with \"cowrie.\""), HasSubstr("--wildcards"))));
    EXPECT_THAT(warnings_of(account_of("i", "s", {}, {"*"})),
                ElementsAre(AllOf(HasSubstr("every channel"), HasSubstr("--wildcards"))));
    EXPECT_THAT(warnings_of(account_of("i", "s", {"cow*"})),
                ElementsAre(HasSubstr("stands for nothing: patterns are * and PREFIX.*")));
}

TEST(Warnings, KnowTheLimitsOfClientsInTheField) {
    const auto warnings = [](std::size_t ident, std::size_t channel) {
        return warnings_of(account_of(std::string(ident, 'i'), "s", {std::string(channel, 'c')}));
    };
    EXPECT_THAT(warnings(127, 126), IsEmpty());
    EXPECT_THAT(warnings(127, 127), ElementsAre(HasSubstr("Go")));
    EXPECT_THAT(warnings(128, 1), ElementsAre(HasSubstr("Java")));
    EXPECT_THAT(warnings(1, 128), ElementsAre(HasSubstr("Java")));
    EXPECT_THAT(warnings_of(account_of("\xFF")), ElementsAre(HasSubstr("not UTF-8")));
    EXPECT_THAT(warnings_of(account_of("i", "s", {}, {""})), ElementsAre(HasSubstr("is empty")));
    EXPECT_THAT(warnings_of(account_of("i", "s", {"a,b"})), ElementsAre(HasSubstr("comma")));
    EXPECT_THAT(warnings_of(account_of("a\tb")), ElementsAre(HasSubstr("control characters")));
}

// ---- secrets by other ways than an argument ----

TEST_F(UserTest, TakesASecretFromAFileStandardInputOrANamedVariable) {
    write_file("secret", "from a file\r\nand no more");
    EXPECT_EQ(run({"add", "a", "--secret-file", "secret"}).status, exit_done);
    EXPECT_EQ(find("a")->secret, "from a file");
    EXPECT_EQ(run({"add", "b", "--secret-file", "-"}, "from stdin\n").status, exit_done);
    EXPECT_EQ(find("b")->secret, "from stdin");
    ::setenv("HPFEEDS_TEST_VARIABLE", "from a variable", 1);
    EXPECT_EQ(run({"add", "c", "--secret-env", "HPFEEDS_TEST_VARIABLE"}).status, exit_done);
    EXPECT_EQ(run({"set", "a", "--secret-env", "HPFEEDS_TEST_VARIABLE"}).status, exit_done);
    ::unsetenv("HPFEEDS_TEST_VARIABLE");
    EXPECT_EQ(find("c")->secret, "from a variable");
    EXPECT_EQ(find("a")->secret, "from a variable");
}

TEST_F(UserTest, SaysWhereASecretShouldHaveBeen) {
    write_file("empty", "\nsecond line");
    EXPECT_THAT(run({"add", "a", "--secret-file", "empty"}).err,
                HasSubstr("'empty' holds no secret"));
    EXPECT_THAT(run({"add", "a", "--secret-file", "none"}).err,
                HasSubstr("'none': No such file or directory"));
    EXPECT_THAT(run({"add", "a", "--secret-env", "HPFEEDS_NOT_SET"}).err,
                HasSubstr("variable \"HPFEEDS_NOT_SET\" holds no secret"));
    EXPECT_EQ(run({"add", "a", "--secret-env", "HPFEEDS_NOT_SET"}).status, exit_usage);
    EXPECT_EQ(run({"add", "a", "--secret", "x", "--secret-file", "empty"}).status,
              refused_by_parser);
    EXPECT_FALSE(fs::exists("sqlite.db"));
}

TEST_F(UserTest, ListShowsSecretsWhenAsked) {
    EXPECT_EQ(run({"add", "bob", "--secret", "hunter2"}).status, exit_done);
    EXPECT_THAT(run({"list", "--show-secret"}).out, HasSubstr("hunter2"));
    EXPECT_THAT(run({"list", "--show-secret", "--json"}).out, HasSubstr("\"secret\": \"hunter2\""));
}

// ---- add --replace ----

TEST_F(UserTest, AddReplacesWhenToldTo) {
    EXPECT_EQ(run({"add", "bob", "--secret", "old", "-p", "a", "--owner", "Jane"}).status,
              exit_done);
    EXPECT_THAT(run({"add", "bob", "--secret", "new"}).err, HasSubstr("--replace"));
    const Outcome replaced = run({"add", "bob", "--secret", "new", "-s", "b", "--replace"});
    EXPECT_EQ(replaced.status, exit_done) << replaced.err;
    EXPECT_THAT(replaced.out, HasSubstr("replaced in sqlite.db"));
    const AccountRef bob = find("bob");
    EXPECT_EQ(bob->secret, "new");
    EXPECT_EQ(bob->owner, "Jane");
    EXPECT_THAT(bob->pubchans.names(), IsEmpty());
    EXPECT_THAT(bob->subchans.names(), ElementsAre("b"));
    EXPECT_THAT(run({"add", "bob", "--replace", "--json"}).out, HasSubstr("\"replaced\": true"));
    EXPECT_THAT(run({"add", "eve", "--replace", "--json"}).out, HasSubstr("\"replaced\": false"));
}

// ---- sources that can only be read ----

TEST_F(UserTest, ListsWhatCannotBeWritten) {
    write_file("keys.dat", "user1;hunter2;a,\xff;b;\n");
    const Outcome listed = run({"list", "--store", "tentacool:keys.dat", "--json"});
    EXPECT_EQ(listed.status, exit_done) << listed.err;
    EXPECT_THAT(listed.out,
                AllOf(HasSubstr("user1"), HasSubstr("pubchans_base64"), Not(HasSubstr("hunter2"))));
    EXPECT_THAT(run({"add", "x", "--store", "tentacool:keys.dat"}).err,
                HasSubstr("cannot be written to"));
}

}  // namespace
}  // namespace hpfeeds::cli
