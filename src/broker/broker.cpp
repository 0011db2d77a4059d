// SPDX-License-Identifier: Apache-2.0
#include "broker/broker.hpp"

#include "auth/desk.hpp"
#include "auth/open_source.hpp"
#include "broker/details_pages.hpp"
#include "broker/metrics_report.hpp"
#include "broker/open_sockets.hpp"
#include "broker/process_setup.hpp"
#include "broker/readiness.hpp"
#include "broker/reload.hpp"
#include "broker/roll_over.hpp"
#include "broker/shutdown.hpp"
#include "broker/signals.hpp"
#include "broker/tls_files.hpp"
#include "broker/upgrade.hpp"
#include "broker/watchdog.hpp"
#include "config/limits.hpp"
#include "hpfeeds/error.hpp"
#include "log/log.hpp"
#include "metrics/http_exporter.hpp"
#include "net/door.hpp"
#include "net/places.hpp"
#include "net/shard_thread.hpp"
#include "service/surroundings.hpp"
#include "wire/challenge.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <csignal>
#include <deque>
#include <iterator>
#include <optional>
#include <span>
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

using KeyStores = std::vector<std::unique_ptr<auth::AccountSource>>;

// Nobody needs to be polled who tells his changes himself.
bool all_tell_changes(const KeyStores& stores) {
    return std::all_of(stores.begin(), stores.end(),
                       [](const auto& store) { return store->tells_changes(); });
}

net::PlacesOfAddress of_address(const config::BrokerOptions& options) {
    const auto& asked = options.connections_per_address_max;
    return {asked.value_or(config::connections_per_address_default), asked.has_value()};
}

core::HashKey drawn_hash_key() {
    std::array<std::uint64_t, 2> words{};
    wire::fill_random(std::as_writable_bytes(std::span(words)));
    return {words[0], words[1]};
}

core::ShardOptions shard_options(const config::BrokerOptions& options, unsigned shard,
                                 const KeyStores& key_stores) {
    core::ShardOptions made;
    made.limits.publish_frame_bytes_max = options.frame_bytes_max;
    made.limits.delivered_frame_bytes_max = options.delivered_frame_bytes_max;
    made.limits.slow_policy = policy_of(options.slow_policy);
    made.limits.slow_high_bytes = options.slow_high_bytes;
    made.limits.slow_deadline = options.slow_deadline;
    made.limits.subscriber_bytes_max = options.subscriber_bytes_max;
    made.limits.login_deadline = options.login_deadline;
    made.limits.refusal_delay = options.refusal_delay;
    made.limits.refusal_delay_max = options.refusal_delay_max;
    made.broker_name = options.name;
    made.shard = shard;
    made.shard_count = options.threads;
    made.tell_everything = options.log_level == config::LogLevel::debug;
    made.live_permissions = options.recheck.has_value();
    if (options.recheck && !all_tell_changes(key_stores)) made.recheck_interval = *options.recheck;
    made.wildcards = options.wildcards;
    return made;
}

KeyStores open_key_stores(const config::BrokerOptions& options) {
    KeyStores stores;
    for (const std::string& spec : options.auth)
        stores.push_back(auth::open_source(spec, options.auth_timeout));
    return stores;
}

std::vector<auth::AccountSource*> borrowed(const KeyStores& stores) {
    std::vector<auth::AccountSource*> all;
    for (const auto& store : stores)
        all.push_back(store.get());
    return all;
}

std::string names_of(const KeyStores& stores) {
    std::string names;
    for (const auto& store : stores)
        names.append(names.empty() ? "" : ", ").append(store->name());
    return names;
}

auth::Desk::Options desk_options(const config::BrokerOptions& options) {
    return {.workers = options.auth_workers,
            .queue_max = options.auth_queue_max,
            .timeout = options.auth_timeout,
            .check_at_start = true,
            .rechecks_max = core::rechecks_outstanding_max * options.threads};
}

core::EndpointRights rights_of(const config::Endpoint& endpoint) {
    return {.publish = endpoint.allow != config::Endpoint::Allow::subscribe,
            .subscribe = endpoint.allow != config::Endpoint::Allow::publish};
}

