// SPDX-License-Identifier: Apache-2.0
// MHN's scripts, called as MHN calls them, on a real MongoDB server.
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
#include <utility>
#include <vector>

namespace hpfeeds::support {
namespace {

using nlohmann::json;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

class MhnScripts : public testing::Test {
protected:
    void SetUp() override {
        HPFEEDS_NEEDS_MONGO_SERVER();
        server_.emplace();
    }

    MongoServer& server() { return *server_; }
    // Reaches the server as MHN's own scripts do.
    Finished script(const std::string& name, const std::vector<std::string>& words) {
        std::vector<std::string> command{"python3", "-B", HPFEEDS_MHN_SCRIPTS "/" + name};
        command.insert(command.end(), words.begin(), words.end());
        return run({.words = std::move(command),
                    .environment = {{"MONGO_HOST", "127.0.0.1"},
                                    {"MONGO_PORT", std::to_string(server().port())},
                                    {"MONGO_AUTH", "true"},
                                    {"MONGO_USER", mongo_user},
                                    {"MONGO_PASSWORD", mongo_password},
                                    {"HPFEEDS_BIN", command_line_client_binary()}}});
    }

private:
    std::optional<MongoServer> server_;
};

TEST_F(MhnScripts, AddUserInsertsThenUpdates) {
    const Finished inserted = script("add_user.py", {"sensor1", "swordfish", "a,b", "c"});
    EXPECT_EQ(inserted.ended, (Ended{0, 0})) << inserted.err;
    EXPECT_THAT(inserted.out,
                AllOf(HasSubstr("inserted {"), HasSubstr("'identifier': 'sensor1'"),
                      HasSubstr("'publish': ['a', 'b']"), Not(HasSubstr("swordfish"))));
    std::vector<std::string> found = mongo_find(server(), "sensor1");
    ASSERT_EQ(found.size(), 1U);
    EXPECT_EQ(json::parse(found[0]), json::parse(R"({"identifier": "sensor1",
        "secret": "swordfish", "publish": ["a", "b"], "subscribe": ["c"]})"));

    const Finished updated = script("add_user.py", {"sensor1", "other", "", ""});
    EXPECT_EQ(updated.ended, (Ended{0, 0})) << updated.err;
    EXPECT_THAT(updated.out, HasSubstr("updated {"));
    found = mongo_find(server(), "sensor1");
    ASSERT_EQ(found.size(), 1U);
    EXPECT_EQ(json::parse(found[0]), json::parse(R"({"identifier": "sensor1",
        "secret": "other", "publish": [], "subscribe": []})"));
}

TEST_F(MhnScripts, WhatTheyAddLogsIn) {
    ASSERT_EQ(script("add_user.py", {"-odd", "swordfish", "a", "a"}).ended, (Ended{0, 0}));
    const BrokerProcess broker({.arguments = {"--auth", server().url()}, .keys = {}});
    WireClient client(broker.address(), Login{"-odd", "swordfish"});
    client.subscribe("a");
    client.publish("a", "x");
    client.expect_message({"-odd", "a", "x"});
}

TEST_F(MhnScripts, DumpUsersPrintsADocumentALine) {
    mongo_insert(server(), R"({"identifier": "b", "secret": "two", "publish": ["x"]})");
    mongo_insert(server(), R"({"identifier": "a", "secret": "one", "owner": "Jane"})");
    const Finished dumped = script("dump_users.py", {});
    EXPECT_EQ(dumped.ended, (Ended{0, 0})) << dumped.err;
    EXPECT_EQ(std::count(dumped.out.begin(), dumped.out.end(), '\n'), 2);
    EXPECT_THAT(dumped.out, AllOf(HasSubstr("'identifier': 'b'"), HasSubstr("'secret': 'two'"),
                                  HasSubstr("'publish': ['x']"), HasSubstr("'owner': 'Jane'")));
}

TEST_F(MhnScripts, SayWhatIsWrong) {
    const Finished usage = script("add_user.py", {"sensor1", "swordfish", "a"});
    EXPECT_EQ(usage.ended, (Ended{1, 0}));
    EXPECT_THAT(usage.err, HasSubstr("<ident> <secret> <publish> <subscribe>"));
    server().kill();
    const Finished gone = script("add_user.py", {"sensor1", "swordfish", "a", "a"});
    EXPECT_EQ(gone.ended, (Ended{1, 0}));
    EXPECT_THAT(gone.err, AllOf(HasSubstr("is it running"), Not(HasSubstr("swordfish")),
                                Not(HasSubstr(mongo_password_escaped))));
}

}  // namespace
}  // namespace hpfeeds::support
