// SPDX-License-Identifier: Apache-2.0
#include "net/incident_log.hpp"

#include <chrono>
#include <string_view>
#include <vector>

namespace hpfeeds::net {
namespace {

using core::CloseReason;
using core::Incident;

// What was tried; the reason says why it was refused.
std::string_view event_of(CloseReason reason) {
    switch (reason) {
        case CloseReason::unknown_ident:
        case CloseReason::wrong_secret:
        case CloseReason::store_unavailable:
        case CloseReason::lookups_full:
        case CloseReason::certificate_mismatch:
        case CloseReason::first_message_not_auth:
        case CloseReason::login_deadline:
        case CloseReason::ident_full:
            return "login refused";
        case CloseReason::ident_mismatch:
        case CloseReason::no_publish_permission:
        case CloseReason::endpoint_subscribe_only:
            return "publish refused";
        case CloseReason::no_subscribe_permission:
        case CloseReason::too_many_subscriptions:
        case CloseReason::endpoint_publish_only:
            return "subscribe refused";
        case CloseReason::key_removed:
        case CloseReason::secret_changed:
            return "session ended";
        case CloseReason::slow_deadline:
        case CloseReason::slow_bytes:
            return "slow subscriber cut";
        case CloseReason::memory:
            return "connection cut";
        case CloseReason::protocol_error:
            return "protocol error";
        default:
            return "connection closed";
    }
}

log::Level level_of(CloseReason reason) {
    if (core::error_category(reason).empty()) return log::Level::debug;
    // A silent peer is a probe more often than a sensor (client-quirk 8).
    return reason == CloseReason::login_deadline ? log::Level::info : log::Level::warning;
}

std::uint64_t seconds(core::Instant now) {
    return static_cast<std::uint64_t>(
        std::chrono::duration_cast<std::chrono::seconds>(now.time_since_epoch()).count());
}

}  // namespace

void IncidentLog::write(const Incident& incident, const Address& peer,
                        std::string_view certificate_name, core::Instant now) {
    const bool closed = incident.kind == Incident::Kind::closed;
    log::RateLimit& limit = closed ? closed_limits_[static_cast<std::size_t>(incident.reason)]
                                   : kind_limits_[static_cast<std::size_t>(incident.kind)];
    if (!limit.admit(seconds(now))) return;
    switch (incident.kind) {
        case Incident::Kind::closed:
            return write_closed(incident, peer, certificate_name, limit);
        case Incident::Kind::slow_started:
            return log::warning("slow subscriber",
                                {{"peer", peer.text()},
                                 {"ident", incident.ident},
                                 {"queued_bytes", incident.bytes},
                                 {"why", "over the high mark; the deadline runs"}});
        case Incident::Kind::slow_recovered:
            return log::info("slow subscriber recovered", {{"peer", peer.text()},
                                                           {"ident", incident.ident},
                                                           {"queued_bytes", incident.bytes}});
        case Incident::Kind::frames_dropped:
            return log::warning("frames dropped",
                                {{"peer", peer.text()},
                                 {"ident", incident.ident},
                                 {"frames", incident.frames},
                                 {"bytes", incident.bytes},
                                 {"why",
                                  "the subscriber does not keep up; more are "
                                  "dropped without a line until it has caught up"}});
        case Incident::Kind::logged_in:
            return log::debug("logged in", {{"peer", peer.text()}, {"ident", incident.ident}});
        case Incident::Kind::subscribed:
            return log::debug(
                "subscribed",
                {{"peer", peer.text()}, {"ident", incident.ident}, {"channel", incident.channel}});
        case Incident::Kind::publisher_paused:
            return log::warning("publisher slowed",
                                {{"peer", peer.text()},
                                 {"ident", incident.ident},
                                 {"why",
                                  "its ident is over --max-publish-rate or --max-publish-bytes; it "
                                  "is read from at that pace, and nothing is lost"}});
        case Incident::Kind::frame_undelivered:
            return log::warning("message not handed out",
                                {{"peer", peer.text()},
                                 {"ident", incident.ident},
                                 {"channel", incident.channel},
                                 {"bytes", incident.bytes},
                                 {"why", "it is longer than --max-frame-delivered"}});
        case Incident::Kind::rights_changed:
            return log::info("permissions changed",
                             {{"peer", peer.text()},
                              {"ident", incident.ident},
                              {"subscriptions_ended", incident.subscriptions}});
    }
}

void IncidentLog::write_closed(const Incident& incident, const Address& peer,
                               std::string_view certificate_name, log::RateLimit& limit) {
    std::vector<log::Field> fields{{"peer", peer.text()}};
    if (!incident.ident.empty() || incident.reason == CloseReason::unknown_ident ||
        incident.reason == CloseReason::wrong_secret)
        fields.emplace_back("ident", incident.ident);
    if (incident.reason == CloseReason::certificate_mismatch)
        fields.emplace_back("certificate_name", certificate_name);
    if (!incident.claimed.empty() && incident.claimed != incident.ident)
        fields.emplace_back("claimed_ident", incident.claimed);
    if (!incident.channel.empty() || incident.reason == CloseReason::no_publish_permission ||
        incident.reason == CloseReason::no_subscribe_permission)
        fields.emplace_back("channel", incident.channel);
    if (incident.bytes) fields.emplace_back("queued_bytes", incident.bytes);
    if (incident.refusal != wire::Refusal::none) {
        fields.emplace_back("reason", wire::label(incident.refusal));
        fields.emplace_back("why", wire::describe(incident.refusal));
    } else {
        fields.emplace_back("reason", core::label(incident.reason));
        fields.emplace_back("why", core::describe(incident.reason));
    }
    if (const std::uint64_t held_back = limit.take_held_back())
        fields.emplace_back("similar_lines_held_back", held_back);
    log::write(level_of(incident.reason), event_of(incident.reason), fields);
}

}  // namespace hpfeeds::net
