// SPDX-License-Identifier: Apache-2.0
// SIGUSR2: another process takes over the sockets, and no connection is refused.
#include "support/broker_process.hpp"
#include "support/notify_socket.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <filesystem>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace hpfeeds::support {
namespace {

using testing::AllOf;
using testing::HasSubstr;

// A broker that another one has started. When its parent ends it becomes our child, and is killed
// with its owner.
class Heir {
public:
    explicit Heir(pid_t pid) : pid_(pid) {}
    Heir(Heir&& other) noexcept : pid_(std::exchange(other.pid_, -1)) {}
    Heir& operator=(Heir&& other) noexcept {
        std::swap(pid_, other.pid_);
        return *this;
    }
    ~Heir() {
        if (pid_ <= 0) return;
        ::kill(pid_, SIGKILL);
        ::waitpid(pid_, nullptr, 0);
    }

    [[nodiscard]] pid_t pid() const noexcept { return pid_; }
    void signal(int number) const { ::kill(pid_, number); }
    // Its exit status; -1 when it died of a signal, or does not end.
    int wait() {
        const int watch = static_cast<int>(::syscall(SYS_pidfd_open, pid_, 0));
        pollfd entry{watch, POLLIN, 0};
        const bool over = ::poll(&entry, 1, Deadline{}.left_ms()) > 0;
        ::close(watch);
        int status = 0;
        pid_t ended = 0;
        // Until its parent has ended, too, it is not our child.
        for (const Deadline deadline{}; over && (ended = ::waitpid(pid_, &status, 0)) < 0;) {
            if (errno != ECHILD || deadline.passed()) break;
            std::this_thread::yield();
        }
        if (ended != pid_) return -1;
        pid_ = -1;
        return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    }

private:
    pid_t pid_;
};

class Upgrades : public testing::Test {
protected:
    // Orphans of our children are ours.
    static void SetUpTestSuite() { ::prctl(PR_SET_CHILD_SUBREAPER, 1); }

    // Asks `old` to be replaced, and waits until it is.
    Heir replace(pid_t old) {
        ::kill(old, SIGUSR2);
        Heir heir(static_cast<pid_t>(std::stol(manager_.wait_for("MAINPID=").text.substr(8))));
        EXPECT_EQ(manager_.wait_for("READY=1").sender, heir.pid());
        return heir;
    }

    // Starts a broker whose file is `program`.
    [[nodiscard]] Command command_of(const std::string& program,
                                     const TemporaryDirectory& directory,
                                     const std::vector<std::string>& where = {"-e",
                                                                              any_port}) const {
        std::vector<std::string> arguments = where;
        arguments.insert(arguments.end(), {"--auth", "env"});
        Command command = broker_command(arguments, directory);
        command.words.front() = program;
        command.environment = {manager_.variable()};
        return command;
    }

