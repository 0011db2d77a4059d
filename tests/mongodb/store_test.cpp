// SPDX-License-Identifier: Apache-2.0
// Keys in MongoDB: the real broker asks a real server.
#include "mongo_shell.hpp"
#include "support/broker_process.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <cstdlib>
#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace hpfeeds::support {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

// What the documentation's example document says.
constexpr const char* documented =
    R"({"identifier": "testing", "secret": "secretkey", "publish": ["chan1","chan2"], "subscribe": ["chan2"]})";

class MongoKeys : public testing::Test {
protected:
    void SetUp() override {
        HPFEEDS_NEEDS_MONGO_SERVER();
        server_.emplace();
    }

    MongoServer& server() { return *server_; }
    BrokerSetup asking(const std::string& url, std::vector<std::string> more = {}) const {
        // A busy machine must not look like a server that is out.
        std::vector<std::string> arguments{"--auth",         url,  "--auth-failure-delay", "0",
                                           "--auth-timeout", "15s"};
        arguments.insert(arguments.end(), more.begin(), more.end());
        return {.arguments = std::move(arguments), .keys = {}};
    }

private:
    std::optional<MongoServer> server_;
};

// Logs in, and publishes to itself on `chan2`.
bool works(const BrokerProcess& broker, const Login& login) {
    WireClient client(broker.address(), login);
    try {
        client.subscribe("chan2");
        client.publish("chan2", "x");
        return client.expect_frame().opcode == op_publish;
    } catch (const std::exception&) {
        return false;
    }
}

void expect_refused(const BrokerProcess& broker, const Login& login) {
    WireClient client(broker.address(), login);
    client.expect_refusal("Authentication failed for " + login.ident);
}

TEST_F(MongoKeys, TheDocumentedDocumentLogsInWithItsSecretAlone) {
    mongo_insert(server(), documented);
    const BrokerProcess broker(asking(server().url()));
    EXPECT_TRUE(works(broker, {"testing", "secretkey"}));
    expect_refused(broker, {"testing", "wrong"});
    expect_refused(broker, {"testing", ""});
    expect_refused(broker, {"other", "secretkey"});
    expect_refused(broker, {"TESTING", "secretkey"});
}

TEST_F(MongoKeys, GrantTheChannelsOfTheirListsAndNoOthers) {
    mongo_insert(server(), documented);
    const BrokerProcess broker(asking(server().url()));
    WireClient publisher(broker.address(), Login{"testing", "secretkey"});
    publisher.publish("chan1", "x");
    publisher.publish("chan3", "x");
    publisher.expect_refusal("Authkey not allowed to pub here. ident=testing, chan=chan3");
    WireClient subscriber(broker.address(), Login{"testing", "secretkey"});
    subscriber.subscribe("chan1");
    subscriber.expect_refusal("Authkey not allowed to sub here. ident=testing, chan=chan1");
}

// The documentation's shell session, with its document of empty lists and its inserted user.
TEST_F(MongoKeys, ChangesOfTheDocumentedShellSessionTakeEffectWithoutARestart) {
    mongo_insert(server(),
                 R"({"identifier": "49be3430-4535-11ea-90b0-0242ac140004",
                     "secret": "q8JeUC043OYs7Mmz", "publish": [], "subscribe": []})");
    const BrokerProcess broker(asking(server().url()));
    WireClient nobody(broker.address(),
                      Login{"49be3430-4535-11ea-90b0-0242ac140004", "q8JeUC043OYs7Mmz"});
    nobody.subscribe("chan2");
    nobody.expect_refusal(
        "Authkey not allowed to sub here. ident=49be3430-4535-11ea-90b0-0242ac140004, chan=chan2");

    expect_refused(broker, {"testing", "secretkey"});
    mongo_insert(server(), documented);
    EXPECT_TRUE(works(broker, {"testing", "secretkey"}));
    mongo_command(server(), R"({"update": "auth_key", "updates": [
        {"q": {"identifier": "testing"}, "u": {"$set": {"secret": "changed"}}}]})");
    expect_refused(broker, {"testing", "secretkey"});
    EXPECT_TRUE(works(broker, {"testing", "changed"}));
    mongo_command(server(), R"({"delete": "auth_key", "deletes": [
        {"q": {"identifier": "testing"}, "limit": 0}]})");
    expect_refused(broker, {"testing", "changed"});
}

