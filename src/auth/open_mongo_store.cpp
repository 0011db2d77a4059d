// SPDX-License-Identifier: Apache-2.0
#include "auth/open_mongo_store.hpp"

#include "auth/mongo_store.hpp"

namespace hpfeeds::auth {

std::unique_ptr<AccountStore> open_mongo_store(const std::string& url,
                                               std::chrono::milliseconds answer_timeout) {
    return std::make_unique<MongoStore>(url, answer_timeout);
}

}  // namespace hpfeeds::auth
