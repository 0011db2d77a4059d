// SPDX-License-Identifier: Apache-2.0
#include "auth/text_file.hpp"

#include "hpfeeds/error.hpp"
#include "unit/auth/scratch_folder.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <thread>
#include <vector>

namespace hpfeeds::auth {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;
using tests::message_of;
using tests::read_file;
using tests::ScratchFolder;
using tests::write_file;

mode_t mode_of(const std::string& path) {
    struct stat status {};
    EXPECT_EQ(::stat(path.c_str(), &status), 0) << path;
    return status.st_mode & 07777U;
}

std::size_t entries_of(const std::string& folder) {
    std::size_t count = 0;
    for ([[maybe_unused]] const auto& entry : fs::directory_iterator(folder))
        ++count;
    return count;
}

TEST(TextFile, IsReadWhole) {
    ScratchFolder folder;
    const std::string text = std::string(200'000, 'x') + '\0' + "end";
    write_file(folder / "f", text);
    EXPECT_EQ(read_text_file(folder / "f", text.size()), text);
}

TEST(TextFile, RefusesAMissingFileInTheKnownWords) {
    ScratchFolder folder;
    const std::string path = folder / "x.json";
    EXPECT_EQ(message_of<Error>([&] { (void)read_text_file(path, 10); }),
              "Cannot find '" + path + "'");
}

TEST(TextFile, RefusesMoreThanItsBound) {
    ScratchFolder folder;
    write_file(folder / "f", "12345");
    EXPECT_EQ(read_text_file(folder / "f", 5), "12345");
    EXPECT_THAT(message_of<Error>([&] { (void)read_text_file(folder / "f", 4); }),
                HasSubstr("more than the 4 bytes"));
}

TEST(TextFile, RefusesAFolderAndAPipeWithoutWaiting) {
    ScratchFolder folder;
    EXPECT_THAT(message_of<Error>([&] { (void)read_text_file(folder / "", 10); }),
                HasSubstr("is not a regular file"));
    ASSERT_EQ(::mkfifo((folder / "pipe").c_str(), 0600), 0);
    EXPECT_THAT(message_of<Error>([&] { (void)read_text_file(folder / "pipe", 10); }),
                HasSubstr("is not a regular file"));
}

TEST(TextFile, RefusesWhatCannotBeReached) {
    ScratchFolder folder;
    write_file(folder / "f", "");
    EXPECT_THAT(message_of<Error>([&] { (void)read_text_file(folder / "f/below", 10); }),
                HasSubstr("Not a directory"));
}

TEST(ReplaceTextFile, MakesANewFileForItsOwnerAlone) {
    ScratchFolder folder;
    replace_text_file(folder / "f", "text");
    EXPECT_EQ(read_file(folder / "f"), "text");
    EXPECT_EQ(mode_of(folder / "f"), 0600U);
    EXPECT_EQ(entries_of(folder / ""), 1U);
}

TEST(ReplaceTextFile, KeepsThePermissionsOfTheOld) {
    ScratchFolder folder;
    write_file(folder / "f", "old");
    ASSERT_EQ(::chmod((folder / "f").c_str(), 0640), 0);
    replace_text_file(folder / "f", "new");
    EXPECT_EQ(read_file(folder / "f"), "new");
    EXPECT_EQ(mode_of(folder / "f"), 0640U);
}

TEST(ReplaceTextFile, KeepsTheOwnerOfTheOld) {
    if (::geteuid() != 0) GTEST_SKIP() << "only root can give files away";
    ScratchFolder folder;
    write_file(folder / "f", "old");
    ASSERT_EQ(::chown((folder / "f").c_str(), 12'345, 23'456), 0);
    replace_text_file(folder / "f", "new");
    struct stat status {};
    ASSERT_EQ(::stat((folder / "f").c_str(), &status), 0);
    EXPECT_EQ(status.st_uid, 12'345U);
    EXPECT_EQ(status.st_gid, 23'456U);
}

TEST(ReplaceTextFile, LeavesNothingBehindWhenItFails) {
    ScratchFolder folder;
    fs::create_directory(folder / "f");
    write_file(folder / "f/inside", "");
    EXPECT_THAT(message_of<Error>([&] { replace_text_file(folder / "f", "text"); }),
                HasSubstr("cannot replace"));
    EXPECT_EQ(entries_of(folder / ""), 1U);
    EXPECT_THAT(message_of<Error>([&] { replace_text_file(folder / "none/f", "text"); }),
                HasSubstr("cannot write into the directory"));
}

TEST(FollowLinks, EndsAtWhatTheyFinallyName) {
    ScratchFolder folder;
    write_file(folder / "file", "");
    fs::create_symlink("file", folder / "relative");
    fs::create_symlink(folder / "relative", folder / "absolute");
    fs::create_symlink("missing", folder / "dangling");
    EXPECT_EQ(follow_links(folder / "file"), folder / "file");
    EXPECT_EQ(follow_links(folder / "absolute"), folder / "file");
    EXPECT_EQ(follow_links(folder / "dangling"), folder / "missing");
    EXPECT_EQ(follow_links(folder / "nothing"), folder / "nothing");
}

TEST(FollowLinks, RefusesACircle) {
    ScratchFolder folder;
    fs::create_symlink("b", folder / "a");
    fs::create_symlink("a", folder / "b");
    EXPECT_THAT(message_of<Error>([&] { (void)follow_links(folder / "a"); }), HasSubstr("circle"));
}

TEST(DirectoryOf, IsThePartBeforeTheName) {
    EXPECT_EQ(directory_of("f"), ".");
    EXPECT_EQ(directory_of("/f"), "/");
    EXPECT_EQ(directory_of("a/b/f"), "a/b");
}

TEST(DirectoryLock, LetsOneInAtATime) {
    ScratchFolder folder;
    std::atomic<int> count{0};  // read, then written: two at a time would lose steps
    std::vector<std::thread> threads;
    for (int thread = 0; thread < 4; ++thread)
        threads.emplace_back([&] {
            for (int turn = 0; turn < 10; ++turn) {
                const DirectoryLock lock(folder / "", std::chrono::minutes(1));
                const int before = count.load();
                std::this_thread::yield();
                count.store(before + 1);
            }
        });
    for (std::thread& thread : threads)
        thread.join();
    EXPECT_EQ(count.load(), 40);
}

TEST(DirectoryLock, GivesUpWhenItsPatienceEnds) {
    ScratchFolder folder;
    const DirectoryLock lock(folder / "", std::chrono::seconds(1));
    EXPECT_THAT(
        message_of<Error>([&] { DirectoryLock(folder / "", std::chrono::milliseconds(0)); }),
        HasSubstr("another program is changing files"));
}

TEST(DirectoryLock, RefusesADirectoryThatIsNotThere) {
    ScratchFolder folder;
    EXPECT_THAT(
        message_of<Error>([&] { DirectoryLock(folder / "none", std::chrono::milliseconds(0)); }),
        HasSubstr("cannot open the directory"));
}

}  // namespace
}  // namespace hpfeeds::auth
