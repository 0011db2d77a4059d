// SPDX-License-Identifier: Apache-2.0
// `hpfeeds user` on a real MongoDB server, seen from the server's side and from a broker's.
#include "mongo_shell.hpp"
#include "support/broker_process.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace hpfeeds::support {
namespace {

using nlohmann::json;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

class MongoUser : public testing::Test {
protected:
    void SetUp() override {
        HPFEEDS_NEEDS_MONGO_SERVER();
        server_.emplace();
    }

    MongoServer& server() { return *server_; }
    [[nodiscard]] std::string file(const std::string& name) const { return folder_.file(name); }

    // `hpfeeds user WORDS …`; nothing it prints tells the server's password.
    Finished user(std::vector<std::string> words, const std::string& input = {}) const {
        words.insert(words.begin(), {command_line_client_binary(), "user"});
        Finished done = run({.words = std::move(words),
                             .directory = folder_.path(),
                             .environment = {{"HPFEEDS_STORE", server_->url()}},
                             .input = input});
        EXPECT_THAT(done.out + done.err, Not(HasSubstr("hunter2")));
        return done;
    }
    Finished done(std::vector<std::string> words, const std::string& input = {}) const {
        Finished finished = user(std::move(words), input);
        EXPECT_EQ(finished.ended, (Ended{0, 0})) << finished.err;
        return finished;
    }
    json document(const std::string& ident) {
        const std::vector<std::string> found = mongo_find(server(), ident);
        EXPECT_EQ(found.size(), 1U) << ident;
        return found.empty() ? json() : json::parse(found.front());
    }

private:
    TemporaryDirectory folder_;
    std::optional<MongoServer> server_;
};

TEST_F(MongoUser, AddsTheDocumentedDocument) {
    const Finished added =
        done({"add", "testing", "--secret-file", "-", "-p", "chan1,chan2", "-s", "chan2"},
             "secretkey\n");
    EXPECT_THAT(added.out, HasSubstr("added to mongodb://" + server().host() + "/hpfeeds\n"));
    EXPECT_EQ(document("testing"), json::parse(R"({"identifier": "testing", "secret": "secretkey",
        "publish": ["chan1", "chan2"], "subscribe": ["chan2"]})"));
}

TEST_F(MongoUser, ListsShowsChangesAndRemoves) {
    done({"add", "sensor1", "--secret", "one", "-p", "a"});
    done({"add", "logger", "--secret", "two", "-s", "a,b", "--owner", "Jane Doe"});
    const Finished listed = done({"list"});
    EXPECT_THAT(listed.out, AllOf(HasSubstr("logger"), HasSubstr("Jane Doe"), HasSubstr("sensor1"),
                                  Not(HasSubstr("one")), Not(HasSubstr("two"))));
    EXPECT_LT(listed.out.find("logger"), listed.out.find("sensor1"));
    EXPECT_EQ(document("logger")["owner"], "Jane Doe");

    done({"set", "sensor1", "--add-publish", "b", "--owner", "field"});
    EXPECT_THAT(document("sensor1")["publish"], ElementsAre("a", "b"));
    EXPECT_EQ(document("sensor1")["owner"], "field");
    EXPECT_EQ(document("sensor1")["secret"], "one");
    done({"set", "sensor1", "--owner", "sensor1"});
    EXPECT_FALSE(document("sensor1").contains("owner"));

    EXPECT_THAT(done({"show", "sensor1", "--show-secret"}).out, HasSubstr("one"));
    EXPECT_THAT(done({"remove", "sensor1"}).out, HasSubstr("removed \"sensor1\" from mongodb://"));
    EXPECT_THAT(mongo_find(server(), "sensor1"), IsEmpty());
    EXPECT_EQ(user({"remove", "sensor1"}).ended, (Ended{1, 0}));
    EXPECT_EQ(user({"show", "sensor1"}).ended, (Ended{1, 0}));
}

TEST_F(MongoUser, LeavesFieldsAloneThatAreNotOurs) {
    mongo_insert(server(), R"({"identifier": "a", "secret": "s", "remark": "keep me"})");
    done({"set", "a", "--publish", "x"});
    EXPECT_EQ(document("a")["remark"], "keep me");
    EXPECT_THAT(document("a")["publish"], ElementsAre("x"));
}

TEST_F(MongoUser, MadeUpSecretsLogIn) {
    const BrokerProcess broker(
        {.arguments = {"--auth", server().url(), "--auth-failure-delay", "0"}, .keys = {}});
    const std::string secret =
        json::parse(done({"add", "sensor1", "-p", "a", "-s", "a", "--json"}).out)["secret"];
    WireClient client(broker.address(), Login{"sensor1", secret});
    client.subscribe("a");
    client.publish("a", "x");
    client.expect_message({"sensor1", "a", "x"});
}

TEST_F(MongoUser, SaysWhichDocumentIsBroken) {
    mongo_insert(server(), R"({"identifier": "good", "secret": "s"})");
    mongo_insert(server(), R"({"identifier": "bad", "secret": 5})");
    const Finished listed = user({"list"});
    EXPECT_EQ(listed.ended, (Ended{1, 0}));
    EXPECT_THAT(listed.err, AllOf(HasSubstr("collection auth_key"), HasSubstr("\"bad\""),
                                  HasSubstr("field \"secret\" is a number"),
                                  HasSubstr("correct the document")));
    mongo_insert(server(), R"({"secret": "s"})");
    EXPECT_THAT(user({"show", "bad"}).err, HasSubstr("field \"secret\""));
    done({"show", "good"});
    done({"remove", "bad"});
    EXPECT_THAT(user({"list"}).err, HasSubstr("field \"identifier\" is missing"));
}

TEST_F(MongoUser, FailsInOneLineWithoutAServerOrWithAWrongPassword) {
    const std::string wrong =
        "mongodb://" + mongo_user + ":swordfish@" + server().host() + "/hpfeeds";
    const Finished refused = user({"list", "--store", wrong});
    EXPECT_EQ(refused.ended, (Ended{1, 0}));
    EXPECT_THAT(refused.err, AllOf(HasSubstr("login failed"), Not(HasSubstr("swordfish"))));
    server().kill();
    const Finished gone = user({"list"});
    EXPECT_EQ(gone.ended, (Ended{1, 0}));
    EXPECT_THAT(gone.err, AllOf(HasSubstr(server().host()), HasSubstr("is it running")));
    EXPECT_EQ(std::count(gone.err.begin(), gone.err.end(), '\n'), 1) << gone.err;
}

// ---- MHN's users move in one line ----

TEST_F(MongoUser, AllUsersOfAServerMoveInOneLine) {
    for (const char* ident : {"49be3430-4535-11ea-90b0-0242ac140004", "mnemosyne", "geoloc"})
        mongo_insert(server(), std::string(R"({"identifier": ")") + ident +
                                   R"(", "secret": "s3cr3t", "publish": ["a", "b"],
                                      "subscribe": ["cowrie.sessions"]})");
    const Finished copied = done({"copy", "--from", server().url(), "--to", "sqlite.db"});
    EXPECT_THAT(copied.out,
                HasSubstr("mongodb://" + server().host() + "/hpfeeds to sqlite.db: 3 copied"));
    const BrokerProcess broker({.arguments = {"--auth", file("sqlite.db")}, .keys = {}});
    WireClient client(broker.address(), Login{"mnemosyne", "s3cr3t"});
    client.publish("a", "x");
    client.publish("c", "x");
    client.expect_refusal("Authkey not allowed to pub here. ident=mnemosyne, chan=c");
}

