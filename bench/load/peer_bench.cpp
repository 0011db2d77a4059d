// SPDX-License-Identifier: Apache-2.0
// peer_bench nats|redis|mqtt --port PORT [options of `hpfeeds bench`]: the same load on another
// broker.
#include "bench.hpp"
#include "bench_command.hpp"
#include "console.hpp"
#include "peer_dialects.hpp"

#include <csignal>
#include <exception>
#include <string>

int main(int argc, char** argv) {
    using namespace hpfeeds::cli;
    std::signal(SIGPIPE, SIG_IGN);
    const Console console;
    CLI::App app{"The load of hpfeeds bench on another broker", "peer_bench"};
    std::string dialect;
    ClientOptions client;
    client.destination.host = "127.0.0.1";
    client.ident = "bench";
    client.channels = {"bench"};
    BenchWords words;
    app.add_option("dialect", dialect, "nats, redis or mqtt")
        ->required()
        ->check(CLI::IsMember({"nats", "redis", "mqtt"}));
    app.add_option("--port", client.destination.port, "the broker's port")->required();
    app.add_option("--tlscert", client.destination.trusted_file, "use TLS, and trust this file");
    add_bench_options(app, words);
    CLI11_PARSE(app, argc, argv);
    client.destination.tls = !client.destination.trusted_file.empty();
    try {
        return run_bench(bench_options(words, client), bench::dialect_called(dialect), console);
    } catch (const std::exception& error) {
        console.complain(error.what());
        return exit_failed;
    }
}
