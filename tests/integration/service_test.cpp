// SPDX-License-Identifier: Apache-2.0
// The broker under a service manager: sockets that are handed over, and what the manager is told.
#include "support/broker_process.hpp"
#include "support/held_thread.hpp"
#include "support/notify_socket.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <csignal>

#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

namespace hpfeeds::support {
namespace {

using testing::AllOf;
using testing::HasSubstr;

// A socket as systemd opens one.
class Socket {
public:
    explicit Socket(int family = AF_INET, int type = SOCK_STREAM, bool listens = true)
        : descriptor_(::socket(family, type | SOCK_CLOEXEC, 0)) {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        if (family == AF_INET)
            ::bind(descriptor_, reinterpret_cast<const sockaddr*>(&address), sizeof address);
        sockaddr_un unnamed{};  // the kernel chooses an abstract name
        unnamed.sun_family = AF_UNIX;
        if (family == AF_UNIX)
            ::bind(descriptor_, reinterpret_cast<const sockaddr*>(&unnamed),
                   sizeof unnamed.sun_family);
        if (listens) ::listen(descriptor_, 128);
    }
    explicit Socket(const std::string& path)
        : descriptor_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        path.copy(address.sun_path, sizeof address.sun_path - 1);
        ::bind(descriptor_, reinterpret_cast<const sockaddr*>(&address), sizeof address);
        ::listen(descriptor_, 128);
    }
    ~Socket() { ::close(descriptor_); }
    Socket(const Socket&) = delete;
    Socket& operator=(const Socket&) = delete;

