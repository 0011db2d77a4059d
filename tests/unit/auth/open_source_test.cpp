// SPDX-License-Identifier: Apache-2.0
#include "auth/open_source.hpp"

#include "hpfeeds/error.hpp"
#include "unit/auth/scratch_folder.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

namespace hpfeeds::auth {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::HasSubstr;
using tests::message_of;
using tests::ScratchFolder;
using tests::write_file;

// `sqlite` means a file in the working directory.
class OpenSource : public testing::Test {
protected:
    OpenSource() : before_(fs::current_path()) { fs::current_path(folder / ""); }
    ~OpenSource() override { fs::current_path(before_); }
    ScratchFolder folder;

private:
    const fs::path before_;
};

TEST_F(OpenSource, KnowsEveryKindByItsSpec) {
    write_file("users.json", "{}");
    EXPECT_EQ(open_source("users.json")->name(), "users.json");
    EXPECT_EQ(open_source("env")->name(), "env");
    EXPECT_EQ(open_source("sqlite")->name(), "sqlite.db");
    EXPECT_EQ(open_source("keys.db")->name(), "keys.db");
    EXPECT_EQ(open_source("keys.sqlite")->name(), "keys.sqlite");
    write_file("keys.dat", "me;s3cr3t;a;b;");
    EXPECT_EQ(open_source("tentacool:keys.dat")->name(), "tentacool:keys.dat");
    for (const char* made : {"sqlite.db", "keys.db", "keys.sqlite"})
        EXPECT_TRUE(fs::exists(made)) << made;
}

TEST_F(OpenSource, RefusesAMissingJsonFileInTheKnownWords) {
    EXPECT_EQ(message_of<Error>([] { (void)open_source("x.json"); }), "Cannot find 'x.json'");
}

TEST_F(OpenSource, OpensSqlServersWithoutConnectingAndNamesThemWithoutPasswords) {
#ifdef HPFEEDS_WITH_SOCI
    EXPECT_EQ(open_source("database+mysql://me:hunter2@host/db.json")->name(),
              "mysql://host/db.json");
    EXPECT_EQ(open_source("database+postgresql://me:hunter2@host:1/db")->name(),
              "postgresql://host:1/db");
#else
    EXPECT_THAT(message_of<Error>([] { (void)open_source("database+mysql://me:hunter2@host/db"); }),
                AllOf(HasSubstr("built without drivers"), Not(HasSubstr("hunter2"))));
#endif
}

TEST_F(OpenSource, ReadsAuthKeysFromAnSqliteFileThatIsThere) {
    EXPECT_EQ(message_of<Error>([] { (void)open_source("database+sqlite:///keys.db"); }),
              "Cannot find 'keys.db'");
    open_store("database+sqlite:///keys.db")->put({"bob", "s3cret", "bob", {}, {}});
    const auto source = open_source("database+sqlite:///keys.db");
    EXPECT_EQ(source->name(), "keys.db");
    EXPECT_EQ(source->find("bob").status, Lookup::Status::found);
    // A reader makes no table of its own there.
    write_file("empty.db", "");
    const Lookup lookup = open_source("database+sqlite:///empty.db")->find("bob");
    EXPECT_EQ(lookup.status, Lookup::Status::unavailable);
    EXPECT_THAT(lookup.reason, HasSubstr("no such table: auth_keys"));
}

TEST_F(OpenSource, RefusesTheRestAndListsWhatItTakes) {
    const std::string with_nul("x\0.json", 7);
    for (const char* spec :
         {"", "users.yaml", "ENV", "sqlite3", "/etc/passwd", "mongo", "tentacool"})
        EXPECT_THAT(message_of<Error>([&] { (void)open_source(spec); }),
                    AllOf(HasSubstr("'" + std::string(spec) + "' is no key store"),
                          HasSubstr(".json, .db or .sqlite"), HasSubstr("env")));
    EXPECT_THAT(message_of<Error>([&] { (void)open_source(with_nul); }), HasSubstr("NUL"));
    EXPECT_TRUE(fs::is_empty("."));
}

TEST_F(OpenSource, OpensStoresToManage) {
    EXPECT_EQ(open_store("users.json")->name(), "users.json");
    EXPECT_EQ(open_store("sqlite")->name(), "sqlite.db");
    EXPECT_TRUE(open_store("sqlite.db", Missing::refuse)->list().empty());
}

TEST_F(OpenSource, OpensWhatCanBeListedWithoutMakingIt) {
    write_file("users.json", "{}");
    write_file("keys.dat", "");
    for (const char* spec : {"users.json", "env", "tentacool:keys.dat"})
        EXPECT_EQ(open_listable(spec)->name(), spec);
    EXPECT_EQ(message_of<Error>([] { (void)open_listable("none.db"); }), "Cannot find 'none.db'");
    EXPECT_FALSE(fs::exists("none.db"));
}

TEST_F(OpenSource, RefusesToManageWhatCannotBeManaged) {
    EXPECT_THAT(message_of<Error>([] { (void)open_store("env"); }),
                HasSubstr("cannot be written to"));
    EXPECT_THAT(message_of<Error>([] { (void)open_store("tentacool:keys.dat"); }),
                HasSubstr("cannot be written to"));
    EXPECT_EQ(message_of<Error>([] { (void)open_store("none.db", Missing::refuse); }),
              "Cannot find 'none.db'");
    EXPECT_EQ(message_of<Error>([] { (void)open_store("none.json", Missing::refuse); }),
              "Cannot find 'none.json'");
    EXPECT_TRUE(fs::is_empty("."));
}

}  // namespace
}  // namespace hpfeeds::auth
