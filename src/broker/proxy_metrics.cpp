// SPDX-License-Identifier: Apache-2.0
#include "broker/proxy_metrics.hpp"

#include <string>
#include <utility>

namespace hpfeeds::broker {
namespace {

using metrics::Family;

double number(const metrics::Counter& value) {
    return static_cast<double>(value.value());
}

}  // namespace

void report_proxies(const net::DoorCounters& counters, std::vector<Family>& out) {
    Family greetings{"hpfeeds_broker_proxy_headers",
                     "Connections to endpoints with proxy=v2, by what their PROXY header said.",
                     Family::Type::counter};
    const auto add = [&greetings](std::string_view result, double value) {
        greetings.samples.push_back({{{"result", std::string(result)}}, value});
    };
    add("named", number(counters.proxied));
    add("local", number(counters.proxied_local));
    add("unnamed", number(counters.proxied_unnamed));
    for (std::size_t i = 0; i < net::proxy_end_count; ++i)
        add(net::label(static_cast<net::ProxyEnd>(i)), number(counters.greetings_ended[i]));
    out.push_back(std::move(greetings));

    Family refused{"hpfeeds_broker_bad_proxy_headers",
                   "Of these, bad-proxy-header: what was wrong with it.", Family::Type::counter};
    for (std::size_t i = 1; i < net::proxy_refusal_count; ++i)
        refused.samples.push_back(
            {{{"header", std::string(net::label(static_cast<net::ProxyRefusal>(i)))}},
             number(counters.headers_refused[i])});
    out.push_back(std::move(refused));
}

}  // namespace hpfeeds::broker
