// SPDX-License-Identifier: Apache-2.0
#include "config/written.hpp"

#include "config/command_line.hpp"
#include "support/temporary_directory.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace hpfeeds::config {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

std::string printed(std::vector<const char*> arguments, const Environment& environment = {}) {
    arguments.insert(arguments.begin(), {"hpfeeds-broker", "--print-config"});
    const auto parsed =
        parse_command_line(static_cast<int>(arguments.size()), arguments.data(), environment);
    const auto* exit = std::get_if<Exit>(&parsed);
    if (exit == nullptr || exit->status != 0) {
        ADD_FAILURE() << (exit == nullptr ? "the broker would run" : exit->err);
        return {};
    }
    return exit->out;
}

TEST(Written, SaysWhatIsSetAndByWhom) {
    const support::TemporaryDirectory directory;
    const std::string path = directory.file("b.toml");
    support::write_file(path, "\nmax-queue = \"64M\"\nauth = ['env', \"users.json\"]");
    const std::string text =
        printed({"--config", path.c_str(), "-e", R"(tcp:interface=\:\:1:port=1)", "--debug"},
                {{"HPFEEDS_BROKER_THREADS", "3"}});
    EXPECT_THAT(text, HasSubstr("# from " + path + ":2:\nmax-queue = \"64M\"\n"));
    EXPECT_THAT(text, HasSubstr("auth = [\n    \"env\",\n    \"users.json\",\n]\n"));
    EXPECT_THAT(text, HasSubstr("# from the command line:\n"
                                R"(endpoint = ['tcp:interface=\:\:1:port=1'])"));
    EXPECT_THAT(text, HasSubstr("# from HPFEEDS_BROKER_THREADS:\nthreads = 3\n"));
    EXPECT_THAT(text, HasSubstr("debug = true\n"));
    EXPECT_THAT(text, HasSubstr("\n# max-memory = \"512MiB\"\n"));
    EXPECT_THAT(text, HasSubstr("\n# exporter = \"HOST:PORT\"\n"));
}

TEST(Written, MeansTheSameWhenItIsRead) {
    const support::TemporaryDirectory directory;
    const std::string path = directory.file("b.toml");
    support::write_file(path, printed({"-e", "tcp:port=7", "--name", "a \"b\" \\ 'c'\n#", "--auth",
                                       "env", "--auth", "x.json", "--wildcards"}));
    const std::vector<const char*> words{"hpfeeds-broker", "--config", path.c_str()};
    const auto parsed =
        parse_command_line(static_cast<int>(words.size()), words.data(), Environment{});
    const auto& options = std::get<BrokerOptions>(parsed);
    EXPECT_THAT(options.endpoints, ElementsAre(Endpoint{.port = 7}));
    EXPECT_EQ(options.name, "a \"b\" \\ 'c'\n#");
    EXPECT_THAT(options.auth, ElementsAre("env", "x.json"));
    EXPECT_TRUE(options.wildcards);
}

TEST(Written, LeavesOutWhatTomlCannotHold) {
    const std::string text = printed({"--name", "\xFF"});
    EXPECT_THAT(text, HasSubstr("# name is not UTF-8 and cannot be written here"));
    EXPECT_THAT(text, Not(HasSubstr("\xFF")));
}

TEST(Written, IsNotPrintedOfABadConfiguration) {
    const std::vector<const char*> words{"hpfeeds-broker", "--print-config", "--threads", "0"};
    const auto parsed =
        parse_command_line(static_cast<int>(words.size()), words.data(), Environment{});
    EXPECT_EQ(std::get<Exit>(parsed).status, 2);
}

}  // namespace
}  // namespace hpfeeds::config
