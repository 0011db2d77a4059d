// SPDX-License-Identifier: Apache-2.0
#include "client/check_options.hpp"

#include "client/errc.hpp"
#include "client/limits.hpp"
#include "client/tcp_connect.hpp"

#include <string>

namespace hpfeeds::client {
namespace {

void require(bool good, const std::string& complaint) {
    if (!good) throw Error(complaint, std::make_error_code(std::errc::invalid_argument));
}

}  // namespace

void check_options(const ClientOptions& options) {
    using std::chrono::milliseconds;
    require(!options.host.empty(), "options.host is empty: give the broker's name or address");
    require(options.port != 0, "options.port is 0: give 1 to 65535");
    require(!is_unix_socket(options.host) || !options.tls.enabled,
            "options.host is a Unix socket, and there is no TLS on one: leave options.tls.enabled "
            "false");
    if (options.ident.size() > wire::string_bytes_max)
        throw Error("options.ident has " + std::to_string(options.ident.size()) +
                        " bytes, but hpfeeds allows at most 255",
                    Errc::ident_too_long);
    require(options.timeout > milliseconds(0), "options.timeout must be more than 0");
    require(
        options.backoff.first > milliseconds(0) && options.backoff.longest >= options.backoff.first,
        "options.backoff: first must be more than 0, and longest at least first");
    require(options.keepalive.idle.count() > 0 && options.keepalive.interval.count() > 0 &&
                options.keepalive.count > 0,
            "options.keepalive: idle, interval and count must be more than 0");
    require(options.outbox.bytes_max >= outbox_bytes_min,
            "options.outbox.bytes_max is " + std::to_string(options.outbox.bytes_max) +
                ", too small for the longest message: give at least " +
                std::to_string(outbox_bytes_min));
    require(options.outbox.age_max > milliseconds(0), "options.outbox.age_max must be more than 0");
    require(options.spool.path.empty() || options.spool.bytes_max > spool_event_overhead_bytes,
            "options.spool.bytes_max is too small for any message");
    require(options.spool.path.empty() || options.spool.age_max > milliseconds(0),
            "options.spool.age_max must be more than 0");
    require(options.tls.enabled || options.tls.trusted_file.empty(),
            "options.tls.trusted_file is given, but options.tls.enabled is false: the session "
            "would not be encrypted");
}

Destination destination_of(const ClientOptions& options) {
    return {options.host, options.port, options.tls.enabled, options.tls.trusted_file,
            options.keepalive};
}

}  // namespace hpfeeds::client
