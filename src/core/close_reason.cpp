// SPDX-License-Identifier: Apache-2.0
#include "core/close_reason.hpp"

#include <array>

namespace hpfeeds::core {
namespace {

struct Text {
    std::string_view label;
    std::string_view category;
    std::string_view description;
};

constexpr std::array<Text, close_reason_count> texts{{
    {"peer-closed", "", "the peer closed the connection"},
    {"protocol-error", "protocol-error", "what came is not hpfeeds"},
    {"first-message-not-auth", "invalid-first-message", "the first message was not AUTH"},
    {"login-deadline", "login-deadline", "no login within the deadline"},
    {"unknown-ident", "invalid-ident", "no key store knows this ident"},
    {"wrong-secret", "invalid-secret", "the secret is wrong"},
    {"store-unavailable", "error-checking-ident", "no key store could answer"},
    {"lookups-full", "error-checking-ident", "too many logins are waiting"},
    {"certificate-mismatch", "ident-mismatch-cert", "the client certificate names another ident"},
    {"ident-mismatch", "ident-mismatch-pub", "a PUBLISH must carry the ident of the login"},
    {"no-publish-permission", "no-pub-permission", "the channel is not in the ident's pubchans"},
    {"no-subscribe-permission", "no-sub-permission", "the channel is not in the ident's subchans"},
    {"slow-deadline", "deadline-timer-expired", "too much was queued for longer than the deadline"},
    {"slow-bytes", "deadline-timer-expired", "more was queued than one subscriber may have"},
    {"memory", "deadline-timer-expired", "it held the most when message memory ran out"},
    {"shutdown", "", "the broker is stopping"},
    {"key-removed", "key-removed", "the key was removed while it was in use"},
    {"secret-changed", "secret-changed", "the key was given another secret while it was in use"},
    {"too-many-subscriptions", "too-many-subscriptions",
     "it subscribed to more channels than one connection may have"},
    {"endpoint-publish-only", "endpoint-publish-only",
     "the endpoint is for publishing alone (allow=publish)"},
    {"endpoint-subscribe-only", "endpoint-subscribe-only",
     "the endpoint is for subscribing alone (allow=subscribe)"},
    {"ident-full", "too-many-connections", "the ident has as many connections as one may have"},
}};

const Text& text_of(CloseReason reason) noexcept {
    return texts[static_cast<std::size_t>(reason)];
}

}  // namespace

std::string_view label(CloseReason reason) noexcept {
    return text_of(reason).label;
}
std::string_view describe(CloseReason reason) noexcept {
    return text_of(reason).description;
}
std::string_view error_category(CloseReason reason) noexcept {
    return text_of(reason).category;
}

}  // namespace hpfeeds::core
