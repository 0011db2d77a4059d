// SPDX-License-Identifier: Apache-2.0
#include "broker/broker.hpp"

#include "auth/chain.hpp"
#include "auth/desk.hpp"
#include "auth/open_source.hpp"
#include "broker/metrics_report.hpp"
#include "broker/process_setup.hpp"
#include "broker/shutdown.hpp"
#include "hpfeeds/error.hpp"
#include "log/log.hpp"
#include "metrics/http_exporter.hpp"
#include "net/shard_thread.hpp"

#include <algorithm>
#include <chrono>
#include <csignal>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace hpfeeds::broker {
namespace {

core::SlowPolicy policy_of(config::SlowPolicy policy) {
    switch (policy) {
        case config::SlowPolicy::drop_newest:
            return core::SlowPolicy::drop_newest;
        case config::SlowPolicy::drop_oldest:
            return core::SlowPolicy::drop_oldest;
        default:
            return core::SlowPolicy::disconnect;
    }
}

core::ShardOptions shard_options(const config::BrokerOptions& options, unsigned shard) {
    core::ShardOptions made;
    made.limits.publish_frame_bytes_max = options.frame_bytes_max;
    made.limits.slow_policy = policy_of(options.slow_policy);
    made.limits.slow_high_bytes = options.slow_high_bytes;
    made.limits.slow_deadline = options.slow_deadline;
    made.limits.subscriber_bytes_max = options.subscriber_bytes_max;
    made.limits.login_deadline = options.login_deadline;
    made.limits.refusal_delay = options.refusal_delay;
    made.broker_name = options.name;
    made.shard = shard;
    made.shard_count = options.threads;
    made.tell_everything = options.debug;
    return made;
}

std::unique_ptr<auth::AccountSource> open_key_stores(const config::BrokerOptions& options) {
    std::vector<std::unique_ptr<auth::AccountSource>> sources;
    for (const std::string& spec : options.auth)
        sources.push_back(auth::open_source(spec));
    if (sources.size() == 1) return std::move(sources.front());
    return std::make_unique<auth::Chain>(std::move(sources));
}

std::vector<net::Listener> open_listeners(const config::BrokerOptions& options) {
    std::vector<net::Listener> listeners;
    for (const config::Endpoint& endpoint : options.endpoints) {
        if (endpoint.kind == config::Endpoint::Kind::tls)
            throw Error(
                "cannot serve " + endpoint.text() +
                ": this version has no TLS endpoints yet; put a TLS proxy in front of a tcp "
                "endpoint on a loopback interface");
        listeners.push_back(net::open_listener({endpoint.interface, endpoint.port, endpoint.device},
                                               endpoint.text()));
    }
    return listeners;
}

std::uint64_t steady_ns() {
    return static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::nanoseconds>(
                                          std::chrono::steady_clock::now().time_since_epoch())
                                          .count());
}

core::AccountAnswer::Status status_of(auth::Lookup::Status status) {
    switch (status) {
        case auth::Lookup::Status::found:
            return core::AccountAnswer::Status::found;
        case auth::Lookup::Status::absent:
            return core::AccountAnswer::Status::absent;
        default:
            return core::AccountAnswer::Status::unavailable;
    }
}

}  // namespace

// In the order in which they are built; they end in the reverse one.
struct Broker::Rooms {
    Rooms(const config::BrokerOptions& given, std::unique_ptr<auth::AccountSource> asked)
        : options(given),
          budget(given.memory_bytes_max),
          key_stores(std::move(asked)),
          desk(*key_stores, given.auth_workers, given.auth_queue_max,
               [this](auth::Answer answer) { hand_back(std::move(answer)); }) {}

