// SPDX-License-Identifier: Apache-2.0
// What can be wrong with an SQL store: one line each that names the store, what is wrong and what
// to do; nobody is let in, and the password is never told.
#include "stores/sql_fixture.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace hpfeeds::support {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

class SqlFaults : public SqlStore {
protected:
    [[nodiscard]] std::string store(const std::string& database) const {
        return server().scheme() + "://127.0.0.1:" + std::to_string(server().port()) + "/" +
               database;
    }
    // Starts a broker with this store, and looks for the one line about it.
    void expect_line(const std::string& store_url, const std::vector<std::string>& parts) {
        const auto broker = start_broker({store_url});
        const LogLine line = broker->wait_for_log({"a key store cannot answer"});
        for (const std::string& part : parts)
            EXPECT_THAT(line.text, HasSubstr(part));
        EXPECT_EQ(log_in(*broker, {"bob", "s3cret"}), Outcome::refused);
        EXPECT_THAT(broker->log(), Not(HasSubstr("password1")));
        EXPECT_THAT(broker->log(), Not(HasSubstr("feeds-password")));
    }
    void make_table(const std::string& columns) {
        sql("DROP TABLE IF EXISTS auth_keys");
        sql("CREATE TABLE auth_keys (" + columns + ")");
        if (postgresql()) sql("GRANT ALL ON auth_keys TO feeds");
    }
};

TEST_P(SqlFaults, AWrongPassword) {
    expect_line(server().url(database_, "feeds:password1"),
                {store(database_), "kind=connection", "password", "check the server"});
}

TEST_P(SqlFaults, AMissingDatabase) {
    expect_line(server().url("nowhere"), {store("nowhere"), "kind=connection", "nowhere"});
}

TEST_P(SqlFaults, NobodyListens) {
    expect_line("database+" + server().scheme() + "://feeds:password1@127.0.0.1:1/" + database_,
                {server().scheme() + "://127.0.0.1:1/" + database_, "kind=connection",
                 "check the server, and host, port"});
}

TEST_P(SqlFaults, ASocketThatIsNotThere) {
    const std::string options = postgresql() ? "?host=/nowhere" : "?unix_socket=/nowhere/socket";
    expect_line(
        "database+" + server().scheme() + "://feeds:password1@localhost/" + database_ + options,
        {"kind=connection", "/nowhere"});
}

TEST_P(SqlFaults, AMissingTable) {
    expect_line(url(), {store(database_), "kind=store",
                        "there is no table auth_keys that we may read; `hpfeeds user add`"});
}

TEST_P(SqlFaults, AMissingColumn) {
    const std::vector<std::string> columns{"identifier", "secret", "publish", "subscribe"};
    for (const std::string& missing : columns) {
        SCOPED_TRACE(missing);
        std::string rest = "id int";
        for (const std::string& column : columns)
            if (column != missing) rest += ", " + column + " text";
        make_table(rest);
        expect_line(url(), {store(database_), "kind=store",
                            "table auth_keys has no column " + missing + " that we may read"});
    }
}

TEST_P(SqlFaults, ATableThatWeMayNotRead) {
    make_documented_table();
    if (postgresql()) {
        sql("REVOKE ALL ON auth_keys FROM feeds; ALTER TABLE auth_keys OWNER TO owner");
        expect_line(url(), {store(database_), "permission denied for table auth_keys"});
    } else {
        sql("REVOKE ALL ON " + database_ + ".* FROM feeds@'%'; GRANT CREATE ON " + database_ +
            ".* TO feeds@'%'");
        expect_line(url(), {store(database_)});
    }
}

TEST_P(SqlFaults, ATableThatIsMendedIsNoticed) {
    make_table("identifier text, secret text, publish text");
    const auto broker = start_broker();
    broker->wait_for_log({"a key store cannot answer"});
    sql("ALTER TABLE auth_keys ADD subscribe text");
    insert("bob", "s3cret");
    expect_soon(*broker, {"bob", "s3cret"}, Outcome::in);
    broker->wait_for_log({"a key store answers again", store(database_)});
    // The other way round, too, with a look-up that was prepared before.
    sql("ALTER TABLE auth_keys DROP COLUMN subscribe");
    expect_soon(*broker, {"bob", "s3cret"}, Outcome::refused);
    broker->wait_for_log({"has no column subscribe"});
}