TEST_F(MongoKeys, AnotherCollectionIsNamedByAnOption) {
    mongo_insert(server(), documented, "auth_keys");
    const BrokerProcess other(asking(server().url("?collection=auth_keys&appname=test")));
    EXPECT_TRUE(works(other, {"testing", "secretkey"}));
}

TEST_F(MongoKeys, ACollectionWithoutDocumentsIsWarnedOf) {
    mongo_insert(server(), documented);
    const BrokerProcess wrong(asking(server().url("?collection=auth_keys")));
    expect_refused(wrong, {"testing", "secretkey"});
    const LogLine line = wrong.wait_for_log({"a key store holds no keys"});
    EXPECT_EQ(line.field("collection"), "auth_keys");
    EXPECT_EQ(line.field("store"),
              "mongodb://" + server().host() + "/hpfeeds?collection=auth_keys");
    EXPECT_THAT(line.field("remedy"), HasSubstr("?collection="));
}

TEST_F(MongoKeys, MissingAndNullListsAreEmpty) {
    mongo_insert(server(), R"({"identifier": "a", "secret": "s"})");
    mongo_insert(server(),
                 R"({"identifier": "b", "secret": "s", "publish": null, "subscribe": null})");
    const BrokerProcess broker(asking(server().url()));
    for (const std::string ident : {"a", "b"}) {
        WireClient client(broker.address(), Login{ident, "s"});
        client.publish("chan2", "x");
        client.expect_refusal("Authkey not allowed to pub here. ident=" + ident + ", chan=chan2");
    }
}

struct Malformed {
    const char* document;
    const char* fault;
};

TEST_F(MongoKeys, AMalformedDocumentLetsNobodyInAndIsNamedWithItsField) {
    const std::vector<Malformed> documents{
        {R"({"identifier": "x0", "publish": []})", R"(field \"secret\" is missing)"},
        {R"({"identifier": "x1", "secret": null})", R"(field \"secret\" is null, not a string)"},
        {R"({"identifier": "x2", "secret": 1234})", R"(field \"secret\" is a number)"},
        {R"({"identifier": "x3", "secret": ""})", R"(field \"secret\" is empty)"},
        {R"({"identifier": "x4", "secret": "s", "publish": "chan2"})",
         R"(field \"publish\" is a string, not a list)"},
        {R"({"identifier": "x5", "secret": "s", "subscribe": ["chan2", 5]})",
         R"(field \"subscribe\" lists a number)"},
        {R"({"identifier": "x6", "secret": "s", "subscribe": {"0": "chan2"}})",
         R"(field \"subscribe\" is a document, not a list)"},
        {R"({"identifier": "x7", "secret": "s", "owner": ["Jane"]})",
         R"(field \"owner\" is a list, not a string)"},
        {R"({"identifier": ["x8"], "secret": "s"})", R"(field \"identifier\" is a list)"},
    };
    for (const Malformed& each : documents)
        mongo_insert(server(), each.document);
    mongo_insert(server(), documented);
    for (std::size_t index = 0; index < documents.size(); ++index) {
        const BrokerProcess broker(asking(server().url()));
        const std::string ident = "x" + std::to_string(index);
        expect_refused(broker, {ident, "s"});
        broker.wait_for_log({"auth_key", "identifier", ident, documents[index].fault});
        EXPECT_TRUE(works(broker, {"testing", "secretkey"}));  // the others are not touched
    }
}

