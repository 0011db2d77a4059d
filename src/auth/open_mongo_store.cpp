// SPDX-License-Identifier: Apache-2.0
#include "auth/open_mongo_store.hpp"

#include "auth/mongo_store.hpp"

namespace hpfeeds::auth {

std::unique_ptr<AccountStore> open_mongo_store(const std::string& url,
                                               const MongoTimeouts& timeouts) {
    return std::make_unique<MongoStore>(url, timeouts);
}

}  // namespace hpfeeds::auth
