// SPDX-License-Identifier: Apache-2.0
#include "config/flags.hpp"

#include "config/limits.hpp"
#include "config/quantity.hpp"
#include "config/refuse.hpp"
#include "hpfeeds/error.hpp"

#include <algorithm>
#include <utility>

namespace hpfeeds::config {
namespace {

using Given = std::optional<std::string>;

std::string range_text(const std::string& least, const std::string& most) {
    return "from " + least + " to " + most;
}

template <typename Count>
void read_count(Count& value, const Given& given, std::string_view flag, Bounds<Count> bounds) {
    if (!given) return;
    const auto count = parse_count(*given);
    if (!count || !std::in_range<Count>(*count) || !bounds.contain(static_cast<Count>(*count)))
        refuse(flag, *given,
               "write a whole number " +
                   range_text(std::to_string(bounds.least), std::to_string(bounds.most)));
    value = static_cast<Count>(*count);
}

void read_size(std::size_t& value, const Given& given, std::string_view flag,
               Bounds<std::size_t> bounds) {
    if (!given) return;
    const auto size = parse_size(*given);
    if (!size)
        refuse(flag, *given, "not a size; write bytes, or a number with K, M or G, as in 64M");
    if (!bounds.contain(*size))
        refuse(flag, *given,
               "write a size " + range_text(size_text(bounds.least), size_text(bounds.most)));
    value = *size;
}

void read_duration(std::chrono::milliseconds& value, const Given& given, std::string_view flag,
                   Bounds<std::chrono::milliseconds> bounds) {
    if (!given) return;
    const auto duration = parse_duration(*given);
    if (!duration)
        refuse(flag, *given,
               "not a duration; write seconds, or a number with ms, s or m, as in 500ms");
    if (!bounds.contain(*duration))
        refuse(flag, *given,
               "write a duration " +
                   range_text(duration_text(bounds.least), duration_text(bounds.most)));
    value = *duration;
}

void read_recheck(std::optional<std::chrono::milliseconds>& value, const Given& given) {
    if (!given) return;
    if (*given == "off") {
        value.reset();
        return;
    }
    if (!parse_duration(*given))
        refuse("--recheck", *given,
               "write off, or seconds, or a number with ms, s or m, as in 10s");
    read_duration(value.emplace(), given, "--recheck", recheck);
}

void read_threads(unsigned& value, const Given& given) {
    if (!given) return;
    if (*given == "auto") {
        value = threads_auto;
        return;
    }
    if (!parse_count(*given))
        refuse("--threads", *given,
               "write auto, or a whole number " +
                   range_text(std::to_string(threads.least), std::to_string(threads.most)));
    read_count(value, given, "--threads", threads);
}

void read_log_format(LogFormat& value, const Given& given) {
    if (!given) return;
    if (*given != "text" && *given != "json")
        refuse("--log-format", *given, "unknown format; write text or json");
    value = *given == "json" ? LogFormat::json : LogFormat::text;
}

void read_log_level(LogLevel& value, const Given& given, bool debug) {
    if (debug) value = LogLevel::debug;
    if (!given) return;
    if (*given == "debug") {
        value = LogLevel::debug;
    } else if (*given == "info") {
        value = LogLevel::info;
    } else if (*given == "warning") {
        value = LogLevel::warning;
    } else if (*given == "error") {
        value = LogLevel::error;
    } else {
        refuse("--log-level", *given, "unknown level; write debug, info, warning or error");
    }
}

void read_slow_policy(SlowPolicy& value, const Given& given) {
    if (!given) return;
    if (*given == "disconnect") {
        value = SlowPolicy::disconnect;
    } else if (*given == "drop-newest") {
        value = SlowPolicy::drop_newest;
    } else if (*given == "drop-oldest") {
        value = SlowPolicy::drop_oldest;
    } else {
        refuse("--slow-policy", *given,
               "unknown policy; write disconnect, drop-newest or drop-oldest");
    }
}

void read_name(std::string& value, const Given& given) {
    if (!given) return;
    if (given->size() > name_bytes_max)
        refuse("--name", *given,
               std::to_string(given->size()) + " bytes; clients are told a name of at most " +
                   std::to_string(name_bytes_max));
    value = *given;
}

void read_auth(std::vector<std::string>& value, const std::vector<std::string>& given) {
    if (given.empty()) return;
    for (const std::string& source : given)
        if (source.empty())
            refuse("--auth", source, "empty; name a key store, as in sqlite, env or users.json");
    if (given.size() > auth_sources_max)
        refuse("--auth", given[auth_sources_max],
               "too many key stores; give at most " + std::to_string(auth_sources_max));
    value = given;
}

// --bind, with or without TLS, as the endpoint it means.
Endpoint bind_endpoint(const Flags& flags) {
    const HostPort address =
        parse_host_port(flags.bind ? std::string_view(*flags.bind) : default_bind, "--bind");
    Endpoint endpoint;
    endpoint.interface = address.host;
    endpoint.port = address.port;
    if (flags.tlscert) {
        endpoint.kind = Endpoint::Kind::tls;
        endpoint.cert = *flags.tlscert;
        endpoint.key = *flags.tlskey;
    }
    return endpoint;
}

void check_tls_files(const Flags& flags) {
    if (flags.tlscert.has_value() != flags.tlskey.has_value())
        throw Error(std::string(half_of_tls));
    if (!flags.tlscert) return;
    if (flags.tlscert->empty()) refuse("--tlscert", *flags.tlscert, "empty; name a PEM file");
    if (flags.tlskey->empty()) refuse("--tlskey", *flags.tlskey, "empty; name a PEM file");
    // Upstream leaves them out without a word here, and its users believe that they have TLS.
    if (!flags.endpoint.empty() && !flags.bind)
        refuse("--tlscert", *flags.tlscert,
               "applies to --bind alone; beside --endpoint, write tls:port=...:key=FILE:cert=FILE");
}

std::vector<Endpoint> read_endpoints(const Flags& flags) {
    check_tls_files(flags);
    std::vector<Endpoint> endpoints;
    if (flags.bind || flags.endpoint.empty()) endpoints.push_back(bind_endpoint(flags));
    for (const std::string& text : flags.endpoint) {
        Endpoint endpoint = parse_endpoint(text);
        const bool known =
            std::find(endpoints.begin(), endpoints.end(), endpoint) != endpoints.end();
        const bool always_new = endpoint.port == 0 && endpoint.fd.empty() &&
                                endpoint.kind != Endpoint::Kind::unix_socket;
        if (known && !always_new)
            refuse("--endpoint", text, "the broker listens there already; give it once");
        if (endpoints.size() == endpoints_max)
            refuse("--endpoint", text,
                   "too many endpoints; give at most " + std::to_string(endpoints_max));
        endpoints.push_back(std::move(endpoint));
    }
    return endpoints;
}

// "--max-queue (32MiB)", for a line that names two flags.
std::string named(std::string_view flag, std::size_t bytes) {
    return std::string(flag) + " (" + size_text(bytes) + ")";
}

void check_relation(std::string_view less, std::size_t less_bytes, std::string_view more,
                    std::size_t more_bytes) {
    if (less_bytes <= more_bytes) return;
    throw Unfit(std::string(less), std::string(more),
                named(less, less_bytes) + " is more than " + named(more, more_bytes) + "; lower " +
                    std::string(less) + " or raise " + std::string(more));
}

}  // namespace

void check_relations(const BrokerOptions& options) {
    check_relation("--slow-high-mark", options.slow_high_bytes, "--max-queue",
                   options.subscriber_bytes_max);
    check_relation("--max-frame", options.frame_bytes_max, "--max-queue",
                   options.subscriber_bytes_max);
    check_relation("--max-frame-delivered", options.delivered_frame_bytes_max, "--max-frame",
                   options.frame_bytes_max);
    check_relation("--max-queue", options.subscriber_bytes_max, "--max-memory",
                   options.memory_bytes_max);
}

BrokerOptions to_options(const Flags& flags) {
    BrokerOptions options;
    options.endpoints = read_endpoints(flags);
    read_auth(options.auth, flags.auth);
    if (flags.exporter) options.exporter = parse_host_port(*flags.exporter, "--exporter");
    options.exporter_details = flags.exporter_details;
    if (flags.exporter_details && !flags.exporter)
        throw Unfit("--exporter-details", "--exporter",
                    "--exporter-details without --exporter: give --exporter HOST:PORT, too");
    read_name(options.name, flags.name);
    read_log_level(options.log_level, flags.log_level, flags.debug);
    read_log_format(options.log_format, flags.log_format);
    read_threads(options.threads, flags.threads);

    read_count(options.connections_max, flags.max_connections, "--max-connections", connections);
    if (flags.max_connections_per_address)
        read_count(options.connections_per_address_max.emplace(), flags.max_connections_per_address,
                   "--max-connections-per-address", connections_of_one);
    read_count(options.connections_per_ident_max, flags.max_connections_per_ident,
               "--max-connections-per-ident", connections_of_one);
    read_duration(options.login_deadline, flags.login_deadline, "--login-deadline", login_deadline);
    read_duration(options.refusal_delay, flags.auth_failure_delay, "--auth-failure-delay",
                  refusal_delay);
    read_duration(options.refusal_delay_max, flags.auth_failure_delay_max,
                  "--auth-failure-delay-max", refusal_delay_max);
    read_duration(options.shutdown_grace, flags.shutdown_grace, "--shutdown-grace", shutdown_grace);
    read_duration(options.drain_timeout, flags.drain_timeout, "--drain-timeout", drain_timeout);

    read_size(options.frame_bytes_max, flags.max_frame, "--max-frame", frame_bytes);
    read_size(options.delivered_frame_bytes_max, flags.max_frame_delivered, "--max-frame-delivered",
              frame_bytes);
    read_count(options.publish_rate_max, flags.max_publish_rate, "--max-publish-rate",
               publish_rate);
    read_size(options.publish_bytes_max, flags.max_publish_bytes, "--max-publish-bytes",
              publish_bytes);
    read_slow_policy(options.slow_policy, flags.slow_policy);
    read_size(options.slow_high_bytes, flags.slow_high_mark, "--slow-high-mark", slow_high_bytes);
    read_duration(options.slow_deadline, flags.slow_deadline, "--slow-deadline", slow_deadline);
    read_size(options.subscriber_bytes_max, flags.max_queue, "--max-queue", subscriber_bytes);
    read_size(options.memory_bytes_max, flags.max_memory, "--max-memory", memory_bytes);

    read_count(options.auth_workers, flags.auth_workers, "--auth-workers", auth_workers);
    read_count(options.auth_queue_max, flags.auth_queue, "--auth-queue", auth_queue);
    read_duration(options.auth_timeout, flags.auth_timeout, "--auth-timeout", auth_timeout);
    read_recheck(options.recheck, flags.recheck);
    options.wildcards = flags.wildcards;
    check_relations(options);
    return options;
}

}  // namespace hpfeeds::config
