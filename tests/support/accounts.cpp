// SPDX-License-Identifier: Apache-2.0
#include "support/accounts.hpp"

#include <nlohmann/json.hpp>

#include <atomic>

namespace hpfeeds::support {
namespace {

constexpr unsigned private_channels = 64;

std::string private_name(unsigned number) {
    return "private." + std::to_string(number);
}

}  // namespace

std::string users_json(const std::vector<Key>& keys) {
    nlohmann::json users = nlohmann::json::object();
    for (const Key& key : keys)
        users[key.ident] = {{"owner", key.owner},
                            {"secret", key.secret},
                            {"pubchans", key.pubchans},
                            {"subchans", key.subchans}};
    return users.dump(2);
}

std::vector<Key> usual_keys() {
    std::vector<std::string> own;
    for (unsigned number = 0; number < private_channels; ++number)
        own.push_back(private_name(number));
    std::vector<std::string> feeds = own;
    feeds.insert(feeds.end(), {"events", "other"});
    return {{sensor.ident, sensor.secret, "field", feeds, own},
            {logger.ident, logger.secret, "lab", own, feeds},
            {both.ident, both.secret, "lab", feeds, feeds}};
}

std::string private_channel() {
    static std::atomic<unsigned> next{0};
    return private_name(next++ % private_channels);
}

}  // namespace hpfeeds::support
