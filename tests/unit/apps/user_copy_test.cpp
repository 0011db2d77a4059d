// SPDX-License-Identifier: Apache-2.0
#include "user_copy.hpp"

#include "auth/sqlite_connection.hpp"
#include "unit/apps/user_fixture.hpp"
#include "unit/auth/account_builder.hpp"

#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

#include <cstdlib>

namespace hpfeeds::cli {
namespace {

using auth::tests::account_of;
using nlohmann::json;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

class UserCopy : public UserTest {
protected:
    static void put(const std::string& store, const core::Account& account) {
        auth::open_store(store)->put(account);
    }
    static bool same(const core::Account& left, const AccountRef& right) {
        return right && left.ident == right->ident && left.secret == right->secret &&
               left.owner == right->owner && left.pubchans.names() == right->pubchans.names() &&
               left.subchans.names() == right->subchans.names();
    }

    const core::Account bob = account_of("bob", "hunter2", {"a", "b"}, {"c"});
    const core::Account eve = account_of("eve", "hunter3");
};

TEST_F(UserCopy, CopiesEveryFieldOfEveryUser) {
    put("old.db", bob);
    put("old.db", eve);
    const Outcome copied = run({"copy", "--from", "old.db", "--to", "new.json"});
    EXPECT_EQ(copied.status, exit_done) << copied.err;
    EXPECT_THAT(copied.out, AllOf(HasSubstr("copied    bob\n"), HasSubstr("copied    eve\n"),
                                  HasSubstr("old.db to new.json: 2 copied, 0 replaced, 0 same, "
                                            "0 kept, 0 failed"),
                                  Not(HasSubstr("hunter"))));
    EXPECT_TRUE(same(bob, find("bob", "new.json")));
    EXPECT_TRUE(same(eve, find("eve", "new.json")));
}

TEST_F(UserCopy, CopyingAgainChangesNothing) {
    put("old.db", bob);
    EXPECT_EQ(run({"copy", "--from", "old.db", "--to", "new.db"}).status, exit_done);
    const Outcome again = run({"copy", "--from", "old.db", "--to", "new.db"});
    EXPECT_EQ(again.status, exit_done);
    EXPECT_THAT(again.out, HasSubstr("same      bob\n"));
}

TEST_F(UserCopy, KeepsWhatDiffersUnlessToldToReplaceIt) {
    put("old.db", bob);
    put("old.db", eve);
    put("new.db", account_of("bob", "other", {"a", "b"}));
    const Outcome kept = run({"copy", "--from", "old.db", "--to", "new.db"});
    EXPECT_EQ(kept.status, exit_failed);
    EXPECT_THAT(
        kept.out,
        AllOf(HasSubstr("kept      bob: the one there differs (secret, subscribe)"),
              HasSubstr("--replace"), HasSubstr("copied    eve"), Not(HasSubstr("hunter"))));
    EXPECT_EQ(find("bob", "new.db")->secret, "other");
    const Outcome replaced = run({"copy", "--from", "old.db", "--to", "new.db", "--replace"});
    EXPECT_EQ(replaced.status, exit_done);
    EXPECT_THAT(replaced.out, HasSubstr("replaced  bob: differed (secret, subscribe)"));
    EXPECT_TRUE(same(bob, find("bob", "new.db")));
}

TEST_F(UserCopy, CopiesNamedUsersAloneAndMissesNone) {
    put("old.db", bob);
    put("old.db", eve);
    const Outcome copied = run({"copy", "--from", "old.db", "--to", "new.db", "eve", "nobody"});
    EXPECT_EQ(copied.status, exit_failed);
    EXPECT_THAT(copied.out, AllOf(HasSubstr("copied    eve"),
                                  HasSubstr("failed    nobody: there is no such user in old.db")));
    EXPECT_EQ(find("bob", "new.db"), nullptr);
}

TEST_F(UserCopy, SaysWhatTheTargetCannotHoldAndCopiesTheRest) {
    write_file("keys.dat", "bad;hunter2;\xff;;\ngood;hunter3;a;;\n");
    for (const char* target : {"new.json", "new.db"}) {
        const Outcome copied = run({"copy", "--from", "tentacool:keys.dat", "--to", target});
        EXPECT_EQ(copied.status, exit_failed);
        EXPECT_THAT(
            copied.out,
            AllOf(HasSubstr("failed    bad: field \"pubchans\" names the channel \"\\xff\""),
                  HasSubstr("copied    good"), Not(HasSubstr("hunter"))));
        EXPECT_EQ(find("bad", target), nullptr);
        EXPECT_EQ(find("good", target)->secret, "hunter3");
    }
}

TEST_F(UserCopy, ADryRunSaysTheSameAndMakesNothing) {
    write_file("keys.dat", "bad;s;\xff;;\ngood;s;a;;\n");
    for (const char* target : {"new.json", "new.db", "sqlite"}) {
        const Outcome rehearsed =
            run({"copy", "--from", "tentacool:keys.dat", "--to", target, "--dry-run"});
        EXPECT_EQ(rehearsed.status, exit_failed) << rehearsed.err;
        EXPECT_THAT(rehearsed.out,
                    AllOf(HasSubstr("failed    bad"), HasSubstr("copied    good"),
                          HasSubstr("dry run, nothing was changed"), HasSubstr(target)));
    }
    for (const char* target : {"new.json", "new.db", "sqlite.db"})
        EXPECT_FALSE(fs::exists(target)) << target;
    put("there.db", account_of("good", "other"));
    EXPECT_THAT(
        run({"copy", "--from", "tentacool:keys.dat", "--to", "there.db", "--dry-run", "--replace"})
            .out,
        HasSubstr("replaced  good"));
    EXPECT_EQ(find("good", "there.db")->secret, "other");
}

TEST_F(UserCopy, ReadsTheEnvironmentByItsIdents) {
    ::setenv("HPFEEDS_JAMES_SECRET", "hunter2", 1);
    ::setenv("HPFEEDS_JAMES_PUBCHANS", "a,b", 1);
    const Outcome all = run({"copy", "--from", "env", "--to", "new.db"});
    const Outcome one = run({"copy", "--from", "env", "--to", "new.db", "james"});
    ::unsetenv("HPFEEDS_JAMES_SECRET");
    ::unsetenv("HPFEEDS_JAMES_PUBCHANS");
    EXPECT_EQ(all.status, exit_done) << all.out;
    EXPECT_THAT(all.err, HasSubstr("idents in capitals"));
    EXPECT_THAT(find("JAMES", "new.db")->pubchans.names(), ElementsAre("a", "b"));
    EXPECT_EQ(one.err, "");
    EXPECT_EQ(find("james", "new.db")->secret, "hunter2");
}

TEST_F(UserCopy, PrintsJsonForScripts) {
    put("old.db", bob);
    put("old.db", eve);
    put("new.db", account_of("bob", "other", {"a", "b"}, {"c"}));
    const Outcome copied = run({"copy", "--from", "old.db", "--to", "new.db", "--json"});
    const json told = json::parse(copied.out);
    EXPECT_EQ(told["from"], "old.db");
    EXPECT_EQ(told["to"], "new.db");
    EXPECT_EQ(told["dry_run"], false);
    EXPECT_EQ(told["users"], json::parse(R"([
        {"ident": "bob", "fate": "kept", "differs_in": ["secret"]},
        {"ident": "eve", "fate": "copied"}])"));
}

TEST_F(UserCopy, RefusesWhatCannotBeMeant) {
    put("old.db", bob);
    const auto complaint = [&](const std::string& from, const std::string& to) {
        const Outcome outcome = run({"copy", "--from", from, "--to", to});
        EXPECT_NE(outcome.status, exit_done);
        return outcome.err;
    };
    EXPECT_THAT(complaint("old.db", "old.db"), HasSubstr("both old.db"));
    EXPECT_THAT(complaint("none.db", "new.db"), HasSubstr("Cannot find 'none.db'"));
    EXPECT_FALSE(fs::exists("new.db"));
    EXPECT_THAT(complaint("old.db", "env"), HasSubstr("cannot be written to"));
    EXPECT_THAT(complaint("old.db", "mongodb://me:hunter2@h"),
                AllOf(HasSubstr("no database"), Not(HasSubstr("hunter2"))));
    EXPECT_THAT(complaint("old.db", "new.yaml"), HasSubstr("is no key store"));
    EXPECT_EQ(run({"copy", "--from", "old.db"}).status, refused_by_parser);
}

TEST_F(UserCopy, ABrokenRowOfTheTargetFailsAlone) {
    put("old.db", bob);
    put("old.db", eve);
    put("new.db", account_of("bob"));
    auth::SqliteConnection("new.db", std::chrono::seconds(5))
        .run("UPDATE authkeys SET pubchans = 'rubbish'");
    const Outcome copied = run({"copy", "--from", "old.db", "--to", "new.db"});
    EXPECT_EQ(copied.status, exit_failed);
    EXPECT_THAT(copied.out, AllOf(HasSubstr("failed    bob: new.db: "), HasSubstr("row of \"bob\""),
                                  HasSubstr("copied    eve")));
}

}  // namespace
}  // namespace hpfeeds::cli
