// SPDX-License-Identifier: Apache-2.0
// The whole of sql_server.hpp in a build without HPFEEDS_WITH_SOCI.
#include "auth/sql_server.hpp"

#include "hpfeeds/error.hpp"

namespace hpfeeds::auth {

std::unique_ptr<AccountStore> open_sql_server(const SqlUrl& url, Missing,
                                              std::chrono::milliseconds) {
    throw Error(url.name() +
                ": this program was built without drivers for SQL servers (HPFEEDS_WITH_SOCI); use "
                "another build, or a .json file, env or sqlite");
}

}  // namespace hpfeeds::auth
