// SPDX-License-Identifier: Apache-2.0
// Streams as they are installed: a merged and filtered one of sessions that are over is at its end.
#include <hpfeeds/session.hpp>
#include <hpfeeds/stream.hpp>

#include <asio/co_spawn.hpp>
#include <asio/io_context.hpp>

#include <exception>
#include <iostream>

int main() {
    hpfeeds::ClientOptions options;
    options.host = "127.0.0.1";
    options.port = 1;  // nobody listens there
    options.ident = "me";
    options.secret = "secret";
    asio::io_context context;
    hpfeeds::Session session(context, options);
    session.close();
    auto texts = hpfeeds::messages(session) |
                 hpfeeds::transform([](const hpfeeds::Message& message) { return message; });
    bool over = false;
    asio::co_spawn(
        context, [&]() -> asio::awaitable<void> { over = !(co_await texts.next()).has_value(); },
        [](const std::exception_ptr& error) {
            if (error) std::rethrow_exception(error);
        });
    context.run();
    std::cout << (over ? "at its end" : "goes on") << '\n';
    return over ? 0 : 1;
}
