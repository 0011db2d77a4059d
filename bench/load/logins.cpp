// SPDX-License-Identifier: Apache-2.0
// logins: how long until all sensors are served that log in at once, and whom that makes late.
//
//   logins STORE [SENSORS] [MORE …]
//
// STORE is json, sqlite, postgresql or mariadb: the keys are made, the server is started for this
// alone, and ended. Or it is a store as --auth takes it (a URL), in which somebody has put keys:
// sensor0, sensor1 … and pair, each with its own name for secret and for its only channel.
// SENSORS is 5000 unless said; MORE are arguments for the broker. HPFEEDS_BROKER_BIN names another
// broker than the one of this build.
//
// With HPFEEDS_BENCH_REALTIME=1 the broker's threads that carry messages get real-time priority: on
// a machine that is busy with other things that shows what the broker does, and not what the others
// do.
//
// Prints figures; exit status 1 when not all were served in time (5 s; 15 s on servers) or a
// message of the pair, which was logged in before, came more than 50 ms late.
#include "login_storm.hpp"
#include "steady_pair.hpp"
#include "stores/sql_server.hpp"
#include "support/broker_process.hpp"

#include <sched.h>
#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace hpfeeds::bench {
namespace {

using std::chrono::milliseconds;

struct Store {
    std::string spec;
    std::chrono::seconds bar{5};
    support::TemporaryDirectory folder{};
    std::unique_ptr<support::SqlServer> server{};
};

// INSERTs with a few hundred keys in each.
std::string inserts(const std::string& into, std::size_t sensors) {
    std::string sql;
    for (std::size_t number = 0; number <= sensors; ++number) {
        const std::string name = number == sensors ? "pair" : sensor_name(number);
        const bool first = number % 500 == 0;
        sql += first ? (number == 0 ? "" : ";\n") + into + " VALUES " : ", ";
        sql += "('" + name + "', '" + name + "', '[\"" + name + "\"]', '[\"" + name + "\"]')";
    }
    return sql + ";\n";
}

void fill_json(const std::string& path, std::size_t sensors) {
    std::vector<support::Key> keys;
    for (std::size_t number = 0; number <= sensors; ++number) {
        const std::string name = number == sensors ? "pair" : sensor_name(number);
        keys.push_back({name, name, name, {name}, {name}});
    }
    support::write_file(path, support::users_json(keys));
}

void fill_sqlite(const std::string& path, std::size_t sensors) {
    const std::string sql =
        "CREATE TABLE authkeys (id integer primary key autoincrement, owner TEXT, ident TEXT,"
        " secret TEXT, pubchans TEXT, subchans TEXT);"
        "CREATE INDEX authkeys_ident ON authkeys (ident); BEGIN;" +
        inserts("INSERT INTO authkeys (ident, secret, pubchans, subchans)", sensors) + "COMMIT;";
    const auto finished = support::run({{"sqlite3", path}, {}, {}, sql});
    if (finished.ended.status != 0) throw std::runtime_error(finished.err);
}

// The documented table, as users have it: without an index on identifier.
void fill_server(support::SqlServer& server, const std::string& database, std::size_t sensors) {
    server.sql(database, server.documented_schema());
    server.sql(database,
               inserts("INSERT INTO auth_keys (identifier, secret, publish, subscribe)", sensors));
}

std::unique_ptr<Store> open_store(const std::string& what, std::size_t sensors) {
    auto store = std::make_unique<Store>();
    if (what == "json") {
        store->spec = store->folder.file("users.json");
        fill_json(store->spec, sensors);
    } else if (what == "sqlite") {
        store->spec = store->folder.file("keys.db");
        fill_sqlite(store->spec, sensors);
    } else if (what == "postgresql" || what == "mariadb") {
        store->bar = std::chrono::seconds(15);
        store->server = what == "mariadb" ? support::make_mariadb() : support::make_postgresql();
        const std::string database = store->server->make_database();
        fill_server(*store->server, database, sensors);
        store->spec = store->server->url(database);
    } else {
        store->bar = std::chrono::seconds(15);
        store->spec = what;
    }
    return store;
}

void raise_descriptor_limit() {
    rlimit limit{};
    ::getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &limit);
}

