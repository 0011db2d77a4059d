// SPDX-License-Identifier: Apache-2.0
// accounts.hpp: the keys that the tests log in with, and the forms in which a broker reads them.
#pragma once

#include "support/wire_client.hpp"

#include <initializer_list>
#include <string>
#include <vector>

namespace hpfeeds::support {

struct Key {
    std::string ident;
    std::string secret;
    std::string owner;
    std::vector<std::string> pubchans;
    std::vector<std::string> subchans;
};

// The text of a `--auth users.json` file.
[[nodiscard]] std::string users_json(const std::vector<Key>& keys);

// What most tests use.
//   sensor  publishes `events` and `other`            logger  subscribes `events` and `other`
//   both    publishes and subscribes `events`, `other`
// Each may also publish and subscribe the private channels with which settle() asks a broker
// whether it has caught up.
[[nodiscard]] std::vector<Key> usual_keys();
inline const Login sensor{"sensor", "sensor-secret"};
inline const Login logger{"logger", "logger-secret"};
inline const Login both{"both", "both-secret"};

// A channel of settle(); another one at every call, so that two clients never hear each other's
// markers.
[[nodiscard]] std::string private_channel();

}  // namespace hpfeeds::support