    [[nodiscard]] int descriptor() const noexcept { return descriptor_; }

private:
    int descriptor_;
};

std::uint16_t port_of(int descriptor) {
    sockaddr_in address{};
    socklen_t size = sizeof address;
    ::getsockname(descriptor, reinterpret_cast<sockaddr*>(&address), &size);
    return ntohs(address.sin_port);
}

Finished start_with(const std::vector<std::string>& arguments,
                    std::vector<std::pair<std::string, int>> sockets,
                    std::vector<std::pair<std::string, std::string>> environment = {}) {
    const TemporaryDirectory directory;
    std::vector<std::string> words = arguments;
    words.insert(words.end(), {"--auth", "env"});
    Command command = broker_command(words, directory);
    command.sockets = std::move(sockets);
    command.environment = std::move(environment);
    return run(command);
}

void expect_refused(const Finished& finished, const testing::Matcher<std::string>& said) {
    EXPECT_EQ(finished.ended, (Ended{1, 0}));
    EXPECT_THAT(finished.err, said);
    EXPECT_EQ(std::count(finished.err.begin(), finished.err.end(), '\n'), 1) << finished.err;
}

// ---- sockets that are handed over ----

TEST(SocketActivation, AnEndpointServesEverySocketOfItsName) {
    const Socket one;
    const Socket two;
    const BrokerProcess broker(
        {.endpoints = {"tcp:fd=feeds"},
         .listeners = 2,
         .sockets = {{"feeds", one.descriptor()}, {"feeds", two.descriptor()}}});
    EXPECT_EQ(broker.address(0).port, port_of(one.descriptor()));
    EXPECT_EQ(broker.address(1).port, port_of(two.descriptor()));
    WireClient listener(broker.address(0), logger);
    listener.subscribe("events");
    listener.settle();
    WireClient publisher(broker.address(1), sensor);
    publisher.publish("events", "over both");
    listener.expect_message({"sensor", "events", "over both"});
}

TEST(SocketActivation, AUnixSocketOfTheManagersIsServedAndItsFileIsTheManagers) {
    const TemporaryDirectory directory;
    const std::string path = directory.file("manager.sock");
    const Socket socket(path);
    {
        BrokerProcess broker(
            {.endpoints = {"unix:fd=local"}, .sockets = {{"local", socket.descriptor()}}});
        broker.wait_for_log({"listening", "address=unix", "endpoint=\"unix:fd=local\""});
        WireClient client(Address{path}, both);
        client.subscribe("events");
        client.publish("events", "by file");
        client.expect_message({"both", "events", "by file"});
        EXPECT_EQ(broker.stop(), 0);
    }
    EXPECT_TRUE(std::filesystem::exists(path));
}

TEST(SocketActivation, WhoConnectedBeforeTheStartIsServed) {
    const Socket socket;
    const Address address{"127.0.0.1", port_of(socket.descriptor()), {}};
    WireClient early(address);
    const BrokerProcess broker(
        {.endpoints = {"tcp:fd=feeds"}, .sockets = {{"feeds", socket.descriptor()}}});
    early.expect_info();
}

TEST(SocketActivation, TlsIsSpokenOnEverySocketOfItsName) {
    const Socket one;
    const Socket two;
    const BrokerProcess broker(
        {.endpoints = {"tls:fd=safe:key=broker.key:cert=broker.crt"},
         .listeners = 2,
         .sockets = {{"safe", one.descriptor()}, {"safe", two.descriptor()}}});
    for (const std::size_t index : {0U, 1U}) {
        WireClient client(broker.address(index), both);
        client.settle();
    }
}

TEST(SocketActivation, StandsBesideEndpointsThatAreOpenedHere) {
    const Socket socket;
    const BrokerProcess broker({.endpoints = {any_port, "tcp:fd=feeds"},
                                .listeners = 2,
                                .sockets = {{"feeds", socket.descriptor()}}});
    for (const std::size_t index : {0U, 1U}) {
        WireClient client(broker.address(index), both);
        client.settle();
    }
}

TEST(SocketActivation, ANameThatWasNotHandedOverIsRefusedAndToldWhichWere) {
    const Socket socket;
    expect_refused(start_with({"-e", "tcp:fd=feeds"}, {{"web", socket.descriptor()}}),
                   AllOf(HasSubstr("tcp:fd=feeds"), HasSubstr("'web'"),
                         HasSubstr("FileDescriptorName=feeds")));
    expect_refused(start_with({"-e", "tcp:fd=feeds"}, {}), HasSubstr("there are: none"));
}

TEST(SocketActivation, ASocketThatNoEndpointTakesIsRefused) {
    const Socket socket;
    expect_refused(start_with({"-e", any_port}, {{"web", socket.descriptor()}}),
                   AllOf(HasSubstr("'web'"), HasSubstr("-e tcp:fd=web")));
}

TEST(SocketActivation, ASocketThatIsNotFitIsRefused) {
    const Socket datagrams(AF_INET, SOCK_DGRAM, false);
    expect_refused(start_with({"-e", "tcp:fd=x"}, {{"x", datagrams.descriptor()}}),
                   HasSubstr("no stream socket"));
    const Socket deaf(AF_INET, SOCK_STREAM, false);
    expect_refused(start_with({"-e", "tcp:fd=x"}, {{"x", deaf.descriptor()}}),
                   HasSubstr("does not listen"));
    const Socket local(AF_UNIX);
    expect_refused(start_with({"-e", "tcp:fd=x"}, {{"x", local.descriptor()}}),
                   HasSubstr("another family"));
    const Socket tcp;
    expect_refused(start_with({"-e", "unix:fd=x"}, {{"x", tcp.descriptor()}}),
                   HasSubstr("another family"));
}

TEST(SocketActivation, NonsenseInTheVariablesIsRefused) {
    const Socket socket;
    const std::vector<std::pair<std::string, int>> sockets{{"x", socket.descriptor()}};
    expect_refused(start_with({"-e", "tcp:fd=x"}, {}, {{"LISTEN_PID", "me"}, {"LISTEN_FDS", "1"}}),
                   AllOf(HasSubstr("LISTEN_PID='me'"), HasSubstr("whole number")));
    // Two names for one socket.
    expect_refused(start_with({"-e", "tcp:fd=x"}, {{"x:y", socket.descriptor()}}),
                   AllOf(HasSubstr("LISTEN_FDNAMES='x:y'"), HasSubstr("2 names for 1")));
}

TEST(SocketActivation, WhatIsMeantForAnotherProcessIsLeftAlone) {
    const BrokerProcess broker({.environment = {{"LISTEN_PID", std::to_string(::getpid())},
                                                {"LISTEN_FDS", "many"},
                                                {"LISTEN_FDNAMES", "a:b"}}});
    WireClient client(broker.address(), both);
    client.settle();
}

// ---- what the manager is told ----

TEST(Notify, TellsThatItIsReadyOnceItListensAndThatItStops) {
    NotifySocket manager;
    BrokerProcess broker({.environment = {manager.variable()}});
    const auto ready = manager.wait_for("READY=1");
    EXPECT_THAT(ready.text, HasSubstr("STATUS=listening on 1 socket; keys from users.json"));
    EXPECT_EQ(ready.sender, broker.pid());
    WireClient client(broker.address(), both);
    client.settle();
    broker.process().signal(SIGTERM);
    EXPECT_THAT(manager.wait_for("STOPPING=1").text, HasSubstr("STATUS="));
    EXPECT_EQ(broker.process().wait(), (Ended{0, 0}));
}

TEST(Notify, TellsThatItReadsItsConfigurationAgainAndWhenItHasDone) {
    NotifySocket manager;
    const BrokerProcess broker({.environment = {manager.variable()}});
    const std::string ready = manager.wait_for("READY=1").text;
    ::kill(broker.pid(), SIGHUP);
    EXPECT_THAT(manager.wait_for("RELOADING=1").text, HasSubstr("\nMONOTONIC_USEC="));
    EXPECT_EQ(manager.wait_for("READY=1").text, ready);
    broker.wait_for_log({"configuration read again"});
}

TEST(Notify, AReloadThatIsRefusedEndsToo) {
    NotifySocket manager;
    const BrokerProcess broker({.environment = {manager.variable()}});
    manager.wait_for("READY=1");
    write_file(broker.directory().file("users.json"), "{");
    ::kill(broker.pid(), SIGHUP);
    manager.wait_for("RELOADING=1");
    manager.wait_for("READY=1");
    broker.wait_for_log({"everything stays as it is", "users.json"});
}

TEST(Notify, AStoreThatIsOutDoesNotKeepItFromBeingReady) {
    NotifySocket manager;
    const BrokerProcess broker(
        {.arguments = {"--auth", "sqlite"}, .keys = {}, .environment = {manager.variable()}});
    manager.wait_for("READY=1");
}

TEST(Notify, AnAddressThatIsNoneIsRefused) {
    expect_refused(start_with({"-e", any_port}, {}, {{"NOTIFY_SOCKET", "vsock:2:1234"}}),
                   AllOf(HasSubstr("NOTIFY_SOCKET='vsock:2:1234'"), HasSubstr("@name")));
}

TEST(Notify, AManagerThatIsGoneIsToldOfInTheLogAndNothingElse) {
    const BrokerProcess broker({.environment = {{"NOTIFY_SOCKET", "/nonexistent/notify"}}});
    broker.wait_for_log({"cannot tell the service manager", "/nonexistent/notify"});
    WireClient client(broker.address(), both);
    client.settle();
}

// ---- sockets that outlive the process ----

TEST(KeptSockets, AreServedByTheNextProcessAndRefuseNobodyMeanwhile) {
    NotifySocket manager;
    BrokerProcess first({.environment = {manager.variable()}});
    const auto kept = manager.wait_for("FDSTORE=1");
    ASSERT_GE(kept.descriptor, 0);
    const std::string name = kept.text.substr(kept.text.find("FDNAME=") + 7);
    manager.wait_for("READY=1");
    first.process().signal(SIGKILL);
    EXPECT_EQ(first.process().wait(), (Ended{-1, SIGKILL}));

    const Address address{"127.0.0.1", first.address().port, {}};
    WireClient meanwhile(address);  // nobody serves now, and still nobody is refused
    const BrokerProcess second(
        {.environment = {manager.variable()}, .sockets = {{name, kept.descriptor}}});
    EXPECT_EQ(second.address().port, first.address().port);
    meanwhile.expect_info();
    manager.wait_for("READY=1");
    for (const auto& told : manager.all())
        EXPECT_TRUE(told.sender != second.pid() || told.descriptor < 0) << told.text;
}

TEST(KeptSockets, OfAnEarlierConfigurationAreClosedAndForgotten) {
    NotifySocket manager;
    const Socket old;
    const std::string name = "hpfeeds,tcp,interface=127.0.0.1,port=1";
    const BrokerProcess broker(
        {.environment = {manager.variable()}, .sockets = {{name, old.descriptor()}}});
    manager.wait_for("FDSTOREREMOVE=1\nFDNAME=" + name);
    broker.wait_for_log({"a socket of an earlier configuration is closed", name});
}

// ---- the watchdog ----

TEST(Watchdog, IsFedWhileAnIdleBrokerLives) {
    NotifySocket manager;
    const BrokerProcess broker({.arguments = {"--threads", "3"},
                                .environment = {manager.variable(), {"WATCHDOG_USEC", "50000"}}});
    for (int count = 0; count < 5; ++count)
        EXPECT_EQ(manager.wait_for("WATCHDOG=1").sender, broker.pid());
}

TEST(Watchdog, IsNotFedWhileAShardDoesNotTurn) {
    NotifySocket manager;
    const BrokerProcess broker({.arguments = {"--threads", "2"},
                                .environment = {manager.variable(), {"WATCHDOG_USEC", "50000"}}});
    manager.wait_for("WATCHDOG=1");
    HeldThread shard(broker.pid(), "shard-1");
    if (!shard.held()) GTEST_SKIP() << "this system does not let a test hold a thread still";
    manager.wait_for("STATUS=shard 1 does not turn");
    broker.wait_for_log({"a shard does not turn", "shard=1"});
    // It is not fed before it turns again, however often that is looked at.
    shard.let_go();
    manager.wait_for("STATUS=shard 1 turns again");
    const auto& told = manager.all();
    const auto is = [](const char* text) {
        return [text](const auto& each) { return each.text == text; };
    };
    const auto stopped = std::find_if(told.begin(), told.end(), is("STATUS=shard 1 does not turn"));
    const auto turned = std::find_if(told.begin(), told.end(), is("STATUS=shard 1 turns again"));
    EXPECT_EQ(std::count_if(stopped, turned, is("WATCHDOG=1")), 0);
    manager.wait_for("WATCHDOG=1");
}

TEST(Watchdog, OfAnotherProcessIsNotFed) {
    NotifySocket manager;
    BrokerProcess broker({.environment = {manager.variable(),
                                          {"WATCHDOG_USEC", "2"},
                                          {"WATCHDOG_PID", std::to_string(::getpid())}}});
    manager.wait_for("READY=1");
    EXPECT_EQ(broker.stop(), 0);
    for (const auto& told : manager.all())
        EXPECT_EQ(told.text.find("WATCHDOG"), std::string::npos);
}

TEST(Watchdog, APeriodThatIsNoneIsRefused) {
    expect_refused(start_with({"-e", any_port}, {}, {{"WATCHDOG_USEC", "30s"}}),
                   HasSubstr("WATCHDOG_USEC='30s'"));
}

}  // namespace
}  // namespace hpfeeds::support
