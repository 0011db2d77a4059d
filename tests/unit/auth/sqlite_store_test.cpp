// SPDX-License-Identifier: Apache-2.0
#include "auth/sqlite_store.hpp"

#include "auth/sqlite_connection.hpp"
#include "hpfeeds/error.hpp"
#include "unit/auth/account_builder.hpp"
#include "unit/auth/scratch_folder.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <thread>

namespace hpfeeds::auth {
namespace {

namespace fs = std::filesystem;
using Status = Lookup::Status;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using tests::account_of;
using tests::message_of;
using tests::ScratchFolder;
using tests::write_file;

constexpr SqliteStore::Options impatient{.missing = Missing::create,
                                         .lookup_wait = std::chrono::milliseconds(1),
                                         .write_wait = std::chrono::milliseconds(1)};

// What an administrator types into the sqlite3 shell.
void shell(const std::string& path, const char* sql) {
    SqliteConnection(path, std::chrono::seconds(30)).run(sql);
}

class SqliteStoreTest : public testing::Test {
protected:
    ScratchFolder folder;
    const std::string path = folder / "sqlite.db";

    // An account whose ident stands in a row with the given lists, as SQL text.
    void insert(const std::string& ident, const std::string& pubchans, const std::string& subchans,
                const std::string& secret = "'secret'") {
        shell(
            path,
            ("INSERT INTO authkeys (owner, ident, secret, pubchans, subchans) VALUES ('owner', '" +
             ident + "', " + secret + ", " + pubchans + ", " + subchans + ")")
                .c_str());
    }
};

TEST_F(SqliteStoreTest, MakesTheDocumentedTables) {
    SqliteStore store(path);
    SqliteConnection connection(path, std::chrono::seconds(1));
    const auto columns_of = [&](const std::string& table) {
        SqliteStatement info(
            connection, "SELECT group_concat(name || ' ' || type, ', ') FROM pragma_table_info('" +
                            table + "')");
        EXPECT_TRUE(info.step());
        return info.bytes(0).value_or("");
    };
    EXPECT_EQ(columns_of("authkeys"),
              "id INTEGER, owner TEXT, ident TEXT, secret TEXT, pubchans TEXT, subchans TEXT");
    EXPECT_EQ(columns_of("logs"), "id INTEGER, data TEXT");
    EXPECT_EQ(columns_of("stats"), "id INTEGER, ak TEXT, uid TEXT, data TEXT");
    EXPECT_EQ(store.name(), path);
}

TEST_F(SqliteStoreTest, MakesItsFileForTheOwnerAlone) {
    SqliteStore store(path);
    struct stat status {};
    ASSERT_EQ(::stat(path.c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 07777U, 0600U);
}

TEST_F(SqliteStoreTest, AddsOnlyTheTablesThatAreMissing) {
    write_file(path, "");
    shell(path,
          "CREATE TABLE authkeys (id integer primary key autoincrement, owner TEXT, ident TEXT,"
          " secret TEXT, pubchans TEXT, subchans TEXT, remark TEXT)");
    insert("bob", "'[]'", "'[]'");
    SqliteStore store(path);
    EXPECT_EQ(store.find("bob").status, Status::found);
    shell(path, "INSERT INTO logs (data) VALUES ('x')");
    shell(path, "INSERT INTO stats (ak, uid, data) VALUES ('x', 'y', 'z')");
}

TEST_F(SqliteStoreTest, RefusesAMissingFileWhereItMayNotMakeOne) {
    EXPECT_EQ(message_of<Error>(
                  [&] { SqliteStore(path, SqliteStore::Options{.missing = Missing::refuse}); }),
              "Cannot find '" + path + "'");
    EXPECT_FALSE(fs::exists(path));
}

TEST_F(SqliteStoreTest, RefusesToStartWithWhatIsNoDatabase) {
    write_file(path, std::string(4096, 'x'));
    EXPECT_THAT(message_of<Error>([&] { SqliteStore{path}; }),
                HasSubstr("sqlite.db: file is not a database"));
    EXPECT_THAT(message_of<Error>([&] { SqliteStore{folder / "none/sqlite.db"}; }),
                HasSubstr("cannot create"));
}

TEST_F(SqliteStoreTest, FindsWhatTheShellInserts) {
    SqliteStore store(path);
    EXPECT_EQ(store.find("ident").status, Status::absent);
    insert("ident", "'[\"chan1\"]'", "'[\"b\", \"a\"]'");
    const Lookup lookup = store.find("ident");
    ASSERT_EQ(lookup.status, Status::found) << lookup.reason;
    EXPECT_EQ(lookup.account->ident, "ident");
    EXPECT_EQ(lookup.account->secret, "secret");
    EXPECT_EQ(lookup.account->owner, "owner");
    EXPECT_THAT(lookup.account->pubchans.names(), ElementsAre("chan1"));
    EXPECT_THAT(lookup.account->subchans.names(), ElementsAre("a", "b"));
    shell(path, "UPDATE authkeys SET secret = 'changed'");
    EXPECT_EQ(store.find("ident").account->secret, "changed");
    shell(path, "DELETE FROM authkeys");
    EXPECT_EQ(store.find("ident").status, Status::absent);
}

TEST_F(SqliteStoreTest, TakesIdentsAsBytes) {
    SqliteStore store(path);
    insert("bob", "'[]'", "'[]'");
    for (const std::string ident : {"", "BOB", "bob ", "b%", "' OR 1=1 --", "bob';--", "\xFF"})
        EXPECT_EQ(store.find(ident).status, Status::absent) << ident;
    EXPECT_EQ(store.find(std::string("bob\0", 4)).status, Status::absent);
    EXPECT_EQ(store.find({}).status, Status::absent);
}

TEST_F(SqliteStoreTest, KeepsHostileIdentsAndSecrets) {
    SqliteStore store(path);
    const std::vector<std::string> idents{"'; DROP TABLE authkeys; --",
                                          "\"quoted\"",
                                          "f\xFChler",
                                          std::string("a\0b", 3),
                                          std::string("\0", 1),
                                          std::string(255, '\xFE'),
                                          "f\xC3\xBChler"};
    for (const std::string& ident : idents)
        store.put(account_of(ident, "secret of " + ident));
    for (const std::string& ident : idents) {
        const Lookup lookup = store.find(ident);
        ASSERT_EQ(lookup.status, Status::found) << lookup.reason;
        EXPECT_EQ(lookup.account->ident, ident);
        EXPECT_EQ(lookup.account->secret, "secret of " + ident);
        EXPECT_EQ(lookup.account->owner, ident + "'s owner");
    }
    EXPECT_EQ(store.list().size(), idents.size());
    EXPECT_EQ(store.find("a").status, Status::absent);
    for (const std::string& ident : idents)
        EXPECT_TRUE(store.remove(ident));
    EXPECT_TRUE(store.list().empty());
}

TEST_F(SqliteStoreTest, FindsAnIdentThatARowHoldsAsBlob) {
    SqliteStore store(path);
    shell(path, "INSERT INTO authkeys (ident, secret) VALUES (x'626f62', x'73')");
    const Lookup lookup = store.find("bob");
    ASSERT_EQ(lookup.status, Status::found);
    EXPECT_EQ(lookup.account->secret, "s");
    core::Account changed = *lookup.account;
    changed.secret = "t";
    store.put(changed);
    EXPECT_EQ(store.list().size(), 1U);
    EXPECT_EQ(store.find("bob").account->secret, "t");
    EXPECT_TRUE(store.remove("bob"));
}

TEST_F(SqliteStoreTest, FindsInAFileThatKeepsUtf16AndConfusesNobody) {
    write_file(path, "");
    shell(path, "PRAGMA encoding = 'UTF-16'; CREATE TABLE t (a)");
    SqliteStore store(path);
    insert("f\xC3\xBChler", "'[\"\xC3\xBC\"]'", "'[]'");
    insert("\xEF\xBF\xBD", "'[]'", "'[]'");  // what broken text becomes on its way to UTF-16
    ASSERT_EQ(store.find("f\xC3\xBChler").status, Status::found);
    EXPECT_TRUE(store.find("f\xC3\xBChler").account->pubchans.contains("\xC3\xBC"));
    EXPECT_EQ(store.find("\xFF").status, Status::absent);
}

TEST_F(SqliteStoreTest, NullListsAreEmptyAndANullOwnerIsTheIdent) {
    SqliteStore store(path);
    shell(path, "INSERT INTO authkeys (ident, secret) VALUES ('bob', 's')");
    const Lookup lookup = store.find("bob");
    ASSERT_EQ(lookup.status, Status::found);
    EXPECT_EQ(lookup.account->owner, "bob");
    EXPECT_THAT(lookup.account->pubchans.names(), IsEmpty());
    EXPECT_THAT(lookup.account->subchans.names(), IsEmpty());
}

TEST_F(SqliteStoreTest, MalformedRowsNeverGrant) {
    SqliteStore store(path);
    insert("csv", "'chan1,chan2'", "'[]'");
    insert("object", "'[]'", "'{}'");
    insert("number", "'[1]'", "'[]'");
    insert("empty", "''", "'[]'");
    insert("null-secret", "'[]'", "'[]'", "NULL");
    insert("no-secret", "'[]'", "'[]'", "''");
    for (const std::string ident :
         {"csv", "object", "number", "empty", "null-secret", "no-secret"}) {
        const Lookup lookup = store.find(ident);
        EXPECT_EQ(lookup.status, Status::unavailable) << ident;
        EXPECT_EQ(lookup.account, nullptr);
        EXPECT_THAT(lookup.reason, HasSubstr("row of \"" + ident + "\": column "));
    }
    EXPECT_THAT(store.find("csv").reason, HasSubstr("column pubchans is not JSON"));
    EXPECT_THAT(store.find("object").reason, HasSubstr("column subchans is a JSON object"));
    EXPECT_THAT(store.find("null-secret").reason, HasSubstr("column secret is empty"));
    EXPECT_THAT(message_of<Error>([&] { (void)store.list(); }), HasSubstr("correct the row"));
}

TEST_F(SqliteStoreTest, TheFirstOfSeveralRowsDecides) {
    SqliteStore store(path);
    insert("bob", "'[\"first\"]'", "'[]'");
    insert("bob", "'[\"second\"]'", "'[]'");
    EXPECT_THAT(store.find("bob").account->pubchans.names(), ElementsAre("first"));
    EXPECT_EQ(store.list().size(), 1U);
    store.put(account_of("bob", "s", {"changed"}));
    EXPECT_THAT(store.find("bob").account->pubchans.names(), ElementsAre("changed"));
    EXPECT_TRUE(store.remove("bob"));  // all of them, or the second would come to life
    EXPECT_EQ(store.find("bob").status, Status::absent);
    EXPECT_FALSE(store.remove("bob"));
}

TEST_F(SqliteStoreTest, ListsSortedByIdentAndSkipsRowsWithoutOne) {
    SqliteStore store(path);
    store.put(account_of("zoe"));
    store.put(account_of("amy", "a", {"y", "x"}, {"z"}));
    shell(path, "INSERT INTO authkeys (secret) VALUES ('s')");
    const auto accounts = store.list();
    ASSERT_EQ(accounts.size(), 2U);
    EXPECT_EQ(accounts[0].ident, "amy");
    EXPECT_EQ(accounts[0].secret, "a");
    EXPECT_THAT(accounts[0].pubchans.names(), ElementsAre("x", "y"));
    EXPECT_EQ(accounts[1].ident, "zoe");
}

TEST_F(SqliteStoreTest, RefusesWhatItCannotKeep) {
    SqliteStore store(path);
    const auto refusal = [&](const core::Account& account) {
        return message_of<Error>([&] { store.put(account); });
    };
    EXPECT_THAT(refusal(account_of("")), HasSubstr("ident is empty"));
    EXPECT_THAT(refusal(account_of("i", "")), HasSubstr("\"secret\" is empty"));
    EXPECT_THAT(refusal(account_of("i", "s", {"\xFF"})), HasSubstr("\"pubchans\""));
    EXPECT_THAT(refusal(account_of("i", "s", {}, {"\xFF"})), HasSubstr("\"subchans\""));
    EXPECT_TRUE(store.list().empty());
}

TEST_F(SqliteStoreTest, CannotTellWhileItsFileIsGoneAndRecovers) {
    SqliteStore store(path, impatient);
    store.put(account_of("bob", "one"));
    ASSERT_EQ(store.find("bob").status, Status::found);
    fs::rename(path, folder / "away");
    EXPECT_EQ(store.find("bob").status, Status::unavailable);
    EXPECT_THAT(store.find("bob").reason, HasSubstr("No such file"));
    EXPECT_FALSE(fs::exists(path));
    EXPECT_THROW(store.put(account_of("eve")), Error);
    EXPECT_THROW((void)store.list(), Error);
    EXPECT_THROW(store.remove("bob"), Error);
    fs::rename(folder / "away", path);
    EXPECT_EQ(store.find("bob").status, Status::found);
}

TEST_F(SqliteStoreTest, SeesAnotherFileUnderItsName) {
    SqliteStore store(path, impatient);
    store.put(account_of("bob", "one"));
    ASSERT_EQ(store.find("bob").status, Status::found);
    {
        SqliteStore other(folder / "other.db");
        other.put(account_of("eve", "two"));
    }
    fs::rename(folder / "other.db", path);
    EXPECT_EQ(store.find("bob").status, Status::absent);
    EXPECT_EQ(store.find("eve").account->secret, "two");
}

TEST_F(SqliteStoreTest, SeesAnotherContentCopiedIntoItsFile) {
    SqliteStore store(path, impatient);
    store.put(account_of("bob", "one"));
    fs::copy_file(path, folder / "copy.db");
    SqliteStore other(folder / "copy.db");
    // As many changes here as there: SQLite's own change counters are equal.
    store.put(account_of("bob", "here"));
    other.put(account_of("bob", "there"));
    ASSERT_EQ(store.find("bob").account->secret, "here");
    write_file(path, tests::read_file(folder / "copy.db"));
    EXPECT_EQ(store.find("bob").account->secret, "there");
}

TEST_F(SqliteStoreTest, WhoAskedBeforeTheFileWasReadIsAnsweredFromMemory) {
    SqliteStore store(path, impatient);
    store.put(account_of("bob"));
    const auto asked = std::chrono::steady_clock::now();
    const Lookup first = store.find("bob");
    fs::rename(path, folder / "away.db");
    EXPECT_EQ(store.find_as_of("bob", asked).account, first.account);
    EXPECT_EQ(store.find_as_of("eve", asked).status, Status::unavailable);
    EXPECT_EQ(store.find("bob").status, Status::unavailable);
}

TEST_F(SqliteStoreTest, SessionsOfOneKeyShareOneAccount) {
    SqliteStore store(path, impatient);
    store.put(account_of("bob"));
    store.put(account_of("eve"));
    const AccountRef bob = store.find("bob").account;
    ASSERT_EQ(store.find("eve").status, Status::found);
    EXPECT_EQ(store.find("bob").account, bob);
}

TEST_F(SqliteStoreTest, AChangeByAnotherProcessCountsForWhoAsksAfterIt) {
    SqliteStore store(path, impatient);
    for (const char* mode : {"PRAGMA journal_mode = DELETE", "PRAGMA journal_mode = WAL"}) {
        shell(path, mode);
        SqliteConnection other(path, std::chrono::seconds(1));
        for (const char* secret : {"one", "two", "three"}) {
            other.run("DELETE FROM authkeys");
            EXPECT_EQ(store.find("bob").status, Status::absent) << mode;
            other.run((std::string("INSERT INTO authkeys (ident, secret) VALUES ('bob', '") +
                       secret + "')")
                          .c_str());
            EXPECT_EQ(store.find("bob").account->secret, secret) << mode;
            EXPECT_EQ(store.find("bob").account->secret, secret) << mode;
        }
    }
}

TEST_F(SqliteStoreTest, CannotTellWhileLockedAndRecovers) {
    SqliteStore store(path, impatient);
    store.put(account_of("bob"));
    ASSERT_EQ(store.find("bob").status, Status::found);
    SqliteConnection writer(path, std::chrono::seconds(1));
    writer.run("BEGIN EXCLUSIVE");
    const Lookup lookup = store.find("bob");
    EXPECT_EQ(lookup.status, Status::unavailable);
    EXPECT_THAT(lookup.reason, HasSubstr("database is locked"));
    EXPECT_THAT(message_of<Error>([&] { store.put(account_of("eve")); }),
                HasSubstr("database is locked"));
    writer.run("COMMIT");
    EXPECT_EQ(store.find("bob").status, Status::found);
}

TEST_F(SqliteStoreTest, CannotTellWhileDamagedAndRecovers) {
    SqliteStore store(path, impatient);
    store.put(account_of("bob"));
    const std::string good = tests::read_file(path);
    write_file(path, std::string(good.size(), 'x'));
    EXPECT_EQ(store.find("bob").status, Status::unavailable);
    EXPECT_THAT(store.find("bob").reason, HasSubstr("not a database"));
    write_file(path, "");
    EXPECT_EQ(store.find("bob").status, Status::unavailable);
    EXPECT_THAT(store.find("bob").reason, HasSubstr("no such table: authkeys"));
    write_file(path, good);
    EXPECT_EQ(store.find("bob").status, Status::found);
}

TEST_F(SqliteStoreTest, ALookUpLeavesNoLockBehind) {
    SqliteStore store(path, impatient);
    store.put(account_of("bob"));
    ASSERT_EQ(store.find("bob").status, Status::found);
    ASSERT_EQ(store.find("eve").status, Status::absent);
    SqliteConnection writer(path, std::chrono::milliseconds(0));
    writer.run("BEGIN EXCLUSIVE");
    writer.run("COMMIT");
}

TEST_F(SqliteStoreTest, WorksWithAWriteAheadLog) {
    SqliteStore store(path, impatient);
    shell(path, "PRAGMA journal_mode = WAL");
    SqliteConnection other(path, std::chrono::seconds(1));
    ASSERT_EQ(store.find("bob").status, Status::absent);
    other.run("INSERT INTO authkeys (ident, secret) VALUES ('bob', 'one')");
    EXPECT_EQ(store.find("bob").account->secret, "one");
    other.run("UPDATE authkeys SET secret = 'two'");
    EXPECT_EQ(store.find("bob").account->secret, "two");
}

TEST_F(SqliteStoreTest, ReadsAFileItMayNotWrite) {
    if (::geteuid() == 0) {
        // Root may write everything; an immutable directory entry is beyond a unit test. The
        // shell's query_only comes near: the tables are complete, so nothing is written at the
        // start.
        SqliteStore(path).put(account_of("bob"));
        SqliteConnection reader(path, std::chrono::seconds(1));
        reader.run("BEGIN; SELECT * FROM authkeys");
        EXPECT_EQ(SqliteStore(path, impatient).find("bob").status, Status::found);
        return;
    }
    SqliteStore(path).put(account_of("bob"));
    ASSERT_EQ(::chmod(path.c_str(), 0400), 0);
    SqliteStore store(path, impatient);
    EXPECT_EQ(store.find("bob").status, Status::found);
    EXPECT_THROW(store.put(account_of("eve")), Error);
}

TEST_F(SqliteStoreTest, AnswersManyThreadsWhileItIsWrittenTo) {
    SqliteStore store(path);
    store.put(account_of("bob", "0"));
    std::atomic<bool> done{false};
    std::vector<std::thread> readers;
    for (int reader = 0; reader < 3; ++reader)
        readers.emplace_back([&] {
            while (!done.load()) {
                const Lookup lookup = store.find("bob");
                ASSERT_EQ(lookup.status, Status::found) << lookup.reason;
                ASSERT_EQ(store.find("eve").status, Status::absent);
            }
        });
    for (int turn = 1; turn <= 20; ++turn)
        store.put(account_of("bob", std::to_string(turn)));
    done.store(true);
    for (std::thread& reader : readers)
        reader.join();
    EXPECT_EQ(store.find("bob").account->secret, "20");
}

TEST_F(SqliteStoreTest, AnswersManyThreadsWhileItsFileIsReplaced) {
    SqliteStore store(path);
    store.put(account_of("bob", "0"));
    std::atomic<bool> done{false};
    std::vector<std::thread> readers;
    for (int reader = 0; reader < 3; ++reader)
        readers.emplace_back([&] {
            while (!done.load()) {
                const Lookup lookup = store.find("bob");
                ASSERT_EQ(lookup.status, Status::found) << lookup.reason;
            }
        });
    for (int turn = 1; turn <= 10; ++turn) {
        SqliteStore(folder / "next.db").put(account_of("bob", std::to_string(turn)));
        fs::rename(folder / "next.db", path);
    }
    done.store(true);
    for (std::thread& reader : readers)
        reader.join();
    EXPECT_EQ(store.find("bob").account->secret, "10");
}

TEST_F(SqliteStoreTest, WritersLoseNoUpdates) {
    std::vector<std::thread> writers;
    for (int writer = 0; writer < 4; ++writer)
        writers.emplace_back([&, writer] {
            SqliteStore store(path, {.write_wait = std::chrono::minutes(1)});
            for (int number = 0; number < 5; ++number)
                store.put(account_of("u" + std::to_string(writer * 5 + number)));
        });
    for (std::thread& writer : writers)
        writer.join();
    EXPECT_EQ(SqliteStore(path).list().size(), 20U);
}

// ---- the table auth_keys, of database+sqlite:///

constexpr SqliteStore::Options of_auth_keys{.missing = Missing::create,
                                            .layout = &auth_keys_layout};
constexpr SqliteStore::Options read_auth_keys{.missing = Missing::refuse,
                                              .layout = &auth_keys_layout};

// As the documentation makes it for "mysql or sqlite": AUTO_INCREMENT means nothing here.
constexpr const char* documented_auth_keys =
    "CREATE TABLE `auth_keys` (`id` int AUTO_INCREMENT NOT NULL, `identifier` varchar(36) DEFAULT"
    " NULL, `secret` varchar(36) DEFAULT NULL, `publish` json DEFAULT NULL, `subscribe` json"
    " DEFAULT NULL, PRIMARY KEY (`id`))";
constexpr const char* documented_insert =
    "INSERT INTO auth_keys (identifier, secret, publish, subscribe) VALUES"
    " ('testing', 'secretkey', '[\"channel1\", \"channel2\"]', '[\"channel2\"]')";

void make_file(const std::string& path, const char* sql) {
    write_file(path, "");
    shell(path, sql);
}

TEST_F(SqliteStoreTest, ReadsTheDocumentedAuthKeysTable) {
    make_file(path, documented_auth_keys);
    EXPECT_THAT(message_of<Error>([&] { shell(path, documented_insert); }), HasSubstr("NOT NULL"));
    shell(path, "INSERT INTO auth_keys VALUES (7, 'bob', 's', '[\"a\"]', NULL)");
    SqliteStore store(path, read_auth_keys);
    const Lookup lookup = store.find("bob");
    ASSERT_EQ(lookup.status, Status::found);
    EXPECT_EQ(lookup.account->owner, "bob");
    EXPECT_THAT(lookup.account->pubchans.names(), ElementsAre("a"));
    EXPECT_THAT(lookup.account->subchans.names(), IsEmpty());
    EXPECT_EQ(store.find("alice").status, Status::absent);
}

TEST_F(SqliteStoreTest, TheAuthKeysTableThatItMakesTakesTheDocumentedInsert) {
    SqliteStore store(path, of_auth_keys);
    shell(path, documented_insert);
    const Lookup lookup = store.find("testing");
    ASSERT_EQ(lookup.status, Status::found);
    EXPECT_EQ(lookup.account->secret, "secretkey");
    EXPECT_THAT(lookup.account->pubchans.names(), ElementsAre("channel1", "channel2"));
}

TEST_F(SqliteStoreTest, ManagesAuthKeysOfAnyMake) {
    const std::string without_id =
        "CREATE TABLE auth_keys (identifier text, secret text, publish text, subscribe text)";
    for (const std::string& make : {std::string(documented_auth_keys), without_id}) {
        SCOPED_TRACE(make);
        fs::remove(path);
        make_file(path, make.c_str());
        SqliteStore store(path, read_auth_keys);
        for (const char* ident : {"bob", "alice", "' OR 1=1"}) {
            core::Account account = account_of(ident, "s3cret", {"events"}, {"other"});
            account.owner = ident;
            store.put(account);
        }
        core::Account changed = account_of("bob", "changed");
        changed.owner = "bob";
        store.put(changed);
        EXPECT_EQ(store.list().size(), 3U);
        EXPECT_EQ(store.find("bob").account->secret, "changed");
        EXPECT_THAT(store.find("alice").account->subchans.names(), ElementsAre("other"));
        EXPECT_TRUE(store.remove("' OR 1=1"));
        EXPECT_FALSE(store.remove("' OR 1=1"));
        EXPECT_EQ(store.list().size(), 2U);
    }
}

TEST_F(SqliteStoreTest, AuthKeysHaveNoOwners) {
    SqliteStore store(path, of_auth_keys);
    core::Account account = account_of("bob");
    account.owner = "somebody";
    EXPECT_THAT(message_of<Error>([&] { store.put(account); }), HasSubstr("has no owners"));
    EXPECT_TRUE(store.list().empty());
}

TEST_F(SqliteStoreTest, FaultsNameTheTableAndItsColumn) {
    make_file(path, documented_auth_keys);
    shell(path, "INSERT INTO auth_keys VALUES (1, 'bob', 's', 'a,b', NULL)");
    const Lookup lookup = SqliteStore(path, read_auth_keys).find("bob");
    EXPECT_EQ(lookup.status, Status::unavailable);
    EXPECT_EQ(lookup.failure, Failure::row);
    EXPECT_THAT(lookup.reason,
                HasSubstr("table auth_keys, row of \"bob\": column publish is not JSON"));
}

}  // namespace
}  // namespace hpfeeds::auth
