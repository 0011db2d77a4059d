// SPDX-License-Identifier: Apache-2.0
#include "auth/json_source.hpp"

#include "auth/account_rules.hpp"
#include "auth/json_store.hpp"
#include "auth/limits.hpp"
#include "hpfeeds/error.hpp"
#include "unit/auth/account_builder.hpp"
#include "unit/auth/patience.hpp"
#include "unit/auth/scratch_folder.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <thread>

namespace hpfeeds::auth {
namespace {

namespace fs = std::filesystem;
using Status = Lookup::Status;
using testing::HasSubstr;
using tests::Bell;
using tests::message_of;
using tests::ScratchFolder;
using tests::write_file;

std::string file_with(const std::string& ident, const std::string& secret) {
    return "{\"" + ident + "\": {\"owner\": \"o\", \"secret\": \"" + secret +
           "\", \"pubchans\": [\"p\"], \"subchans\": [\"s\"]}}\n";
}

// A source in a quick hurry, and a way to wait for what it makes of its file.
class Watched {
public:
    explicit Watched(const std::string& path)
        : source(path, {.watch = {.settle = std::chrono::milliseconds(10)},
                        .looked_at = [this] { bell_.ring(); }}) {}

    [[nodiscard]] bool comes_to_know(const std::string& ident, const std::string& secret) {
        return bell_.wait_until([&] {
            const Lookup lookup = source.find(ident);
            return lookup.status == Status::found && lookup.account->secret == secret;
        });
    }
    [[nodiscard]] bool comes_to_refuse(std::uint64_t times) {
        return bell_.wait_until([&] { return source.reload_failed().value() >= times; });
    }

private:
    Bell bell_;

public:
    JsonSource source;
};

TEST(JsonSource, FindsWhatIsInTheFile) {
    ScratchFolder folder;
    write_file(folder / "users.json", file_with("bob", "s"));
    JsonSource source(folder / "users.json");
    const Lookup lookup = source.find("bob");
    ASSERT_EQ(lookup.status, Status::found);
    EXPECT_EQ(lookup.account->secret, "s");
    EXPECT_EQ(lookup.account->owner, "o");
    EXPECT_TRUE(lookup.account->pubchans.contains("p"));
    EXPECT_TRUE(lookup.account->subchans.contains("s"));
    EXPECT_EQ(source.name(), folder / "users.json");
    EXPECT_EQ(source.reload_ok().value(), 0U);
}

TEST(JsonSource, KnowsNobodyElse) {
    ScratchFolder folder;
    write_file(folder / "users.json", file_with("bob", "s"));
    JsonSource source(folder / "users.json");
    for (const std::string ident : {"", "BOB", "bo", "bob ", "\xFF", "'; --", "bob\""})
        EXPECT_EQ(source.find(ident).status, Status::absent) << ident;
    EXPECT_EQ(source.find(std::string("bob\0", 4)).status, Status::absent);
    EXPECT_EQ(source.find(std::string(1000, 'b')).status, Status::absent);
}

TEST(JsonSource, RefusesToStartWithoutItsFile) {
    ScratchFolder folder;
    const std::string path = folder / "x.json";
    EXPECT_EQ(message_of<Error>([&] { JsonSource{path}; }), "Cannot find '" + path + "'");
}

TEST(JsonSource, RefusesToStartWithAFileBeyondItsBound) {
    ScratchFolder folder;
    write_file(folder / "big.json", "{}");
    fs::resize_file(folder / "big.json", json_file_bytes_max + 1);
    EXPECT_THAT(message_of<Error>([&] { JsonSource{folder / "big.json"}; }),
                HasSubstr("more than the 67108864 bytes"));
}

TEST(JsonSource, StartsWithAnInvalidFileAndNoUsersUntilItIsRepaired) {
    ScratchFolder folder;
    write_file(folder / "users.json", "{\"bob\": {}}");
    Watched watched(folder / "users.json");
    const Lookup lookup = watched.source.find("bob");
    EXPECT_EQ(lookup.status, Status::unavailable);
    EXPECT_THAT(lookup.reason, HasSubstr("entry \"bob\": field \"owner\" is missing"));
    // By rename: a write in place may be seen half done, which is a failure of its own.
    write_file(folder / "new", file_with("bob", "s"));
    fs::rename(folder / "new", folder / "users.json");
    EXPECT_TRUE(watched.comes_to_know("bob", "s"));
    EXPECT_EQ(watched.source.find("eve").status, Status::absent);
    EXPECT_EQ(watched.source.reload_failed().value(), 0U);
    EXPECT_GE(watched.source.reload_ok().value(), 1U);
}

TEST(JsonSource, TakesOverAWriteInPlaceAndARename) {
    ScratchFolder folder;
    write_file(folder / "users.json", file_with("bob", "one"));
    Watched watched(folder / "users.json");
    write_file(folder / "users.json", file_with("bob", "two"));
    EXPECT_TRUE(watched.comes_to_know("bob", "two"));
    write_file(folder / "new", file_with("bob", "three"));
    fs::rename(folder / "new", folder / "users.json");
    EXPECT_TRUE(watched.comes_to_know("bob", "three"));
    write_file(folder / "users.json", file_with("eve", "four"));
    EXPECT_TRUE(watched.comes_to_know("eve", "four"));
    EXPECT_EQ(watched.source.find("bob").status, Status::absent);
}

TEST(JsonSource, TakesOverAKubernetesSwap) {
    ScratchFolder folder;
    fs::create_directory(folder / "..1");
    fs::create_directory(folder / "..2");
    write_file(folder / "..1/users.json", file_with("bob", "one"));
    write_file(folder / "..2/users.json", file_with("bob", "two"));
    fs::create_symlink("..1", folder / "..data");
    fs::create_symlink("..data/users.json", folder / "users.json");
    Watched watched(folder / "users.json");
    EXPECT_EQ(watched.source.find("bob").account->secret, "one");
    fs::create_symlink("..2", folder / "..data_tmp");
    fs::rename(folder / "..data_tmp", folder / "..data");
    EXPECT_TRUE(watched.comes_to_know("bob", "two"));
}

TEST(JsonSource, KeepsTheOldUsersWhenTheFileIsWrong) {
    ScratchFolder folder;
    write_file(folder / "users.json", file_with("bob", "one"));
    Watched watched(folder / "users.json");
    write_file(folder / "users.json", "{\"bob\": {\"owner\": \"o\",}}");
    EXPECT_TRUE(watched.comes_to_refuse(1));
    EXPECT_EQ(watched.source.find("bob").account->secret, "one");
    write_file(folder / "users.json", file_with("bob", "two"));
    EXPECT_TRUE(watched.comes_to_know("bob", "two"));
}

TEST(JsonSource, KeepsTheOldUsersWhenTheFileIsGone) {
    ScratchFolder folder;
    write_file(folder / "users.json", file_with("bob", "one"));
    Watched watched(folder / "users.json");
    fs::remove(folder / "users.json");
    EXPECT_TRUE(watched.comes_to_refuse(1));
    EXPECT_EQ(watched.source.find("bob").status, Status::found);
    write_file(folder / "users.json", file_with("bob", "two"));
    EXPECT_TRUE(watched.comes_to_know("bob", "two"));
}

TEST(JsonSource, KeepsTheOldUsersWhileTheFileIsHalfWritten) {
    ScratchFolder folder;
    write_file(folder / "users.json", file_with("bob", "one"));
    Watched watched(folder / "users.json");
    const std::string next = file_with("bob", "two");
    std::ofstream writer(folder / "users.json", std::ios::trunc);
    writer << next.substr(0, next.size() / 2) << std::flush;
    EXPECT_TRUE(watched.comes_to_refuse(1));  // the writer rests, so it was looked at
    EXPECT_EQ(watched.source.find("bob").account->secret, "one");
    writer << next.substr(next.size() / 2) << std::flush;
    EXPECT_TRUE(watched.comes_to_know("bob", "two"));
}

TEST(JsonSource, AnAccountInUseOutlivesItsFile) {
    ScratchFolder folder;
    write_file(folder / "users.json", file_with("bob", "one"));
    Watched watched(folder / "users.json");
    const AccountRef held = watched.source.find("bob").account;
    write_file(folder / "users.json", file_with("eve", "two"));
    ASSERT_TRUE(watched.comes_to_know("eve", "two"));
    EXPECT_EQ(held->secret, "one");
}

TEST(JsonSource, TakesOverWhatTheUserCommandWrites) {
    ScratchFolder folder;
    write_file(folder / "users.json", file_with("bob", "one"));
    Watched watched(folder / "users.json");
    JsonStore store(folder / "users.json", Missing::refuse);
    store.put(tests::account_of("eve", "new"));
    EXPECT_TRUE(watched.comes_to_know("eve", "new"));
    EXPECT_EQ(watched.source.find("bob").status, Status::found);
}

TEST(JsonSource, AnswersManyThreadsWhileItsFileIsReplaced) {
    ScratchFolder folder;
    write_file(folder / "users.json", file_with("bob", "0"));
    Watched watched(folder / "users.json");
    std::atomic<bool> done{false};
    std::vector<std::thread> readers;
    for (int reader = 0; reader < 3; ++reader)
        readers.emplace_back([&] {
            while (!done.load()) {
                const Lookup lookup = watched.source.find("bob");
                ASSERT_EQ(lookup.status, Status::found);
                ASSERT_EQ(lookup.account->ident, "bob");
            }
        });
    for (int version = 1; version <= 10; ++version) {
        write_file(folder / "new", file_with("bob", std::to_string(version)));
        fs::rename(folder / "new", folder / "users.json");
        EXPECT_TRUE(watched.comes_to_know("bob", std::to_string(version)));
    }
    done.store(true);
    for (std::thread& reader : readers)
        reader.join();
}

// ---- what it tells of changes

std::string file_of(const std::vector<core::Account>& accounts) {
    std::string text = "{";
    for (const core::Account& account : accounts) {
        if (text.size() > 1) text += ",\n";
        text += "\"" + account.ident + "\": {\"owner\": \"" + account.owner + "\", \"secret\": \"" +
                account.secret + "\", \"pubchans\": " + channels_as_json(account.pubchans) +
                ", \"subchans\": " + channels_as_json(account.subchans) + "}";
    }
    return text + "}";
}

// A source and all that it has told, in order of the idents.
class Telling {
public:
    explicit Telling(const std::string& path)
        : source(path, {.watch = {.settle = std::chrono::milliseconds(10)}}) {
        source.tell_changes_to([this](KeyChanges changes) {
            {
                const std::lock_guard lock(mutex_);
                told_.push_back(std::move(changes));
            }
            bell_.ring();
        });
    }
    ~Telling() { source.tell_changes_to({}); }