TEST_P(SqlFaults, AKeyThatCannotBeReadIsNobodyElsesTrouble) {
    make_table("id int, identifier text, secret text, publish text, subscribe text");
    insert("good", "s3cret");
    insert("bad", "s3cret", "'events'");
    insert("object", "s3cret", "'{}'");
    insert("numbers", "s3cret", "'[1]'");
    insert("behind", "s3cret", "'[]'", "'[\"events\"'");
    sql("INSERT INTO auth_keys (identifier) VALUES ('secretless')");
    const auto broker = start_broker();
    const std::vector<std::pair<std::string, std::string>> faults{
        {"bad", "column publish is not JSON"},
        {"object", "column publish is a JSON object, not a list"},
        {"numbers", "column publish lists a number"},
        {"behind", "column subscribe is not JSON"},
        {"secretless", "column secret is empty"}};
    for (const auto& [ident, fault] : faults) {
        EXPECT_EQ(log_in(*broker, {ident, "s3cret"}), Outcome::refused);
        EXPECT_EQ(log_in(*broker, {"good", "s3cret"}), Outcome::in);
        const LogLine line = broker->wait_for_log({"a key cannot be read", fault});
        EXPECT_THAT(line.field("reason"),
                    HasSubstr(store(database_) + ": table auth_keys, row of \"" + ident + "\": "));
    }
    EXPECT_EQ(metric(*broker, "hpfeeds_broker_auth_store_failures_total{store=\"" +
                                  store(database_) + "\",reason=\"row\"}"),
              static_cast<double>(faults.size()));
    EXPECT_THAT(broker->log(), Not(HasSubstr("cannot answer")));
}

TEST_P(SqlFaults, AMissingDriverNamesItsPackage) {
    const TemporaryDirectory folder;
    const std::string driver = postgresql() ? "postgresql" : "mysql";
    write_file(folder.path() / ("libsoci_" + driver + ".so.4.0"), "no library");
    Command command = broker_command({"-e", any_port, "--auth", url()}, folder);
    command.environment = {{"LD_LIBRARY_PATH", folder.path().string()}};
    const Finished finished = run(command);
    EXPECT_EQ(finished.ended.status, 1);
    EXPECT_THAT(finished.err, AllOf(HasSubstr("libsoci_" + driver + ".so.4.0"),
                                    HasSubstr("install the package libsoci-" + driver + "4.0"),
                                    Not(HasSubstr("feeds-password"))));
}

TEST_P(SqlFaults, AnAddressThatCannotBeMeant) {
    const TemporaryDirectory folder;
    const std::string scheme = "database+" + server().scheme() + "://";
    for (const std::string& wrong :
         {scheme + "u:password1@host/db?sslmodus=x", scheme + "u:password1@host:x/db",
          scheme + "u:password1@host", scheme + "u:pass/word1@host/db",
          scheme + "u:password1%@host/db"}) {
        const Finished finished = run(broker_command({"-e", any_port, "--auth", wrong}, folder));
        EXPECT_EQ(finished.ended.status, 1) << wrong;
        EXPECT_THAT(finished.err, AllOf(HasSubstr("'" + scheme + "…'"), Not(HasSubstr("word1"))));
    }
}

TEST_P(SqlFaults, TlsIsCheckedWhenAskedFor) {
    make_documented_table();
    insert("bob", "s3cret");
    const TemporaryDirectory folder;
    const Finished made = run(
        {{"openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj",
          "/CN=somebody else", "-keyout", folder.file("key"), "-out", folder.file("other.crt")}});
    ASSERT_EQ(made.ended.status, 0) << made.err;
    const std::string option = postgresql() ? "?sslmode=verify-full&sslrootcert=" : "?ssl_ca=";
    {
        const auto broker = start_broker({url(option + server().certificate())});
        EXPECT_EQ(log_in(*broker, {"bob", "s3cret"}), Outcome::in);
        if (postgresql()) {
            EXPECT_EQ(sql("SELECT count(*) > 0 AND bool_and(ssl) FROM pg_stat_ssl"
                          " JOIN pg_stat_activity USING (pid) WHERE usename = 'feeds'"),
                      "t\n");
        }
    }
    expect_line(url(option + folder.file("other.crt")),
                {store(database_), "kind=connection", "ertificate"});
    expect_line(url(option + "/nowhere"), {store(database_), "kind=connection"});
}

HPFEEDS_ON_ALL_SQL_SERVERS(SqlFaults);

}  // namespace
}  // namespace hpfeeds::support
