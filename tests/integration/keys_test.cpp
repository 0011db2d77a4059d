// SPDX-License-Identifier: Apache-2.0
// Where keys come from: the environment, JSON that changes while the broker runs, SQLite, and
// several of them in order.
#include "support/broker_process.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <vector>

namespace hpfeeds::support {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

// A key with both rights on `events`, and those that settle() needs.
Key key(const std::string& ident, const std::string& secret) {
    Key made = usual_keys().at(2);
    made.ident = ident;
    made.secret = secret;
    return made;
}

// One attempt to log in and work.
bool works(const BrokerProcess& broker, const Login& login) {
    WireClient client(broker.address(), login);
    try {
        client.subscribe("events");
        client.publish("events", "x");
        return client.expect_frame().opcode == op_publish;
    } catch (const std::exception&) {
        return false;
    }
}

// A change takes effect some time after it was made: ask until it has.
void expect_soon(const BrokerProcess& broker, const Login& login, bool wanted) {
    const Deadline deadline;
    while (works(broker, login) != wanted)
        ASSERT_FALSE(deadline.passed()) << login.ident << " should " << (wanted ? "" : "not ")
                                        << "be able to log in with " << login.secret;
}

const std::vector<std::string> at_once{"--auth-failure-delay", "0"};

// ---- environment ----

TEST(EnvironmentKeys, AreReadByTheUpperCasedIdent) {
    const BrokerProcess broker({.arguments = {"--auth", "env", "--auth-failure-delay", "0"},
                                .keys = {},
                                .environment = {{"HPFEEDS_TEST_SECRET", "test"},
                                                {"HPFEEDS_TEST_PUBCHANS", "spam,events"},
                                                {"HPFEEDS_TEST_SUBCHANS", "spam,events"}}});
    EXPECT_TRUE(works(broker, {"test", "test"}));
    EXPECT_FALSE(works(broker, {"test", "wrong"}));
    EXPECT_FALSE(works(broker, {"other", "test"}));
}

TEST(EnvironmentKeys, AKeyWithoutASecretDoesNotExist) {
    const BrokerProcess broker({.arguments = {"--auth", "env", "--auth-failure-delay", "0"},
                                .keys = {},
                                .environment = {{"HPFEEDS_TEST_PUBCHANS", "events"},
                                                {"HPFEEDS_TEST_SUBCHANS", "events"}}});
    EXPECT_FALSE(works(broker, {"test", ""}));
}

TEST(EnvironmentKeys, AnEmptyListGrantsNothingNotEvenTheEmptyChannel) {
    const BrokerProcess broker(
        {.arguments = {"--auth", "env"},
         .keys = {},
         .environment = {{"HPFEEDS_TEST_SECRET", "test"}, {"HPFEEDS_TEST_PUBCHANS", ""}}});
    WireClient client(broker.address(), Login{"test", "test"});
    client.publish("", "x");
    client.expect_refusal("Authkey not allowed to pub here. ident=test, chan=");
}

// ---- JSON ----

BrokerSetup json_setup() {
    return {.arguments = at_once, .keys = {key("old", "secret")}};
}

TEST(JsonKeys, AChangeInPlaceTakesEffect) {
    const BrokerProcess broker(json_setup());
    EXPECT_TRUE(works(broker, {"old", "secret"}));
    write_file(broker.directory().path() / "users.json", users_json({key("new", "secret")}));
    expect_soon(broker, {"new", "secret"}, true);
    expect_soon(broker, {"old", "secret"}, false);
}

TEST(JsonKeys, ARenameOverTheFileTakesEffectEveryTime) {
    const BrokerProcess broker(json_setup());
    const fs::path folder = broker.directory().path();
    for (int round = 0; round < 3; ++round) {
        const std::string secret = "secret " + std::to_string(round);
        write_file(folder / "next.json", users_json({key("old", secret)}));
        fs::rename(folder / "next.json", folder / "users.json");
        expect_soon(broker, {"old", secret}, true);
    }
}

// Kubernetes: users.json → ..data/users.json, ..data → ..version; an update renames a new ..data
// over the old one.
TEST(JsonKeys, AKubernetesSwapOfTheDataLinkTakesEffectEveryTime) {
    const TemporaryDirectory mount;
    const auto add_version = [&](const std::string& version, const std::string& secret) {
        fs::create_directory(mount.path() / version);
        write_file(mount.path() / version / "users.json", users_json({key("old", secret)}));
        fs::create_directory_symlink(version, mount.path() / "..data_tmp");
        fs::rename(mount.path() / "..data_tmp", mount.path() / "..data");
    };
    add_version("..first", "first");
    fs::create_symlink("..data/users.json", mount.path() / "users.json");
    const BrokerProcess broker(
        {.arguments = {"--auth", mount.file("users.json"), "--auth-failure-delay", "0"},
         .keys = {}});
    EXPECT_TRUE(works(broker, {"old", "first"}));
    add_version("..second", "second");
    fs::remove_all(mount.path() / "..first");
    expect_soon(broker, {"old", "second"}, true);
    add_version("..third", "third");
    expect_soon(broker, {"old", "third"}, true);
}

TEST(JsonKeys, ABadFileKeepsTheOldUsersAndSaysWhatIsWrong) {
    const BrokerProcess broker(json_setup());
    write_file(broker.directory().path() / "users.json",
               R"({"new": {"owner": "o", "secret": "s", "pubchans": "events", "subchans": []}})");
    // The broker may look while the file is still empty, and say so first.
    const LogLine line = broker.wait_for_log({"old users stay", "pubchans"});
    EXPECT_THAT(line.text, HasSubstr("new"));
    EXPECT_TRUE(works(broker, {"old", "secret"}));
    EXPECT_FALSE(works(broker, {"new", "s"}));
    write_file(broker.directory().path() / "users.json", users_json({key("new", "s")}));
    expect_soon(broker, {"new", "s"}, true);
}

TEST(JsonKeys, TheDocumentationsTrailingCommaIsNamedByItsLine) {
    const BrokerProcess broker(json_setup());
    write_file(
        broker.directory().path() / "users.json",
        "{\n  \"i\": {\n    \"owner\": \"o\",\n    \"secret\": \"s\",\n    \"subchans\": [\"c\"],\n"
        "    \"pubchans\": [],\n  }\n}\n");
    EXPECT_THAT(broker.wait_for_log({"old users stay", "line 7"}).text, HasSubstr("column"));
}

TEST(JsonKeys, AnInvalidFileAtTheStartMeansNoUsersUntilItIsRepaired) {
    const TemporaryDirectory folder;
    write_file(folder.path() / "users.json", "{");
    const BrokerProcess broker(
        {.arguments = {"--auth", folder.file("users.json"), "--auth-failure-delay", "0"},
         .keys = {}});
    EXPECT_FALSE(works(broker, {"old", "secret"}));
    write_file(folder.path() / "users.json", users_json({key("old", "secret")}));
    expect_soon(broker, {"old", "secret"}, true);
}

TEST(JsonKeys, AFileThatGoesAwayKeepsTheOldUsers) {
    const BrokerProcess broker(json_setup());
    fs::remove(broker.directory().path() / "users.json");
    EXPECT_TRUE(works(broker, {"old", "secret"}));
    write_file(broker.directory().path() / "users.json", users_json({key("new", "secret")}));
    expect_soon(broker, {"new", "secret"}, true);
}

// ---- SQLite ----

Finished hpfeeds_user(const BrokerProcess& broker, std::vector<std::string> words) {
    words.insert(words.begin(), {command_line_client_binary(), "user"});
    return run({.words = words, .directory = broker.directory().path()});
}

TEST(SqliteKeys, ThatTheUserCommandChangesTakeEffectWithoutARestart) {
    const BrokerProcess broker({.arguments = at_once, .keys = {}});
    EXPECT_FALSE(works(broker, {"sensor1", "strong"}));
    Finished done = hpfeeds_user(
        broker, {"add", "sensor1", "--secret", "strong", "-p", "events", "-s", "events"});
    EXPECT_EQ(done.ended, (Ended{0, 0})) << done.err;
    EXPECT_TRUE(works(broker, {"sensor1", "strong"}));
    done = hpfeeds_user(broker, {"set", "sensor1", "--secret", "stronger"});
    EXPECT_EQ(done.ended, (Ended{0, 0})) << done.err;
    EXPECT_TRUE(works(broker, {"sensor1", "stronger"}));
    EXPECT_FALSE(works(broker, {"sensor1", "strong"}));
    done = hpfeeds_user(broker, {"remove", "sensor1"});
    EXPECT_EQ(done.ended, (Ended{0, 0})) << done.err;
    EXPECT_FALSE(works(broker, {"sensor1", "stronger"}));
}

TEST(SqliteKeys, ThatTheUserCommandMakesUpAndPrintsCanLogIn) {
    const BrokerProcess broker({.arguments = at_once, .keys = {}});
    const Finished done =
        hpfeeds_user(broker, {"add", "sensor1", "-p", "events", "-s", "events", "--json"});
    ASSERT_EQ(done.ended, (Ended{0, 0})) << done.err;
    const std::size_t start = done.out.find("\"secret\"");
    ASSERT_NE(start, std::string::npos) << done.out;
    const std::size_t open = done.out.find('"', done.out.find(':', start)) + 1;
    const std::string secret = done.out.substr(open, done.out.find('"', open) - open);
    EXPECT_GE(secret.size(), 16U);
    EXPECT_TRUE(works(broker, {"sensor1", secret}));
}

// As the documentation teaches it.
TEST(SqliteKeys, ThatTheSqliteShellInsertsTakeEffectWithoutARestart) {
    const BrokerProcess broker({.arguments = at_once, .keys = {}});
    const Finished done =
        run({.words = {"sqlite3", "sqlite.db",
                       "INSERT INTO authkeys (owner, ident, secret, pubchans, subchans) VALUES "
                       "('o', 'shell', 'secret', '[\"events\"]', '[\"events\"]');"},
             .directory = broker.directory().path()});
    if (done.ended.status == 127) GTEST_SKIP() << "no sqlite3 shell here: install sqlite3";
    ASSERT_EQ(done.ended, (Ended{0, 0})) << done.err;
    EXPECT_TRUE(works(broker, {"shell", "secret"}));
}

TEST(SqliteKeys, AManagedJsonFileTakesEffectToo) {
    const BrokerProcess broker(json_setup());
    const Finished done = hpfeeds_user(broker, {"add", "sensor1", "--secret", "strong", "-p",
                                                "events", "-s", "events", "--store", "users.json"});
    ASSERT_EQ(done.ended, (Ended{0, 0})) << done.err;
    expect_soon(broker, {"sensor1", "strong"}, true);
}

// ---- several ----

TEST(SeveralStores, AreAskedInOrderAndTheFirstThatKnowsTheIdentDecides) {
    const TemporaryDirectory folder;
    write_file(folder.path() / "first.json", users_json({key("twice", "first"), key("one", "1")}));
    write_file(folder.path() / "second.json",
               users_json({key("twice", "second"), key("two", "2")}));
    const BrokerProcess broker(
        {.arguments = {"--auth", folder.file("first.json"), "--auth", "env", "--auth",
                       folder.file("second.json"), "--auth-failure-delay", "0"},
         .keys = {},
         .environment = {{"HPFEEDS_THREE_SECRET", "3"},
                         {"HPFEEDS_THREE_PUBCHANS", "events"},
                         {"HPFEEDS_THREE_SUBCHANS", "events"}}});
    EXPECT_TRUE(works(broker, {"one", "1"}));
    EXPECT_TRUE(works(broker, {"two", "2"}));
    EXPECT_TRUE(works(broker, {"three", "3"}));
    EXPECT_TRUE(works(broker, {"twice", "first"}));
    EXPECT_FALSE(works(broker, {"twice", "second"}));
    EXPECT_FALSE(works(broker, {"nobody", "1"}));
}

TEST(SeveralStores, OneThatFailsNeverGrantsAndRecoversByItself) {
    const TemporaryDirectory folder;
    const BrokerProcess broker({.arguments = {"--auth", "env", "--auth-failure-delay", "0"},
                                .keys = {key("file", "secret")},
                                .environment = {}});
    const fs::path file = broker.directory().path() / "users.json";
    EXPECT_TRUE(works(broker, {"file", "secret"}));
    write_file(file, "not json");
    broker.wait_for_log({"old users stay"});
    EXPECT_FALSE(works(broker, {"file", "wrong"}));
    write_file(file, users_json({key("file", "repaired")}));
    expect_soon(broker, {"file", "repaired"}, true);
}

// ---- auth_keys in an SQLite file ----

TEST(SqlKeysInSqlite, AreManagedByTheProgramAndFollowedByTheBroker) {
    const TemporaryDirectory folder;
    const std::string store = "database+sqlite:///" + folder.file("auth keys.db");
    const auto user = [&](std::vector<std::string> words) {
        words.insert(words.begin(), {command_line_client_binary(), "user"});
        words.insert(words.end(), {"--store", store});
        return run({words});
    };
    EXPECT_THAT(user({"list"}).err, HasSubstr("Cannot find"));
    ASSERT_EQ(user({"add", "bob", "--secret", "s3cret", "-p", "events", "-s", "events"}).ended,
              Ended{0});
    const BrokerProcess broker(
        {.arguments = {"--auth", store, "--auth-failure-delay", "0"}, .keys = {}});
    EXPECT_TRUE(works(broker, {"bob", "s3cret"}));
    EXPECT_FALSE(works(broker, {"bob", "wrong"}));
    EXPECT_EQ(user({"set", "bob", "--secret", "changed"}).ended, Ended{0});
    EXPECT_TRUE(works(broker, {"bob", "changed"}));
    EXPECT_EQ(user({"remove", "bob"}).ended, Ended{0});
    EXPECT_FALSE(works(broker, {"bob", "changed"}));
}

TEST(SqlKeysInSqlite, ABrokerDoesNotStartWithoutTheFile) {
    const TemporaryDirectory folder;
    const Finished finished =
        run(broker_command({"-e", any_port, "--auth", "database+sqlite:///none.db"}, folder));
    EXPECT_EQ(finished.ended.status, 1);
    EXPECT_EQ(finished.err, "hpfeeds-broker: Cannot find 'none.db'\n");
}

}  // namespace
}  // namespace hpfeeds::support
