// SPDX-License-Identifier: Apache-2.0
// Every program of examples/client, against the real broker.
#include "support/broker_process.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace hpfeeds::support {
namespace {

using testing::AllOf;
using testing::HasSubstr;

Command example(const std::string& name, const Address& broker, const Login& login,
                const std::vector<std::string>& arguments, const std::string& input = {}) {
    Command command;
    command.words = {std::string(HPFEEDS_CLIENT_EXAMPLES) + "/" + name};
    command.words.insert(command.words.end(), arguments.begin(), arguments.end());
    command.environment = {{"HPFEEDS_HOST", broker.host},
                           {"HPFEEDS_PORT", std::to_string(broker.port)},
                           {"HPFEEDS_IDENT", login.ident},
                           {"HPFEEDS_SECRET", login.secret}};
    command.input = input;
    return command;
}

class ClientExamples : public testing::Test {
protected:
    ClientExamples() {
        listener.subscribe("events");
        listener.subscribe("other");
        listener.settle();
    }
    [[nodiscard]] Finished run_example(const std::string& name, const Login& login,
                                       const std::vector<std::string>& arguments,
                                       const std::string& input = {}) const {
        return run(example(name, broker.address(), login, arguments, input));
    }
    // Publishes until a subscriber has printed the first one.
    void wait_until_subscribed(const Process& subscriber, const std::string& payload,
                               const std::string& printed) {
        WireClient publisher(broker.address(), both);
        const Deadline deadline;
        do {
            publisher.publish("events", payload);
        } while (
            !subscriber.out().wait_for_text(printed, Deadline{std::chrono::milliseconds(50)}) &&
            !deadline.passed());
    }