TEST_F(MongoUser, AndBack) {
    write_file(file("keys.dat"), "user1;s3cr3t;channel1,channel2;channel22;\nodd;x;\xff;;\n");
    const Finished copied = user({"copy", "--from", "tentacool:keys.dat", "--to", server().url()});
    EXPECT_EQ(copied.ended, (Ended{1, 0}));
    EXPECT_THAT(copied.out, AllOf(HasSubstr("copied    user1"),
                                  HasSubstr("failed    odd: channel \"\\xff\" is not UTF-8")));
    EXPECT_EQ(document("user1"), json::parse(R"({"identifier": "user1", "secret": "s3cr3t",
        "publish": ["channel1", "channel2"], "subscribe": ["channel22"]})"));
    EXPECT_THAT(mongo_find(server(), "odd"), IsEmpty());
    done({"copy", "--from", server().url(), "--to", "users.json"});
    done({"copy", "--from", "users.json", "--to", server().url("?collection=others")});
    EXPECT_EQ(mongo_find(server(), "user1", "others").size(), 1U);
}

// ---- may it, and which store says so? ----

TEST_F(MongoUser, CheckAsksTheStoresInOrder) {
    done({"add", "sensor1", "--secret", "s", "-p", "a"});
    done({"add", "sensor1", "--secret", "s", "--store", "sqlite.db"});
    const std::vector<std::string> ask{"check", "sensor1", "-c", "a", "--publish", "--store"};
    std::vector<std::string> mongo_first = ask;
    mongo_first.insert(mongo_first.end(), {server().url(), "--store", "sqlite.db"});
    EXPECT_THAT(done(mongo_first).out,
                HasSubstr("may publish to \"a\", says mongodb://" + server().host()));
    std::vector<std::string> sqlite_first = ask;
    sqlite_first.insert(sqlite_first.end(), {"sqlite.db", "--store", server().url()});
    EXPECT_EQ(user(sqlite_first).ended, (Ended{1, 0}));
    server().kill();
    const Finished passed_over = user(mongo_first);
    EXPECT_EQ(passed_over.ended, (Ended{1, 0}));
    EXPECT_THAT(passed_over.err, HasSubstr("cannot tell"));
    std::vector<std::string> mongo_alone = ask;
    mongo_alone.push_back(server().url());
    EXPECT_EQ(user(mongo_alone).ended, (Ended{3, 0}));
}

}  // namespace
}  // namespace hpfeeds::support
