// SPDX-License-Identifier: Apache-2.0
#include "doctor_greeting.hpp"

#include "client/errc.hpp"
#include "doctor_network.hpp"
#include "doctor_words.hpp"
#include "hpfeeds/text.hpp"

#include <algorithm>
#include <utility>

namespace hpfeeds::cli {
namespace {

using client::Errc;
using Kind = Greeting::Kind;
using Result = Finding::Result;

// A broker greets at once. After so long a silence other questions are asked, beside the waiting.
constexpr Milliseconds soon{2'000};
constexpr std::size_t shown_bytes_max = 40;
constexpr std::chrono::hours certificate_soon_over{14 * 24};

Milliseconds at_most_soon(const ClientOptions& client) {
    return std::min(client.timeout, soon);
}

client::Destination without_tls(client::Destination destination) {
    destination.tls = false;
    return destination;
}

Finding bad(const char* check, std::string text, std::string advice) {
    return {check, {}, Result::bad, std::move(text), std::move(advice)};
}

std::string beginning_of(const std::string& heard) {
    const bool more = heard.size() > shown_bytes_max;
    return "'" + one_line(heard.substr(0, shown_bytes_max)) + (more ? "…'" : "'");
}

Finding stranger(const char* check, const std::string& heard) {
    const std::string who = stranger_that_says(heard);
    return bad(check,
               "this is not an hpfeeds broker" + (who.empty() ? "" : " but " + who) +
                   ": it begins with " + beginning_of(heard),
               "Correct --host and --port: a broker listens on 10000 or 20000 as a rule");
}

// Of one who asks plainly, and hears nothing or the end.
std::optional<Finding> other_than_plain(const ClientOptions& client, Milliseconds patience,
                                        int stop) {
    client::Destination broker = client.destination;
    if (broker.tls) return {};
    const Handshake shaken = shake_hands(broker, patience, stop);
    if (!shaken.error || shaken.certificate)
        return bad("greeting", "this port speaks TLS, and we came without",
                   "Add --tls, or --tlscert FILE for a certificate of the broker's own");
    if (answer_to_http(broker, patience, stop).starts_with("HTTP/"))
        return bad("greeting", "this is an HTTP server, not an hpfeeds broker",
                   "Correct --port: perhaps it is that of the broker's exporter");
    return {};
}

Finding closed(const ClientOptions& client, int stop) {
    if (auto other = other_than_plain(client, client.timeout, stop)) return *std::move(other);
    return bad("greeting", "the connection was closed before a word was said",
               "The broker may be full (its --max-connections), or a proxy stands there whose "
               "broker is down: look into the broker's log");
}

Finding silent(const ClientOptions& client) {
    return bad("greeting",
               "connected, but nobody said a word for " +
                   std::to_string(client.timeout.count() / 1000) + " s",
               "A broker greets at once: another program is behind the port, or the broker is "
               "stopped or overloaded");
}

Finding greeted(const Greeting& greeting) {
    Finding finding{"greeting",
                    {},
                    Result::good,
                    "the broker is called '" + one_line(greeting.name) + "'; its nonce has " +
                        std::to_string(greeting.nonce.size()) + " bytes"};
    finding.milliseconds = greeting.milliseconds;
    return finding;
}

// A TLS handshake that met something else: what does the port say to a plain client?
std::optional<Finding> other_than_tls(const ClientOptions& client, int stop) {
    Greeter greeter(without_tls(client.destination), client.timeout, stop);
    const Greeting plain = greeter.listen(at_most_soon(client));
    if (plain.kind == Kind::broker)
        return bad("tls", "an hpfeeds broker listens here, but without TLS",
                   "Leave out --tls and --tlscert, or give the port of its TLS endpoint");
    if (plain.kind == Kind::stranger) return stranger("tls", plain.heard);
    return {};
}

Finding refused_certificate(const ClientOptions& client, const Handshake& shaken) {
    const auto now = std::chrono::system_clock::now();
    std::string advice;
    std::string text = one_line(shaken.why);
    if (shaken.certificate) {
        text += "; " + certificate_text(*shaken.certificate, now);
        advice = certificate_advice(*shaken.certificate, client.destination.host, now);
    }
    return bad("tls", std::move(text), std::move(advice));
}

Finding good_handshake(const Handshake& shaken) {
    Finding finding{"tls", {}, Result::good, shaken.description};
    finding.milliseconds = shaken.milliseconds;
    if (!shaken.certificate) return finding;
    const auto now = std::chrono::system_clock::now();
    finding.text += "; " + certificate_text(*shaken.certificate, now);
    if (shaken.certificate->ends - now < certificate_soon_over) {
        finding.result = Result::note;
        finding.advice = "Renew the certificate soon: when it has expired no data arrives";
    }
    return finding;
}

}  // namespace

Finding examine_tls(const ClientOptions& client, int stop) {
    const Handshake shaken = shake_hands(client.destination, client.timeout, stop);
    if (!shaken.error) return good_handshake(shaken);
    if (shaken.error == Errc::certificate_unusable)
        return bad("tls", one_line(shaken.why), "Correct --tlscert");
    if (shaken.error == Errc::certificate_refused) return refused_certificate(client, shaken);
    if (auto other = other_than_tls(client, stop)) return *std::move(other);
    return bad("tls", one_line(shaken.why),
               shaken.certificate ? "The broker may want a certificate of its clients"
                                  : "Make sure that this port speaks TLS 1.2 or newer");
}

Finding examine_greeting(const ClientOptions& client, int stop) {
    Greeter greeter(client.destination, client.timeout, stop);
    Greeting greeting = greeter.listen(at_most_soon(client));
    if (greeting.kind == Kind::silence) {
        if (auto other = other_than_plain(client, at_most_soon(client), stop))
            return *std::move(other);
        greeting = greeter.listen(client.timeout - at_most_soon(client));
    }
    switch (greeting.kind) {
        case Kind::broker:
            return greeted(greeting);
        case Kind::stranger:
            return stranger("greeting", greeting.heard);
        case Kind::silence:
            return silent(client);
        case Kind::closed:
            return closed(client, stop);
        case Kind::lost:
            break;
    }
    const bool wants_certificate = greeting.why.find("certificate required") != std::string::npos;
    return bad("greeting", "the connection broke: " + one_line(greeting.why),
               wants_certificate ? "The broker asks clients for a certificate of their own (ca= of "
                                   "its endpoint); this command has none to show"
                                 : "");
}

}  // namespace hpfeeds::cli
