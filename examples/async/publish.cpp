// SPDX-License-Identifier: Apache-2.0
// publish: publishes every line of its standard input, waiting for room instead of dropping.
//
//     tail -F events.json | publish HOST PORT IDENT SECRET CHANNEL
#include <hpfeeds/session.hpp>

#include <asio/co_spawn.hpp>
#include <asio/detached.hpp>
#include <asio/io_context.hpp>
#include <asio/use_awaitable.hpp>

#include <cstdlib>
#include <iostream>
#include <string>

namespace {

asio::awaitable<void> publish(hpfeeds::ClientOptions options, std::string channel) {
    hpfeeds::Session session(co_await asio::this_coro::executor, options);
    session.on_trouble([](const hpfeeds::Error& error) { std::cerr << error.what() << '\n'; });
    session.start();
    for (std::string line; std::getline(std::cin, line);)
        co_await session.async_publish(channel, line, asio::use_awaitable);
    co_await session.async_close(asio::use_awaitable);
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 6) {
        std::cerr << "usage: publish HOST PORT IDENT SECRET CHANNEL\n";
        return 2;
    }
    hpfeeds::ClientOptions options;
    options.host = argv[1];
    options.port = static_cast<std::uint16_t>(std::atoi(argv[2]));
    options.ident = argv[3];
    options.secret = argv[4];
    int status = 0;
    asio::io_context context;
    asio::co_spawn(context, publish(options, argv[5]), [&](const std::exception_ptr& thrown) {
        if (!thrown) return;
        status = 1;
        try {
            std::rethrow_exception(thrown);
        } catch (const std::exception& error) {
            std::cerr << "publish: " << error.what() << '\n';
        }
    });
    context.run();
    return status;
}
