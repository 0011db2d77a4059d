// SPDX-License-Identifier: Apache-2.0
// user_fixture.hpp: `hpfeeds user …`, run in a folder of its own, with files for a terminal.
#pragma once

#include "auth/open_source.hpp"
#include "console.hpp"
#include "unit/auth/scratch_folder.hpp"
#include "user.hpp"

#include <gtest/gtest.h>
#include <CLI/CLI.hpp>

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

namespace hpfeeds::cli {

namespace fs = std::filesystem;
using auth::AccountRef;
using auth::tests::read_file;
using auth::tests::ScratchFolder;
using auth::tests::write_file;

inline constexpr int refused_by_parser = -1;

struct Outcome {
    int status = 0;
    std::string out;
    std::string err;
};

class UserTest : public testing::Test {
protected:
    UserTest() : before_(fs::current_path()) { fs::current_path(folder / ""); }
    ~UserTest() override { fs::current_path(before_); }

    Outcome run(std::vector<std::string> words, const std::string& input = {}) {
        write_file(terminal / "in", input);
        const int in = ::open((terminal / "in").c_str(), O_RDONLY | O_CLOEXEC);
        const int out = fresh(terminal / "out");
        const int err = fresh(terminal / "err");
        Outcome outcome;
        outcome.status = parse(std::move(words), Console{in, out, err, -1});
        for (const int each : {in, out, err})
            ::close(each);
        outcome.out = read_file(terminal / "out");
        outcome.err = read_file(terminal / "err");
        return outcome;
    }

    static AccountRef find(const std::string& ident, const std::string& store = "sqlite.db") {
        return auth::open_store(store)->find(ident).account;
    }

    static int parse(std::vector<std::string> words, const Console& console) {
        CLI::App app("test");
        app.require_subcommand(1);
        // As the other commands have them: the subcommand's own -p and -s must win.
        std::string port;
        std::string secret;
        app.add_option("-p,--port", port);
        app.add_option("-s,--secret", secret);
        app.add_subcommand("publish");
        int status = 0;
        add_user_commands(app, status, console);
        words.insert(words.begin(), "user");
        std::reverse(words.begin(), words.end());  // as CLI11 wants them
        try {
            app.parse(words);
        } catch (const CLI::ParseError&) {
            return refused_by_parser;
        }
        EXPECT_TRUE(port.empty() && secret.empty());
        return status;
    }

    ScratchFolder folder;

private:
    static int fresh(const std::string& path) {
        return ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    }
    ScratchFolder terminal;
    const fs::path before_;
};

}  // namespace hpfeeds::cli
