// SPDX-License-Identifier: Apache-2.0
#include "client/spool.hpp"

#include "client/limits.hpp"
#include "support/temporary_directory.hpp"
#include "wire/frame.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sys/resource.h>
#include <sys/stat.h>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

namespace hpfeeds::client {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using namespace std::chrono_literals;

const Spool::WallClock::time_point start{std::chrono::hours(500'000)};

class SpoolTest : public ::testing::Test {
protected:
    [[nodiscard]] std::string path(const std::string& name = "spool.db") const {
        return folder_.file(name);
    }
    std::error_code append(Spool& spool, std::string_view payload,
                           Spool::WallClock::time_point now = start) {
        return spool.append("chan", wire::as_bytes(payload), now);
    }
    static std::vector<std::string> read(Spool& spool, std::uint64_t after = 0) {
        std::vector<std::string> heard;
        EXPECT_FALSE(spool.read_after(after, [&](const Spool::Event& event) {
            heard.push_back(std::string(event.channel) + ":" +
                            std::string(wire::as_text(event.payload)));
            return true;
        })) << spool.explanation();
        return heard;
    }
    // The error of opening a spool at `where`, and its text.
    static std::error_code refusal(const std::string& where, std::string& text) {
        try {
            const Spool spool(where, {});
        } catch (const Error& error) {
            text = error.what();
            return error.code();
        }
        return {};
    }

private:
    support::TemporaryDirectory folder_;
};

TEST_F(SpoolTest, KeepsEventsInOrderOverItsOwnEnd) {
    {
        Spool spool(path(), {});
        EXPECT_FALSE(append(spool, "one"));
        EXPECT_FALSE(append(spool, std::string("t\0o", 3)));
        EXPECT_FALSE(append(spool, ""));
        EXPECT_EQ(spool.events(), 3U);
    }
    Spool spool(path(), {});
    EXPECT_EQ(spool.events(), 3U);
    EXPECT_EQ(spool.bytes(), 3 * (4 + spool_event_overhead_bytes) + 6);
    EXPECT_THAT(read(spool), ElementsAre("chan:one", std::string("chan:t\0o", 8), "chan:"));
}

TEST_F(SpoolTest, ReadsOnBehindAnEventAndStopsWhenTold) {
    Spool spool(path(), {});
    for (const char* payload : {"one", "two", "three"})
        EXPECT_FALSE(append(spool, payload));
    std::vector<std::uint64_t> ids;
    EXPECT_FALSE(spool.read_after(0, [&](const Spool::Event& event) {
        ids.push_back(event.id);
        return ids.size() < 2;
    }));
    EXPECT_EQ(ids.size(), 2U);
    EXPECT_THAT(read(spool, ids.front()), ElementsAre("chan:two", "chan:three"));
}

TEST_F(SpoolTest, ForgetsWhatIsDelivered) {
    Spool spool(path(), {});
    for (const char* payload : {"one", "two", "three"})
        EXPECT_FALSE(append(spool, payload));
    EXPECT_FALSE(spool.forget(2));
    EXPECT_EQ(spool.events(), 1U);
    EXPECT_THAT(read(spool), ElementsAre("chan:three"));
    EXPECT_FALSE(spool.forget(3));
    EXPECT_EQ(spool.bytes(), 0U);
    EXPECT_FALSE(append(spool, "four"));
    std::uint64_t id = 0;
    EXPECT_FALSE(spool.read_after(3, [&](const Spool::Event& event) {
        id = event.id;
        return true;
    }));
    EXPECT_EQ(id, 4U) << "an id is never used twice, not even when the file was empty";
}

TEST_F(SpoolTest, DropsTheOldestWhenItIsFull) {
    const std::size_t one = 4 + 100 + spool_event_overhead_bytes;
    Spool spool(path(), {.bytes_max = 10 * one});
    for (char name = 'a'; name < 'a' + 15; ++name)
        EXPECT_FALSE(append(spool, std::string(100, name)));
    EXPECT_LE(spool.bytes(), 10 * one);
    EXPECT_EQ(spool.events() + spool.counts().dropped_for_room, 15U);
    EXPECT_EQ(read(spool).back(), "chan:" + std::string(100, 'o'));
}

TEST_F(SpoolTest, RefusesAMessageAboveItsBound) {
    Spool spool(path(), {.bytes_max = 1000});
    EXPECT_FALSE(append(spool, "one"));
    EXPECT_EQ(append(spool, std::string(1000, 'x')), Errc::spool_full);
    EXPECT_THAT(spool.explanation(), HasSubstr("above the bound of the spool"));
    EXPECT_THAT(read(spool), ElementsAre("chan:one"));
}

TEST_F(SpoolTest, DropsWhatHasWaitedTooLong) {
    Spool spool(path(), {.age_max = 10s});
    EXPECT_FALSE(append(spool, "old", start));
    EXPECT_FALSE(append(spool, "young", start + 8s));
    EXPECT_FALSE(spool.drop_expired(start + 11s));
    EXPECT_EQ(spool.counts().dropped_for_age, 1U);
    EXPECT_THAT(read(spool), ElementsAre("chan:young"));
}

TEST_F(SpoolTest, BelongsToOneAtATime) {
    Spool spool(path(), {});
    std::string text;
    EXPECT_EQ(refusal(path(), text), Errc::spool_locked);
    EXPECT_THAT(text, HasSubstr("another process has it"));
    EXPECT_THAT(text, HasSubstr(path()));
    EXPECT_FALSE(append(spool, "still mine"));
}

TEST_F(SpoolTest, RefusesAFileThatIsNotASpool) {
    std::ofstream(path("text")) << std::string(5000, 'x');
    std::string text;
    EXPECT_EQ(refusal(path("text"), text), Errc::spool_unusable);
    EXPECT_THAT(text, HasSubstr("damaged or not an SQLite file"));
    EXPECT_EQ(refusal(path("no/folder/spool.db"), text), Errc::spool_unusable);
    EXPECT_THAT(text, HasSubstr("no/folder/spool.db"));
    EXPECT_THAT(text, HasSubstr("No such file"));
}

TEST_F(SpoolTest, LeavesAnotherProgramsDatabaseAlone) {
    // A spool whose mark is overwritten: bytes 68 to 71 of an SQLite file.
    { Spool spool(path(), {}); }
    std::fstream file(path(), std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(68);
    file.write("abcd", 4);
    file.close();
    std::string text;
    EXPECT_EQ(refusal(path(), text), Errc::spool_unusable);
    EXPECT_THAT(text, HasSubstr("another program's database"));
}

TEST_F(SpoolTest, SaysThatItIsDamaged) {
    {
        Spool spool(path(), {});
        for (int i = 0; i < 100; ++i)
            EXPECT_FALSE(append(spool, std::string(2000, 'x')));
    }
    const auto size = std::filesystem::file_size(path());
    std::fstream file(path(), std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(8192);
    file << std::string(size - 8192, '\xff');
    file.close();
    std::string text;
    std::error_code error = refusal(path(), text);
    EXPECT_EQ(error, Errc::spool_unusable);
    EXPECT_THAT(text, HasSubstr("damaged"));
}

TEST_F(SpoolTest, SurvivesAFullDisk) {
    Spool spool(path(), {});
    EXPECT_FALSE(append(spool, "before"));
    // A file may not grow any more: to SQLite that is a write that fails.
    std::signal(SIGXFSZ, SIG_IGN);
    rlimit before{};
    getrlimit(RLIMIT_FSIZE, &before);
    const rlimit tight{100'000, before.rlim_max};
    setrlimit(RLIMIT_FSIZE, &tight);
    std::error_code error;
    int kept = 0;
    for (; kept < 100 && !error; ++kept)
        error = append(spool, std::string(10'000, 'x'));
    setrlimit(RLIMIT_FSIZE, &before);
    EXPECT_EQ(error, Trouble::storage) << kept;
    EXPECT_THAT(spool.explanation(), HasSubstr("cannot write to the spool"));
    EXPECT_FALSE(append(spool, "after")) << spool.explanation();
    const std::vector<std::string> heard = read(spool);
    EXPECT_EQ(heard.size(), spool.events());
    EXPECT_EQ(heard.front(), "chan:before");
    EXPECT_EQ(heard.back(), "chan:after");
}

TEST_F(SpoolTest, IsForItsOwnerOnly) {
    const Spool spool(path(), {});
    struct stat status {};
    ASSERT_EQ(stat(path().c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 0777, 0600U);
}

}  // namespace
}  // namespace hpfeeds::client
