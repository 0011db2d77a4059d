// SPDX-License-Identifier: Apache-2.0
// subscribe: prints what comes on a channel, until SIGINT or SIGTERM ends it in good order.
//
//     subscribe HOST PORT IDENT SECRET CHANNEL
#include <hpfeeds/session.hpp>
#include <hpfeeds/stream.hpp>
#include <hpfeeds/text.hpp>

#include <asio/co_spawn.hpp>
#include <asio/io_context.hpp>
#include <asio/signal_set.hpp>

#include <cstdlib>
#include <iostream>

namespace {

asio::awaitable<void> print(hpfeeds::Session& session) {
    auto messages = hpfeeds::messages(session);
    while (const auto message = co_await messages.next())
        std::cout << hpfeeds::one_line(message->ident) << ' ' << hpfeeds::one_line(message->channel)
                  << ' ' << hpfeeds::one_line(message->text()) << std::endl;
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 6) {
        std::cerr << "usage: subscribe HOST PORT IDENT SECRET CHANNEL\n";
        return 2;
    }
    hpfeeds::ClientOptions options;
    options.host = argv[1];
    options.port = static_cast<std::uint16_t>(std::atoi(argv[2]));
    options.ident = argv[3];
    options.secret = argv[4];

    asio::io_context context;
    hpfeeds::Session session(context, options);
    session.on_trouble([](const hpfeeds::Error& error) { std::cerr << error.what() << std::endl; });
    session.subscribe(argv[5]);
    session.start();

    // The stop comes by the same event loop as everything else, so nothing has to be locked.
    asio::signal_set stop(context, SIGINT, SIGTERM);
    stop.async_wait([&](const std::error_code& cancelled, int) {
        if (!cancelled) session.async_close([](const std::error_code&) {});
    });
    asio::co_spawn(context, print(session), [&](const std::exception_ptr&) { stop.cancel(); });
    context.run();
}
