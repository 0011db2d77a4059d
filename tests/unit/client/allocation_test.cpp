// SPDX-License-Identifier: Apache-2.0
// Reading views allocates nothing per message, whoever receives them; nor does publishing, once the
// outbox is warm. A counting allocator holds us to it.
#include "support/counted_allocations.hpp"
#include "unit/client/client_fixture.hpp"

#include <gtest/gtest.h>

#include <semaphore>

namespace hpfeeds {
namespace {

using client::testing::greet;
using client::testing::options_for;
using client::testing::Peer;
using client::testing::publish;
using client::testing::ScriptedBroker;
using testing::allocations;

TEST(Client, AllocatesNothingPerMessageItReads) {
    constexpr std::size_t burst = 20'000;
    std::string segment;
    for (std::size_t i = 0; i < burst; ++i)
        segment += publish("sensor", "chan", std::string(100 + i % 7, 'x'));
    std::counting_semaphore<> go(0);
    ScriptedBroker broker({[&](const Peer& peer) {
        greet(peer);
        for (int round = 0; round < 4; ++round) {
            go.acquire();
            peer.send(segment);
        }
        peer.stay_silent();
    }});
    Client client(options_for(broker.port()));
    client.connect(std::chrono::seconds(20));
    std::size_t before = 0;
    for (int round = 0; round < 4; ++round) {
        if (round == 3) before = allocations();
        go.release();
        std::size_t bytes = 0;
        for (std::size_t i = 0; i < burst; ++i) {
            MessageView message;
            std::error_code failed;
            ASSERT_TRUE(client.read(message, std::chrono::seconds(20), failed));
            bytes += message.payload.size();
        }
        EXPECT_GT(bytes, burst * 100);
    }
    // A batch that is larger than any before it may grow once or twice.
    EXPECT_LE(allocations() - before, 4U);
}

TEST(Client, AllocatesNothingPerMessageItPublishes) {
    constexpr std::size_t burst = 20'000;
    ScriptedBroker broker({[&](const Peer& peer) {
        greet(peer);
        // Proof of the login: what is sent need not be kept.
        peer.send(publish("you", "chan", "welcome"));
        for (;;) {
            std::array<char, 65536> room{};
            if (recv(peer.descriptor(), room.data(), room.size(), 0) <= 0) return;
        }
    }});
    Client client(options_for(broker.port()));
    ASSERT_TRUE(client.read(std::chrono::seconds(20)));
    const std::string payload(100, 'x');
    std::size_t before = 0;
    for (int round = 0; round < 4; ++round) {
        if (round == 3) before = allocations();
        for (std::size_t i = 0; i < burst; ++i)
            client.publish("chan", payload);
        client.flush(std::chrono::seconds(20));
    }
    // Chunks come and go as the thread falls behind and catches up: one per hundreds of messages.
    EXPECT_LE(allocations() - before, burst / 100);
}

}  // namespace
}  // namespace hpfeeds
