// SPDX-License-Identifier: Apache-2.0
#include "auth/file_watch.hpp"

#include "auth/file_identity.hpp"

#include "unit/auth/patience.hpp"
#include "unit/auth/scratch_folder.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <vector>

namespace hpfeeds::auth {
namespace {

namespace fs = std::filesystem;
using tests::Bell;
using tests::ScratchFolder;
using tests::write_file;

std::string text_or_nothing(const std::string& path) {
    return fs::exists(path) ? tests::read_file(path) : "(missing)";
}

enum class By { events, comparing };

FileWatch::Options options_for(By by) {
    FileWatch::Options options;
    options.settle = std::chrono::milliseconds(5);
    // By events alone: a poll within the test's patience would hide that they do not come.
    options.poll =
        by == By::events ? std::chrono::milliseconds(3'600'000) : std::chrono::milliseconds(5);
    options.inotify = by == By::events;
    return options;
}

// What a watch of `path` has seen, as a broker would: by reading the file whenever it is told.
class Observer {
public:
    Observer(const std::string& path, By by)
        : path_(path),
          watch_(
              path, [this] { look(); }, options_for(by)) {}

    [[nodiscard]] bool sees(const std::string& text) {
        return bell_.wait_until([&] {
            const std::lock_guard lock(mutex_);
            return seen_ == text;
        });
    }

private:
    void look() {
        {
            const std::lock_guard lock(mutex_);
            seen_ = text_or_nothing(path_);
        }
        bell_.ring();
    }
    const std::string path_;
    std::mutex mutex_;
    std::string seen_;
    Bell bell_;
    FileWatch watch_;
};

TEST(FileIdentity, MayHideAChangeUntilItIsTwoSecondsOld) {
    constexpr std::int64_t second_ns = 1'000'000'000;
    const FileIdentity seen{1, 2, 3, 100 * second_ns};
    EXPECT_TRUE(may_hide_a_change(seen, seen.changed_ns));
    EXPECT_TRUE(may_hide_a_change(seen, seen.changed_ns + 2 * second_ns - 1));
    EXPECT_FALSE(may_hide_a_change(seen, seen.changed_ns + 2 * second_ns));
    EXPECT_FALSE(may_hide_a_change(FileIdentity{}, 0));
}

TEST(FileIdentity, MayHideAChangeWhenItChangedAfterTheReadingBegan) {
    const FileIdentity seen{1, 2, 3, 5'000'000'000};
    EXPECT_TRUE(may_hide_a_change(seen, seen.changed_ns - 1));
    EXPECT_TRUE(may_hide_a_change(seen, 0));  // a file server's clock that is ahead
}

class FileWatchBy : public testing::TestWithParam<By> {
protected:
    ScratchFolder folder;
};

TEST_P(FileWatchBy, TellsOfAWriteInPlace) {
    write_file(folder / "f", "one");
    Observer observer(folder / "f", GetParam());
    EXPECT_TRUE(observer.sees("one"));
    write_file(folder / "f", "two");
    EXPECT_TRUE(observer.sees("two"));
    std::ofstream open(folder / "f", std::ios::app);
    open << " and more" << std::flush;  // the writer stays
    EXPECT_TRUE(observer.sees("two and more"));
}

TEST_P(FileWatchBy, TellsOfARenameOverTheFile) {
    write_file(folder / "f", "one");
    Observer observer(folder / "f", GetParam());
    for (const std::string text : {"two", "three", "four"}) {
        write_file(folder / "new", text);
        fs::rename(folder / "new", folder / "f");
        EXPECT_TRUE(observer.sees(text));
    }
}

TEST_P(FileWatchBy, TellsOfDeletionAndCreation) {
    write_file(folder / "f", "one");
    Observer observer(folder / "f", GetParam());
    fs::remove(folder / "f");
    EXPECT_TRUE(observer.sees("(missing)"));
    write_file(folder / "f", "two");
    EXPECT_TRUE(observer.sees("two"));
}

TEST_P(FileWatchBy, TellsOfADirectoryThatComesAndGoes) {
    fs::create_directories(folder / "a/b");
    write_file(folder / "a/b/f", "one");
    Observer observer(folder / "a/b/f", GetParam());
    EXPECT_TRUE(observer.sees("one"));
    fs::rename(folder / "a", folder / "gone");
    EXPECT_TRUE(observer.sees("(missing)"));
    fs::create_directory(folder / "a");
    fs::create_directory(folder / "a/b");
    write_file(folder / "a/b/f", "two");
    EXPECT_TRUE(observer.sees("two"));
}

// What the kubelet does: users.json -> ..data/users.json, ..data -> ..2026_01, and a new ..data is
// renamed over the old.
TEST_P(FileWatchBy, TellsOfAKubernetesSwap) {
    fs::create_directory(folder / "..2026_01");
    write_file(folder / "..2026_01/users.json", "one");
    fs::create_symlink("..2026_01", folder / "..data");
    fs::create_symlink("..data/users.json", folder / "users.json");
    Observer observer(folder / "users.json", GetParam());
    EXPECT_TRUE(observer.sees("one"));
    std::string previous = "..2026_01";
    for (const std::string next : {"..2026_02", "..2026_03"}) {
        fs::create_directory(folder / next);
        write_file(folder / (next + "/users.json"), next);
        fs::create_symlink(next, folder / "..data_tmp");
        fs::rename(folder / "..data_tmp", folder / "..data");
        fs::remove_all(folder / previous);
        EXPECT_TRUE(observer.sees(next));
        previous = next;
    }
}

TEST_P(FileWatchBy, TellsOfALinkThatLeadsElsewhere) {
    write_file(folder / "one", "one");
    write_file(folder / "two", "two");
    fs::create_symlink(folder / "one", folder / "f");
    Observer observer(folder / "f", GetParam());
    EXPECT_TRUE(observer.sees("one"));
    write_file(folder / "one", "changed");
    EXPECT_TRUE(observer.sees("changed"));
    fs::remove(folder / "f");
    fs::create_symlink(folder / "two", folder / "f");
    EXPECT_TRUE(observer.sees("two"));
}

INSTANTIATE_TEST_SUITE_P(Ways, FileWatchBy, testing::Values(By::events, By::comparing),
                         [](const auto& way) {
                             return way.param == By::events ? "Events" : "Comparing";
                         });

TEST(FileWatch, FollowsARelativePathWithDots) {
    ScratchFolder folder;
    fs::create_directory(folder / "d");
    write_file(folder / "f", "one");
    const std::string relative = fs::relative(folder / "d").string() + "/.././/f";
    Observer observer(relative, By::events);
    EXPECT_TRUE(observer.sees("one"));
    write_file(folder / "f", "two");
    EXPECT_TRUE(observer.sees("two"));
}

TEST(FileWatch, BearsACircleOfLinks) {
    ScratchFolder folder;
    fs::create_symlink("b", folder / "a");
    fs::create_symlink("a", folder / "b");
    Bell told;
    FileWatch watch(
        folder / "a", [&] { told.ring(); }, options_for(By::events));
    EXPECT_TRUE(told.wait_until([&] { return told.rung() > 0; }));
    fs::remove(folder / "a");
    EXPECT_TRUE(told.wait_until([&] { return told.rung() > 1; }));
}

TEST(FileWatch, OthersInTheFolderAreNotItsBusiness) {
    ScratchFolder folder;
    write_file(folder / "f", "one");
    Bell told;
    FileWatch watch(
        folder / "f", [&] { told.ring(); }, options_for(By::events));
    ASSERT_TRUE(told.wait_until([&] { return told.rung() == 1; }));
    for (int number = 0; number < 100; ++number)
        write_file(folder / ("other" + std::to_string(number)), "x");
    write_file(folder / "f", "two");
    ASSERT_TRUE(told.wait_until([&] { return told.rung() >= 2; }));
    // A hundred neighbours would have been told before; one write may be told as a few.
    EXPECT_LT(told.rung(), 20U);
}

TEST(FileWatch, EndsAtOnceWhileNothingHappens) {
    ScratchFolder folder;
    for (const By by : {By::events, By::comparing})
        FileWatch(
            folder / "none", [] {}, options_for(by));
    FileWatch::Options patient;
    patient.settle = patient.settle_max = patient.poll = std::chrono::hours(1);
    Bell told;
    write_file(folder / "f", "one");
    FileWatch watch(
        folder / "f", [&] { told.ring(); }, patient);
    ASSERT_TRUE(told.wait_until([&] { return told.rung() == 1; }));
    write_file(folder / "f", "two");  // it now settles, or is about to, and must end all the same
}

}  // namespace
}  // namespace hpfeeds::auth
