// SPDX-License-Identifier: Apache-2.0
#include "library_client.hpp"

#include <string>

namespace hpfeeds::cli {

hpfeeds::ClientOptions library_options(const ClientOptions& options, const Console& console) {
    hpfeeds::ClientOptions library;
    library.host = options.destination.host;
    library.port = options.destination.port;
    library.tls = {options.destination.tls, options.destination.trusted_file};
    library.ident = options.ident;
    library.secret = options.secret;
    library.timeout = options.timeout;
    if (options.debug)
        library.trace = [&console](std::string_view line) {
            console.complain("debug: " + std::string(line));
        };
    return library;
}

std::string_view hint_for_silence(const ClientOptions& options) noexcept {
    return options.destination.tls ? ""
                                   : "; if the broker expects TLS, add --tls or --tlscert FILE";
}

}  // namespace hpfeeds::cli
