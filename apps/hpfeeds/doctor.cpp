// SPDX-License-Identifier: Apache-2.0
#include "doctor.hpp"

#include "client/resolve.hpp"
#include "client/tcp_connect.hpp"
#include "doctor_findings.hpp"
#include "doctor_greeting.hpp"
#include "doctor_network.hpp"
#include "doctor_rights.hpp"
#include "doctor_words.hpp"
#include "hpfeeds/text.hpp"

#include <poll.h>
#include <algorithm>
#include <array>
#include <cctype>
#include <utility>

namespace hpfeeds::cli {
namespace {

using Result = Finding::Result;

std::string joined(const std::vector<std::string>& words) {
    std::string all;
    for (const std::string& word : words)
        all += (all.empty() ? "" : ", ") + word;
    return all;
}

bool ends_are_blank(const std::string& secret) {
    const auto blank = [](char byte) {
        return std::isspace(static_cast<unsigned char>(byte)) != 0;
    };
    return !secret.empty() && (blank(secret.front()) || blank(secret.back()));
}

// Whether this is one of several addresses, of which another one works.
void forgive_dead_addresses(std::vector<Finding>& knocks) {
    const bool one_works = std::any_of(knocks.begin(), knocks.end(), [](const Finding& each) {
        return each.result == Result::good;
    });
    if (!one_works) return;
    for (Finding& each : knocks)
        if (each.result == Result::bad) {
            each.result = Result::note;
            each.advice = "Clients try one address after another, so this one only costs time";
        }
}

class Examination {
public:
    Examination(const ClientOptions& client, const DoctorOptions& options, const Console& console)
        : client_(client), options_(options), console_(console), channels_(client.channels) {
        client_.channels.clear();  // what is subscribed to is said for each question
    }

    int run() {
        if (find_addresses() && connect() && meet() && !client_.ident.empty()) examine_rights();
        const Diagnosis diagnosis = diagnose(findings_);
        const bool shown = Console::put(
            console_.out, options_.json ? json_of({client_.destination.text(),
                                                   client_.destination.tls, client_.ident},
                                                  findings_)
                                        : text_of(diagnosis));
        return shown && diagnosis.healthy && !stopped() ? exit_done : exit_failed;
    }

private:
    // True when it is worth going on.
    bool add(Finding finding) {
        if (!options_.json) static_cast<void>(Console::put(console_.out, text_of(finding)));
        findings_.push_back(std::move(finding));
        return findings_.back().result != Result::bad && !stopped();
    }

    [[nodiscard]] bool stopped() const {
        pollfd stop{console_.stop, POLLIN, 0};
        return console_.stop >= 0 && poll(&stop, 1, 0) > 0;
    }

    bool find_addresses() {
        const std::string& host = client_.destination.host;
        if (client::is_unix_socket(host)) {
            addresses_ = {host};
            return add({"name", {}, Result::good, one_line(host) + " is a socket of this machine"});
        }
        const client::Resolved found = client::resolve(host);
        if (found.error) {
            const bool nobody_knows = found.resolver_failed;
            return add({"name",
                        {},
                        Result::bad,
                        "'" + one_line(host) + "' has no address: " + found.explanation,
                        nobody_knows ? "No name server could answer: look at this machine's "
                                       "network and /etc/resolv.conf"
                                     : "The name does not exist: correct its spelling"});
        }
        addresses_ = found.addresses;
        const bool is_address = addresses_.size() == 1 && addresses_.front() == host;
        return add({"name",
                    {},
                    Result::good,
                    is_address ? host + " is an address already"
                               : "'" + one_line(host) + "' is " + joined(addresses_)});
    }

    bool connect() {
        std::vector<Finding> knocks;
        for (const std::string& address : addresses_) {
            const std::uint16_t port = client_.destination.port;
            const Knock knocked = knock(address, port, client_.timeout, console_.stop);
            client::Destination one = client_.destination;
            one.host = address;
            Finding made{"connect", one.text(), Result::good, "connected"};
            if (knocked.error) {
                Words words = client::is_unix_socket(address)
                                  ? words_for_socket_file(knocked.error)
                                  : words_for_connect(knocked.error, client_.timeout);
                made.result = Result::bad;
                made.text = std::move(words.text);
                made.advice = std::move(words.advice);
            } else {
                made.milliseconds = knocked.milliseconds;
            }
            knocks.push_back(std::move(made));
            if (stopped()) break;
        }
        forgive_dead_addresses(knocks);
        bool all = true;
        for (Finding& each : knocks)
            all = add(std::move(each)) && all;
        return all;
    }

    bool meet() {
        if (client_.destination.tls && !add(examine_tls(client_, console_.stop))) return false;
        return add(examine_greeting(client_, console_.stop));
    }

    void examine_rights() {
        Rights rights(client_, console_);
        Finding login = rights.log_in();
        if (login.result == Result::bad && ends_are_blank(client_.secret))
            login.advice =
                "The secret begins or ends with a blank, which may not be meant. " + login.advice;
        if (!add(std::move(login))) return;
        std::vector<std::string> allowed;
        for (const std::string& channel : channels_) {
            if (add(rights.subscribe(channel))) allowed.push_back(channel);
            if (stopped()) return;
        }
        for (const std::string& channel : options_.publish_channels) {
            const bool both = std::find(allowed.begin(), allowed.end(), channel) != allowed.end();
            static_cast<void>(add(both ? rights.round_trip(channel) : rights.publish(channel)));
            if (stopped()) return;
        }
        if (!allowed.empty() && options_.listen.count() > 0)
            static_cast<void>(add(rights.listen(allowed, options_.listen)));
    }

    ClientOptions client_;
    const DoctorOptions& options_;
    const Console& console_;
    std::vector<std::string> channels_;
    std::vector<std::string> addresses_;
    std::vector<Finding> findings_;
};

}  // namespace

int doctor(const ClientOptions& client, const DoctorOptions& options, const Console& console) {
    return Examination(client, options, console).run();
}

}  // namespace hpfeeds::cli