TEST_F(MongoKeys, AHostileIdentIsAValueAndNeverPartOfAQuestion) {
    mongo_insert(server(), documented);
    mongo_insert(server(), R"({"identifier": "it's {\"$ne\": null}", "secret": "odd",
                               "publish": ["chan2"], "subscribe": ["chan2"]})");
    const BrokerProcess broker(asking(server().url()));
    for (const std::string& ident :
         {std::string("$where"), std::string(R"({"$ne": null})"), std::string(R"({"$gt": ""})"),
          std::string("test.*"), std::string("/testing/"), std::string("testing\0", 8),
          std::string("testing\xff"), std::string("\xff\xfe"), std::string(255, '$'),
          std::string("testing' || '1'=='1"), std::string("")})
        expect_refused(broker, {ident, "secretkey"});
    EXPECT_TRUE(works(broker, {R"(it's {"$ne": null})", "odd"}));
    EXPECT_TRUE(works(broker, {"testing", "secretkey"}));
    EXPECT_THAT(broker.log(), Not(HasSubstr("cannot answer")));
}

// Without an index the server goes through all documents at each look-up: the store reads ahead.
TEST_F(MongoKeys, ManyLoginsAtOnceAreServedFromASlowServer) {
    constexpr int keys = 2'000;
    constexpr int logins = 200;
    std::string documents;
    for (int number = 0; number < keys; ++number)
        documents += (number == 0 ? "" : ",") + std::string(R"({"identifier": "s)") +
                     std::to_string(number) +
                     R"(", "secret": "s", "publish": ["chan2"], "subscribe": ["chan2"]})";
    mongo_insert(server(), documents);
    const BrokerProcess broker(asking(server().url()));
    std::vector<std::unique_ptr<WireClient>> clients;
    for (int number = 0; number < logins; ++number) {
        const std::string ident = "s" + std::to_string(keys - 1 - number);
        clients.push_back(std::make_unique<WireClient>(broker.address(), Login{ident, "s"}));
        clients.back()->publish("chan2", "x");
        clients.back()->publish("forbidden", "x");
    }
    for (const auto& client : clients)
        client->expect_refusal("Authkey not allowed to pub here. ident=" + client->ident() +
                               ", chan=forbidden");
    // What was read ahead is soon forgotten.
    mongo_command(server(), R"({"update": "auth_key", "updates": [
        {"q": {"identifier": "s7"}, "u": {"$set": {"secret": "changed"}}}]})");
    const Deadline deadline;
    while (!works(broker, {"s7", "changed"}))
        ASSERT_FALSE(deadline.passed());
    expect_refused(broker, {"s7", "s"});
}

// Who is not in what was read ahead may have been added since.
TEST_F(MongoKeys, AKeyAddedWhileManyLogInCountsAtOnce) {
    constexpr int keys = 2'000;
    constexpr int storm = 100;
    std::string documents;
    for (int number = 0; number < keys; ++number)
        documents += (number == 0 ? "" : ",") + std::string(R"({"identifier": "s)") +
                     std::to_string(number) + R"(", "secret": "s"})";
    mongo_insert(server(), documents);
    const BrokerProcess broker(asking(server().url()));
    std::vector<std::unique_ptr<WireClient>> clients;
    const auto log_in_many = [&] {
        for (int number = 0; number < storm; ++number) {
            clients.push_back(std::make_unique<WireClient>(
                broker.address(), Login{"s" + std::to_string(number), "s"}));
            clients.back()->publish("forbidden", "x");
        }
    };
    log_in_many();
    clients.front()->expect_refusal("Authkey not allowed to pub here. ident=s0, chan=forbidden");
    mongo_insert(server(), documented);
    log_in_many();
    EXPECT_TRUE(works(broker, {"testing", "secretkey"}));
}

// ---- what the URL may say ----

