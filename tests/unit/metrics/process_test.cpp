// SPDX-License-Identifier: Apache-2.0
#include "metrics/process.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>

namespace hpfeeds::metrics {
namespace {

namespace fs = std::filesystem;

std::map<std::string, double> values(const std::vector<Family>& families) {
    std::map<std::string, double> out;
    for (const Family& family : families)
        out[family.name] = family.samples.at(0).value;
    return out;
}

// A folder that looks like /proc, as far as it is read.
class FakeProc : public testing::Test {
protected:
    FakeProc() {
        std::string name = (fs::temp_directory_path() / "hpfeeds-proc-XXXXXX").string();
        root_ = ::mkdtemp(name.data());
        fs::create_directories(root_ / "self" / "fd");
    }
    ~FakeProc() override { fs::remove_all(root_); }

    void write(const fs::path& path, const std::string& text) {
        std::ofstream(root_ / path) << text;
    }

    fs::path root_;
};

TEST(Process, KnowsAllSixOfThisProcess) {
    const auto known = values(process_families());
    EXPECT_EQ(known.size(), 6u);
    EXPECT_GT(known.at("process_resident_memory_bytes"), 100'000);
    EXPECT_GT(known.at("process_virtual_memory_bytes"), known.at("process_resident_memory_bytes"));
    EXPECT_GE(known.at("process_cpu_seconds_total"), 0);
    EXPECT_GE(known.at("process_open_fds"), 3);
    EXPECT_GT(known.at("process_max_fds"), known.at("process_open_fds"));
    const auto now = static_cast<double>(std::time(nullptr));
    EXPECT_GT(known.at("process_start_time_seconds"), now - 86'400);
    EXPECT_LE(known.at("process_start_time_seconds"), now + 2);
}

TEST(Process, CountsDescriptors) {
    const double before = values(process_families()).at("process_open_fds");
    const int descriptor = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
    ASSERT_GE(descriptor, 0);
    const double after = values(process_families()).at("process_open_fds");
    ::close(descriptor);
    EXPECT_EQ(after, before + 1);
}

TEST_F(FakeProc, IsReadByTheFieldsOfItsManual) {
    write("self/stat", "1 (x) S 4 5 6 7 8 9 10 11 12 13 300 200 16 17 18 19 20 21 500 4096 2 25\n");
    write("stat", "cpu 1 2 3\nbtime 1000000\nprocesses 5\n");
    const double ticks = static_cast<double>(::sysconf(_SC_CLK_TCK));
    const auto known = values(process_families(root_));
    EXPECT_EQ(known.at("process_cpu_seconds_total"), 500 / ticks);
    EXPECT_EQ(known.at("process_start_time_seconds"), 1'000'000 + 500 / ticks);
    EXPECT_EQ(known.at("process_virtual_memory_bytes"), 4'096);
    EXPECT_EQ(known.at("process_resident_memory_bytes"),
              2 * static_cast<double>(::sysconf(_SC_PAGESIZE)));
}

TEST_F(FakeProc, MayHoldAnyProgramName) {
    write("self/stat",
          "1 (a) b (c d) S 4 5 6 7 8 9 10 11 12 13 0 0 16 17 18 19 20 21 0 8192 1 25\n");
    EXPECT_EQ(values(process_families(root_)).at("process_virtual_memory_bytes"), 8'192);
}

TEST_F(FakeProc, LeavesOutWhatCannotBeRead) {
    write("self/stat", "1 (x) S 3 4 5\n");
    fs::remove_all(root_ / "self" / "fd");
    EXPECT_THAT(values(process_families(root_)),
                testing::ElementsAre(testing::Key("process_max_fds")));
}

}  // namespace
}  // namespace hpfeeds::metrics
