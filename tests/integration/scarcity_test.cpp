// SPDX-License-Identifier: Apache-2.0
// What the machine runs out of: descriptors, and room on its disks. The broker serves whom it has,
// and recovers by itself.
#include "support/broker_process.hpp"
#include "support/metrics_page.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace hpfeeds::support {
namespace {

using testing::HasSubstr;

// The limit with which the process gets no descriptor more: the lowest number that is free.
rlim_t limit_without_room(pid_t pid) {
    const std::filesystem::path open = "/proc/" + std::to_string(pid) + "/fd";
    rlim_t free = 0;
    while (std::filesystem::is_symlink(open / std::to_string(free)))
        ++free;
    return free;
}

void set_descriptor_limit(pid_t pid, rlim_t descriptors) {
    rlimit limit{};
    ASSERT_EQ(::prlimit(pid, RLIMIT_NOFILE, nullptr, &limit), 0);
    limit.rlim_cur = descriptors;
    ASSERT_EQ(::prlimit(pid, RLIMIT_NOFILE, &limit, nullptr), 0);
}

// The limit falls below what is open while the broker runs, as when others use up the system's.
class Descriptors : public ::testing::TestWithParam<std::string> {};

TEST_P(Descriptors, ThatRunOutKeepNobodyWaitingWhoIsConnected) {
    BrokerSetup setup{.arguments = {"--exporter", "127.0.0.1:0"}};
    setup.endpoints = {GetParam()};
    const BrokerProcess broker(setup);
    const MetricsPage page(broker);
    WireClient listener(broker.address(), logger);
    listener.subscribe("events");
    listener.settle();
    WireClient publisher(broker.address(), sensor);
    publisher.publish("events", "before");
    listener.expect_message({"sensor", "events", "before"});

    rlimit limit{};
    ASSERT_EQ(::prlimit(broker.pid(), RLIMIT_NOFILE, nullptr, &limit), 0);
    set_descriptor_limit(broker.pid(), limit_without_room(broker.pid()));
    // The system completes the connection; the broker cannot take it.
    const Address plain{"127.0.0.1", broker.address().port, {}};
    WireClient waiting(plain);
    broker.wait_for_log({"out of file descriptors", "raise the limit of open files"});
    for (int number = 0; number < 100; ++number) {
        publisher.publish("events", std::to_string(number));
        listener.expect_message({"sensor", "events", std::to_string(number)});
    }

    set_descriptor_limit(broker.pid(), limit.rlim_cur);
    if (!broker.address().tls) {
        waiting.expect_info();
        waiting.auth(sensor);
        waiting.set_ident(sensor.ident);
        waiting.publish("events", "waited");
        listener.expect_message({"sensor", "events", "waited"});
    }
    WireClient late(broker.address(), sensor);
    late.publish("events", "after");
    listener.expect_message({"sensor", "events", "after"});
    page.wait_for(R"(hpfeeds_broker_connections_refused{limit="descriptors"})",
                  [](double value) { return value > 0; });
}

INSTANTIATE_TEST_SUITE_P(Both, Descriptors, testing::Values(any_port, any_tls_port));

// A listening socket that a test makes itself, for a broker that cannot say where it listens.
class OwnSocket {
public:
    OwnSocket() : descriptor_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        ::bind(descriptor_, reinterpret_cast<const sockaddr*>(&address), sizeof address);
        ::listen(descriptor_, 128);
    }
    ~OwnSocket() { ::close(descriptor_); }
    OwnSocket(const OwnSocket&) = delete;
    OwnSocket& operator=(const OwnSocket&) = delete;

    [[nodiscard]] int descriptor() const noexcept { return descriptor_; }
    [[nodiscard]] Address address() const {
        sockaddr_in address{};
        socklen_t size = sizeof address;
        ::getsockname(descriptor_, reinterpret_cast<sockaddr*>(&address), &size);
        return {"127.0.0.1", ntohs(address.sin_port), {}};
    }

private:
    int descriptor_;
};

// Starts a broker under a shell line, which ends in `exec "$@"`.
Command under_shell(const std::string& line, const TemporaryDirectory& directory,
                    const OwnSocket& socket, const std::vector<std::string>& arguments) {
    Command command = broker_command(arguments, directory);
    command.words.insert(command.words.begin(), {"sh", "-c", line, "sh"});
    command.sockets = {{"feeds", socket.descriptor()}};
    return command;
}

const std::vector<std::string> on_own_socket{"-e", "tcp:fd=feeds", "--auth-failure-delay",
                                             "0",  "--auth",       "users.json"};

// ---- few descriptors from the start ----