    NotifySocket manager_;
};

TEST_F(Upgrades, TheNextProcessServesTheSameSocketsAndTheOldOneEnds) {
    BrokerProcess old({.endpoints = {any_port, any_tls_port},
                       .environment = {manager_.variable()},
                       .listeners = 2});
    manager_.wait_for("READY=1");
    WireClient before(old.address(0), both);
    before.settle();
    Heir heir = replace(old.pid());
    EXPECT_NE(heir.pid(), old.pid());
    before.expect_closed();
    for (const std::size_t index : {0U, 1U}) {
        WireClient client(old.address(index), both);
        client.settle();
    }
    heir.signal(SIGTERM);
    EXPECT_EQ(heir.wait(), 0);
    EXPECT_EQ(old.process().wait(), (Ended{0, 0}));
}

TEST_F(Upgrades, AUnixSocketKeepsItsFileUntilTheLastProcessEnds) {
    BrokerProcess old(
        {.endpoints = {"unix:path=broker.sock", any_port}, .environment = {manager_.variable()}});
    manager_.wait_for("READY=1");
    const std::filesystem::path file = old.directory().path() / "broker.sock";
    Heir heir = replace(old.pid());
    while (old.running())
        std::this_thread::yield();
    EXPECT_TRUE(std::filesystem::exists(file));
    WireClient client(old.address(0), both);
    client.settle();
    heir.signal(SIGTERM);
    EXPECT_EQ(heir.wait(), 0);
    EXPECT_FALSE(std::filesystem::exists(file));
}

TEST_F(Upgrades, WhatIsQueuedInTheOldProcessIsStillHandedOut) {
    BrokerProcess old({.arguments = {"--drain-timeout", "10m", "--shutdown-grace", "0"},
                       .environment = {manager_.variable()}});
    manager_.wait_for("READY=1");
    WireClient listener(old.address(), logger, 4096);
    listener.subscribe("events");
    listener.settle();
    WireClient publisher(old.address(), sensor);
    const std::string payload(100'000, 'p');
    for (int number = 0; number < 50; ++number)
        publisher.publish("events", std::to_string(number) + payload);
    publisher.settle();
    const Heir heir = replace(old.pid());
    for (int number = 0; number < 50; ++number)
        listener.expect_message({"sensor", "events", std::to_string(number) + payload});
    listener.expect_closed();
}

TEST_F(Upgrades, AReaderThatNeverReadsKeepsTheOldProcessForTheDrainTimeoutAlone) {
    BrokerProcess old({.arguments = {"--drain-timeout", "100ms", "--shutdown-grace", "10m"},
                       .environment = {manager_.variable()}});
    manager_.wait_for("READY=1");
    WireClient stalled(old.address(), logger, 4096);
    stalled.subscribe("events");
    stalled.settle();
    WireClient publisher(old.address(), sensor);
    for (int count = 0; count < 100; ++count)
        publisher.publish("events", std::string(100'000, 'p'));
    publisher.settle();
    const Heir heir = replace(old.pid());
    // Its output stays open: the heir writes there, too.
    const Deadline deadline;
    while (old.running() && !deadline.passed())
        std::this_thread::yield();
    EXPECT_FALSE(old.running());
}

// Connects again and again, and counts.
class Knocker {
public:
    explicit Knocker(std::uint16_t port) : port_(port), thread_([this] { knock(); }) {}
    ~Knocker() { finish(); }
    Knocker(const Knocker&) = delete;
    Knocker& operator=(const Knocker&) = delete;

    void finish() {
        done_ = true;
        if (thread_.joinable()) thread_.join();
    }
    [[nodiscard]] int knocked() const noexcept { return knocked_; }
    [[nodiscard]] int refused() const noexcept { return refused_; }

private:
    void knock() {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_port = htons(port_);
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        while (!done_) {
            const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
            if (::connect(socket, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
                ++refused_;
            ++knocked_;
            ::close(socket);
        }
    }

    std::uint16_t port_;
    std::atomic<bool> done_{false};
    std::atomic<int> knocked_{0};
    std::atomic<int> refused_{0};
    std::thread thread_;
};

TEST_F(Upgrades, NotOneConnectIsRefusedOverSeveralOfThem) {
    BrokerProcess first({.arguments = {"--threads", "2"}, .environment = {manager_.variable()}});
    manager_.wait_for("READY=1");
    Knocker knocker(first.address().port);
    std::vector<Heir> heirs;
    for (int generation = 0; generation < 5; ++generation) {
        const int knocked = knocker.knocked();
        heirs.push_back(replace(heirs.empty() ? first.pid() : heirs.back().pid()));
        while (knocker.knocked() < knocked + 100)
            std::this_thread::yield();
        // A subscriber and a publisher that come back find each other.
        WireClient listener(first.address(), logger);
        listener.subscribe("events");
        listener.settle();
        WireClient publisher(first.address(), sensor);
        wait_until_subscribed(publisher, listener, "events");
        publisher.publish("events", std::to_string(generation));
        listener.expect_message({"sensor", "events", std::to_string(generation)});
    }
    knocker.finish();
    EXPECT_EQ(knocker.refused(), 0) << "of " << knocker.knocked();
    while (heirs.size() > 1) {
        Heir last = std::move(heirs.back());
        heirs.pop_back();
        EXPECT_EQ(heirs.back().wait(), 0);
        heirs.back() = std::move(last);
    }
}

TEST_F(Upgrades, TheExporterIsTakenOverToo) {
    BrokerProcess old(
        {.arguments = {"--exporter", "127.0.0.1:0"}, .environment = {manager_.variable()}});
    manager_.wait_for("READY=1");
    const Heir heir = replace(old.pid());
    const LogLine mine = old.wait_for_log({"exporter listening"});
    // The heir's own line names the same port.
    const auto lines = old.process().err().lines();
    int named = 0;
    for (const std::string& line : lines)
        if (line.find("exporter listening") != std::string::npos) {
            EXPECT_EQ(parse_text_line(line).field("port"), mine.field("port"));
            ++named;
        }
    EXPECT_EQ(named, 2);
}

TEST_F(Upgrades, TheNextProcessFeedsTheWatchdog) {
    BrokerProcess old({.environment = {manager_.variable(), {"WATCHDOG_USEC", "50000"}}});
    manager_.wait_for("READY=1");
    const Heir heir = replace(old.pid());
    EXPECT_EQ(manager_.wait_for("WATCHDOG=1").sender, heir.pid());
}

TEST_F(Upgrades, WhenTheNextProcessCannotStartTheOldOneGoesOnAndSaysWhy) {
    BrokerProcess broker({.environment = {manager_.variable()}});
    manager_.wait_for("READY=1");
    WireClient client(broker.address(), both);
    client.settle();
    std::filesystem::rename(broker.directory().path() / "users.json",
                            broker.directory().path() / "gone.json");
    for (int attempt = 0; attempt < 2; ++attempt) {
        broker.process().signal(SIGUSR2);
        manager_.wait_for("RELOADING=1");
        const auto told = manager_.wait_for("READY=1");
        EXPECT_EQ(told.sender, broker.pid());
        EXPECT_THAT(told.text,
                    AllOf(HasSubstr("the last upgrade failed"), HasSubstr("users.json")));
    }
    broker.wait_for_log({"the upgrade failed", "users.json"});
    client.settle();
    EXPECT_EQ(broker.stop(), 0);
}

class UpgradesUnderWay : public Upgrades {
protected:
    UpgradesUnderWay() {
        EXPECT_EQ(::mkfifo(directory_.file("gate").c_str(), 0600), 0);
        std::filesystem::create_symlink(broker_binary(), program_);
        write_file(directory_.file("broker.toml"), "endpoint = 'tcp:interface=127.0.0.1:port=0'\n");
        broker_.emplace(command_of(program_, directory_, {"--config", "broker.toml"}));
        manager_.wait_for("READY=1");
    }
    // Begins an upgrade whose new process waits and then does as `next` says, and reloads
    // meanwhile.
    void reload_while_upgrading(const std::string& next) {
        std::filesystem::remove(program_);
        write_file(program_, "#!/bin/sh\nread word < gate\n" + next + "\n");
        std::filesystem::permissions(program_, std::filesystem::perms::owner_all);
        broker_->signal(SIGUSR2);
        manager_.wait_for("RELOADING=1");
        broker_->signal(SIGHUP);
        ASSERT_TRUE(broker_->err().wait_for_text("configuration read again"));
        write_file(directory_.file("gate"), "on\n");
    }

    const TemporaryDirectory directory_;
    const std::string program_ = directory_.file("broker");
    std::optional<Process> broker_;
};

TEST_F(UpgradesUnderWay, AReloadMeanwhileDoesNotTellThatItIsOver) {
    reload_while_upgrading("exit 7");
    const auto told = manager_.wait_for("READY=1");
    EXPECT_THAT(told.text, HasSubstr("it ended with status 7"));
    broker_->signal(SIGTERM);
    EXPECT_EQ(broker_->wait(), (Ended{0, 0}));
    manager_.wait_for("STOPPING=1");
    std::size_t reloading = 0;
    for (const auto& each : manager_.all())
        reloading += each.text.starts_with("RELOADING=1") ? 1 : 0;
    EXPECT_EQ(reloading, 1U);
}

// The next process may have read its configuration before the change.
TEST_F(UpgradesUnderWay, AReloadMeanwhileIsForTheNextProcessToo) {
    reload_while_upgrading("exec " + broker_binary() + " \"$@\"");
    Heir heir(static_cast<pid_t>(std::stol(manager_.wait_for("MAINPID=").text.substr(8))));
    EXPECT_EQ(manager_.wait_for("READY=1").sender, heir.pid());
    EXPECT_EQ(manager_.wait_for("RELOADING=1").sender, heir.pid());
    EXPECT_EQ(manager_.wait_for("READY=1").sender, heir.pid());
    heir.signal(SIGTERM);
    EXPECT_EQ(heir.wait(), 0);
    EXPECT_EQ(broker_->wait(), (Ended{0, 0}));
}

TEST_F(Upgrades, AProgramThatIsNotThereAnyMoreLeavesTheOldOneServing) {
    const TemporaryDirectory directory;
    const std::string program = directory.file("broker");
    std::filesystem::copy_file(broker_binary(), program);
    Process broker(command_of(program, directory));
    manager_.wait_for("READY=1");
    std::filesystem::remove(program);
    broker.signal(SIGUSR2);
    EXPECT_THAT(manager_.wait_for("READY=1").text, HasSubstr("cannot start " + program));
    broker.signal(SIGTERM);
    EXPECT_EQ(broker.wait(), (Ended{0, 0}));
}

TEST_F(Upgrades, TheProgramThatLiesThereNowIsStarted) {
    const TemporaryDirectory directory;
    const std::string program = directory.file("broker");
    std::filesystem::create_symlink(broker_binary(), program);
    Process broker(command_of(program, directory));
    manager_.wait_for("READY=1");
    // Another version: one that does not know what a takeover is, and says so by its end.
    std::filesystem::remove(program);
    write_file(program, "#!/bin/sh\nexit 7\n");
    std::filesystem::permissions(program, std::filesystem::perms::owner_all);
    broker.signal(SIGUSR2);
    EXPECT_THAT(manager_.wait_for("READY=1").text, HasSubstr("it ended with status 7"));
}

TEST_F(Upgrades, AVariableThatSaysWhatCannotBeIsRefused) {
    const TemporaryDirectory directory;
    Command command = broker_command({"-e", any_port, "--auth", "env"}, directory);
    command.environment = {{"HPFEEDS_TAKEOVER", "1"}};
    const Finished finished = run(command);
    EXPECT_EQ(finished.ended, (Ended{1, 0}));
    EXPECT_THAT(finished.err, AllOf(HasSubstr("HPFEEDS_TAKEOVER='1'"), HasSubstr("unset")));
}

}  // namespace
}  // namespace hpfeeds::support
