// SPDX-License-Identifier: Apache-2.0
// merge_brokers: merges a channel of several brokers, keeps the JSON events that have hashes, and
// publishes them to another broker.
//
//     merge_brokers IDENT SECRET IN-CHANNEL OUT-CHANNEL OUT-HOST:PORT HOST:PORT…
#include <hpfeeds/session.hpp>
#include <hpfeeds/stream.hpp>

#include <asio/co_spawn.hpp>
#include <asio/io_context.hpp>
#include <asio/signal_set.hpp>
#include <nlohmann/json.hpp>

#include <cstdlib>
#include <iostream>
#include <list>
#include <string>
#include <vector>

namespace {

using nlohmann::json;

asio::awaitable<void> hashes(std::list<hpfeeds::Session>& brokers, hpfeeds::Session& output,
                             std::string channel) {
    std::vector<hpfeeds::Stream<hpfeeds::Message>> feeds;
    for (hpfeeds::Session& broker : brokers)
        feeds.push_back(hpfeeds::messages(broker));

    auto pipeline =
        // Merge the feeds of all brokers
        hpfeeds::merge(std::move(feeds))
        // Decode the JSON payload
        | hpfeeds::transform([](const hpfeeds::Message& message) {
              return json::parse(message.text(), nullptr, false);
          })
        // Only interested in events that have hashes associated with them
        | hpfeeds::filter([](const json& event) {
              return event.is_object() && event.contains("hashes") && !event["hashes"].empty();
          })
        // Encode again for transmission
        | hpfeeds::transform([](const json& event) { return event.dump(); });

    const std::size_t published =
        co_await hpfeeds::publish_stream(output, channel, std::move(pipeline));
    std::cerr << published << " events with hashes\n";
    co_await output.async_close(asio::use_awaitable);
}

hpfeeds::ClientOptions options_for(const std::string& address, char** login) {
    hpfeeds::ClientOptions options;
    const std::size_t colon = address.rfind(':');
    options.host = address.substr(0, colon);
    options.port = static_cast<std::uint16_t>(std::atoi(address.substr(colon + 1).c_str()));
    options.ident = login[0];
    options.secret = login[1];
    return options;
}

}  // namespace

int main(int argc, char** argv) {
    if (argc < 7) {
        std::cerr << "usage: merge_brokers IDENT SECRET IN-CHANNEL OUT-CHANNEL OUT-HOST:PORT "
                     "HOST:PORT…\n";
        return 2;
    }
    asio::io_context context;
    hpfeeds::Session output(context, options_for(argv[5], argv + 1));
    output.start();
    std::list<hpfeeds::Session> brokers;
    for (int i = 6; i < argc; ++i) {
        hpfeeds::Session& broker = brokers.emplace_back(context, options_for(argv[i], argv + 1));
        broker.subscribe(argv[3]);
        broker.start();
    }

    // Graceful shutdown: the feeds end, the pipeline runs dry, and the output is closed behind it.
    asio::signal_set stop(context, SIGINT, SIGTERM);
    stop.async_wait([&](const std::error_code& cancelled, int) {
        if (cancelled) return;
        for (hpfeeds::Session& broker : brokers)
            broker.close();
    });
    int status = 0;
    asio::co_spawn(context, hashes(brokers, output, argv[4]),
                   [&](const std::exception_ptr& thrown) {
                       status = thrown ? 1 : 0;
                       stop.cancel();
                       output.close();
                   });
    context.run();
    return status;
}
