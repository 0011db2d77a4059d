// SPDX-License-Identifier: Apache-2.0
#include "doctor_words.hpp"

#include "client/errc.hpp"
#include "hpfeeds/text.hpp"

#include <strings.h>
#include <algorithm>
#include <array>
#include <cstdint>
#include <ctime>

namespace hpfeeds::cli {
namespace {

using client::Errc;
using std::chrono::system_clock;

std::string date_of(system_clock::time_point time) {
    const std::time_t seconds = system_clock::to_time_t(time);
    std::tm parts{};
    gmtime_r(&seconds, &parts);
    std::array<char, 32> text{};
    std::strftime(text.data(), text.size(), "%Y-%m-%d", &parts);
    return text.data();
}

std::int64_t whole_days(system_clock::duration time) {
    return std::chrono::duration_cast<std::chrono::hours>(time).count() / 24;
}

std::string days(std::int64_t count) {
    return std::to_string(count) + (count == 1 ? " day" : " days");
}

bool same_letters(std::string_view left, std::string_view right) {
    return left.size() == right.size() && strncasecmp(left.data(), right.data(), left.size()) == 0;
}

bool covers(std::string_view name, std::string_view host) {
    if (!name.starts_with("*.")) return same_letters(name, host);
    const std::size_t dot = host.find('.');
    return dot != std::string_view::npos && dot > 0 &&
           same_letters(name.substr(1), host.substr(dot));
}

std::string names_in(const client::CertificateFacts& facts) {
    std::string all;
    for (const std::string& name : facts.names)
        all += (all.empty() ? "" : ", ") + one_line(name);
    return all;
}

}  // namespace

Words words_for_socket_file(std::error_code error) {
    if (error == std::errc::no_such_file_or_directory)
        return {"there is no such file",
                "Start the broker, or correct the path: its line `listening` says which it has"};
    if (error == std::errc::connection_refused)
        return {"connection refused: the file is there, and no broker behind it",
                "Start the broker: it replaces what a dead one left"};
    if (error == std::errc::permission_denied)
        return {"this user may not connect there",
                "Connecting needs the right to write to the file: look at mode= of the broker's "
                "endpoint, at the file's group, and at its folders"};
    return {"cannot connect: " + error.message(), {}};
}

Words words_for_connect(std::error_code error, std::chrono::milliseconds waited) {
    if (error == std::errc::connection_refused)
        return {"connection refused: the machine answers, but nothing listens on this port",
                "Start the broker, or correct --port; a firewall that rejects looks the same"};
    if (error == Errc::timed_out || error == std::errc::timed_out)
        return {"no answer within " + std::to_string(waited.count() / 1000) + " s",
                "A firewall may drop the packets, or the machine is off: look at the rules of "
                "firewall and cloud for this port"};
    if (error == std::errc::host_unreachable)
        return {
            "no route to the host",
            "A router or a firewall says that the machine cannot be reached: see whether it is on, "
            "and whether the address is right"};
    if (error == std::errc::network_unreachable)
        return {"the network is unreachable",
                "This machine has no route there: for an IPv6 address, it may have no IPv6"};
    if (error == std::errc::permission_denied || error == std::errc::operation_not_permitted)
        return {"this machine may not connect there: " + error.message(),
                "Look at the firewall of this machine"};
    return {"cannot connect: " + error.message(), {}};
}

Words words_for_refusal(std::string_view text, const std::string& ident,
                        const std::string& channel) {
    const std::string said = "the broker says '" + one_line(text) + "'";
    const std::string who = one_line(ident);
    const std::string where = one_line(channel);
    // The endpoint's own refusal (allow=publish, allow=subscribe): no key would help.
    if (text.starts_with("Endpoint not allowed"))
        return {said + ": this endpoint is for the other direction",
                "Give --host and --port of the broker's other endpoint; its key may be right"};
    switch (client::refusal_of(text)) {
        case Errc::authentication_failed:
            return {said + ": it does not know the ident '" + who + "', or not with this secret",
                    "From outside both look the same: the broker's log says which; `hpfeeds user "
                    "show " +
                        who + "` beside the broker shows whether the key is there"};
        case Errc::subscribe_refused:
            return {said + ": '" + who + "' may not subscribe to it",
                    "Beside the broker: hpfeeds user set " + who + " --add-subscribe " + where};
        case Errc::publish_refused:
            return {said + ": '" + who + "' may not publish there",
                    "Beside the broker: hpfeeds user set " + who + " --add-publish " + where};
        case Errc::reader_too_slow:
            return {said + ": we did not read fast enough", {}};
        default:
            return {said, {}};
    }
}

std::string stranger_that_says(std::string_view heard) {
    if (heard.starts_with("SSH-")) return "an SSH server";
    if (heard.starts_with("HTTP/")) return "an HTTP server";
    if (heard.starts_with("220 ") || heard.starts_with("220-")) return "a mail or FTP server";
    if (heard.starts_with("+OK")) return "a POP3 or Redis server";
    if (heard.starts_with("* OK")) return "an IMAP server";
    if (heard.starts_with("RFB ")) return "a VNC server";
    if (heard.starts_with("INFO {")) return "a NATS server";
    if (heard.starts_with("-ERR")) return "a Redis or NATS server";
    if (heard.starts_with("\x15\x03")) return "a TLS server";
    if (heard.starts_with("\xff\xfb") || heard.starts_with("\xff\xfd")) return "a telnet server";
    if (heard.size() > 4 && heard.substr(1, 3) == std::string_view("\0\0\0", 3) && heard[4] == 10)
        return "a MySQL server";
    return {};
}

std::string certificate_text(const client::CertificateFacts& facts, system_clock::time_point now) {
    const std::string names = names_in(facts);
    std::string text =
        "the certificate is for " + (names.empty() ? one_line(facts.subject) : names) + "; ";
    text += facts.self_signed ? "signed by itself" : "signed by '" + one_line(facts.issuer) + "'";
    if (facts.begins > now) return text + "; valid only from " + date_of(facts.begins);
    if (facts.ends < now)
        return text + "; expired on " + date_of(facts.ends) + ", " +
               days(whole_days(now - facts.ends)) + " ago";
    return text + "; valid until " + date_of(facts.ends) + ", " +
           days(whole_days(facts.ends - now)) + " from now";
}

std::string certificate_advice(const client::CertificateFacts& facts, const std::string& host,
                               system_clock::time_point now) {
    if (facts.ends < now)
        return "Give the broker a new certificate: this one expired on " + date_of(facts.ends);
    if (facts.begins > now)
        return "The certificate begins on " + date_of(facts.begins) +
               ": look at this machine's clock";
    if (!names_host(facts, host))
        return "Use a name that the certificate has (" + names_in(facts) +
               ") as --host, or give the broker a certificate for '" + one_line(host) + "'";
    if (facts.self_signed)
        return "It is the broker's own: fetch the certificate by a way that you trust, and give it "
               "as --tlscert FILE";
    return "Give the certificate of its authority as --tlscert FILE; a broker that was given a "
           "chain must send it";
}

bool names_host(const client::CertificateFacts& facts, std::string_view host) {
    return std::any_of(facts.names.begin(), facts.names.end(),
                       [&](const std::string& name) { return covers(name, host); });
}

}  // namespace hpfeeds::cli
