// SPDX-License-Identifier: Apache-2.0
// Sessions follow their key: a change in a store meets those who are logged in, whichever store it
// is, however the change is made, and on whichever thread they are served.
#include "support/broker_process.hpp"
#include "support/metrics_page.hpp"

#include <gtest/gtest.h>

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

namespace hpfeeds::support {
namespace {

namespace fs = std::filesystem;

// A key that may publish and subscribe to these, and to what settle() needs.
Key key(const std::string& ident, const std::vector<std::string>& channels,
        const std::string& secret = "secret") {
    const std::vector<Key> usual = usual_keys();
    Key made{ident, secret, "owner", usual.at(1).pubchans, usual.at(1).pubchans};
    for (const std::string& channel : channels) {
        made.pubchans.push_back(channel);
        made.subchans.push_back(channel);
    }
    return made;
}

Login login(const std::string& ident) {
    return {ident, "secret"};
}

const std::string changes = "hpfeeds_broker_live_key_changes";

// ---- JSON: at once ----

class LiveJson : public testing::TestWithParam<std::string> {
protected:
    LiveJson()
        : broker_({.arguments = {"--recheck", "0", "--threads", GetParam(), "--exporter",
                                 "127.0.0.1:0"},
                   .keys = {key("one", {"events", "other"}), key("two", {"events", "other"})}}),
          metrics_(broker_) {}

    void store(const std::vector<Key>& keys) {
        const fs::path folder = broker_.directory().path();
        write_file(folder / "next.json", users_json(keys));
        fs::rename(folder / "next.json", folder / "users.json");
    }
    void wait_for_change(const std::string& change, double count) {
        metrics_.wait_for(changes + "{change=\"" + change + "\"}", count);
    }