std::optional<net::ProxyTerms> proxy_terms_of(const config::Endpoint& endpoint) {
    if (!endpoint.proxy) return std::nullopt;
    net::ProxyTerms terms;
    for (const config::Network& each : endpoint.trust)
        terms.trusted.emplace_back(each.bytes, each.v4, each.prefix_bits);
    return terms;
}

void warn_of_forgery(const config::Endpoint& endpoint) {
    if (!endpoint.proxy || !endpoint.trust.empty() ||
        endpoint.kind == config::Endpoint::Kind::unix_socket)
        return;
    log::warning("PROXY headers are believed from anybody",
                 {{"endpoint", endpoint.text()},
                  {"why",
                   "who reaches the endpoint past the balancer may claim any address; add "
                   "trust=ADDRESS of the balancer"}});
}

struct Listening {
    net::Address address;
    std::string path;  // of a Unix socket
    std::string endpoint;
};

void tell(const Listening& listening) {
    if (listening.path.empty())
        log::info("listening", {{"address", listening.address.host()},
                                {"port", static_cast<unsigned>(listening.address.port())},
                                {"endpoint", listening.endpoint}});
    else
        log::info("listening", {{"path", listening.path}, {"endpoint", listening.endpoint}});
}

// How often it is looked whether the stores have been asked, while the broker starts.
constexpr std::chrono::milliseconds ready_poll{5};

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
    Rooms(const config::BrokerOptions& given, std::size_t connections_max, KeyStores asked,
          service::Surroundings started_by)
        : options(given),
          around(std::move(started_by)),
          budget(given.memory_bytes_max),
          places(connections_max, of_address(given), hash_key),
          ident_places(connections_max, given.connections_per_ident_max),
          publish_rates(ident_places.entry_count(), given.publish_rate_max,
                        given.publish_bytes_max),
          key_stores(std::move(asked)),
          desk(borrowed(key_stores), desk_options(given),
               [this](auth::Answer answer) { hand_back(std::move(answer)); }) {
        if (given.threads > 1) counted_names.emplace();
    }

    [[nodiscard]] core::ShardOptions options_of(unsigned shard) {
        core::ShardOptions made = shard_options(options, shard, key_stores);
        made.hash_key = hash_key;
        made.publish_rates = &publish_rates;
        made.failed_logins = &failed_logins;
        made.counted_names = counted_names ? &*counted_names : nullptr;
        made.ident_places = &ident_places;
        return made;
    }

    [[nodiscard]] LimitTables tables() const {
        return {places.uncounted(), ident_places.uncounted(), failed_logins.uncounted()};
    }
    // Called by shard threads.
    bool look_up(unsigned shard, const core::LookupRequest& asked) {
        auth::Request request;
        request.shard = shard;
        request.session_index = asked.asker.index;
        request.session_generation = asked.asker.generation;
        request.purpose = asked.purpose;
        request.opened_ns = steady_ns();
        return request.set_ident(asked.ident) && desk.submit(request);
    }
    // Opens every endpoint; where TLS or a balancer comes in there is a door, which does not run
    // yet. Nothing is said of any before all of them are open.
    void open_endpoints(const std::vector<net::ShardThread*>& all) {
        std::vector<net::Listener> plain;
        std::vector<net::DoorListener> tls, proxied;
        std::vector<std::size_t> certificate_of;  // of each in tls
        for (const config::Endpoint& endpoint : options.endpoints) {
            const bool encrypted = endpoint.kind == config::Endpoint::Kind::tls;
            if (encrypted)
                certificates.push_back(
                    std::make_unique<RollOver>(files_of(endpoint), endpoint.text()));
            for (net::Listener& listener :
                 open_sockets(endpoint, around.sockets, around.notifier)) {
                listener.rights = rights_of(endpoint);
                listening.push_back({listener.address, endpoint.path, listener.label});
                copies.push_back(copy_of(socket_name(endpoint), listener.socket.get()));
                auto terms = proxy_terms_of(endpoint);
                if (encrypted) {
                    tls.push_back(
                        {std::move(listener), certificates.back()->context(), std::move(terms)});
                    certificate_of.push_back(certificates.size() - 1);
                } else if (terms) {
                    proxied.push_back({std::move(listener), nullptr, std::move(terms)});
                } else {
                    plain.push_back(std::move(listener));
                }
            }
        }
        all.front()->accept_from(std::move(plain));
        // Those with TLS first: the door knows them by the numbers of their certificates.
        std::move(proxied.begin(), proxied.end(), std::back_inserter(tls));
        if (tls.empty()) return;
        door = std::make_unique<net::Door>(std::move(tls), options.login_deadline, places, all);
        for (std::size_t i = 0; i < certificates.size(); ++i)
            certificates[i]->watch(
                [this, i, certificate_of](const std::shared_ptr<const net::TlsContext>& next) {
                    for (std::size_t j = 0; j < certificate_of.size(); ++j)
                        if (certificate_of[j] == i) door->roll_over(j, next);
                });
    }
    void open_exporter(const std::vector<net::ShardThread*>& all) {
        const config::HostPort& where = *options.exporter;
        if (net::Descriptor socket = take_exporter(where, around.sockets); socket.open())
            exporter = std::make_unique<metrics::HttpExporter>(socket.release(), pages(all),
                                                               &exporter_counters);
        else
            exporter = std::make_unique<metrics::HttpExporter>(where.host, where.port, pages(all),
                                                               &exporter_counters);
        copies.push_back(copy_of(socket_name(where), exporter->listener()));
        log::info("exporter listening",
                  {{"address", where.host}, {"port", static_cast<unsigned>(exporter->port())}});
    }
    // Called by threads of the desk.
    void hand_back(auth::Answer answer) {
        shards[answer.shard]->post(
            core::AccountAnswer{{answer.session_index, answer.session_generation},
                                status_of(answer.lookup.status),
                                std::move(answer.lookup.account),
                                answer.purpose,
                                answer.lookup.degraded,
                                core::Instant(std::chrono::nanoseconds(answer.opened_ns))});
    }
    // Called by the exporter's thread.
    std::vector<metrics::Page> pages(const std::vector<net::ShardThread*>& all) {
        using metrics::Response;
        std::vector<metrics::Page> pages{
            {"/metrics",
             [this, all](std::string_view) {
                 return Response{Response::Status::ok, metrics::plain_text,
                                 metrics_report(all, desk, budget, {door.get(), certificates},
                                                tables(), reloads, exporter_counters)};
             }},
            {"/healthz",
             [](std::string_view) {
                 return Response{Response::Status::ok, metrics::json_text, "{}"};
             }},
            {"/readyz", [this](std::string_view) {
                 return readiness(phase.load(std::memory_order_relaxed), desk.counts());
             }}};
        if (options.exporter_details)
            for (metrics::Page& page : details_pages({all, door.get(), &budget, options.name}))
                pages.push_back(std::move(page));
        return pages;
    }
    // Called by threads of the key stores: one message for each shard, whatever their number of
    // idents.
    void tell_changes(auth::KeyChanges changes) {
        net::KeyNews news;
        if (!changes.any)
            news.idents =
                std::make_shared<const std::vector<std::string>>(std::move(changes.idents));
        for (const auto& shard : shards)
            shard->post(news);
    }

    std::vector<net::ShardThread*> borrowed_shards() const {
        std::vector<net::ShardThread*> all;
        for (const auto& shard : shards)
            all.push_back(shard.get());
        return all;
    }
    // For `systemctl status`.
    std::string status() const {
        return "listening on " + std::to_string(listening.size()) +
               (listening.size() == 1 ? " socket" : " sockets") + "; keys from " +
               names_of(key_stores);
    }

    config::BrokerOptions options;
    service::Surroundings around;
    bytes::MemoryBudget budget;
    core::HashKey hash_key = drawn_hash_key();
    net::Places places;
    // Both count without a bound, too, for one that a reload brings.
    core::PlaceTable ident_places;
    core::PublishRates publish_rates;
    core::FailedLogins failed_logins;
    std::optional<core::CountedNames> counted_names;  // where there are several shards
    KeyStores key_stores;
    // One a shard, and before them: what one has received, others hold until they go.
    std::deque<bytes::SlabPool> pools;
    std::vector<std::unique_ptr<net::ShardThread>> shards;
    std::unique_ptr<net::Door> door;                      // null without TLS and proxied endpoints
    std::vector<std::unique_ptr<RollOver>> certificates;  // after the door, which they give orders
    std::vector<Listening> listening;
    std::vector<service::HandedSocket> copies;  // of all that listen, for who takes over
    std::atomic<Phase> phase{Phase::starting};
    ReloadCounters reloads;
    auth::Desk desk;  // after the shards: its last answers are posted to them
    metrics::ExporterCounters exporter_counters;
    std::unique_ptr<metrics::HttpExporter> exporter;
    std::uint16_t port = 0;
    std::vector<std::thread> threads;
    std::thread door_thread;
};

