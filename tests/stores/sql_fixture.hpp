// SPDX-License-Identifier: Apache-2.0
// sql_fixture.hpp: a fresh database on a real server, and brokers that read their keys there.
//
// Every test runs once per server: PostgreSQL/… and MariaDB/…. A server is started by the first
// test that needs it and serves all tests of its program.
#pragma once

#include "stores/sql_server.hpp"
#include "support/broker_process.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

namespace hpfeeds::support {

class SqlStore : public testing::TestWithParam<const char*> {
protected:
    SqlStore();

    [[nodiscard]] static SqlServer& server();
    [[nodiscard]] static bool postgresql();
    [[nodiscard]] std::string url(const std::string& options = "") const {
        return server().url(database_, "feeds:feeds-password", options);
    }
    std::string sql(const std::string& statements) { return server().sql(database_, statements); }
    void make_documented_table() { sql(server().documented_schema()); }
    // The documented INSERT.
    void insert(const std::string& ident, const std::string& secret,
                const std::string& publish = R"('["events"]')",
                const std::string& subscribe = R"('["events"]')");

    [[nodiscard]] std::unique_ptr<BrokerProcess> start_broker(
        const std::vector<std::string>& stores, const std::vector<std::string>& more = {}) const;
    [[nodiscard]] std::unique_ptr<BrokerProcess> start_broker() const {
        return start_broker({url()});
    }

    std::string database_;
    // Of one look-up; long, since a busy machine is no outage.
    std::string timeout_ = "30s";
};

// What came of one attempt to log in.
enum class Outcome { in, refused };
[[nodiscard]] Outcome log_in(const BrokerProcess& broker, const Login& login);
// Asks until the outcome is this.
void expect_soon(const BrokerProcess& broker, const Login& login, Outcome wanted);

// One scrape of a broker that start_broker() has started; the value of a sample, 0 without it.
[[nodiscard]] double metric(const BrokerProcess& broker, const std::string& sample);

// Runs the `hpfeeds` program.
[[nodiscard]] Finished hpfeeds(const std::vector<std::string>& arguments,
                               const std::string& input = "");

}  // namespace hpfeeds::support

// At the end of a file of tests.
#define HPFEEDS_ON_ALL_SQL_SERVERS(suite)                                       \
    INSTANTIATE_TEST_SUITE_P(PostgreSQL, suite, testing::Values("postgresql")); \
    INSTANTIATE_TEST_SUITE_P(MariaDB, suite, testing::Values("mariadb"))