TEST_F(MongoKeys, AWrongPasswordRefusesLoginsAndSaysWhatToCheckWithoutTellingIt) {
    mongo_insert(server(), documented);
    const BrokerProcess broker(
        asking("mongodb://" + mongo_user + ":not-the-hunter@" + server().host() + "/hpfeeds"));
    expect_refused(broker, {"testing", "secretkey"});
    const LogLine line = broker.wait_for_log({"a key store cannot answer"});
    EXPECT_THAT(line.field("reason"),
                AllOf(HasSubstr("the login failed"), HasSubstr("authSource")));
    EXPECT_THAT(broker.log(), Not(HasSubstr("not-the-hunter")));
}

TEST_F(MongoKeys, NoPasswordWhereTheServerWantsOneRefusesLogins) {
    mongo_insert(server(), documented);
    const BrokerProcess broker(asking("mongodb://" + server().host() + "/hpfeeds"));
    expect_refused(broker, {"testing", "secretkey"});
    broker.wait_for_log({"a key store cannot answer", server().host()});
}

// Nothing listens there: the broker starts, refuses, and says why.
TEST(MongoUrls, AServerThatIsNotThereRefusesLoginsAndIsNamed) {
    const BrokerProcess broker(
        {.arguments = {"--auth", "mongodb://keeper:hunter2@127.0.0.1:1/hpfeeds",
                       "--auth-failure-delay", "0"},
         .keys = {}});
    expect_refused(broker, {"testing", "secretkey"});
    const LogLine line = broker.wait_for_log({"a key store cannot answer"});
    EXPECT_EQ(line.field("store"), "mongodb://127.0.0.1:1/hpfeeds");
    EXPECT_THAT(line.field("reason"), HasSubstr("is it running"));
    EXPECT_THAT(broker.log(), Not(HasSubstr("hunter2")));
}

struct WrongUrl {
    const char* url;
    const char* complaint;
};

TEST(MongoUrls, OneThatCannotBeMeantEndsTheStartWithOneLine) {
    const std::vector<WrongUrl> urls{
        {"mongodb://keeper:hunter2@127.0.0.1", "no database is named"},
        {"mongodb://keeper:hunter2@127.0.0.1/", "127.0.0.1/hpfeeds"},
        {"mongodb://keeper:hunter2@127.0.0.1:port/hpfeeds", "Invalid host string"},
        {"mongodb://keeper:hunter2@/hpfeeds", "no host is named"},
        {"mongodb://keeper:hunter2@h/hpfeeds?colection=x", "there is no option \"colection\""},
        {"mongodb://keeper:hunter2@h/hpfeeds?socketTimeoutMS=soon", "sockettimeoutms"},
        {"mongodb://keeper:hunter2@h/hpfeeds?socketTimeoutMS=0", "1 to 60000 milliseconds"},
        {"mongodb://keeper:hunter2@h/hpfeeds?collection=", "leave the option out for auth_key"},
        {"mongodb://keeper:hunter2@h/hpfeeds?tls=true&tlsCAFile=/no/such/file",
         "cannot read '/no/such/file'"},
        {"mongodb://keeper:hunter2/@h/hpfeeds", "write @ as %40"},
        {"mongodb://keeper:hun@ter2@h/hpfeeds", "write @ as %40"},
        {"mongodb://keeper:hunter2:@h/hpfeeds", "write : as %3A"},
        {"mongodb://keeper:hunter2%@h/hpfeeds", "two hexadecimal digits"},
        {"mongo://keeper:hunter2@h/hpfeeds", "is no key store"},
    };
    const TemporaryDirectory folder;
    for (const WrongUrl& each : urls) {
        const Finished ended = run(broker_command({"-e", any_port, "--auth", each.url}, folder));
        EXPECT_EQ(ended.ended, (Ended{1, 0})) << each.url;
        EXPECT_THAT(ended.err, AllOf(HasSubstr(each.complaint), Not(HasSubstr("hunter2")),
                                     Not(HasSubstr("ter2"))))
            << each.url;
        EXPECT_EQ(std::count(ended.err.begin(), ended.err.end(), '\n'), 1) << ended.err;
    }
}

}  // namespace
}  // namespace hpfeeds::support
