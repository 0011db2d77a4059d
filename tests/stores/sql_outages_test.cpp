// SPDX-License-Identifier: Apache-2.0
// A real SQL server that is stopped, and one that is frozen, under load: sessions go on, other
// stores go on, new logins are refused in time and counted, and all recovers by itself.
#include "stores/sql_fixture.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <string>
#include <thread>

namespace hpfeeds::support {
namespace {

// A publisher and a subscriber that go on for as long as this lives. Every message must arrive,
// once and in order.
class Traffic {
public:
    Traffic(const BrokerProcess& broker, const Login& login)
        : publisher_(broker.address(), login), subscriber_(broker.address(), login) {
        subscriber_.subscribe("events");
        wait_until_subscribed(publisher_, subscriber_, "events");
        sending_ = std::thread([this] { send(); });
        hearing_ = std::thread([this] { hear(); });
    }
    ~Traffic() {
        if (sending_.joinable()) finish();
    }
    // True when all of it has arrived.
    bool finish() {
        stopping_ = true;
        sending_.join();
        hearing_.join();
        EXPECT_EQ(fault_, "");
        EXPECT_EQ(heard_.load(), sent_.load());
        return fault_.empty();
    }
    // Returns when so many more have arrived.
    void wait_for_more(int count) const {
        const int wanted = heard_.load() + count;
        const Deadline deadline;
        while (heard_.load() < wanted && !deadline.passed())
            std::this_thread::yield();
        EXPECT_GE(heard_.load(), wanted);
    }

private:
    void send() {
        while (!stopping_) {
            // Never far ahead, so that this is a steady stream and no flood.
            if (sent_.load() > heard_.load() + 20) {
                std::this_thread::yield();
                continue;
            }
            publisher_.publish("events", std::to_string(sent_.load()));
            sent_.fetch_add(1);
        }
        publisher_.publish("events", "the end");
    }
    void hear() {
        try {
            for (;;) {
                const Message message = subscriber_.expect_message();
                if (message.payload == "the end") return;
                if (message.payload != std::to_string(heard_.load())) {
                    fault_ = "heard " + message.payload + " where " +
                             std::to_string(heard_.load()) + " was due";
                    return;
                }
                heard_.fetch_add(1);
            }
        } catch (const std::exception& error) {
            fault_ = error.what();
        }
    }

    WireClient publisher_;
    WireClient subscriber_;
    std::atomic<int> sent_{0};
    std::atomic<int> heard_{0};
    std::atomic<bool> stopping_{false};
    std::string fault_;
    std::thread sending_;
    std::thread hearing_;
};

// Sensors that come back all the time, as they do while nobody lets them in.
class Sensors {
public:
    Sensors(const BrokerProcess& broker, const Login& login) {
        for (int number = 0; number < 8; ++number)
            threads_.emplace_back([this, &broker, login] { come_back(broker, login); });
    }
    ~Sensors() {
        stopping_ = true;
        for (std::thread& thread : threads_)
            thread.join();
    }
    void wait_for_refused(int count) const { wait(refused_, count); }
    void wait_for_in(int count) const { wait(in_, count); }

private:
    void come_back(const BrokerProcess& broker, const Login& login) {
        try {
            while (!stopping_)
                (log_in(broker, login) == Outcome::in ? in_ : refused_).fetch_add(1);
        } catch (const std::exception& error) {
            ADD_FAILURE() << error.what();
        }
    }
    static void wait(const std::atomic<int>& counter, int count) {
        const int wanted = counter.load() + count;
        const Deadline deadline;
        while (counter.load() < wanted && !deadline.passed())
            std::this_thread::yield();
        EXPECT_GE(counter.load(), wanted);
    }

    std::atomic<bool> stopping_{false};
    std::atomic<int> in_{0};
    std::atomic<int> refused_{0};
    std::vector<std::thread> threads_;
};

class SqlOutages : public SqlStore {
protected:
    SqlOutages() {
        timeout_ = "2s";
        make_documented_table();
        insert("sensor", "sql-secret");
        Key key;
        key.ident = "local";
        key.secret = "json-secret";
        key.owner = "local";
        key.pubchans = key.subchans = {"events"};
        write_file(files_.path() / "users.json", users_json({key}));
    }
    [[nodiscard]] std::string json() const { return files_.file("users.json"); }
    [[nodiscard]] std::string store() const {
        return server().scheme() + "://127.0.0.1:" + std::to_string(server().port()) + "/" +
               database_;
    }
    [[nodiscard]] double failures(const BrokerProcess& broker, const std::string& reason) const {
        return metric(broker, "hpfeeds_broker_auth_store_failures_total{store=\"" + store() +
                                  "\",reason=\"" + reason + "\"}");
    }
    [[nodiscard]] double out(const BrokerProcess& broker) const {
        return metric(broker, "hpfeeds_broker_auth_store_out{store=\"" + store() + "\"}");
    }
    void expect_out(const BrokerProcess& broker, double wanted) const {
        const Deadline deadline;
        while (out(broker) != wanted && !deadline.passed())
            std::this_thread::yield();
        EXPECT_EQ(out(broker), wanted);
    }