    // Called by shard threads.
    bool look_up(unsigned shard, core::SessionId session, std::string_view ident) {
        auth::Request request;
        request.shard = shard;
        request.session_index = session.index;
        request.session_generation = session.generation;
        request.opened_ns = steady_ns();
        return request.set_ident(ident) && desk.submit(request);
    }
    // Called by desk workers.
    void hand_back(auth::Answer answer) {
        shards[answer.shard]->post(
            core::AccountAnswer{{answer.session_index, answer.session_generation},
                                status_of(answer.lookup.status),
                                std::move(answer.lookup.account)});
    }

    config::BrokerOptions options;
    bytes::MemoryBudget budget;
    std::unique_ptr<auth::AccountSource> key_stores;
    std::vector<std::unique_ptr<net::ShardThread>> shards;
    auth::Desk desk;  // after the shards: its last answers are posted to them
    std::unique_ptr<metrics::HttpExporter> exporter;
    std::uint16_t port = 0;
    std::vector<std::thread> threads;
};

Broker::Broker(const config::BrokerOptions& options) {
    block_stop_signals();
    const std::size_t descriptors_max = raise_descriptor_limit();
    build(options, descriptors_max, open_key_stores(options));
}

Broker::Broker(const config::BrokerOptions& options,
               std::unique_ptr<auth::AccountSource> key_stores) {
    build(options, descriptor_limit(), std::move(key_stores));
}

void Broker::build(const config::BrokerOptions& options, std::size_t descriptors_max,
                   std::unique_ptr<auth::AccountSource> key_stores) {
    rooms_ = std::make_unique<Rooms>(options, std::move(key_stores));
    Rooms& rooms = *rooms_;

    net::EngineOptions engine;
    engine.connections_max = connections_max(options.connections_max, descriptors_max);
    for (unsigned i = 0; i < options.threads; ++i)
        rooms.shards.push_back(std::make_unique<net::ShardThread>(
            shard_options(options, i), engine, rooms.budget,
            [&rooms](unsigned shard, core::SessionId session, std::string_view ident) {
                return rooms.look_up(shard, session, ident);
            }));
    std::vector<net::ShardThread*> all;
    for (const auto& shard : rooms.shards)
        all.push_back(shard.get());
    for (net::ShardThread* shard : all)
        shard->join(all);

    std::vector<net::Listener> listeners = open_listeners(options);
    if (options.exporter) {
        rooms.exporter = std::make_unique<metrics::HttpExporter>(
            options.exporter->host, options.exporter->port,
            [&rooms, all] { return metrics_report(all, rooms.desk, rooms.budget); });
        log::info("exporter listening", {{"address", options.exporter->host},
                                         {"port", static_cast<unsigned>(rooms.exporter->port())}});
    }
    log::info("key stores", {{"stores", rooms.key_stores->name()}});
    for (const net::Listener& listener : listeners)
        log::info("listening", {{"address", listener.address.host()},
                                {"port", static_cast<unsigned>(listener.address.port())},
                                {"endpoint", listener.label}});
    rooms.port = listeners.front().address.port();
    all.front()->accept_from(std::move(listeners));
}

Broker::~Broker() = default;

std::uint16_t Broker::port() const noexcept {
    return rooms_->port;
}

void Broker::run() {
    start();
    const int signal = wait_for_stop_signal();
    log::info("stopping", {{"signal", signal == SIGINT ? "SIGINT" : "SIGTERM"}});
    finish(wait_or_stop_signal);
}

void Broker::start() {
    for (const auto& shard : rooms_->shards)
        rooms_->threads.emplace_back([&shard = *shard] { shard.run(); });
}

void Broker::stop() {
    finish([](std::chrono::nanoseconds pause) {
        std::this_thread::sleep_for(pause);
        return false;
    });
}

void Broker::finish(const Patience& patience) {
    std::vector<net::ShardThread*> all;
    for (const auto& shard : rooms_->shards)
        all.push_back(shard.get());
    drain(all, rooms_->options.shutdown_grace, patience);
    for (std::thread& thread : rooms_->threads)
        thread.join();
    rooms_->desk.stop();
    rooms_->exporter.reset();
    log::info("stopped");
}

}  // namespace hpfeeds::broker