Broker::Broker(const config::BrokerOptions& given, service::Surroundings around) {
    config::BrokerOptions options = given;
    options.threads = shard_count(given.threads);
    block_signals();
    const std::size_t descriptors_max = raise_descriptor_limit();
    build(options, descriptors_max, open_key_stores(options), std::move(around));
}

Broker::Broker(const config::BrokerOptions& given, std::unique_ptr<auth::AccountSource> key_store) {
    config::BrokerOptions options = given;
    options.threads = shard_count(given.threads);
    KeyStores key_stores;
    key_stores.push_back(std::move(key_store));
    build(options, descriptor_limit(), std::move(key_stores), {});
}

void Broker::build(const config::BrokerOptions& options, std::size_t descriptors_max,
                   KeyStores key_stores, service::Surroundings around) {
    rooms_ =
        std::make_unique<Rooms>(options, connections_max(options.connections_max, descriptors_max),
                                std::move(key_stores), std::move(around));
    Rooms& rooms = *rooms_;

    for (unsigned i = 0; i < options.threads; ++i)
        rooms.shards.push_back(std::make_unique<net::ShardThread>(
            rooms.options_of(i), rooms.pools.emplace_back(rooms.budget, bytes::lendable_slabs_max),
            rooms.places, [&rooms](unsigned shard, const core::LookupRequest& request) {
                return rooms.look_up(shard, request);
            }));
    const std::vector<net::ShardThread*> all = rooms.borrowed_shards();
    for (net::ShardThread* shard : all)
        shard->join(all);

    rooms.open_endpoints(all);
    if (options.exporter) rooms.open_exporter(all);
    close_unused(rooms.around.sockets, rooms.around.notifier);
    log::info("key stores", {{"stores", names_of(rooms.key_stores)}});
    for (const Listening& each : rooms.listening)
        tell(each);
    for (const config::Endpoint& endpoint : options.endpoints)
        warn_of_forgery(endpoint);
    rooms.port = rooms.listening.front().address.port();
}