    const Login remote_{"sensor", "sql-secret"};
    const Login local_{"local", "json-secret"};
    TemporaryDirectory files_;
};

TEST_P(SqlOutages, AFrozenServerDisturbsNobodyElse) {
    for (const bool in_front : {false, true}) {
        SCOPED_TRACE(in_front ? "asked first" : "asked last");
        const auto broker =
            start_broker(in_front ? std::vector{url(), json()} : std::vector{json(), url()});
        expect_soon(*broker, remote_, Outcome::in);
        Traffic traffic(*broker, remote_);
        {
            Sensors sensors(*broker, remote_);
            sensors.wait_for_in(20);
            server().freeze();
            const auto begun = std::chrono::steady_clock::now();
            sensors.wait_for_refused(8);
            EXPECT_LT(std::chrono::steady_clock::now() - begun, std::chrono::seconds(10));
            broker->wait_for_log({"a key store cannot answer", "kind=timeout", store()});
            expect_out(*broker, 1);
            EXPECT_GE(failures(*broker, "timeout"), 1);
            EXPECT_GE(failures(*broker, "out"), 1);
            for (int number = 0; number < 20; ++number)
                ASSERT_EQ(log_in(*broker, local_), Outcome::in);
            traffic.wait_for_more(200);
            server().thaw();
            broker->wait_for_log({"a key store answers again", store()});
            sensors.wait_for_in(20);
            expect_out(*broker, 0);
        }
        EXPECT_TRUE(traffic.finish());
        EXPECT_EQ(broker->stop(), 0);
    }
}

TEST_P(SqlOutages, AServerThatIsStoppedAndStartedAgain) {
    const auto broker = start_broker({url(), json()});
    expect_soon(*broker, remote_, Outcome::in);
    Traffic traffic(*broker, remote_);
    {
        Sensors sensors(*broker, remote_);
        sensors.wait_for_in(20);
        server().stop();
        sensors.wait_for_refused(20);
        broker->wait_for_log({"a key store cannot answer", "kind=connection", store()});
        EXPECT_GE(failures(*broker, "connection"), 1);
        for (int number = 0; number < 20; ++number)
            ASSERT_EQ(log_in(*broker, local_), Outcome::in);
        traffic.wait_for_more(200);
        server().start();
        broker->wait_for_log({"a key store answers again", store()});
        sensors.wait_for_in(20);
    }
    EXPECT_TRUE(traffic.finish());
    EXPECT_EQ(broker->stop(), 0);
}

TEST_P(SqlOutages, ARestartThatNobodyNoticedCostsNoLogin) {
    timeout_ = "30s";
    const auto broker = start_broker();
    expect_soon(*broker, remote_, Outcome::in);
    // The broker's own question at the start, and the login's: nothing is under way any more.
    const std::string lookups =
        "hpfeeds_broker_auth_store_lookups_total{store=\"" + store() + "\"}";
    for (const Deadline deadline; metric(*broker, lookups) < 2 && !deadline.passed();)
        std::this_thread::yield();
    server().stop();
    server().start();
    EXPECT_EQ(log_in(*broker, remote_), Outcome::in);
    EXPECT_EQ(broker->log().find("cannot answer"), std::string::npos);
}

TEST_P(SqlOutages, ABrokerStartsWithoutItsServerAndFindsItLater) {
    server().stop();
    const auto broker = start_broker({url(), json()});
    broker->wait_for_log({"a key store cannot answer", store()});
    EXPECT_EQ(log_in(*broker, remote_), Outcome::refused);
    EXPECT_EQ(log_in(*broker, local_), Outcome::in);
    server().start();
    expect_soon(*broker, remote_, Outcome::in);
}

TEST_P(SqlOutages, ABrokerThatWaitsForAFrozenServerStopsAllTheSame) {
    const auto broker = start_broker();
    expect_soon(*broker, remote_, Outcome::in);
    server().freeze();
    WireClient waits(broker->address(), remote_);
    EXPECT_EQ(broker->stop(), 0);
    server().thaw();
}

// A server can be there and yet not answer one table.
TEST_P(SqlOutages, ALockedTableIsAnOutageThatEnds) {
    const auto broker = start_broker({url(), json()}, {"--auth-timeout", "500ms"});
    expect_soon(*broker, remote_, Outcome::in);
    std::thread locker([this] {
        sql(postgresql() ? "BEGIN; LOCK TABLE auth_keys; SELECT pg_sleep(4); COMMIT;"
                         : "LOCK TABLES auth_keys WRITE; SELECT SLEEP(4); UNLOCK TABLES;");
    });
    expect_soon(*broker, remote_, Outcome::refused);
    EXPECT_EQ(log_in(*broker, local_), Outcome::in);
    locker.join();
    expect_soon(*broker, remote_, Outcome::in);
}

HPFEEDS_ON_ALL_SQL_SERVERS(SqlOutages);

}  // namespace
}  // namespace hpfeeds::support
