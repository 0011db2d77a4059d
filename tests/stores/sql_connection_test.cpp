// SPDX-License-Identifier: Apache-2.0
// One connection to a real SQL server, and what its end does to the sockets of others.
#include "auth/soci_connection.hpp"
#include "auth/soci_driver.hpp"
#include "stores/sql_fixture.hpp"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <optional>
#include <string>
#include <vector>

namespace hpfeeds::support {
namespace {

class SqlConnection : public SqlStore {};

// Two sockets, each the other's end.
class Pair {
public:
    Pair() { EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends_.data()), 0); }
    Pair(const Pair&) = delete;
    Pair& operator=(const Pair&) = delete;
    ~Pair() {
        for (const int end : ends_)
            ::close(end);
    }
    [[nodiscard]] bool works() const {
        char byte = 'x';
        return ::send(ends_[0], &byte, 1, MSG_NOSIGNAL) == 1 &&
               ::recv(ends_[1], &byte, 1, 0) == 1 &&
               ::send(ends_[1], &byte, 1, MSG_NOSIGNAL) == 1 && ::recv(ends_[0], &byte, 1, 0) == 1;
    }

private:
    std::array<int, 2> ends_{-1, -1};
};

// A driver closes its socket when the server has closed the connection, and the next who opens one
// gets its number: a client of the broker, which must not be cut in its place.
TEST_P(SqlConnection, ThatTheServerClosesCutsNobodyWhoseSocketHasItsNumberNow) {
    make_documented_table();
    insert("bob", "s3cret");
    const auth::SqlUrl url = auth::parse_sql_url(this->url());
    auth::load_driver(url.kind);
    auth::StallWatch watch;
    std::optional<auth::SociConnection> connection;
    connection.emplace(url, std::chrono::seconds(30), watch);
    ASSERT_EQ(connection->rows_of("bob").size(), 1U);
    server().stop();
    EXPECT_THROW((void)connection->rows_of("bob"), auth::SqlError);
    const std::vector<Pair> others(8);
    connection.reset();
    for (const Pair& other : others)
        EXPECT_TRUE(other.works());
    server().start();
}

HPFEEDS_ON_ALL_SQL_SERVERS(SqlConnection);

}  // namespace
}  // namespace hpfeeds::support
