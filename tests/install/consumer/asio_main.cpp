// SPDX-License-Identifier: Apache-2.0
// The asynchronous client as it is installed, as far as that goes without a broker.
#include <hpfeeds/session.hpp>

#include <asio/io_context.hpp>

#include <iostream>

int main() {
    hpfeeds::ClientOptions options;
    options.host = "127.0.0.1";
    options.port = 1;  // nobody listens there
    options.ident = "me";
    options.secret = "secret";
    options.reconnect = false;
    asio::io_context context;
    hpfeeds::Session session(context, options);
    std::error_code ended;
    session.async_run([&](std::error_code error) { ended = error; });
    context.run();
    std::cout << session.last_trouble().what() << '\n';
    return ended == hpfeeds::Trouble::network && ended == session.last_trouble().code() ? 0 : 1;
}