    // The next that it tells; `any` is the list {"any"}.
    [[nodiscard]] std::vector<std::string> next() {
        KeyChanges changes;
        const bool told = bell_.wait_until([&] {
            const std::lock_guard lock(mutex_);
            return told_.size() > taken_;
        });
        if (!told) return {"nothing was told"};
        const std::lock_guard lock(mutex_);
        changes = told_[taken_++];
        if (changes.any) changes.idents.push_back("any");
        std::sort(changes.idents.begin(), changes.idents.end());
        return changes.idents;
    }

private:
    Bell bell_;
    std::mutex mutex_;
    std::vector<KeyChanges> told_;
    std::size_t taken_ = 0;

public:
    JsonSource source;
};

using Idents = std::vector<std::string>;

TEST(JsonSource, TellsWhoChangedCameOrWent) {
    ScratchFolder folder;
    core::Account same = tests::account_of("same");
    core::Account changed = tests::account_of("changed");
    write_file(folder / "users.json", file_of({same, changed, tests::account_of("went")}));
    Telling telling(folder / "users.json");
    EXPECT_TRUE(telling.source.tells_changes());
    const AccountRef before = telling.source.find("same").account;
    changed.subchans = core::ChannelList({"more"});
    write_file(folder / "users.json", file_of({same, changed, tests::account_of("came")}));
    EXPECT_EQ(telling.next(), (Idents{"came", "changed", "went"}));
    EXPECT_EQ(telling.source.find("same").account, before) << "the same object as before";
    EXPECT_TRUE(telling.source.find("changed").account->subchans.contains("more"))
        << "who is told can ask at once";
}

TEST(JsonSource, TellsNothingWhenOnlyBlanksChange) {
    ScratchFolder folder;
    core::Account one = tests::account_of("one");
    write_file(folder / "users.json", file_of({one}));
    Telling telling(folder / "users.json");
    write_file(folder / "users.json", file_of({one}) + "  \n");
    one.secret = "another";
    write_file(folder / "users.json", file_of({one, tests::account_of("two")}));
    EXPECT_EQ(telling.next(), (Idents{"one", "two"}));
}

TEST(JsonSource, TellsThatAnyMayHaveChangedWhenTheyAreMany) {
    ScratchFolder folder;
    std::vector<core::Account> accounts;
    for (std::size_t i = 0; i < told_idents_max; ++i)
        accounts.push_back(tests::account_of("ident" + std::to_string(i)));
    write_file(folder / "users.json", file_of({}));
    Telling telling(folder / "users.json");
    write_file(folder / "users.json", file_of(accounts));
    EXPECT_EQ(telling.next().size(), told_idents_max);
    accounts.push_back(tests::account_of("one more"));
    for (core::Account& account : accounts)
        account.secret = "changed";
    write_file(folder / "users.json", file_of(accounts));
    EXPECT_EQ(telling.next(), Idents{"any"});
}

TEST(JsonSource, TellsThatAnyMayHaveChangedWhenItsFirstFileIsRepaired) {
    ScratchFolder folder;
    write_file(folder / "users.json", "{");
    Telling telling(folder / "users.json");
    write_file(folder / "users.json", file_of({tests::account_of("one")}));
    EXPECT_EQ(telling.next(), Idents{"any"});
}

TEST(JsonSource, TellsNothingOfAFileThatItRefuses) {
    ScratchFolder folder;
    write_file(folder / "users.json", file_of({tests::account_of("one")}));
    Telling telling(folder / "users.json");
    write_file(folder / "users.json", "{");
    while (telling.source.reload_failed().value() == 0)
        std::this_thread::yield();
    write_file(folder / "users.json", file_of({tests::account_of("two")}));
    EXPECT_EQ(telling.next(), (Idents{"one", "two"}));
}

}  // namespace
}  // namespace hpfeeds::auth