    BrokerProcess broker;
    WireClient listener{broker.address(), logger};
    TemporaryDirectory folder;
};

TEST_F(ClientExamples, PublishSendsEveryText) {
    const Finished done = run_example("publish", sensor, {"events", "one", "two"});
    EXPECT_EQ(done.ended, (Ended{0, 0})) << done.err;
    listener.expect_message({"sensor", "events", "one"});
    listener.expect_message({"sensor", "events", "two"});
}

TEST_F(ClientExamples, PublishSaysWhatTheBrokerRefused) {
    const Finished done = run_example("publish", sensor, {"forbidden", "one"});
    EXPECT_EQ(done.ended, (Ended{1, 0}));
    EXPECT_THAT(done.err, HasSubstr("not allowed to pub here"));
}

TEST_F(ClientExamples, SubscribeShowsMessagesUntilItIsInterrupted) {
    Process subscriber(example("subscribe", broker.address(), logger, {"events"}));
    wait_until_subscribed(subscriber, "pro\nbe", "events by both: pro\\nbe");
    subscriber.signal(SIGINT);
    EXPECT_EQ(subscriber.wait(), (Ended{0, 0})) << subscriber.err().text();
}

TEST_F(ClientExamples, SubscribeEndsWhenItIsRefused) {
    const Finished done = run_example("subscribe", {"logger", "wrong"}, {"events"});
    EXPECT_EQ(done.ended, (Ended{1, 0}));
    EXPECT_THAT(done.err, HasSubstr("Authentication failed for logger"));
}

TEST_F(ClientExamples, TailWritesLinesOfJson) {
    Process tail(example("tail_json", broker.address(), logger, {"events"}));
    wait_until_subscribed(tail, R"({"session":"1"})", R"("payload":{"session":"1"})");
    wait_until_subscribed(tail, "no JSON", R"("payload":"no JSON")");
}

TEST_F(ClientExamples, PublishSamplesSendsTheFilesOfAFolder) {
    const std::string sample("MZ\0\xff\x90", 5);
    write_file(folder.path() / "sample.bin", sample);
    EXPECT_EQ(run_example("publish_samples", sensor, {"events", folder.path().string()}).ended,
              (Ended{0, 0}));
    listener.expect_message({"sensor", "events", sample});
    write_file(folder.path() / "large.bin", std::string(2'000'000, 'x'));
    const Finished done =
        run_example("publish_samples", sensor, {"events", folder.path().string()});
    EXPECT_EQ(done.ended, (Ended{1, 0}));
    EXPECT_THAT(done.err, AllOf(HasSubstr("large.bin"), HasSubstr("larger than a message may be")));
}

TEST_F(ClientExamples, EnrichPublishesFromInsideItsCallback) {
    Process enrich(example("enrich", broker.address(), both, {"events", "other"}));
    WireClient publisher(broker.address(), sensor);
    WireClient hears_other(broker.address(), logger);
    hears_other.subscribe("other");
    hears_other.settle();
    // Nobody says when `enrich` has subscribed.
    const Deadline deadline;
    std::optional<Received> enriched;
    do {
        publisher.publish("events", R"({"source_ip":"192.0.2.7"})");
        enriched = hears_other.poll_frame(std::chrono::milliseconds(50));
    } while (!enriched && !deadline.passed());
    ASSERT_TRUE(enriched);
    EXPECT_EQ(as_message(*enriched).payload, R"({"country":"NL","source_ip":"192.0.2.7"})");
    enrich.signal(SIGTERM);
    EXPECT_EQ(enrich.wait(), (Ended{0, 0}));
}

TEST_F(ClientExamples, GracefulSendsEverythingBeforeItEnds) {
    std::string lines;
    for (int i = 0; i < 500; ++i)
        lines += std::to_string(i) + "\n";
    const Finished done = run_example("graceful", sensor, {"events"}, lines);
    EXPECT_EQ(done.ended, (Ended{0, 0})) << done.err;
    EXPECT_THAT(done.err, HasSubstr("500 published, 0 unsent, 0 dropped"));
    for (int i = 0; i < 500; ++i)
        listener.expect_message({"sensor", "events", std::to_string(i)});
}

TEST_F(ClientExamples, SpoolKeepsEventsForTheNextRun) {
    const std::string file = folder.file("spool.db");
    const Address nobody{"127.0.0.1", 1};
    const Finished offline = run(example("spool", nobody, sensor, {file, "events"}, "one\ntwo\n"));
    EXPECT_EQ(offline.ended, (Ended{0, 0})) << offline.err;
    EXPECT_THAT(offline.out, HasSubstr("2 left for the next time"));
    const Finished online = run_example("spool", sensor, {file, "events"}, "three\n");
    EXPECT_THAT(online.out, HasSubstr("0 left for the next time"));
    for (const char* payload : {"one", "two", "three"})
        listener.expect_message({"sensor", "events", payload});
}

TEST_F(ClientExamples, SensorInCPublishes) {
    const Finished done = run_example("sensor", sensor, {"events", "from C"});
    EXPECT_EQ(done.ended, (Ended{0, 0})) << done.err;
    listener.expect_message({"sensor", "events", "from C"});
    EXPECT_EQ(run_example("sensor", {"sensor", "wrong"}, {"events", "x"}).ended, (Ended{1, 0}));
}

TEST_F(ClientExamples, TlsTrustsTheCertificateItIsGiven) {
    const Finished made =
        run({{"openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout",
              folder.file("key.pem"), "-out", folder.file("cert.pem"), "-days", "1", "-subj",
              "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"}});
    ASSERT_EQ(made.ended.status, 0) << made.err;
    BrokerSetup setup;
    setup.endpoints = {"tls:interface=127.0.0.1:port=0:key=" + folder.file("key.pem") +
                       ":cert=" + folder.file("cert.pem")};
    std::unique_ptr<BrokerProcess> secure;
    try {
        secure = std::make_unique<BrokerProcess>(setup);
    } catch (const std::exception& none) {
        GTEST_SKIP() << "this broker has no TLS: " << none.what();
    }
    const Finished done = run(
        example("tls", secure->address(), sensor, {folder.file("cert.pem"), "events", "secretly"}));
    EXPECT_EQ(done.ended, (Ended{0, 0})) << done.err;
    const Finished stranger =
        run(example("tls", secure->address(), sensor, {"system", "events", "secretly"}));
    EXPECT_EQ(stranger.ended, (Ended{1, 0}));
    EXPECT_THAT(stranger.err, HasSubstr("look at the certificate"));
}

}  // namespace
}  // namespace hpfeeds::support
