// SPDX-License-Identifier: Apache-2.0
// A broker's machine that is gone without a word, and a network that swallows everything: the
// client finds out by itself, and connects again.
#include "hpfeeds/client.hpp"
#include "hpfeeds/session.hpp"
#include "unit/client/asio_context.hpp"
#include "unit/client/frames.hpp"
#include "unit/client/scripted_broker.hpp"

#include <gtest/gtest.h>

#include <linux/filter.h>
#include <atomic>
#include <string>

namespace hpfeeds::client {
namespace {

using asio::use_awaitable;
using testing::AsioContext;
using testing::Peer;
using testing::ScriptedBroker;
using namespace std::chrono_literals;

// A connection that stays open and hears nothing any more, not even acknowledgements: the system
// drops every segment that comes for it, and so answers none.
class DeadEnd {
public:
    ~DeadEnd() {
        if (descriptor_ >= 0) ::close(descriptor_);
    }
    void take(const Peer& peer) {
        descriptor_ = dup(peer.descriptor());
        sock_filter nothing{BPF_RET | BPF_K, 0, 0, 0};
        const sock_fprog program{1, &nothing};
        deaf_ =
            setsockopt(descriptor_, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program) == 0;
    }
    [[nodiscard]] bool is_deaf() const { return deaf_; }

private:
    int descriptor_ = -1;
    std::atomic<bool> deaf_{false};
};

class HalfOpen : public ::testing::Test {
protected:
    [[nodiscard]] ClientOptions options() const {
        ClientOptions made;
        made.host = "127.0.0.1";
        made.port = broker.port();
        made.ident = "me";
        made.secret = "secret";
        made.backoff = {1ms, 5ms};
        made.keepalive = {1s, 1s, 1};
        return made;
    }
    static void greet(const Peer& peer) {
        peer.send(testing::info("scripted", "abcd"));
        static_cast<void>(peer.read_frame());
    }

    DeadEnd dead_end;
    ScriptedBroker broker{{[this](const Peer& peer) {
                               greet(peer);
                               dead_end.take(peer);
                           },
                           [](const Peer& peer) {
                               greet(peer);
                               peer.send(testing::publish("you", "events", "back"));
                               peer.stay_silent();
                           }}};
};

TEST_F(HalfOpen, ABlockingClientThatOnlyReadsFindsOutAndComesBack) {
    Client client(options());
    const std::optional<Message> message = client.read(20s);
    ASSERT_TRUE(message);
    EXPECT_EQ(message->text(), "back");
    EXPECT_TRUE(dead_end.is_deaf());
    EXPECT_EQ(client.stats().connections, 2U);
}

TEST_F(HalfOpen, ASessionThatOnlyReadsFindsOutAndComesBack) {
    AsioContext context;
    context.run([&]() -> asio::awaitable<void> {
        Session session(*context, options());
        session.start();
        EXPECT_EQ((co_await session.async_read(use_awaitable)).text(), "back");
        EXPECT_TRUE(dead_end.is_deaf());
        EXPECT_EQ(session.stats().connections, 2U);
    }());
}

}  // namespace
}  // namespace hpfeeds::client
