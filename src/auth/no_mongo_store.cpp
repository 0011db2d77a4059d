// SPDX-License-Identifier: Apache-2.0
// In the place of open_mongo_store.cpp in a build without HPFEEDS_WITH_MONGODB.
#include "auth/open_mongo_store.hpp"

#include "hpfeeds/error.hpp"

namespace hpfeeds::auth {

std::unique_ptr<AccountStore> open_mongo_store(const std::string& url, const MongoTimeouts&) {
    throw Error(url.substr(0, url.find(':')) +
                ": this program was built without the MongoDB store; build it with"
                " -DHPFEEDS_WITH_MONGODB=ON, or use another store");
}

}  // namespace hpfeeds::auth
