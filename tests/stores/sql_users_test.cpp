// SPDX-License-Identifier: Apache-2.0
// `hpfeeds user` on real SQL servers.
#include "stores/sql_fixture.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

namespace hpfeeds::support {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

class SqlUsers : public SqlStore {
protected:
    // The program's output, if it ends with this status.
    std::string user(std::vector<std::string> arguments, int status = 0,
                     const std::string& input = "") {
        arguments.insert(arguments.begin(), "user");
        arguments.insert(arguments.end(), {"--store", url()});
        const Finished finished = hpfeeds(arguments, input);
        EXPECT_EQ(finished.ended.status, status) << finished.err;
        EXPECT_THAT(finished.out + finished.err, Not(HasSubstr("feeds-password")));
        return finished.out + finished.err;
    }
};

TEST_P(SqlUsers, TheFirstMakesTheTableAndABrokerLetsHimIn) {
    EXPECT_THAT(user({"list"}, 1), HasSubstr("there is no table auth_keys"));
    EXPECT_THAT(
        user({"add", "bob", "--secret-stdin", "-p", "events,other", "-s", "events"}, 0, "s3cret\n"),
        HasSubstr(server().scheme() + "://127.0.0.1"));
    const auto broker = start_broker();
    EXPECT_EQ(log_in(*broker, {"bob", "s3cret"}), Outcome::in);
    EXPECT_EQ(log_in(*broker, {"bob", "wrong"}), Outcome::refused);
    WireClient client(broker->address(), Login{"bob", "s3cret"});
    client.subscribe("other");
    client.expect_refusal("Authkey not allowed to sub here. ident=bob, chan=other");
}

TEST_P(SqlUsers, AddListShowSetRemove) {
    make_documented_table();
    user({"add", "bob", "--secret-stdin", "-p", "b,a"}, 0, "s3cret\n");
    EXPECT_THAT(user({"add", "bob"}, 1), HasSubstr("exists"));
    user({"add", "Bob", "--secret-stdin"}, 0, "other\n");
    EXPECT_THAT(user({"list"}), AllOf(HasSubstr("bob"), HasSubstr("Bob")));
    EXPECT_THAT(user({"show", "bob", "--show-secret"}), AllOf(HasSubstr("s3cret"), HasSubstr("a")));
    user({"set", "bob", "--secret-stdin", "-s", "events"}, 0, "changed\n");
    EXPECT_EQ(sql("SELECT identifier, secret, subscribe FROM auth_keys WHERE secret <> 'other'"),
              postgresql() ? "bob|changed|[\"events\"]\n" : "bob\tchanged\t[\"events\"]\n");
    user({"remove", "bob"});
    EXPECT_THAT(user({"remove", "bob"}, 1), HasSubstr("no user \"bob\""));
    EXPECT_THAT(user({"show", "Bob"}), HasSubstr("Bob"));
    EXPECT_EQ(sql("SELECT count(*) FROM auth_keys"), "1\n");
}

TEST_P(SqlUsers, HostileNamesAreOnlyNames) {
    user({"add", "' OR 1=1 --", "--secret-stdin", "-p", "a'b\\\"c;--,\u65e5\u672c"}, 0,
         "'\\\"; DROP TABLE auth_keys; --:ident\n");
    user({"add", "back\\slash", "--secret-stdin"}, 0, "x\n");
    const auto broker = start_broker();
    EXPECT_EQ(log_in(*broker, {"' OR 1=1 --", "'\\\"; DROP TABLE auth_keys; --:ident"}),
              Outcome::in);
    EXPECT_EQ(log_in(*broker, {"back\\slash", "x"}), Outcome::in);
    WireClient client(broker->address(),
                      Login{"' OR 1=1 --", "'\\\"; DROP TABLE auth_keys; --:ident"});
    client.publish("\u65e5\u672c", "x");
    client.publish("a'b\\\"c;--", "x");
    client.subscribe("events");
    client.expect_refusal("Authkey not allowed to sub here. ident=' OR 1=1 --, chan=events");
    user({"remove", "' OR 1=1 --"});
    EXPECT_EQ(sql("SELECT identifier FROM auth_keys"),
              postgresql() ? "back\\slash\n" : "back\\\\slash\n");
}

TEST_P(SqlUsers, WhatDoesNotFitIsRefusedWhole) {
    make_documented_table();
    EXPECT_THAT(user({"add", std::string(40, 'x')}, 1), HasSubstr("oo long"));
    EXPECT_THAT(user({"add", "bob", "--owner", "somebody"}, 1), HasSubstr("has no owners"));
    EXPECT_THAT(user({"add", "bob\xFF"}, 1), HasSubstr("not UTF-8"));
    EXPECT_EQ(sql("SELECT count(*) FROM auth_keys"), "0\n");
}

TEST_P(SqlUsers, AServerThatCannotBeReachedIsToldInOneLine) {
    const Finished finished = hpfeeds(
        {"user", "list", "--store",
         "database+" + server().scheme() + "://feeds:feeds-password@127.0.0.1:1/" + database_});
    EXPECT_EQ(finished.ended.status, 1);
    EXPECT_THAT(finished.err, AllOf(HasSubstr(server().scheme() + "://127.0.0.1:1/"),
                                    HasSubstr("check the server"), Not(HasSubstr("password,")),
                                    Not(HasSubstr("feeds-password"))));
}

TEST_P(SqlUsers, TheExampleWorks) {
    const TemporaryDirectory folder;
    const std::string programs =
        std::filesystem::path(broker_binary()).parent_path().string() + ":" +
        std::filesystem::path(command_line_client_binary()).parent_path().string();
    Process example(
        {{HPFEEDS_EXAMPLES "/postgresql-keys.sh"},
         folder.path(),
         {{"STORE", url()}, {"PORT", "0"}, {"PATH", programs + ":" + std::getenv("PATH")}}});
    const auto line = example.err().wait_for_line(
        [](std::string_view text) { return text.find(" listening ") != std::string_view::npos; });
    ASSERT_TRUE(line) << example.err().text();
    const Address broker{
        "127.0.0.1", static_cast<std::uint16_t>(std::stoul(parse_text_line(*line).field("port")))};
    WireClient logger(broker, Login{"logger", "change-me-too"});
    logger.subscribe("demo");
    WireClient sensor(broker, Login{"sensor", "change-me"});
    wait_until_subscribed(sensor, logger, "demo");
    example.signal(SIGTERM);
    EXPECT_EQ(example.wait().status, 0);
}

HPFEEDS_ON_ALL_SQL_SERVERS(SqlUsers);

}  // namespace
}  // namespace hpfeeds::support
