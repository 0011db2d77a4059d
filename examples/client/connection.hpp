// SPDX-License-Identifier: Apache-2.0
// connection.hpp: what all these examples do alike: options from the environment, as the `hpfeeds`
// command takes them.
#pragma once

#include <hpfeeds/options.hpp>

#include <cstdlib>
#include <string>

inline std::string environment(const char* name, const char* otherwise) {
    const char* value = std::getenv(name);
    return value != nullptr ? value : otherwise;
}

inline hpfeeds::ClientOptions options_from_environment() {
    hpfeeds::ClientOptions options;
    options.host = environment("HPFEEDS_HOST", "localhost");
    options.port = static_cast<std::uint16_t>(std::stoi(environment("HPFEEDS_PORT", "10000")));
    options.ident = environment("HPFEEDS_IDENT", "me");
    options.secret = environment("HPFEEDS_SECRET", "secret");
    return options;
}
