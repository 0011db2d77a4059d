// SPDX-License-Identifier: Apache-2.0
#include "service/program.hpp"

#include <gtest/gtest.h>

#include <stdlib.h>
#include <array>
#include <filesystem>
#include <string>

namespace hpfeeds::service {
namespace {

namespace fs = std::filesystem;

class ThisProgram : public testing::Test {
protected:
    ThisProgram() {
        std::string name = (fs::temp_directory_path() / "hpfeeds-program-XXXXXX").string();
        EXPECT_NE(::mkdtemp(name.data()), nullptr);
        folder_ = name;
    }
    ~ThisProgram() override { fs::remove_all(folder_); }

    static Program called(const std::string& name) {
        const std::array<const char*, 2> argv{name.c_str(), "--debug"};
        return this_program(2, argv.data());
    }

    const std::string self_ = fs::read_symlink("/proc/self/exe").string();
    fs::path folder_;
};

TEST_F(ThisProgram, KeepsItsArguments) {
    EXPECT_EQ(called("hpfeeds-broker").arguments,
              (std::vector<std::string>{"hpfeeds-broker", "--debug"}));
}

TEST_F(ThisProgram, IsItsFileWhenItWasFoundByItsName) {
    EXPECT_EQ(called("hpfeeds-broker").path, self_);
    EXPECT_EQ(this_program(0, nullptr).path, self_);
}

// So that the next one is what the link leads to then.
TEST_F(ThisProgram, IsTheLinkByWhichItWasCalled) {
    const std::string link = folder_ / "current";
    fs::create_symlink(self_, link);
    EXPECT_EQ(called(link).path, link);
}

TEST_F(ThisProgram, IsFoundFromAnywhereWhenItWasCalledFromHere) {
    fs::create_symlink(self_, folder_ / "current");
    const fs::path before = fs::current_path();
    fs::current_path(folder_);
    const std::string path = called("./current").path;
    fs::current_path(before);
    EXPECT_TRUE(fs::path(path).is_absolute()) << path;
    EXPECT_TRUE(fs::equivalent(path, self_)) << path;
}

TEST_F(ThisProgram, IsNotWhatOnlyHasTheNameItWasCalledBy) {
    EXPECT_EQ(called("/bin/sh").path, self_);
    EXPECT_EQ(called(folder_ / "nothing").path, self_);
}

}  // namespace
}  // namespace hpfeeds::service
