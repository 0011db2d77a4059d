// SPDX-License-Identifier: Apache-2.0
// Secrets stay out of everything that others can see: the list of processes, logs, complaints, and
// what the shell offers to complete.
#include "support/broker_process.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

namespace hpfeeds::support {
namespace {

using testing::HasSubstr;
using testing::Not;

std::string arguments_of(pid_t pid) {
    return read_file("/proc/" + std::to_string(pid) + "/cmdline");
}

TEST(Secrets, OfAClientLeaveTheListOfProcesses) {
    const BrokerProcess broker;
    const std::vector<std::vector<std::string>> ways{{"-s", logger.secret},
                                                     {"-s" + logger.secret},
                                                     {"--secret", logger.secret},
                                                     {"--secret=" + logger.secret}};
    for (const std::vector<std::string>& way : ways) {
        Command command;
        command.words = {command_line_client_binary(),
                         "subscribe",
                         "--host",
                         "127.0.0.1",
                         "-p",
                         std::to_string(broker.address().port),
                         "-i",
                         logger.ident,
                         "-c",
                         "events"};
        command.words.insert(command.words.end(), way.begin(), way.end());
        const Process client(command);
        ASSERT_TRUE(client.out().wait_for_text("connected")) << client.err().text();
        EXPECT_THAT(arguments_of(client.pid()), HasSubstr(logger.ident));
        EXPECT_THAT(arguments_of(client.pid()), Not(HasSubstr(logger.secret)));
    }
}

TEST(Secrets, OfAClientComeFromAFileOrStandardInput) {
    const BrokerProcess broker;
    const TemporaryDirectory folder;
    write_file(folder.path() / "secret", sensor.secret + "\n");
    for (const std::string& file : {folder.file("secret"), std::string("-")}) {
        const Finished done =
            run({.words = {command_line_client_binary(), "publish", "--host", "127.0.0.1", "-p",
                           std::to_string(broker.address().port), "-i", sensor.ident,
                           "--secret-file", file, "-c", "events", "x"},
                 .input = sensor.secret + "\n"});
        EXPECT_EQ(done.ended, (Ended{0, 0})) << done.err;
    }
}

TEST(Secrets, ThatCannotBeToldApartAreRefused) {
    const auto complaint = [](std::vector<std::string> words) {
        words.insert(words.begin(),
                     {command_line_client_binary(), "publish", "-i", "me", "-c", "events"});
        const Finished done = run({.words = std::move(words)});
        EXPECT_EQ(done.ended, (Ended{2, 0})) << done.err;
        return done.err;
    };
    EXPECT_THAT(complaint({"-s", "hunter2", "--secret-file", "x", "y"}), HasSubstr("not both"));
    EXPECT_THAT(complaint({"--secret-file", "-", "-"}), HasSubstr("cannot be both"));
    EXPECT_THAT(complaint({"--secret-file", "/no/such/file", "x"}), HasSubstr("/no/such/file"));
}

TEST(Secrets, BehindAMistypedOptionAreNotRepeated) {
    for (const std::vector<std::string>& words :
         {std::vector<std::string>{"user", "add", "me", "--secrte", "hunter2"},
          std::vector<std::string>{"user", "add", "me", "--secrte=hunter2"},
          std::vector<std::string>{"user", "list", "mongodb://me:hunter2@host/db"},
          std::vector<std::string>{"publish", "-i", "me", "--secrte=hunter2", "-c", "x", "y"}}) {
        std::vector<std::string> all{command_line_client_binary()};
        all.insert(all.end(), words.begin(), words.end());
        const Finished done = run({.words = all});
        EXPECT_NE(done.ended, (Ended{0, 0}));
        EXPECT_THAT(done.err, Not(HasSubstr("hunter2")));
    }
    const TemporaryDirectory folder;
    EXPECT_THAT(run(broker_command({"mongodb://me:hunter2@host/db"}, folder)).err,
                Not(HasSubstr("hunter2")));
}

#ifdef HPFEEDS_WITH_MONGODB
TEST(Secrets, OfAStoresUrlLeaveTheListOfProcessesAndTheLog) {
    const BrokerProcess broker(
        {.arguments = {"--debug", "--auth-timeout", "100ms", "--auth",
                       "mongodb://keeper:hunter2@127.0.0.1:1/hpfeeds?collection=keys"}});
    broker.wait_for_log({"a key store cannot answer", "mongodb://127.0.0.1:1/hpfeeds"});
    EXPECT_THAT(arguments_of(broker.pid()), HasSubstr("mongodb://keeper:*@127.0.0.1:1/hpfeeds"));
    EXPECT_THAT(arguments_of(broker.pid()) + broker.log(), Not(HasSubstr("hunter2")));
}
#endif

// What bash offers for the last of the words.
std::string completed(const std::vector<std::string>& words) {
    std::string script = "source '" HPFEEDS_COMPLETIONS "/hpfeeds'; COMP_WORDS=(hpfeeds";
    for (const std::string& word : words)
        script += " '" + word + "'";
    script += "); COMP_CWORD=" + std::to_string(words.size()) +
              "; compopt() { :; }; _hpfeeds; printf '%s\\n' \"${COMPREPLY[@]}\"";
    const TemporaryDirectory folder;
    write_file(folder.path() / "hunter2", "a file that must not be offered");
    const Finished done = run({.words = {"bash", "-c", script},
                               .directory = folder.path(),
                               .environment = {{"HPFEEDS_SECRET", "hunter2"}}});
    EXPECT_EQ(done.err, "");
    return done.out;
}

TEST(Secrets, AreNeverOfferedByTheShell) {
    for (const char* option : {"-s", "--secret"})
        EXPECT_EQ(completed({"publish", option, ""}), "\n") << option;
    for (const char* option : {"--secret", "--secret-env"})
        EXPECT_EQ(completed({"user", "add", "me", option, ""}), "\n") << option;
}

TEST(Completion, OffersTheActionsOfUserAndTheirOptions) {
    EXPECT_THAT(completed({"user", ""}), testing::AllOf(HasSubstr("copy"), HasSubstr("check")));
    EXPECT_THAT(completed({"user", "copy", "--"}),
                testing::AllOf(HasSubstr("--from"), HasSubstr("--dry-run")));
    EXPECT_THAT(completed({"user", "check", "--"}), HasSubstr("--channel"));
    EXPECT_THAT(completed({"user", "add", "--sec"}), HasSubstr("--secret-file"));
    EXPECT_THAT(completed({"user", "copy", "--from", "hun"}), HasSubstr("hunter2"));
}

}  // namespace
}  // namespace hpfeeds::support