// Threads of the broker that look keys up are called auth-….
void give_priority_to_shards(pid_t broker) {
    const char* const wanted = std::getenv("HPFEEDS_BENCH_REALTIME");
    if (wanted == nullptr || std::string(wanted) != "1") return;
    const std::string tasks = "/proc/" + std::to_string(broker) + "/task";
    for (const auto& task : std::filesystem::directory_iterator(tasks)) {
        if (support::read_file(task.path() / "comm").starts_with("auth-")) continue;
        sched_param parameters{};
        parameters.sched_priority = 1;
        const auto thread = static_cast<pid_t>(std::stoi(task.path().filename().string()));
        if (::sched_setscheduler(thread, SCHED_FIFO, &parameters) != 0)
            throw std::runtime_error("real-time priority needs root");
    }
}

int measure(const std::string& what, std::size_t sensors, const std::vector<std::string>& more) {
    raise_descriptor_limit();
    const std::unique_ptr<Store> store = open_store(what, sensors);
    support::BrokerSetup setup;
    setup.keys = {};
    setup.arguments = {"--auth", store->spec};
    setup.arguments.insert(setup.arguments.end(), more.begin(), more.end());
    const support::BrokerProcess broker(setup);
    give_priority_to_shards(broker.pid());

    SteadyPair pair(broker.address(), {"pair", "pair"}, "pair");
    std::this_thread::sleep_for(milliseconds(500));  // the pair finds its pace
    const StormResult storm = run_storm(broker.address(), sensors, std::chrono::seconds(60));
    std::this_thread::sleep_for(milliseconds(500));
    const SteadyPair::Result steady = pair.finish();

    constexpr milliseconds late_max{50};
    std::printf(
        "store %s: %zu of %zu sensors served in %lld ms (the first after %lld ms), %zu failures\n"
        "steady pair: %zu sent, %zu received, the latest %.1f ms after it was due (%.1f ms of a "
        "delay before it was sent)\n",
        what.c_str(), storm.served, sensors, static_cast<long long>(storm.last.count()),
        static_cast<long long>(storm.first.count()), storm.failures, steady.sent, steady.received,
        static_cast<double>(steady.latest.count()) / 1'000,
        static_cast<double>(steady.latest_sent.count()) / 1'000);
    const bool good = storm.served == sensors && storm.last <= store->bar &&
                      steady.sent == steady.received && steady.latest <= late_max;
    std::printf("%s: all within %lld s, nothing later than %lld ms\n", good ? "passed" : "MISSED",
                static_cast<long long>(store->bar.count()),
                static_cast<long long>(late_max.count()));
    if (!good) std::fputs(broker.log().c_str(), stderr);
    return good ? 0 : 1;
}

}  // namespace
}  // namespace hpfeeds::bench

int main(int argc, char** argv) {
    const std::vector<std::string> words(argv + 1, argv + argc);
    if (words.empty() || words.front().starts_with("-")) {
        std::fputs(
            "usage: logins json|sqlite|postgresql|mariadb|STORE [SENSORS] [broker's "
            "arguments…]\n",
            stderr);
        return 2;
    }
    try {
        const std::size_t sensors = words.size() > 1 ? std::stoul(words[1]) : 5'000;
        const std::size_t taken = std::min<std::size_t>(words.size(), 2);
        return hpfeeds::bench::measure(
            words.front(), sensors,
            {words.begin() + static_cast<std::ptrdiff_t>(taken), words.end()});
    } catch (const std::exception& error) {
        std::fprintf(stderr, "logins: %s\n", error.what());
        return 2;
    }
}
