// SPDX-License-Identifier: Apache-2.0
// hpfeeds::Session against a broker that nobody here wrote; python_broker.py starts it.
//
//     session_driver PORT    exit status 0, or 1 with a line that says what was different
//
// Keys: `both` publishes and subscribes `events`, `sensor` publishes it alone.
#include "hpfeeds/session.hpp"

#include <asio/co_spawn.hpp>
#include <asio/experimental/as_tuple.hpp>
#include <asio/io_context.hpp>
#include <asio/use_awaitable.hpp>

#include <iostream>
#include <string>

namespace {

using asio::use_awaitable;
using hpfeeds::Errc;
using hpfeeds::Session;

hpfeeds::ClientOptions options(const std::string& port, std::string ident, std::string secret) {
    hpfeeds::ClientOptions made;
    made.host = "127.0.0.1";
    made.port = static_cast<std::uint16_t>(std::stoi(port));
    made.ident = std::move(ident);
    made.secret = std::move(secret);
    return made;
}

void require(bool good, const std::string& what) {
    if (!good) throw std::runtime_error(what);
}

asio::awaitable<void> carries_messages(std::string port) {
    Session session(co_await asio::this_coro::executor, options(port, "both", "both-secret"));
    session.subscribe("events");
    session.start();
    constexpr int count = 3000;
    const std::string bytes("\0\xff\n", 3);
    for (int i = 0; i < count; ++i)
        co_await session.async_publish("events", bytes + std::to_string(i), use_awaitable);
    for (int i = 0; i < count; ++i) {
        const auto message = co_await session.async_read_view(use_awaitable);
        require(message.text() == bytes + std::to_string(i), "a message came out of order");
    }
    const std::string large(900'000, 'x');
    session.publish("events", large);
    require((co_await session.async_read(use_awaitable)).text() == large,
            "the large message is another one");
    co_await session.async_close(use_awaitable);
    std::cout << "carried " << count << " messages\n";
}

asio::awaitable<void> expect(std::string port, std::string secret, std::string publish,
                             std::string subscribe, Errc expected) {
    hpfeeds::ClientOptions once = options(port, "sensor", std::move(secret));
    once.reconnect = false;
    Session session(co_await asio::this_coro::executor, once);
    if (!subscribe.empty()) session.subscribe(subscribe);
    if (!publish.empty()) session.publish(publish, "x");
    const auto [ended] =
        co_await session.async_run(asio::experimental::as_tuple(asio::use_awaitable));
    require(ended == expected, "expected " + make_error_code(expected).message() + ", got " +
                                   session.last_trouble().what());
    std::cout << session.last_trouble().what() << '\n';
}

asio::awaitable<void> all(std::string port) {
    co_await carries_messages(port);
    co_await expect(port, "wrong", "", "", Errc::authentication_failed);
    co_await expect(port, "sensor-secret", "forbidden", "", Errc::publish_refused);
    co_await expect(port, "sensor-secret", "", "events", Errc::subscribe_refused);
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 2) return 2;
    int status = 0;
    asio::io_context context;
    asio::co_spawn(context, all(argv[1]), [&](const std::exception_ptr& thrown) {
        try {
            if (thrown) std::rethrow_exception(thrown);
        } catch (const std::exception& error) {
            std::cerr << "session_driver: " << error.what() << '\n';
            status = 1;
        }
    });
    context.run();
    return status;
}
