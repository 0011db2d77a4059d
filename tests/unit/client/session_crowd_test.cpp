// SPDX-License-Identifier: Apache-2.0
// Ten thousand sessions in one process, each logged in, subscribed and waiting for a message: what
// one of them takes.
#include "hpfeeds/session.hpp"
#include "hpfeeds/testing.hpp"
#include "unit/client/asio_context.hpp"

#include <gtest/gtest.h>

#include <malloc.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
#include <array>
#include <cstring>
#include <list>

namespace hpfeeds {
namespace {

using asio::use_awaitable;
using client::testing::AsioContext;

constexpr std::size_t crowd = 10'000;
constexpr std::size_t session_bytes_max = 4096;

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool memory_is_measured = false;  // sanitizers count their own
#else
constexpr bool memory_is_measured = true;
#endif

// Both ends of every connection need a descriptor, so the broker is a process of its own.
class BrokerProcess {
public:
    BrokerProcess() {
        std::array<int, 2> told{};
        std::array<int, 2> held{};
        if (pipe(told.data()) != 0 || pipe(held.data()) != 0) return;
        child_ = fork();
        if (child_ == 0) {
            close(held[1]);
            serve(told[1], held[0]);
        }
        close(told[1]);
        close(held[0]);
        hold_ = held[1];
        std::array<char, sizeof(ClientOptions::port)> port{};
        if (read(told[0], port.data(), port.size()) == static_cast<ssize_t>(port.size()))
            std::memcpy(&port_, port.data(), port.size());
        close(told[0]);
    }
    ~BrokerProcess() {
        close(hold_);
        if (child_ > 0) waitpid(child_, nullptr, 0);
    }
    BrokerProcess(const BrokerProcess&) = delete;
    BrokerProcess& operator=(const BrokerProcess&) = delete;
    [[nodiscard]] std::uint16_t port() const { return port_; }

private:
    // Until the other side of `hold` is closed.
    [[noreturn]] static void serve(int tell, int hold) {
        {
            const hpfeeds::testing::Broker broker({{"idle", "secret", {}, {"events"}}});
            const std::uint16_t port = broker.port();
            char nothing = 0;
            if (write(tell, &port, sizeof port) == static_cast<ssize_t>(sizeof port))
                static_cast<void>(read(hold, &nothing, 1));
        }
        _exit(0);
    }
    pid_t child_ = -1;
    int hold_ = -1;
    std::uint16_t port_ = 0;
};

bool allow_descriptors(std::size_t count) {
    rlimit limit{};
    getrlimit(RLIMIT_NOFILE, &limit);
    if (limit.rlim_max < count) return false;
    limit.rlim_cur = count;
    return setrlimit(RLIMIT_NOFILE, &limit) == 0;
}

TEST(SessionCrowd, TakesLessThanFourKibibytesEach) {
    if (!allow_descriptors(crowd + 200)) GTEST_SKIP() << "ulimit -Hn is below " << crowd + 200;
    const BrokerProcess broker;
    ASSERT_NE(broker.port(), 0);
    AsioContext context;
    ClientOptions options;
    options.host = "127.0.0.1";
    options.port = broker.port();
    options.ident = "idle";
    options.secret = "secret";
    options.timeout = std::chrono::seconds(60);
    context.run([&]() -> asio::awaitable<void> {
        std::list<Session> sessions;
        const auto one_more = [&]() -> Session& {
            Session& session = sessions.emplace_back(*context, options);
            session.subscribe("events");
            session.start();
            session.async_read_view([](std::error_code, const MessageView&) {});
            return session;
        };
        co_await one_more().async_connected(use_awaitable);
        const std::size_t before = mallinfo2().uordblks;
        for (std::size_t i = 0; i < crowd; ++i) {
            Session& session = one_more();
            if (i % 100 == 0) co_await session.async_connected(use_awaitable);
        }
        for (Session& session : sessions)
            co_await session.async_connected(use_awaitable);
        const std::size_t each = (mallinfo2().uordblks - before) / crowd;
        RecordProperty("bytes_per_session", static_cast<int>(each));
        if (memory_is_measured) {
            EXPECT_GT(each, 0U);
            EXPECT_LT(each, session_bytes_max);
        }
        for (const Session& session : sessions)
            EXPECT_EQ(session.stats().connections, 1U);
    }());
}

}  // namespace
}  // namespace hpfeeds