// Of a hard limit of 80 the broker keeps half: whoever is one too many is closed, not left waiting.
TEST(LowDescriptorLimit, IsSharedOutBetweenConnectionsAndTheBroker) {
    const TemporaryDirectory directory;
    write_file(directory.path() / "users.json", users_json(usual_keys()));
    const OwnSocket socket;
    const Process broker(
        under_shell("ulimit -n 80; exec \"$@\"", directory, socket, on_own_socket));
    std::vector<std::unique_ptr<WireClient>> held;
    for (int number = 0; number < 40; ++number) {
        held.push_back(std::make_unique<WireClient>(socket.address(), both));
        held.back()->settle();
    }
    WireClient refused(socket.address());
    refused.expect_closed();
    EXPECT_TRUE(broker.err().wait_for_text("reason=connections-full"));
    for (const auto& client : held)
        client->settle();
    EXPECT_EQ(broker.err().text().find("out of file descriptors"), std::string::npos);
}

// ---- a full disk ----

void expect_exchanges(const Address& broker) {
    WireClient listener(broker, logger);
    listener.subscribe("events");
    listener.settle();
    WireClient publisher(broker, sensor);
    for (int number = 0; number < 200; ++number) {
        WireClient refused(broker, Login{"sensor", "wrong"});  // a line for the log
        refused.expect_refusal("Authentication failed for sensor");
        publisher.publish("events", std::to_string(number));
        listener.expect_message({"sensor", "events", std::to_string(number)});
    }
}

TEST(FullDisk, OfTheLogDoesNotStopTheBroker) {
    const TemporaryDirectory directory;
    write_file(directory.path() / "users.json", users_json(usual_keys()));
    const OwnSocket socket;
    Process broker(under_shell("exec \"$@\" 2>/dev/full", directory, socket, on_own_socket));
    expect_exchanges(socket.address());
    EXPECT_TRUE(broker.running());
    broker.signal(SIGTERM);
    EXPECT_EQ(broker.wait(), (Ended{0, 0}));
}

// A limit of this kind (`ulimit -f`) ends a program that writes on, unless it minds its signal.
TEST(FullDisk, AtTheSizeThatAFileMayHaveDoesNotStopTheBroker) {
    const TemporaryDirectory directory;
    write_file(directory.path() / "users.json", users_json(usual_keys()));
    const OwnSocket socket;
    std::vector<std::string> arguments = on_own_socket;
    arguments.emplace_back("--debug");  // lines enough
    Process broker(under_shell("exec \"$@\" 2>log", directory, socket, arguments));
    expect_exchanges(socket.address());
    const auto written = [&] { return std::filesystem::file_size(directory.path() / "log"); };
    // Not from its start: libmongoc and the thread sanitizer make files of their own then.
    const rlim_t most = written() + 4096;
    const rlimit limit{most, most};
    ASSERT_EQ(::prlimit(broker.pid(), RLIMIT_FSIZE, &limit, nullptr), 0);
    // The log takes so many lines of one kind a second: until it has all that it may have.
    const Deadline deadline;
    do {
        expect_exchanges(socket.address());
    } while (written() < most && !deadline.passed());
    expect_exchanges(socket.address());
    EXPECT_TRUE(broker.running());
    broker.signal(SIGTERM);
    EXPECT_EQ(broker.wait(), (Ended{0, 0}));
    EXPECT_EQ(written(), most);
}

// Logins go on while the disk of the SQLite file has no room; keys cannot be changed, and `hpfeeds
// user` says why.
TEST(FullDisk, OfTheKeysLetsClientsLogIn) {
    const TemporaryDirectory directory;
    const std::string full = directory.file("full");
    const std::string mounts = "mkdir -p " + full + " && mount -t tmpfs -o size=64k none " + full;
    if (run({.words = {"unshare", "-rm", "sh", "-c", mounts}}).ended != Ended{0, 0})
        GTEST_SKIP() << "no file system can be mounted here";
    const std::string user = command_line_client_binary() + " user add --store " + full + "/k.db ";
    const std::string line = mounts + " && " + user + "sensor --secret " + sensor.secret +
                             " --publish events && " + user + "logger --secret " + logger.secret +
                             " --subscribe events,settle." + logger.ident +
                             " && { cat /dev/zero > " + full + "/filler; " + user +
                             "new --secret 1234567890 --publish events > said 2>&1; exec \"$@\"; }";
    const OwnSocket socket;
    Command command =
        under_shell(line, directory, socket, {"-e", "tcp:fd=feeds", "--auth", full + "/k.db"});
    command.words.insert(command.words.begin(), {"unshare", "-rm"});
    Process broker(command);
    WireClient listener(socket.address(), logger);
    listener.subscribe("events");
    WireClient publisher(socket.address(), sensor);
    const Deadline deadline;
    std::optional<Received> heard;
    while (!heard && !deadline.passed()) {
        publisher.publish("events", "kept");
        heard = listener.poll_frame(std::chrono::milliseconds(20));
    }
    ASSERT_TRUE(heard);
    EXPECT_THAT(read_file(directory.path() / "said"), HasSubstr("full"));
    WireClient unknown(socket.address(), Login{"new", "1234567890"});
    unknown.expect_refusal("Authentication failed for new");
}

}  // namespace
}  // namespace hpfeeds::support
