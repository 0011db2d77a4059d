// SPDX-License-Identifier: Apache-2.0
#include "auth/sql_url.hpp"

#include "hpfeeds/error.hpp"
#include "unit/auth/scratch_folder.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>

namespace hpfeeds::auth {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::Pair;
using Kind = SqlUrl::Kind;

std::string refusal(const std::string& text) {
    return tests::message_of<Error>([&] { static_cast<void>(parse_sql_url(text)); });
}

TEST(SqlUrl, ReadsTheDocumentedExamples) {
    const SqlUrl mysql = parse_sql_url("database+mysql://username:password@127.0.0.1/example");
    EXPECT_EQ(mysql.kind, Kind::mysql);
    EXPECT_EQ(mysql.user, "username");
    EXPECT_EQ(mysql.password, "password");
    EXPECT_EQ(mysql.host, "127.0.0.1");
    EXPECT_EQ(mysql.port, 0);
    EXPECT_EQ(mysql.database, "example");
    EXPECT_THAT(mysql.settings, IsEmpty());

    const SqlUrl postgresql = parse_sql_url("database+postgresql://localhost/example");
    EXPECT_EQ(postgresql.kind, Kind::postgresql);
    EXPECT_EQ(postgresql.user, "");
    EXPECT_EQ(postgresql.host, "localhost");

    const SqlUrl sqlite = parse_sql_url("database+sqlite:///auth_keys.db");
    EXPECT_EQ(sqlite.kind, Kind::sqlite);
    EXPECT_EQ(sqlite.database, "auth_keys.db");
    EXPECT_EQ(parse_sql_url("database+sqlite:////var/lib/keys.db").database, "/var/lib/keys.db");
}

TEST(SqlUrl, DecodesEveryPart) {
    const SqlUrl url =
        parse_sql_url("database+mysql://us%65r:p%40ss%2Fw%3Ard%25@h%6Fst:33060/d%62?ssl_ca=a%26b");
    EXPECT_EQ(url.user, "user");
    EXPECT_EQ(url.password, "p@ss/w:rd%");
    EXPECT_EQ(url.host, "host");
    EXPECT_EQ(url.port, 33060);
    EXPECT_EQ(url.database, "db");
    EXPECT_THAT(url.settings, ElementsAre(Pair("sslca", "a&b")));
    // An at sign is forgiven: the last one counts.
    EXPECT_EQ(parse_sql_url("database+mysql://u:p@ss@host/db").password, "p@ss");
}

TEST(SqlUrl, KnowsTheServersByOtherNamesToo) {
    EXPECT_EQ(parse_sql_url("database+postgres://h/d").kind, Kind::postgresql);
    EXPECT_EQ(parse_sql_url("database+mariadb://h/d").kind, Kind::mysql);
    EXPECT_EQ(parse_sql_url("database+postgresql+asyncpg://h/d").kind, Kind::postgresql);
    EXPECT_EQ(parse_sql_url("database+mysql+aiomysql://h/d").kind, Kind::mysql);
    EXPECT_EQ(parse_sql_url("database+sqlite+aiosqlite:///d.db").kind, Kind::sqlite);
}

TEST(SqlUrl, ReadsAnIpv6Address) {
    const SqlUrl url = parse_sql_url("database+postgresql://u@[::1]:5433/d");
    EXPECT_EQ(url.host, "::1");
    EXPECT_EQ(url.port, 5433);
    EXPECT_EQ(url.name(), "postgresql://[::1]:5433/d");
}

TEST(SqlUrl, TranslatesOptionsIntoTheDriversNames) {
    EXPECT_THAT(parse_sql_url("database+mysql://h/d?unix_socket=/run/x&charset=utf8mb4"
                              "&ssl_ca=ca&ssl_cert=c&ssl_key=k")
                    .settings,
                ElementsAre(Pair("unix_socket", "/run/x"), Pair("sslca", "ca"),
                            Pair("sslcert", "c"), Pair("sslkey", "k")));
    EXPECT_THAT(parse_sql_url("database+postgresql:///d?host=/run/postgresql&sslmode=verify-full"
                              "&sslrootcert=ca")
                    .settings,
                ElementsAre(Pair("host", "/run/postgresql"), Pair("sslmode", "verify-full"),
                            Pair("sslrootcert", "ca")));
}

TEST(SqlUrl, HasANameWithoutSecrets) {
    EXPECT_EQ(parse_sql_url("database+mariadb://root:hunter2@db:3307/keys?ssl_ca=x").name(),
              "mysql://db:3307/keys");
    EXPECT_EQ(parse_sql_url("database+postgres:///keys?host=/run").name(), "postgresql:///keys");
    EXPECT_EQ(parse_sql_url("database+sqlite:///a/b.db").name(), "a/b.db");
}

TEST(SqlUrl, RefusesWhatCannotBeMeant) {
    const std::pair<const char*, const char*> wrong[] = {
        {"database+oracle://h/d", "unknown kind of database"},
        {"database+mysql+odbc://h/d", "unknown driver"},
        {"database+mysql", "no address"},
        {"database+mysql:/h/d", "no address"},
        {"database+mysql://h", "no database"},
        {"database+mysql://h/", "no database"},
        {"database+mysql://h:/d", "the port is no number from 1 to 65535"},
        {"database+mysql://h:0/d", "the port"},
        {"database+mysql://h:65536/d", "the port"},
        {"database+mysql://h:33a/d", "the port"},
        {"database+mysql://[::1/d", "closing bracket"},
        {"database+mysql://[::1]x/d", "only :PORT"},
        {"database+postgresql:///d?host=@abstract", "in an option, write it as %40"},
        {"database+mysql://u:%zz@h/d", "two hexadecimal digits"},
        {"database+mysql://u:%4@h/d", "two hexadecimal digits"},
        {"database+mysql://u:%00@h/d", "NUL"},
        {"database+mysql://h/d/e", "a / or @"},
        {"database+sqlite://h/d.db", "a file has no host"},
        {"database+sqlite:///d.db?mode=ro",
         "unknown option \"mode\"; this kind of store takes none"},
        {"database+mysql://h/d?sslmode=x", "unknown option \"sslmode\"; known are unix_socket"},
        {"database+postgresql://h/d?password=x", "unknown option \"password\""},
        {"database+postgresql://h/d?sslmode", "option \"sslmode\" has no value"},
        {"database+postgresql://h/d?sslmode=", "option \"sslmode\" has no value"},
        {"database+mysql://h/d?charset=latin1", "may only be utf8mb4"},
        {"database+mysql://h/d?ssl_key=x", "need ssl_ca as well"},
    };
    for (const auto& [text, why] : wrong)
        EXPECT_THAT(refusal(text), HasSubstr(why)) << text;
}

TEST(SqlUrl, RefusesANulInAnIpv6Address) {
    using namespace std::string_literals;
    EXPECT_THAT(refusal("database+mysql://[::1\0]/d"s), HasSubstr("NUL"));
}

TEST(SqlUrl, IsToldOnOneLine) {
    EXPECT_EQ(parse_sql_url("database+sqlite:///a\nb.db").name(), R"(a\x0ab.db)");
}

TEST(SqlUrl, NeverTellsAPassword) {
    for (const char* wrong :
         {"database+mysql://u:hunter2@h:x/d", "database+mysql://u:hun/ter2@h/d",
          "database+mysql://u:hunter2%@h/d", "database+mysql://u:hunter2@h",
          "database+mysql://u:?hunter2@h/d", "database+mysql://u:1/d?hunter2@h/d",
          "database+mysql://u:hunter2@h/d?ssl=1", "database+oracle://u:hunter2@h/d",
          "database+mysql:u:hunter2@h/d", "database+sqlite://u:hunter2@h/d",
          "database+mysql://u:hunter2@[::1/d"})
        EXPECT_THAT(refusal(wrong), AllOf(Not(HasSubstr("hunter2")), Not(HasSubstr("ter2@"))))
            << wrong;
}

}  // namespace
}  // namespace hpfeeds::auth
