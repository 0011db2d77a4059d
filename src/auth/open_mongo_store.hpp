// SPDX-License-Identifier: Apache-2.0
// open_mongo_store.hpp: the way to the MongoDB store, whether or not it is part of this build: one
// of two files defines it (HPFEEDS_WITH_MONGODB).
#pragma once

#include "auth/account_store.hpp"

#include <chrono>
#include <memory>
#include <string>

namespace hpfeeds::auth {

// How long to wait: until a server is found, and until a connection stands; for one answer.
struct MongoTimeouts {
    std::chrono::milliseconds reach;
    std::chrono::milliseconds answer;
};

// Throws hpfeeds::Error for a URL that cannot be meant, and for a build without the store.
[[nodiscard]] std::unique_ptr<AccountStore> open_mongo_store(const std::string& url,
                                                             const MongoTimeouts& timeouts);

}  // namespace hpfeeds::auth
