// SPDX-License-Identifier: Apache-2.0
#include "bench_plan.hpp"

#include "bench_stamp.hpp"
#include "client/tcp_connect.hpp"
#include "hpfeeds/error.hpp"

#include <netdb.h>
#include <algorithm>
#include <cstring>
#include <random>

namespace hpfeeds::cli::bench {
namespace {

void resolve(const client::Destination& broker, Plan& plan) {
    if (client::is_unix_socket(broker.host))
        throw Error("--host " + broker.host +
                    ": bench measures over TCP; give a name or an address");
    addrinfo wanted{};
    wanted.ai_socktype = SOCK_STREAM;
    wanted.ai_flags = AI_ADDRCONFIG;
    addrinfo* found = nullptr;
    const int failed =
        getaddrinfo(broker.host.c_str(), std::to_string(broker.port).c_str(), &wanted, &found);
    if (failed != 0) throw Error("cannot find '" + broker.host + "': " + gai_strerror(failed));
    std::memcpy(&plan.address, found->ai_addr, found->ai_addrlen);
    plan.address_bytes = found->ai_addrlen;
    freeaddrinfo(found);
}

// A read of 64 KiB in place of two for each record, as a subscriber without TLS reads much at once.
constexpr std::size_t read_ahead_bytes = 64 * 1024;

std::shared_ptr<const client::TlsContext> tls_for(const client::Destination& broker) {
    if (!broker.tls) return nullptr;
    auto made = std::make_shared<const client::TlsContext>(broker.trusted_file, read_ahead_bytes);
    if (made->error()) throw Error(made->explanation());
    return made;
}

}  // namespace

Plan::Plan(const BenchOptions& asked, std::unique_ptr<Dialect> speech)
    : options(asked),
      dialect(std::move(speech)),
      tls(tls_for(asked.client.destination)),
      run(std::random_device{}()) {
    resolve(options.client.destination, *this);
    const std::vector<std::string>& channels = options.client.channels;
    tail = dialect->publish_tail();
    std::size_t longest = sizeof(Stamp);
    kinds.resize(std::max(options.sizes.size(), options.rates.size()));
    for (std::size_t i = 0; i < kinds.size(); ++i) {
        Kind& kind = kinds[i];
        const double rate = options.rates[i % options.rates.size()];
        kind.payload_bytes = options.sizes[i % options.sizes.size()];
        kind.interval_ns = rate > 0 ? 1e9 / rate : 0;
        for (const std::string& channel : channels)
            kind.heads.push_back(dialect->publish_head(channel, kind.payload_bytes));
        longest = std::max(longest, kind.payload_bytes);
    }
    filler.resize(longest - sizeof(Stamp));
    for (std::size_t i = 0; i < filler.size(); ++i)
        filler[i] = static_cast<char>('a' + i % 26);
    for (const std::string& channel : channels)
        subscriptions += dialect->subscribe(channel);
}

}  // namespace hpfeeds::cli::bench
