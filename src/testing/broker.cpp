// SPDX-License-Identifier: Apache-2.0
#include "broker/broker.hpp"

#include "config/options.hpp"
#include "hpfeeds/error.hpp"
#include "hpfeeds/testing.hpp"
#include "testing/certificate.hpp"
#include "testing/listed_users.hpp"
#include "testing/reserved_port.hpp"

#include <algorithm>
#include <chrono>
#include <optional>
#include <utility>

namespace hpfeeds::testing {
namespace {

constexpr const char* loopback = "127.0.0.1";

config::BrokerOptions options_on(std::uint16_t port, const BrokerTls& tls) {
    config::BrokerOptions options;
    config::Endpoint endpoint{
        .kind = config::Endpoint::Kind::tcp, .interface = loopback, .port = port};
    if (tls.enabled) {
        endpoint.kind = config::Endpoint::Kind::tls;
        endpoint.cert = tls.certificate_file;
        endpoint.key = tls.key_file;
    }
    options.endpoints.push_back(std::move(endpoint));
    options.refusal_delay = std::chrono::milliseconds(0);
    options.auth_workers = 1;
    return options;
}

}  // namespace

struct Broker::State {
    std::vector<User> users;
    BrokerTls tls;
    std::optional<Certificate> certificate;  // of our own making
    ReservedPort port;
    std::unique_ptr<broker::Broker> running;  // null while stopped
};

Broker::Broker(std::vector<User> users, BrokerTls tls) : state_(std::make_unique<State>()) {
    if (tls.certificate_file.empty() != tls.key_file.empty())
        throw Error(
            "a test's broker has a certificate without a key, or a key without a "
            "certificate: give both files, or neither");
    if (!tls.enabled && !tls.key_file.empty())
        throw Error("a test's broker has a certificate, but tls.enabled is false: set it");
    state_->users = std::move(users);
    state_->tls = std::move(tls);
    if (state_->tls.enabled && state_->tls.key_file.empty()) {
        state_->certificate.emplace();
        state_->tls.certificate_file = state_->certificate->certificate_file();
        state_->tls.key_file = state_->certificate->key_file();
    }
    start();
}

Broker::~Broker() {
    stop();
}

void Broker::stop() {
    if (!state_->running) return;
    state_->running->stop();
    state_->running.reset();
}

void Broker::start() {
    if (state_->running) return;
    auto broker = std::make_unique<broker::Broker>(options_on(port(), state_->tls),
                                                   std::make_unique<ListedUsers>(state_->users));
    broker->start();
    state_->running = std::move(broker);
}

void Broker::restart() {
    stop();
    start();
}

std::uint16_t Broker::port() const noexcept {
    return state_->port.number();
}

ClientOptions Broker::options_for(std::string_view ident) const {
    const auto user = std::find_if(state_->users.begin(), state_->users.end(),
                                   [&](const User& each) { return each.ident == ident; });
    if (user == state_->users.end())
        throw Error("'" + std::string(ident) + "' is not among the users of the test's broker");
    ClientOptions options;
    options.host = loopback;
    options.port = port();
    options.ident = user->ident;
    options.secret = user->secret;
    if (state_->tls.enabled)
        options.tls = {.enabled = true, .trusted_file = state_->tls.certificate_file};
    return options;
}

}  // namespace hpfeeds::testing
