// SPDX-License-Identifier: Apache-2.0
#include "auth/sqlite_connection.hpp"

#include "hpfeeds/error.hpp"
#include "unit/auth/scratch_folder.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

namespace hpfeeds::auth {
namespace {

using testing::HasSubstr;
using tests::message_of;
using tests::ScratchFolder;
using tests::write_file;

constexpr std::chrono::milliseconds no_wait{0};

TEST(SqliteConnection, RefusesAMissingFileAndMakesNone) {
    ScratchFolder folder;
    EXPECT_THAT(message_of<Error>([&] { SqliteConnection(folder / "x.db", no_wait); }),
                HasSubstr("x.db: No such file"));
    EXPECT_FALSE(std::filesystem::exists(folder / "x.db"));
}

TEST(SqliteConnection, RefusesAFolder) {
    ScratchFolder folder;
    EXPECT_THAT(message_of<Error>([&] { SqliteConnection(folder / "", no_wait); }),
                HasSubstr("unable to open database file"));
}

TEST(SqliteConnection, TakesAPathForAPathAndNothingElse) {
    ScratchFolder folder;
    const std::string odd = folder / "file:x?mode=memory";
    write_file(odd, "");
    SqliteConnection connection(odd, no_wait);
    connection.run("CREATE TABLE t (a)");
    EXPECT_GT(std::filesystem::file_size(odd), 0U);
}

TEST(SqliteConnection, TellsWhatSqliteSays) {
    ScratchFolder folder;
    write_file(folder / "x.db", "");
    SqliteConnection connection(folder / "x.db", no_wait);
    EXPECT_THAT(message_of<Error>([&] { connection.run("SELECT * FROM none"); }),
                HasSubstr("x.db: no such table: none"));
    EXPECT_THAT(message_of<Error>([&] { SqliteStatement(connection, "SELEKT"); }),
                HasSubstr("syntax error"));
}

TEST(SqliteStatement, CarriesBytesBothWays) {
    ScratchFolder folder;
    write_file(folder / "x.db", "");
    SqliteConnection connection(folder / "x.db", no_wait);
    SqliteStatement echo(connection,
                         "SELECT ?1, typeof(?1), ?2, typeof(?2), NULL, ?3, typeof(?3), 7");
    const std::string blob("\0\xFF'", 3);
    echo.bind_bytes(1, "text").bind_bytes(2, blob).bind_bytes(3, {});
    ASSERT_TRUE(echo.step());
    EXPECT_EQ(echo.bytes(0), "text");
    EXPECT_EQ(echo.bytes(1), "text");
    EXPECT_EQ(echo.bytes(2), blob);
    EXPECT_EQ(echo.bytes(3), "blob");
    EXPECT_EQ(echo.bytes(4), std::nullopt);
    EXPECT_EQ(echo.bytes(5), "");
    EXPECT_EQ(echo.bytes(6), "text");
    EXPECT_EQ(echo.integer(7), 7);
    EXPECT_FALSE(echo.step());
}

TEST(SqliteStatement, RefusesAParameterThatIsNotThere) {
    ScratchFolder folder;
    write_file(folder / "x.db", "");
    SqliteConnection connection(folder / "x.db", no_wait);
    SqliteStatement statement(connection, "SELECT 1");
    EXPECT_THROW(statement.bind_text(1, "x"), Error);
    EXPECT_THROW(statement.bind_blob(1, "x"), Error);
}

}  // namespace
}  // namespace hpfeeds::auth
