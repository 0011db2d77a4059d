// SPDX-License-Identifier: Apache-2.0
#include "auth/json_store.hpp"

#include "auth/text_file.hpp"
#include "hpfeeds/error.hpp"
#include "unit/auth/account_builder.hpp"
#include "unit/auth/scratch_folder.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sys/stat.h>

#include <filesystem>
#include <thread>

namespace hpfeeds::auth {
namespace {

namespace fs = std::filesystem;
using Status = Lookup::Status;
using testing::ElementsAre;
using testing::HasSubstr;
using tests::account_of;
using tests::message_of;
using tests::read_file;
using tests::ScratchFolder;
using tests::write_file;

constexpr const char* two_users = R"({
  "zoe": {"secret": "z", "owner": "o", "pubchans": [], "subchans": ["s"], "note": {"since": 2019}},
  "amy": {"secret": "a", "owner": "o", "pubchans": ["p"], "subchans": []}
})";

std::vector<std::string> idents_in(JsonStore& store) {
    std::vector<std::string> idents;
    for (const core::Account& account : store.list())
        idents.push_back(account.ident);
    return idents;
}

mode_t mode_of(const std::string& path) {
    struct stat status {};
    EXPECT_EQ(::stat(path.c_str(), &status), 0);
    return status.st_mode & 07777U;
}

TEST(JsonStore, ListsSortedAndFinds) {
    ScratchFolder folder;
    write_file(folder / "u.json", two_users);
    JsonStore store(folder / "u.json", Missing::refuse);
    EXPECT_THAT(idents_in(store), ElementsAre("amy", "zoe"));
    EXPECT_EQ(store.find("zoe").account->secret, "z");
    EXPECT_EQ(store.find("bob").status, Status::absent);
    EXPECT_EQ(store.name(), folder / "u.json");
}

TEST(JsonStore, MakesItsFileForTheOwnerAlone) {
    ScratchFolder folder;
    JsonStore store(folder / "u.json", Missing::create);
    EXPECT_TRUE(store.list().empty());
    EXPECT_EQ(store.find("amy").status, Status::absent);
    EXPECT_FALSE(fs::exists(folder / "u.json"));
    store.put(account_of("amy", "a", {"p"}, {"s"}));
    EXPECT_EQ(mode_of(folder / "u.json"), 0600U);
    JsonStore again(folder / "u.json", Missing::refuse);
    const Lookup lookup = again.find("amy");
    ASSERT_EQ(lookup.status, Status::found);
    EXPECT_EQ(lookup.account->secret, "a");
    EXPECT_EQ(lookup.account->owner, "amy's owner");
    EXPECT_THAT(lookup.account->pubchans.names(), ElementsAre("p"));
    EXPECT_THAT(lookup.account->subchans.names(), ElementsAre("s"));
}

TEST(JsonStore, RefusesAMissingFileWhereItMayNotMakeOne) {
    ScratchFolder folder;
    EXPECT_EQ(message_of<Error>([&] { JsonStore(folder / "u.json", Missing::refuse); }),
              "Cannot find '" + folder / "u.json" + "'");
}

TEST(JsonStore, KeepsOrderPermissionsAndWhatItDoesNotKnow) {
    ScratchFolder folder;
    write_file(folder / "u.json", two_users);
    ASSERT_EQ(::chmod((folder / "u.json").c_str(), 0644), 0);
    JsonStore store(folder / "u.json", Missing::refuse);
    core::Account zoe = *store.find("zoe").account;
    zoe.secret = "changed";
    store.put(zoe);
    store.put(account_of("bob"));
    const std::string text = read_file(folder / "u.json");
    EXPECT_LT(text.find("\"zoe\""), text.find("\"amy\""));
    EXPECT_LT(text.find("\"amy\""), text.find("\"bob\""));
    EXPECT_THAT(text, HasSubstr("\"since\": 2019"));
    EXPECT_THAT(text, HasSubstr("changed"));
    EXPECT_EQ(mode_of(folder / "u.json"), 0644U);
    EXPECT_EQ(store.list().size(), 3U);
}

TEST(JsonStore, Removes) {
    ScratchFolder folder;
    write_file(folder / "u.json", two_users);
    JsonStore store(folder / "u.json", Missing::refuse);
    EXPECT_TRUE(store.remove("zoe"));
    EXPECT_FALSE(store.remove("zoe"));
    EXPECT_FALSE(store.remove("\xFF"));
    EXPECT_THAT(idents_in(store), ElementsAre("amy"));
}

