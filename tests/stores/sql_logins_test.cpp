// SPDX-License-Identifier: Apache-2.0
// Logins with keys on a real SQL server: the documented table, odd tables, hostile idents.
#include "stores/sql_fixture.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace hpfeeds::support {
namespace {

using testing::HasSubstr;

class SqlLogins : public SqlStore {};

TEST_P(SqlLogins, FollowTheDocumentedTableAndInsert) {
    make_documented_table();
    insert("testing", "secretkey", R"('["channel1", "channel2"]')", R"('["channel2"]')");
    const auto broker = start_broker();
    WireClient client(broker->address(), Login{"testing", "secretkey"});
    client.subscribe("channel2");
    client.publish("channel2", "heard");
    client.expect_message({"testing", "channel2", "heard"});
    client.publish("channel1", "unheard");
    client.publish("channel2", "behind");
    client.expect_message({"testing", "channel2", "behind"});
    EXPECT_EQ(metric(*broker,
                     "hpfeeds_client_authenticated_connections{ident=\"testing\","
                     "owner=\"testing\"}"),
              1);
    client.subscribe("channel1");
    client.expect_refusal("Authkey not allowed to sub here. ident=testing, chan=channel1");
    EXPECT_EQ(log_in(*broker, {"testing", "wrong"}), Outcome::refused);
    EXPECT_EQ(log_in(*broker, {"nobody", "secretkey"}), Outcome::refused);
}

TEST_P(SqlLogins, ShowNoPasswordInTheListOfProcesses) {
    make_documented_table();
    const auto broker = start_broker();
    const std::string shown = read_file("/proc/" + std::to_string(broker->pid()) + "/cmdline");
    EXPECT_THAT(shown, HasSubstr("://feeds:*@127.0.0.1"));
    EXPECT_EQ(shown.find("feeds-password"), std::string::npos);
}

TEST_P(SqlLogins, ReachTheServerThroughItsSocketToo) {
    make_documented_table();
    insert("bob", "s3cret");
    const auto broker =
        start_broker({"database+" + server().scheme() +
                      "://feeds:feeds-password@localhost:" + std::to_string(server().port()) + "/" +
                      database_ + server().socket_options()});
    EXPECT_EQ(log_in(*broker, {"bob", "s3cret"}), Outcome::in);
}

TEST_P(SqlLogins, NeedNoIdAndTakeNullForAnEmptyList) {
    sql("CREATE TABLE auth_keys (identifier varchar(36), secret varchar(36), publish text,"
        " subscribe text);" +
        std::string(postgresql() ? "GRANT ALL ON auth_keys TO feeds" : ""));
    insert("bob", "s3cret", "NULL", "'null'");
    const auto broker = start_broker();
    WireClient client(broker->address(), Login{"bob", "s3cret"});
    client.publish("events", "x");
    client.expect_refusal("Authkey not allowed to pub here. ident=bob, chan=events");
}

TEST_P(SqlLogins, TheFirstRowOfSeveralDecides) {
    make_documented_table();
    insert("bob", "first");
    insert("bob", "second");
    const auto broker = start_broker();
    EXPECT_EQ(log_in(*broker, {"bob", "second"}), Outcome::refused);
    EXPECT_EQ(log_in(*broker, {"bob", "first"}), Outcome::in);
}

TEST_P(SqlLogins, SeeAChangeAtOnce) {
    make_documented_table();
    const auto broker = start_broker();
    EXPECT_EQ(log_in(*broker, {"bob", "s3cret"}), Outcome::refused);
    insert("bob", "s3cret");
    EXPECT_EQ(log_in(*broker, {"bob", "s3cret"}), Outcome::in);
    sql("UPDATE auth_keys SET secret = 'other'");
    EXPECT_EQ(log_in(*broker, {"bob", "s3cret"}), Outcome::refused);
    sql("DELETE FROM auth_keys");
    EXPECT_EQ(log_in(*broker, {"bob", "other"}), Outcome::refused);
}

TEST_P(SqlLogins, TellIdentsApartThatACollationDoesNot) {
    make_documented_table();
    insert("Bob", "upper");
    insert("bob ", "blank");
    insert("bob", "lower");
    insert("bo\u0308b", "decomposed");
    insert("b\u00f6b", "composed");
    const auto broker = start_broker();
    EXPECT_EQ(log_in(*broker, {"bob", "lower"}), Outcome::in);
    EXPECT_EQ(log_in(*broker, {"bob", "upper"}), Outcome::refused);
    EXPECT_EQ(log_in(*broker, {"Bob", "upper"}), Outcome::in);
    EXPECT_EQ(log_in(*broker, {"bob ", "blank"}), Outcome::in);
    EXPECT_EQ(log_in(*broker, {"b\u00f6b", "composed"}), Outcome::in);
    EXPECT_EQ(log_in(*broker, {"b\u00f6b", "decomposed"}), Outcome::refused);
    for (const char* stranger : {"BOB", "bob  ", "bob\t", "b\u00f6b "})
        for (const char* secret : {"lower", "upper", "blank", "composed"})
            EXPECT_EQ(log_in(*broker, {stranger, secret}), Outcome::refused) << stranger;
}

TEST_P(SqlLogins, TakeAnIdentForBytesWhateverTheyAre) {
    using namespace std::string_literals;
    make_documented_table();
    insert("bob", "s3cret");
    insert("O''Brien", "quoted");
    insert(postgresql() ? R"(back\slash)" : R"(back\\slash)", "slashed");
    const auto broker = start_broker();
    EXPECT_EQ(log_in(*broker, {"O'Brien", "quoted"}), Outcome::in);
    EXPECT_EQ(log_in(*broker, {R"(back\slash)", "slashed"}), Outcome::in);
    for (const std::string& hostile : {"' OR '1'='1"s,
                                       "bob'; DROP TABLE auth_keys; --"s,
                                       "bob' -- "s,
                                       "bob\\"s,
                                       "\\'"s,
                                       "bob\0"s,
                                       "\0"s,
                                       "bob\0' OR 1=1"s,
                                       "\xFF\xFE"s,
                                       "bob\xC3"s,
                                       "\xBF\x27 OR 1=1 -- "s,
                                       "\xED\xA0\x80"s,
                                       ":ident"s,
                                       "$1"s,
                                       "?"s,
                                       "%"s,
                                       "b_b"s,
                                       "bob\" OR \"\"=\""s,
                                       std::string(255, 'x'),
                                       std::string(255, '\''),
                                       std::string(255, '\xFF'),
                                       ""s})
        for (const char* secret : {"s3cret", ""})
            EXPECT_EQ(log_in(*broker, {hostile, secret}), Outcome::refused) << hostile;
    EXPECT_EQ(log_in(*broker, {"bob", "s3cret"}), Outcome::in);
    // Strangers are no outage, and no failure of the store.
    EXPECT_EQ(broker->log().find("cannot answer"), std::string::npos);
}

TEST_P(SqlLogins, AskADatabaseThatKeepsItsTextsInAnotherEncoding) {
    const std::string name = database_ + "_latin1";
    if (postgresql()) {
        server().sql("postgres", "CREATE DATABASE " + name +
                                     " OWNER feeds TEMPLATE template0 ENCODING 'LATIN1'");
    } else {
        server().sql("mysql", "CREATE DATABASE " + name + " CHARACTER SET latin1; GRANT ALL ON " +
                                  name + ".* TO feeds@'%'");
    }
    database_ = name;
    make_documented_table();
    insert("b\u00f6b", "s3cret");
    const auto broker = start_broker();
    EXPECT_EQ(log_in(*broker, {"b\u00f6b", "s3cret"}), Outcome::in);
    EXPECT_EQ(log_in(*broker, {"b\u20acb", "s3cret"}), Outcome::refused);
    EXPECT_EQ(log_in(*broker, {"\u65e5\u672c", "s3cret"}), Outcome::refused);
    EXPECT_EQ(broker->log().find("cannot answer"), std::string::npos);
}

TEST_P(SqlLogins, UseAnIndexOfAnyCollation) {
    if (postgresql()) GTEST_SKIP() << "collations that differ from the parameter's are MySQL's";
    for (const char* collation : {"utf8mb4_unicode_ci", "utf8mb4_bin", "utf8mb3_general_ci",
                                  "latin1_german2_ci", "binary"}) {
        SCOPED_TRACE(collation);
        const std::string set = std::string(collation).substr(0, std::string(collation).find('_'));
        sql("DROP TABLE IF EXISTS auth_keys; CREATE TABLE auth_keys (identifier varchar(200)"
            " CHARACTER SET " +
            set + " COLLATE " + collation +
            " PRIMARY KEY, secret text, publish text, subscribe text)");
        insert("b\u00f6b", "s3cret");
        const auto broker = start_broker();
        EXPECT_EQ(log_in(*broker, {"b\u00f6b", "s3cret"}), Outcome::in);
        EXPECT_EQ(log_in(*broker, {"B\u00d6B", "s3cret"}), Outcome::refused);
        EXPECT_EQ(log_in(*broker, {"\U0001F41D", "s3cret"}), Outcome::refused);
        EXPECT_EQ(broker->log().find("cannot answer"), std::string::npos);
    }
}

HPFEEDS_ON_ALL_SQL_SERVERS(SqlLogins);

}  // namespace
}  // namespace hpfeeds::support
