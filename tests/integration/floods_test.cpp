// SPDX-License-Identifier: Apache-2.0
// Many strangers at once: connects that never speak, floods before login, peers that vanish
// half-way. The broker keeps answering, its memory keeps its bounds, and what strangers held is
// given back.
#include "support/broker_process.hpp"

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <algorithm>
#include <iostream>
#include <memory>
#include <string>
#include <vector>

namespace hpfeeds::support {
namespace {

constexpr std::size_t mebibyte = 1024 * 1024;

// Raises the limit of open files and returns how many connections a test may open with it.
std::size_t connections_possible(std::size_t wanted) {
    constexpr rlim_t own_files = 200;
    rlimit limit{};
    ::getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &limit);
    const std::size_t possible = limit.rlim_cur - std::min(limit.rlim_cur, own_files);
    if (possible < wanted)
        std::cerr << "NOTE: the limit of open files (" << limit.rlim_cur << ") allows only "
                  << possible << " of " << wanted << " connections; raise it with ulimit -Hn\n";
    return std::min(possible, wanted);
}

// The soft limit that the broker inherits: it has to raise it by itself.
class LowSoftLimit {
public:
    LowSoftLimit() {
        ::getrlimit(RLIMIT_NOFILE, &before_);
        rlimit low = before_;
        low.rlim_cur = std::min<rlim_t>(low.rlim_max, 1024);
        ::setrlimit(RLIMIT_NOFILE, &low);
    }
    ~LowSoftLimit() { ::setrlimit(RLIMIT_NOFILE, &before_); }
    LowSoftLimit(const LowSoftLimit&) = delete;
    LowSoftLimit& operator=(const LowSoftLimit&) = delete;

private:
    rlimit before_{};
};

std::unique_ptr<BrokerProcess> broker_with_low_soft_limit(const BrokerSetup& setup) {
    const LowSoftLimit low;
    return std::make_unique<BrokerProcess>(setup);
}

// Over TLS each of a crowd is a handshake.
std::size_t many() {
    return over_tls() ? 1'000 : 10'000;
}

using Crowd = std::vector<WireClient>;

Crowd connect(const BrokerProcess& broker, std::size_t count) {
    Crowd crowd;
    crowd.reserve(count);
    for (std::size_t number = 0; number < count; ++number)
        crowd.emplace_back(broker.address());
    return crowd;
}

void expect_exchange(const BrokerProcess& broker) {
    WireClient client(broker.address(), both);
    client.subscribe("events");
    client.publish("events", "alive");
    client.expect_message({"both", "events", "alive"});
}

TEST(Floods, ThousandsThatNeverSpeakAreHeldAndDisturbNobody) {
    const auto broker = broker_with_low_soft_limit({.arguments = {"--login-deadline", "2m"}});
    const std::size_t count = connections_possible(many());
    const std::size_t before = resident_bytes(broker->pid());
    const Crowd crowd = connect(*broker, count);
    expect_exchange(*broker);
    EXPECT_GE(open_sockets(broker->pid()), count);
    // 20 MB of per-connection state would be 2 KiB each; four times that is still no flood. OpenSSL
    // wants 14 KiB for a connection, without its buffers.
    const std::size_t each = over_tls() ? 20'480 : 8'192;
    EXPECT_LT(resident_bytes(broker->pid()),
              before + HPFEEDS_RESIDENT_SCALE * (count * each + 16 * mebibyte));
}

TEST(Floods, TheLoginDeadlineClosesThoseThatNeverSpeak) {
    const auto broker = broker_with_low_soft_limit({.arguments = {"--login-deadline", "1s"}});
    const std::size_t count = connections_possible(many());
    Crowd crowd = connect(*broker, count);
    for (WireClient& silent : crowd) {
        silent.expect_info();
        // "No frame before AUTH": answered as a wrong first message, and closed.
        silent.expect_refusal("First message was not AUTH");
    }
    expect_exchange(*broker);
}

TEST(Floods, AHalfSentAuthDoesNotKeepAConnectionOpen) {
    const BrokerProcess broker({.arguments = {"--login-deadline", "1s"}});
    WireClient client(broker.address());
    client.expect_info();
    client.send(auth_frame(client.info().nonce, sensor.ident, sensor.secret).substr(0, 20));
    client.expect_refusal("First message was not AUTH");
}

TEST(Floods, APeerThatLoggedInHasNoLoginDeadline) {
    const BrokerProcess broker({.arguments = {"--login-deadline", "300ms"}});
    WireClient client(broker.address(), both);
    client.settle();
    WireClient silent(broker.address());
    silent.expect_info();
    silent.expect_refusal("First message was not AUTH");  // connected later, and is over by now
    client.settle();
}

// Each sends megabytes before any login can have been granted; none of it may be kept.
TEST(Floods, AFloodBeforeLoginCostsNoMemory) {
    const BrokerProcess broker({.arguments = {"--login-deadline", "2m"}});
    const std::size_t before = resident_bytes(broker.pid());
    Crowd crowd = connect(broker, 500);
    // A complete header of a longest AUTH, and all of it but the last byte; then nothing.
    const std::string torn = header(281, op_auth) + std::string(275, 'a');
    for (WireClient& flooder : crowd)
        flooder.send_some(torn);
    expect_exchange(broker);
    EXPECT_LT(resident_bytes(broker.pid()), before + HPFEEDS_RESIDENT_SCALE * 64 * mebibyte);
    const std::string megabyte(mebibyte, '\xff');
    for (WireClient& flooder : crowd)
        flooder.send_some(megabyte);
    expect_exchange(broker);
    EXPECT_LT(resident_bytes(broker.pid()), before + HPFEEDS_RESIDENT_SCALE * 64 * mebibyte);
}

// The failed ones wait for their answer (client-quirk 10) and go on sending meanwhile.
TEST(Floods, AFloodBehindAFailedLoginCostsNoMemory) {
    const BrokerProcess broker({.arguments = {"--auth-failure-delay", "3s"}});
    const std::size_t before = resident_bytes(broker.pid());
    Crowd crowd;
    for (int number = 0; number < 200; ++number)
        crowd.emplace_back(broker.address(), Login{"sensor", "wrong"});
    const std::string megabyte(mebibyte, 'x');
    for (WireClient& flooder : crowd)
        flooder.send_some(megabyte);
    expect_exchange(broker);
    EXPECT_LT(resident_bytes(broker.pid()), before + HPFEEDS_RESIDENT_SCALE * 64 * mebibyte);
}

// 300 half-received megabytes at once: more than --max-memory allows. The broker must not pass it,
// nor die.
TEST(Floods, PeersThatVanishInTheMiddleOfLargeFramesGiveTheirMemoryBack) {
    BrokerProcess broker({.arguments = {"--max-memory", "128M"}});
    const std::size_t before = resident_bytes(broker.pid());
    {
        Crowd crowd;
        const std::string frame = publish_frame("sensor", "events", std::string(1'000'000, 'm'));
        for (int number = 0; number < 300; ++number) {
            crowd.emplace_back(broker.address(), sensor);
            crowd.back().send_some(std::string_view(frame).substr(0, 900'000));
        }
        expect_exchange(broker);
        EXPECT_LT(resident_bytes(broker.pid()), before + HPFEEDS_RESIDENT_SCALE * 192 * mebibyte);
    }
    expect_exchange(broker);
    EXPECT_TRUE(broker.running());
}

TEST(Floods, StrangersThatConnectAndGoLeaveNoDescriptorsBehind) {
    const BrokerProcess broker;
    expect_exchange(broker);
    const std::size_t before = open_sockets(broker.pid());
    const int strangers = over_tls() ? 500 : 3000;
    for (int number = 0; number < strangers; ++number) {
        WireClient client(broker.address());
        if (number % 2 == 0) client.reset();
    }
    // Sessions end when the broker hears of it; the last exchange is behind all of them.
    const Deadline deadline;
    do {
        expect_exchange(broker);
    } while (open_sockets(broker.pid()) > before + 2 && !deadline.passed());
    EXPECT_LE(open_sockets(broker.pid()), before + 2);
}

TEST(Floods, MoreConnectionsThanAllowedAreRefusedAndRoomIsMadeAgain) {
    const BrokerProcess broker({.arguments = {"--max-connections", "10"}});
    std::vector<std::unique_ptr<WireClient>> held;
    for (int number = 0; number < 10; ++number) {
        held.push_back(std::make_unique<WireClient>(broker.address(), both));
        held.back()->settle();
    }
    // Whether the eleventh is closed or waits is the broker's choice; the ten must not notice.
    try {
        const WireClient eleventh(broker.address());
        for (auto& client : held)
            client->settle();
    } catch (const std::exception&) {
        ASSERT_TRUE(over_tls()) << "plain TCP connects; TLS is refused before it is one";
    }
    for (auto& client : held)
        client->settle();
    held.clear();
    const Deadline deadline;
    for (bool served = false; !served;) {
        try {
            expect_exchange(broker);
            served = true;
        } catch (const std::exception&) {
            ASSERT_FALSE(deadline.passed()) << "no room was made again";
        }
    }
}

}  // namespace
}  // namespace hpfeeds::support