TEST(JsonStore, RefusesToWriteOverAnInvalidFile) {
    ScratchFolder folder;
    const std::string broken = "{\"bob\": {\"owner\": \"o\",}}";
    write_file(folder / "u.json", broken);
    JsonStore store(folder / "u.json", Missing::create);
    EXPECT_THAT(message_of<Error>([&] { store.put(account_of("amy")); }),
                testing::AllOf(HasSubstr(folder / "u.json" + ": line 1, column 23"),
                               HasSubstr("repair the file first")));
    EXPECT_THAT(message_of<Error>([&] { store.remove("bob"); }), HasSubstr("repair"));
    EXPECT_THAT(message_of<Error>([&] { (void)store.list(); }), HasSubstr("repair"));
    EXPECT_EQ(store.find("bob").status, Status::unavailable);
    EXPECT_EQ(read_file(folder / "u.json"), broken);
}

TEST(JsonStore, RefusesWhatJsonCannotHold) {
    ScratchFolder folder;
    JsonStore store(folder / "u.json", Missing::create);
    const auto refusal = [&](const core::Account& account) {
        return message_of<Error>([&] { store.put(account); });
    };
    core::Account foreign_owner = account_of("i");
    foreign_owner.owner = "\xFF";
    EXPECT_THAT(refusal(account_of("\xFF")), HasSubstr("ident is not UTF-8"));
    EXPECT_THAT(refusal(account_of("i", "\xFF")), HasSubstr("\"secret\" is not UTF-8"));
    EXPECT_THAT(refusal(foreign_owner), HasSubstr("\"owner\" is not UTF-8"));
    EXPECT_THAT(refusal(account_of("i", "s", {"\xFF"})), HasSubstr("\"pubchans\""));
    EXPECT_THAT(refusal(account_of("i", "s", {}, {"\xFF"})), HasSubstr("\"subchans\""));
    EXPECT_THAT(refusal(account_of("")), HasSubstr("ident is empty"));
    EXPECT_FALSE(fs::exists(folder / "u.json"));
}

TEST(JsonStore, HoldsHostileNames) {
    ScratchFolder folder;
    JsonStore store(folder / "u.json", Missing::create);
    const std::string ident("\"}\0,{'\\\n", 8);
    store.put(account_of(ident, std::string("s\0\"", 3), {"a\"b,]"}));
    ASSERT_EQ(store.find(ident).status, Status::found);
    EXPECT_EQ(store.find(ident).account->secret, std::string("s\0\"", 3));
    EXPECT_THAT(store.find(ident).account->pubchans.names(), ElementsAre("a\"b,]"));
    EXPECT_EQ(store.find("\"}").status, Status::absent);
}

TEST(JsonStore, ReplacesTheTargetOfALinkAndNotTheLink) {
    ScratchFolder folder;
    fs::create_directory(folder / "real");
    write_file(folder / "real/u.json", two_users);
    fs::create_symlink("real/u.json", folder / "u.json");
    JsonStore store(folder / "u.json", Missing::refuse);
    store.put(account_of("bob"));
    EXPECT_TRUE(fs::is_symlink(folder / "u.json"));
    EXPECT_THAT(read_file(folder / "real/u.json"), HasSubstr("bob"));
}

TEST(JsonStore, TellsOfALockThatNobodyGivesBack) {
    ScratchFolder folder;
    write_file(folder / "u.json", two_users);
    const DirectoryLock lock(folder / "", std::chrono::seconds(1));
    JsonStore store(folder / "u.json", Missing::refuse, std::chrono::milliseconds(0));
    EXPECT_THAT(message_of<Error>([&] { store.put(account_of("bob")); }),
                HasSubstr("another program"));
    EXPECT_THAT(message_of<Error>([&] { store.remove("zoe"); }), HasSubstr("another program"));
}

TEST(JsonStore, WritersLoseNoUpdates) {
    ScratchFolder folder;
    std::vector<std::thread> writers;
    for (int writer = 0; writer < 4; ++writer)
        writers.emplace_back([&, writer] {
            JsonStore store(folder / "u.json", Missing::create, std::chrono::minutes(1));
            for (int number = 0; number < 5; ++number)
                store.put(account_of("u" + std::to_string(writer * 5 + number)));
        });
    for (std::thread& writer : writers)
        writer.join();
    EXPECT_EQ(JsonStore(folder / "u.json", Missing::refuse).list().size(), 20U);
}

}  // namespace
}  // namespace hpfeeds::auth