Broker::~Broker() = default;

std::uint16_t Broker::port() const noexcept {
    return rooms_->port;
}

void Broker::run(const Reread& reread) {
    start();
    Upgrade upgrade(rooms_->around, rooms_->copies);
    if (const auto signal = attend(upgrade, reread)) {
        log::info("stopping", {{"signal", *signal == SIGINT ? "SIGINT" : "SIGTERM"}});
        rooms_->around.notifier.stopping("handing out what is queued");
        finish(rooms_->options.shutdown_grace, wait_or_stop_signal);
    } else {
        // From the same socket the other process answers, and knows more.
        rooms_->exporter.reset();
        finish(rooms_->options.drain_timeout, wait_or_stop_signal,
               [&upgrade] { upgrade.conclude(); });
    }
}

std::optional<int> Broker::attend(Upgrade& upgrade, const Reread& reread) {
    bool ready = false;
    service::Surroundings& around = rooms_->around;
    Watchdog watchdog(around.watchdog, rooms_->borrowed_shards(), around.notifier);
    for (;;) {
        // Stores are asked by threads of their own, which nobody tells that somebody waits; nor
        // does a process that is starting.
        const bool waiting = !ready || upgrade.under_way();
        const auto signal =
            wait_for_signal(waiting ? std::optional(ready_poll) : watchdog.due_in());
        watchdog.look();
        if (signal && asks_to_stop(*signal)) return *signal;
        if (signal && *signal == SIGHUP) {
            // During an upgrade it is reloading anyway, and stays so until that is over.
            const bool tell = ready && !upgrade.under_way();
            if (tell) around.notifier.reloading();
            reload(reread);
            if (tell) around.notifier.ready(rooms_->status());
            if (upgrade.under_way()) upgrade.reload_too();
        }
        const bool replace = signal && *signal == SIGUSR2;
        if (replace && ready) upgrade.begin(rooms_->status());
        if (replace && !ready) log::warning("too early to upgrade: this process is still starting");
        if (upgrade.ready()) return std::nullopt;
        if (ready || !rooms_->desk.every_store_was_asked()) continue;
        ready = true;
        if (around.predecessor) around.predecessor->ready();
        around.notifier.ready(rooms_->status());
    }
}

