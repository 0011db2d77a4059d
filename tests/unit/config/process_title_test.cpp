// SPDX-License-Identifier: Apache-2.0
#include "config/process_title.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace hpfeeds::config {
namespace {

std::vector<std::string> hidden(std::vector<std::string> words) {
    std::vector<char*> argv;
    for (std::string& word : words)
        argv.push_back(word.data());
    hide_passwords(static_cast<int>(argv.size()), argv.data());
    return words;
}

TEST(ProcessTitle, ShowsNoPasswords) {
    EXPECT_EQ(hidden({"hpfeeds-broker", "--auth", "database+mysql://me:hunter2@host:1/db?x=a@b"}),
              (std::vector<std::string>{"hpfeeds-broker", "--auth",
                                        "database+mysql://me:*******@host:1/db?x=a@b"}));
    EXPECT_EQ(hidden({"x", "--store=mongodb://me:p@ss@host/db"})[1],
              "--store=mongodb://me:****@host/db");
    EXPECT_EQ(hidden({"x", "database+mysql://:a@h/d"})[1], "database+mysql://:*@h/d");
}

TEST(ProcessTitle, LeavesEverythingElseAsItIs) {
    const std::vector<std::string> words{"a://b:c@d",
                                         "database+postgresql://localhost:5432/db",
                                         "database+postgresql://me@localhost:5432/db",
                                         "database+sqlite:///a:b.db",
                                         "tcp:port=1",
                                         "",
                                         "http://h/?mail=a:b@c"};
    EXPECT_EQ(hidden(words), words);
}

}  // namespace
}  // namespace hpfeeds::config