    BrokerProcess broker_;
    MetricsPage metrics_;
};
INSTANTIATE_TEST_SUITE_P(Threads, LiveJson, testing::Values("1", "2"));

TEST_P(LiveJson, ARemovedKeyEndsAllItsSessionsAndNoOthers) {
    std::vector<std::unique_ptr<WireClient>> sessions;
    for (int number = 0; number < 4; ++number) {
        sessions.push_back(std::make_unique<WireClient>(broker_.address(), login("one")));
        sessions.back()->settle();
    }
    WireClient other(broker_.address(), login("two"));
    other.settle();
    store({key("two", {"events", "other"})});
    for (auto& session : sessions)
        session->expect_refusal("Authentication failed for one");
    other.settle();
    wait_for_change("key-removed", 4);
    const LogLine line = broker_.wait_for_log({"session ended", "reason=key-removed"});
    EXPECT_EQ(line.field("ident"), "one");
    EXPECT_FALSE(line.field("peer").empty());
    metrics_.wait_for(R"(hpfeeds_broker_connections_closed_total{reason="key-removed"})", 4);
    metrics_.wait_for("hpfeeds_broker_live_keys", 1);
    metrics_.wait_for(R"(hpfeeds_client_authenticated_connections{ident="one",owner="owner"})", 0);
}

TEST_P(LiveJson, AnotherSecretEndsTheSession) {
    WireClient session(broker_.address(), login("one"));
    session.settle();
    store({key("one", {"events", "other"}, "another"), key("two", {"events"})});
    session.expect_refusal("Authentication failed for one");
    WireClient again(broker_.address(), Login{"one", "another"});
    again.settle();
    wait_for_change("secret-changed", 1);
    broker_.wait_for_log({"session ended", "ident=one", "reason=secret-changed"});
}

TEST_P(LiveJson, LostChannelsEndAndNewOnesWork) {
    WireClient reader(broker_.address(), login("one"));
    WireClient writer(broker_.address(), login("two"));
    reader.subscribe("events");
    reader.subscribe("other");
    wait_until_subscribed(writer, reader, "events");
    wait_until_subscribed(writer, reader, "other");
    store({key("one", {"other", "new"}), key("two", {"events", "other", "new"})});
    wait_for_change("channels", 2);
    broker_.wait_for_log({"permissions changed", "ident=one", "subscriptions_ended=1"});
    writer.publish("events", "lost");
    writer.publish("other", "kept");
    reader.expect_message({"two", "other", "kept"});
    reader.subscribe("new");
    wait_until_subscribed(writer, reader, "new");
    reader.publish("events", "x");
    reader.expect_refusal("Authkey not allowed to pub here. ident=one, chan=events");
    writer.settle();
}

TEST_P(LiveJson, AnotherOwnerMovesTheSession) {
    WireClient session(broker_.address(), login("one"));
    session.settle();
    Key owned = key("one", {"events", "other"});
    owned.owner = "somebody else";
    store({owned, key("two", {"events"})});
    metrics_.wait_for(
        R"(hpfeeds_client_authenticated_connections{ident="one",owner="somebody else"})", 1);
    metrics_.wait_for(R"(hpfeeds_client_authenticated_connections{ident="one",owner="owner"})", 0);
    wait_for_change("owner", 1);
    session.settle();
}

TEST_P(LiveJson, AWriteInPlaceAndTheUserCommandAreFollowed) {
    WireClient one(broker_.address(), login("one"));
    WireClient two(broker_.address(), login("two"));
    one.settle();
    two.settle();
    write_file(broker_.directory().path() / "users.json", users_json({key("two", {})}));
    one.expect_refusal("Authentication failed for one");
    const Finished removed = run(
        {.words = {command_line_client_binary(), "user", "remove", "two", "--store", "users.json"},
         .directory = broker_.directory().path()});
    ASSERT_EQ(removed.ended, (Ended{0, 0})) << removed.err;
    two.expect_refusal("Authentication failed for two");
}

TEST_P(LiveJson, AFileThatIsRefusedChangesNothing) {
    WireClient session(broker_.address(), login("one"));
    session.settle();
    write_file(broker_.directory().path() / "users.json", "{\"one\": ");
    broker_.wait_for_log({"old users stay"});
    session.settle();
    store({key("two", {})});
    session.expect_refusal("Authentication failed for one");
}

TEST_P(LiveJson, AfterASecondAuthTheNewIdentsKeyCounts) {
    WireClient session(broker_.address(), login("one"));
    session.settle();
    session.auth(login("two"));
    session.set_ident("two");
    session.settle();
    store({key("two", {"events"})});
    wait_for_change("channels", 1);
    session.settle();
    store({});
    session.expect_refusal("Authentication failed for two");
}

TEST(LiveJsonMounts, AKubernetesSwapOfTheDataLinkIsFollowed) {
    const TemporaryDirectory mount;
    const auto add_version = [&](const std::string& version, const std::vector<Key>& keys) {
        fs::create_directory(mount.path() / version);
        write_file(mount.path() / version / "users.json", users_json(keys));
        fs::create_directory_symlink(version, mount.path() / "..data_tmp");
        fs::rename(mount.path() / "..data_tmp", mount.path() / "..data");
    };
    add_version("..first", {key("one", {}), key("two", {})});
    fs::create_symlink("..data/users.json", mount.path() / "users.json");
    const BrokerProcess broker(
        {.arguments = {"--auth", mount.file("users.json"), "--recheck", "0"}, .keys = {}});
    WireClient one(broker.address(), login("one"));
    WireClient two(broker.address(), login("two"));
    one.settle();
    two.settle();
    add_version("..second", {key("two", {})});
    one.expect_refusal("Authentication failed for one");
    two.settle();
    add_version("..third", {});
    two.expect_refusal("Authentication failed for two");
}

// ---- stores that cannot tell: within --recheck ----

Finished hpfeeds_user(const BrokerProcess& broker, std::vector<std::string> words) {
    words.insert(words.begin(), {command_line_client_binary(), "user"});
    Finished done = run({.words = words, .directory = broker.directory().path()});
    EXPECT_EQ(done.ended, (Ended{0, 0})) << done.err;
    return done;
}

std::string joined(const std::vector<std::string>& names) {
    std::string list;
    for (const std::string& name : names)
        list += (list.empty() ? "" : ",") + name;
    return list;
}

class LiveSqlite : public testing::TestWithParam<std::string> {
protected:
    explicit LiveSqlite(const std::string& timeout = "500ms")
        : broker_({.arguments = {"--recheck", "100ms", "--threads", GetParam(), "--exporter",
                                 "127.0.0.1:0", "--auth-failure-delay", "0", "--auth-timeout",
                                 timeout, "--login-deadline", "60s"},
                   .keys = {}}),
          metrics_(broker_) {
        for (const std::string ident : {"one", "two"}) {
            const Key made = key(ident, {"events"});
            hpfeeds_user(broker_, {"add", ident, "--secret", "secret", "-p", joined(made.pubchans),
                                   "-s", joined(made.subchans)});
        }
    }
    // From now on so many more look-ups of live keys have been answered, or not.
    void wait_for_more(const std::string& counter, double count) {
        const double before = metrics_.value(counter);
        metrics_.wait_for(counter, [=](double now) { return now >= before + count; });
    }
    fs::path file() const { return broker_.directory().path() / "sqlite.db"; }

