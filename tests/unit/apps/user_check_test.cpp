// SPDX-License-Identifier: Apache-2.0
#include "user_check.hpp"

#include "unit/apps/user_fixture.hpp"
#include "unit/auth/account_builder.hpp"

#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

namespace hpfeeds::cli {
namespace {

using auth::tests::account_of;
using nlohmann::json;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

class UserCheck : public UserTest {
protected:
    UserCheck() {
        auth::open_store("sqlite.db")->put(account_of("bob", "hunter2", {"a", "b"}, {"b"}));
    }
    Outcome check(std::vector<std::string> words) {
        words.insert(words.begin(), "check");
        Outcome outcome = run(std::move(words));
        EXPECT_THAT(outcome.out + outcome.err, Not(HasSubstr("hunter2")));
        return outcome;
    }
};

TEST_F(UserCheck, SaysWhetherItMayAndWhoSaysSo) {
    const Outcome may = check({"bob", "--channel", "a", "--publish"});
    EXPECT_EQ(may.status, exit_done);
    EXPECT_EQ(may.out, "\"bob\" may publish to \"a\", says sqlite.db\n");
    const Outcome may_not = check({"bob", "--channel", "a", "--subscribe"});
    EXPECT_EQ(may_not.status, exit_failed);
    EXPECT_THAT(may_not.out, AllOf(HasSubstr("\"bob\" may not subscribe to \"a\", says sqlite.db"),
                                   HasSubstr("--add-subscribe")));
}

TEST_F(UserCheck, TellsBothWithoutADirectionAndEitherIsEnough) {
    const Outcome either = check({"bob", "-c", "a"});
    EXPECT_EQ(either.status, exit_done);
    EXPECT_THAT(either.out, AllOf(HasSubstr("may publish"), HasSubstr("may not subscribe")));
    EXPECT_EQ(check({"bob", "-c", "c"}).status, exit_failed);
}

TEST_F(UserCheck, WantsBothWhenBothAreNamed) {
    EXPECT_EQ(check({"bob", "-c", "b", "--publish", "--subscribe"}).status, exit_done);
    EXPECT_EQ(check({"bob", "-c", "a", "--publish", "--subscribe"}).status, exit_failed);
}

TEST_F(UserCheck, ComparesChannelsByteForByte) {
    for (const char* channel : {"A", "a ", "", "aa"})
        EXPECT_EQ(check({"bob", "-c", channel, "--publish"}).status, exit_failed) << channel;
}

TEST_F(UserCheck, ReadsPatternsAsTheBrokerThatIsMeantDoes) {
    auth::open_store("sqlite.db")->put(account_of("archive", "hunter2", {}, {"cowrie.*"}));
    EXPECT_EQ(check({"archive", "-c", "cowrie.sessions"}).status, exit_failed);
    EXPECT_EQ(check({"archive", "-c", "cowrie.sessions", "--wildcards"}).status, exit_done);
    EXPECT_EQ(check({"archive", "-c", "dionaea.capture", "--wildcards"}).status, exit_failed);
    EXPECT_EQ(check({"archive", "-c", "cowrie.*"}).status, exit_done) << "a name like all others";
}

TEST_F(UserCheck, AUserThatNobodyKnowsMayNot) {
    write_file("users.json", "{}");
    const Outcome nobody =
        check({"eve", "-c", "a", "--store", "users.json", "--store", "sqlite.db"});
    EXPECT_EQ(nobody.status, exit_failed);
    EXPECT_EQ(nobody.out, "\"eve\" is in none of these stores: users.json, sqlite.db\n");
}

TEST_F(UserCheck, TheFirstStoreThatKnowsTheIdentDecides) {
    auth::open_store("first.db")->put(account_of("bob", "other"));
    EXPECT_EQ(check({"bob", "-c", "a", "--store", "first.db", "--store", "sqlite.db"}).status,
              exit_failed);
    EXPECT_EQ(check({"bob", "-c", "a", "--store", "sqlite.db", "--store", "first.db"}).status,
              exit_done);
}

TEST_F(UserCheck, AStoreThatCannotTellIsToldAndPassedOver) {
    write_file("broken.json", R"({"eve": {"secret": "hunter2")");
    const std::vector<std::string> words{"bob", "-c", "a", "--store", "broken.json"};
    std::vector<std::string> both = words;
    both.insert(both.end(), {"--store", "sqlite.db"});
    const Outcome passed_over = check(both);
    EXPECT_EQ(passed_over.status, exit_done);
    EXPECT_THAT(passed_over.err, HasSubstr("broken.json cannot tell"));
    const Outcome alone = check(words);
    EXPECT_EQ(alone.status, exit_undecided);
    EXPECT_THAT(alone.out, HasSubstr("not all could tell"));
}

TEST_F(UserCheck, AStoreThatIsNotThereIsNoAnswerAndIsNotMade) {
    const Outcome missing = check({"bob", "-c", "a", "--store", "none.db"});
    EXPECT_EQ(missing.status, exit_undecided);
    EXPECT_THAT(missing.err, HasSubstr("Cannot find 'none.db'"));
    EXPECT_FALSE(fs::exists("none.db"));
}

TEST_F(UserCheck, PrintsJsonForScripts) {
    EXPECT_EQ(json::parse(check({"bob", "-c", "a", "--json"}).out), json::parse(R"({
        "ident": "bob", "channel": "a", "known": true, "store": "sqlite.db",
        "publish": true, "subscribe": false, "could_not_tell": []})"));
    EXPECT_EQ(json::parse(check({"eve", "-c", "a", "--json"}).out)["known"], false);
}

TEST_F(UserCheck, RefusesAChannelThatCannotBe) {
    EXPECT_EQ(check({"bob", "-c", std::string(256, 'x')}).status, exit_usage);
    EXPECT_EQ(check({"bob"}).status, refused_by_parser);
}

}  // namespace
}  // namespace hpfeeds::cli