// First everything is read and judged, then everything is taken over.
void Broker::reload(const Reread& reread) {
    try {
        const Changes changes =
            changes_between(rooms_->options, reread ? reread() : rooms_->options);
        std::vector<std::function<void()>> more;
        for (const auto& each : rooms_->certificates)
            more.push_back(each->read_again());
        for (const auto& store : rooms_->key_stores)
            more.push_back(store->read_again());
        take_over(changes.options);
        for (const std::function<void()>& taking : more)
            if (taking) taking();
        rooms_->reloads.done.increment();
        log::info("configuration read again", {{"taken_over", list_of(changes.taken_over)}});
        if (!changes.for_the_next_start.empty())
            log::warning("changed settings that take effect at the next start",
                         {{"settings", list_of(changes.for_the_next_start)}});
    } catch (const Error& error) {
        rooms_->reloads.refused.increment();
        log::error("the configuration was not taken over; everything stays as it is",
                   {{"reason", error.what()}});
    }
}

void Broker::take_over(const config::BrokerOptions& options) {
    rooms_->options = options;
    rooms_->budget.set_bytes_max(options.memory_bytes_max);
    rooms_->places.set_of_address(of_address(options));
    rooms_->ident_places.set_places_max(options.connections_per_ident_max);
    rooms_->publish_rates.set(options.publish_rate_max, options.publish_bytes_max);
    log::set_least(log_level_of(options));
    const core::ShardOptions made = shard_options(options, 0, rooms_->key_stores);
    const auto limits = std::make_shared<const core::Limits>(made.limits);
    for (const auto& shard : rooms_->shards)
        shard->post(net::Retune{limits, made.tell_everything});
}

void Broker::start() {
    for (const auto& shard : rooms_->shards)
        rooms_->threads.emplace_back([&shard = *shard] { shard.run(); });
    if (rooms_->options.recheck)
        for (const auto& store : rooms_->key_stores)
            store->tell_changes_to(
                [this](auth::KeyChanges changes) { rooms_->tell_changes(std::move(changes)); });
    if (rooms_->door) rooms_->door_thread = std::thread([this] { rooms_->door->run(); });
    rooms_->phase.store(Phase::serving, std::memory_order_relaxed);
}

void Broker::stop() {
    finish(rooms_->options.shutdown_grace, [](std::chrono::nanoseconds pause) {
        std::this_thread::sleep_for(pause);
        return false;
    });
}

void Broker::finish(std::chrono::milliseconds grace, const Patience& patience,
                    const std::function<void()>& taken_over) {
    rooms_->copies.clear();
    rooms_->phase.store(Phase::draining, std::memory_order_relaxed);
    const std::vector<net::ShardThread*> all = rooms_->borrowed_shards();
    if (rooms_->door) {
        rooms_->door->stop(static_cast<bool>(taken_over));
        rooms_->door_thread.join();
    }
    drain(all, grace, patience, taken_over);
    for (std::thread& thread : rooms_->threads)
        thread.join();
    for (const auto& store : rooms_->key_stores)
        store->tell_changes_to({});
    rooms_->desk.stop();
    rooms_->exporter.reset();
    log::info("stopped");
}

}  // namespace hpfeeds::broker