    BrokerProcess broker_;
    MetricsPage metrics_;
};
INSTANTIATE_TEST_SUITE_P(Threads, LiveSqlite, testing::Values("1", "2"));

TEST_P(LiveSqlite, ARemovedKeyEndsItsSessions) {
    WireClient first(broker_.address(), login("one"));
    WireClient second(broker_.address(), login("one"));
    WireClient other(broker_.address(), login("two"));
    first.settle();
    second.settle();
    other.settle();
    hpfeeds_user(broker_, {"remove", "one"});
    first.expect_refusal("Authentication failed for one");
    second.expect_refusal("Authentication failed for one");
    wait_for_more("hpfeeds_broker_key_rechecks", 3);
    other.settle();
}

TEST_P(LiveSqlite, WhatTheUserCommandSetsIsFollowed) {
    WireClient reader(broker_.address(), login("one"));
    WireClient writer(broker_.address(), login("two"));
    reader.subscribe("events");
    wait_until_subscribed(writer, reader, "events");
    hpfeeds_user(broker_, {"set", "one", "--remove-subscribe", "events", "--add-subscribe", "new"});
    broker_.wait_for_log({"permissions changed", "ident=one", "subscriptions_ended=1"});
    writer.publish("events", "not for it");
    writer.settle();
    reader.settle();
    reader.subscribe("new");
    reader.settle();
    hpfeeds_user(broker_, {"set", "one", "--secret", "another"});
    reader.expect_refusal("Authentication failed for one");
}

// The locks of SQLite itself: whoever holds these bytes is about to write.
class ExclusiveLock {
public:
    explicit ExclusiveLock(const fs::path& file) : file_(::open(file.c_str(), O_RDWR | O_CLOEXEC)) {
        struct flock bytes {};
        bytes.l_type = F_WRLCK;
        bytes.l_whence = SEEK_SET;
        bytes.l_start = 0x40000000;
        bytes.l_len = 512;
        held_ = ::fcntl(file_, F_SETLKW, &bytes) == 0;
    }
    ~ExclusiveLock() { ::close(file_); }
    ExclusiveLock(const ExclusiveLock&) = delete;
    ExclusiveLock& operator=(const ExclusiveLock&) = delete;
    [[nodiscard]] bool held() const noexcept { return held_; }

private:
    int file_;
    bool held_ = false;
};

TEST_P(LiveSqlite, ALockedFileEndsNoSession) {
    WireClient session(broker_.address(), login("one"));
    session.settle();
    {
        const ExclusiveLock lock(file());
        ASSERT_TRUE(lock.held());
        metrics_.wait_for("hpfeeds_broker_key_rechecks_unanswered",
                          [](double count) { return count >= 1; });
        session.settle();
    }
    const double before = metrics_.value("hpfeeds_broker_key_rechecks");
    metrics_.wait_for("hpfeeds_broker_key_rechecks", [=](double now) { return now > before + 2; });
    session.settle();
    hpfeeds_user(broker_, {"remove", "one"});
    session.expect_refusal("Authentication failed for one");
}

TEST_P(LiveSqlite, AFileThatIsGoneOrGarbageEndsNoSession) {
    WireClient session(broker_.address(), login("one"));
    session.settle();
    fs::rename(file(), broker_.directory().path() / "away");
    wait_for_more("hpfeeds_broker_key_rechecks_unanswered", 2);
    session.settle();
    write_file(file(), std::string(8192, 'x'));
    wait_for_more("hpfeeds_broker_key_rechecks_unanswered", 2);
    session.settle();
    fs::rename(broker_.directory().path() / "away", file());
    hpfeeds_user(broker_, {"remove", "one"});
    session.expect_refusal("Authentication failed for one");
}

// With a store that waits for a lock for longer than a test does.
class LiveSqliteThatWaits : public LiveSqlite {
protected:
    LiveSqliteThatWaits() : LiveSqlite("50s") {}
};
INSTANTIATE_TEST_SUITE_P(Threads, LiveSqliteThatWaits, testing::Values("1", "2"));

// The look-up of a login and those of rechecks wait for the same lock; none takes the other's
// answer.
TEST_P(LiveSqliteThatWaits, AnAuthUnderWayDuringARecheckGetsItsOwnAnswer) {
    WireClient session(broker_.address(), login("one"));
    session.settle();
    WireClient wrong(broker_.address());
    WireClient right(broker_.address());
    WireClient unknown(broker_.address());
    for (WireClient* client : {&wrong, &right, &unknown})
        client->expect_info();
    {
        const ExclusiveLock lock(file());
        ASSERT_TRUE(lock.held());
        wait_for_more("hpfeeds_broker_key_rechecks", 1);
        wrong.auth({"one", "wrong"});
        right.auth(login("one"));
        unknown.auth({"nobody", "secret"});
    }
    wrong.expect_refusal("Authentication failed for one");
    unknown.expect_refusal("Authentication failed for nobody");
    right.settle();
    session.settle();
}

TEST_P(LiveSqlite, ASecondAuthIsFollowedByTheKeyItNames) {
    WireClient session(broker_.address(), login("one"));
    session.settle();
    session.auth(login("two"));
    session.set_ident("two");
    session.settle();
    hpfeeds_user(broker_, {"remove", "one"});
    wait_for_more("hpfeeds_broker_key_rechecks", 2);
    session.settle();
    hpfeeds_user(broker_, {"remove", "two"});
    session.expect_refusal("Authentication failed for two");
}

// ---- several stores, and none that changes ----

TEST(LiveStores, AKeyOfTheEnvironmentSurvivesEveryRecheck) {
    const Key made = key("test", {});
    const BrokerProcess broker({.arguments = {"--auth", "env", "--auth", "sqlite", "--recheck",
                                              "20ms", "--exporter", "127.0.0.1:0"},
                                .keys = {},
                                .environment = {{"HPFEEDS_TEST_SECRET", "secret"},
                                                {"HPFEEDS_TEST_PUBCHANS", joined(made.pubchans)},
                                                {"HPFEEDS_TEST_SUBCHANS", joined(made.subchans)}}});
    const MetricsPage metrics(broker);
    WireClient session(broker.address(), login("test"));
    session.settle();
    metrics.wait_for("hpfeeds_broker_key_rechecks", [](double count) { return count >= 5; });
    session.settle();
    EXPECT_EQ(metrics.value("hpfeeds_broker_key_rechecks_unanswered"), 0);
}

// The second store knows the ident too, and would end the session; but the first one decides, and
// cannot tell at the moment.
TEST(LiveStores, TheAnswerOfALaterStoreChangesNothingWhileTheFirstIsOut) {
    const TemporaryDirectory folder;
    const Key made = key("one", {});
    const auto user = [&](std::vector<std::string> words) {
        words.insert(words.begin(), {command_line_client_binary(), "user"});
        words.insert(words.end(), {"--store", "first.db"});
        const Finished done = run({.words = words, .directory = folder.path()});
        ASSERT_EQ(done.ended, (Ended{0, 0})) << done.err;
    };
    user({"add", "one", "--secret", "secret", "-p", joined(made.pubchans), "-s",
          joined(made.subchans)});
    write_file(folder.path() / "later.json", users_json({key("one", {}, "another")}));
    const BrokerProcess broker(
        {.arguments = {"--auth", folder.file("first.db"), "--auth", folder.file("later.json"),
                       "--recheck", "50ms", "--exporter", "127.0.0.1:0"},
         .keys = {}});
    const MetricsPage metrics(broker);
    WireClient session(broker.address(), login("one"));
    session.settle();
    fs::rename(folder.path() / "first.db", folder.path() / "away");
    metrics.wait_for("hpfeeds_broker_key_rechecks_unanswered",
                     [](double count) { return count >= 2; });
    session.settle();
    fs::rename(folder.path() / "away", folder.path() / "first.db");
    user({"remove", "one"});
    session.expect_refusal("Authentication failed for one");
    broker.wait_for_log({"session ended", "reason=secret-changed"});
}

TEST(LiveStores, OffKeepsTheRightsOfTheLogin) {
    const BrokerProcess broker(
        {.arguments = {"--recheck", "off", "--auth-failure-delay", "0"}, .keys = {key("one", {})}});
    WireClient session(broker.address(), login("one"));
    session.settle();
    write_file(broker.directory().path() / "users.json", users_json({key("two", {})}));
    broker.wait_for_log([lines = 0](const LogLine& line) mutable {
        return line.text.find("users read") != std::string::npos && ++lines == 2;
    });
    for (int round = 0; round < 20; ++round)
        session.settle();
    WireClient again(broker.address(), login("one"));
    again.expect_refusal("Authentication failed for one");
    session.settle();
}

// ---- a large file ----

std::string many_users(std::size_t count, const std::string& channel) {
    std::string text = "{";
    for (std::size_t number = 0; number < count; ++number)
        text += (number ? ",\n\"u" : "\"u") + std::to_string(number) +
                R"(": {"owner": "o", "secret": "secret", "pubchans": ["events", ")" + channel +
                R"("], "subchans": ["events"]})";
    return text + "}";
}

// 100,000 keys change at once, and a thousand of them are in use: deliveries go on meanwhile.
TEST(LiveLargeFile, AReloadOfAHundredThousandUsersDisturbsNoDelivery) {
    constexpr std::size_t users = 100'000;
    constexpr std::size_t live = 1'000;
    rlimit descriptors{};
    ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &descriptors), 0);
    descriptors.rlim_cur = std::min<rlim_t>(descriptors.rlim_max, 4'096);
    setrlimit(RLIMIT_NOFILE, &descriptors);
    if (descriptors.rlim_cur < live + 100) GTEST_SKIP() << "too few descriptors";

    const TemporaryDirectory folder;
    write_file(folder.path() / "many.json", many_users(users, "before"));
    const BrokerProcess broker({.arguments = {"--auth", folder.file("many.json"), "--recheck", "0",
                                              "--exporter", "127.0.0.1:0"},
                                .keys = {}});
    const MetricsPage metrics(broker);
    std::vector<std::unique_ptr<WireClient>> sessions;
    for (std::size_t number = 0; number < live; ++number)
        sessions.push_back(
            std::make_unique<WireClient>(broker.address(), login("u" + std::to_string(number))));
    metrics.wait_for("hpfeeds_broker_live_keys", live);
    WireClient& reader = *sessions.front();
    WireClient& writer = *sessions.back();
    reader.subscribe("events");
    wait_until_subscribed(writer, reader, "events");

    write_file(folder.path() / "next.json", many_users(users, "after"));
    fs::rename(folder.path() / "next.json", folder.path() / "many.json");
    const auto told = [&] {
        return broker.log().find("users=100000") != broker.log().rfind("users=100000");
    };
    std::chrono::nanoseconds worst{0};
    std::size_t rounds = 0;
    std::size_t rounds_after = 0;
    for (const Deadline deadline{std::chrono::seconds(120)};
         rounds_after < 200 && !deadline.passed(); ++rounds) {
        if (rounds % 50 == 0 && rounds_after == 0 && told()) rounds_after = 1;
        if (rounds_after) ++rounds_after;
        const auto began = std::chrono::steady_clock::now();
        const std::string payload = std::to_string(rounds);
        writer.publish("events", payload);
        reader.expect_message({"u999", "events", payload});
        worst = std::max(worst, std::chrono::nanoseconds(std::chrono::steady_clock::now() - began));
    }
    ASSERT_GE(rounds_after, 200U) << "the file was not taken over";
    metrics.wait_for(changes + R"({change="channels"})", live);
    RecordProperty("worst_delivery_us", static_cast<int>(worst.count() / 1'000));
    // Another thread reads and compares the file. Generous, for machines that do other things too.
    EXPECT_LT(worst, std::chrono::seconds(1)) << "in " << rounds << " deliveries";
    for (const std::size_t number : {0U, 500U, 998U}) {
        sessions[number]->publish("after", "a new right");
        sessions[number]->publish("before", "a lost one");
    }
    sessions[500]->expect_refusal("Authkey not allowed to pub here. ident=u500, chan=before");
}

}  // namespace
}  // namespace hpfeeds::support
