// SPDX-License-Identifier: Apache-2.0
// Sessions follow their key in a real SQL server within --recheck, and no outage of the server ends
// one.
#include "stores/sql_fixture.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

namespace hpfeeds::support {
namespace {

class SqlLive : public SqlStore {
protected:
    SqlLive() {
        make_documented_table();
        insert("sensor", "sql-secret");
        insert("other", "sql-secret");
    }
    // Whether the broker carries out what the client asks for, both ways.
    void expect_works(WireClient& client, const std::string& channel = "events") {
        const std::string payload = "asked " + std::to_string(++asked_);
        client.subscribe(channel);
        client.publish(channel, payload);
        while (client.expect_message().payload != payload) {  // what others publish
        }
    }
    static void wait_for_more(const BrokerProcess& broker, const std::string& counter,
                              double count) {
        const double wanted = metric(broker, counter) + count;
        const Deadline deadline;
        while (metric(broker, counter) < wanted)
            ASSERT_FALSE(deadline.passed()) << counter;
    }

    const Login sensor_{"sensor", "sql-secret"};
    const Login other_{"other", "sql-secret"};
    const std::string rechecks_ = "hpfeeds_broker_key_rechecks";
    int asked_ = 0;
    const std::string unanswered_ = "hpfeeds_broker_key_rechecks_unanswered";
};

TEST_P(SqlLive, ARowThatIsDeletedEndsItsSessions) {
    const auto broker = start_broker({url()}, {"--recheck", "100ms", "--threads", "2"});
    WireClient first(broker->address(), sensor_);
    WireClient second(broker->address(), sensor_);
    WireClient other(broker->address(), other_);
    expect_works(other);
    sql("DELETE FROM auth_keys WHERE identifier = 'sensor';");
    first.expect_refusal("Authentication failed for sensor");
    second.expect_refusal("Authentication failed for sensor");
    broker->wait_for_log({"session ended", "ident=sensor", "reason=key-removed"});
    wait_for_more(*broker, rechecks_, 2);
    expect_works(other);
}

TEST_P(SqlLive, AnUpdatedRowIsFollowed) {
    const auto broker = start_broker({url()}, {"--recheck", "100ms"});
    WireClient client(broker->address(), sensor_);
    WireClient other(broker->address(), other_);
    expect_works(client);
    expect_works(other);
    EXPECT_EQ(client.expect_message().ident, "other");
    sql(R"(UPDATE auth_keys SET publish = '["new"]', subscribe = '["new"]')"
        " WHERE identifier = 'sensor';");
    broker->wait_for_log({"permissions changed", "ident=sensor", "subscriptions_ended=1"});
    other.publish("events", "not for it");
    expect_works(other);
    client.subscribe("new");
    client.publish("new", "heard");
    client.expect_message({"sensor", "new", "heard"});
    client.publish("events", "x");
    client.expect_refusal("Authkey not allowed to pub here. ident=sensor, chan=events");
    sql("UPDATE auth_keys SET secret = 'another' WHERE identifier = 'other';");
    other.expect_refusal("Authentication failed for other");
    broker->wait_for_log({"session ended", "ident=other", "reason=secret-changed"});
}

// The row goes while the server is frozen: nobody can tell, so nothing happens; then it can.
TEST_P(SqlLive, AFrozenServerEndsNoSession) {
    const auto broker = start_broker({url()}, {"--recheck", "100ms", "--auth-timeout", "300ms"});
    WireClient client(broker->address(), sensor_);
    WireClient other(broker->address(), other_);
    expect_works(client);
    expect_works(other);
    server().freeze();
    wait_for_more(*broker, unanswered_, 4);
    expect_works(client);
    EXPECT_EQ(log_in(*broker, sensor_), Outcome::refused);
    server().thaw();
    sql("DELETE FROM auth_keys WHERE identifier = 'sensor';");
    client.expect_refusal("Authentication failed for sensor");
    expect_works(other);
}

TEST_P(SqlLive, AStoppedServerAndAMissingTableEndNoSession) {
    const auto broker = start_broker({url()}, {"--recheck", "100ms"});
    WireClient client(broker->address(), sensor_);
    expect_works(client);
    server().stop();
    wait_for_more(*broker, unanswered_, 3);
    expect_works(client);
    server().start();
    sql("ALTER TABLE auth_keys RENAME TO elsewhere;");
    wait_for_more(*broker, unanswered_, 3);
    expect_works(client);
    sql("ALTER TABLE elsewhere RENAME TO auth_keys;");
    sql("DELETE FROM auth_keys WHERE identifier = 'sensor';");
    client.expect_refusal("Authentication failed for sensor");
}

// With places for two logins alone, and many more keys in use than that.
TEST_P(SqlLive, RechecksRefuseNoLogin) {
    for (int number = 0; number < 40; ++number)
        insert("live" + std::to_string(number), "sql-secret");
    const auto broker =
        start_broker({url()}, {"--recheck", "20ms", "--auth-queue", "2", "--auth-workers", "1"});
    std::vector<std::unique_ptr<WireClient>> live;
    for (int number = 0; number < 40; ++number) {
        live.push_back(std::make_unique<WireClient>(
            broker->address(), Login{"live" + std::to_string(number), "sql-secret"}));
        expect_works(*live.back());
    }
    wait_for_more(*broker, rechecks_, 100);
    for (int number = 0; number < 50; ++number)
        ASSERT_EQ(log_in(*broker, sensor_), Outcome::in) << number;
}

HPFEEDS_ON_ALL_SQL_SERVERS(SqlLive);

}  // namespace
}  // namespace hpfeeds::support
