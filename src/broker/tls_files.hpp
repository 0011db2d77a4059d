// SPDX-License-Identifier: Apache-2.0
// tls_files.hpp: the files that a TLS endpoint names, as the net room calls them.
#pragma once

#include "config/endpoint.hpp"
#include "net/pem_files.hpp"

namespace hpfeeds::broker {

[[nodiscard]] inline net::TlsFiles files_of(const config::Endpoint& endpoint) {
    return {endpoint.key, endpoint.cert, endpoint.chain, endpoint.ca, endpoint.ident_is_cn};
}

}  // namespace hpfeeds::broker
