// SPDX-License-Identifier: Apache-2.0
#include "hpfeeds/client.hpp"

#include "client/limits.hpp"
#include "unit/client/client_fixture.hpp"
#include "unit/client/tls_server.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <pthread.h>
#include <atomic>
#include <csignal>
#include <stdexcept>
#include <thread>

namespace hpfeeds {
namespace {

using client::testing::CertificateFiles;
using client::testing::DeadPort;
using client::testing::Diary;
using client::testing::error;
using client::testing::greet;
using client::testing::hear_out;
using client::testing::info;
using client::testing::options_for;
using client::testing::Peer;
using client::testing::publish;
using client::testing::Script;
using client::testing::ScriptedBroker;
using client::testing::subscribe;
using client::testing::TlsPeer;
using client::testing::TlsServer;
using client::testing::unsubscribe;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using namespace std::chrono_literals;

// What run() heard, a line for each.
struct Listener {
    Client& client;
    std::vector<std::string> heard{};
    std::vector<std::error_code> codes{};
    std::size_t stop_after = 1;

    void run() {
        client.run(
            [this](const MessageView& message) {
                add(std::string(message.ident) + "@" + std::string(message.channel) + ":" +
                    std::string(message.text()));
            },
            [this](const Error& trouble) {
                codes.push_back(trouble.code());
                add(trouble.what());
            });
    }
    void add(std::string line) {
        heard.push_back(std::move(line));
        if (heard.size() >= stop_after) client.stop();
    }
};

TEST(Client, PublishesBehindItsLogin) {
    Diary diary;
    ScriptedBroker broker({hear_out(diary)});
    Client client(options_for(broker.port()));
    client.publish("chan", "one");
    client.publish("chan", std::string_view("\0\xff", 2));
    client.publish("chan", std::vector<std::byte>{});
    client.close();
    EXPECT_THAT(diary.wait_for(3), ElementsAre(publish("me", "chan", "one"),
                                               publish("me", "chan", std::string_view("\0\xff", 2)),
                                               publish("me", "chan", "")));
    EXPECT_EQ(client.stats().published, 3U);
    EXPECT_EQ(client.stats().sent, 3U);
}

TEST(Client, ReadsMessagesOneByOneAndInALoop) {
    ScriptedBroker broker({[](const Peer& peer) {
        greet(peer);
        EXPECT_EQ(peer.read_frame(), subscribe("me", "chan"));
        for (const char* payload : {"one", "two", "three", "four"})
            peer.send(publish("you", "chan", payload));
        peer.stay_silent();
    }});
    Client client("127.0.0.1", broker.port(), "me", "secret");
    client.subscribe("chan");
    const auto first = client.read(20s);
    ASSERT_TRUE(first);
    EXPECT_EQ(first->ident, "you");
    EXPECT_EQ(first->channel, "chan");
    EXPECT_EQ(first->text(), "one");
    MessageView second;
    std::error_code failed;
    ASSERT_TRUE(client.read(second, 20s, failed));
    EXPECT_EQ(second.text(), "two");
    std::vector<std::string> rest;
    for (const MessageView message : client) {
        rest.emplace_back(message.text());
        if (rest.size() == 2) client.stop();
    }
    EXPECT_THAT(rest, ElementsAre("three", "four"));
    EXPECT_FALSE(client.read(20s)) << "stop() is for ever";
    EXPECT_EQ(client.broker_name(), "scripted");
}

TEST(Client, ReadGivesUpInTime) {
    ScriptedBroker broker({[](const Peer& peer) { greet(peer), peer.stay_silent(); }});
    Client client(options_for(broker.port()));
    EXPECT_FALSE(client.read(1ms));
    MessageView message;
    std::error_code failed;
    EXPECT_FALSE(client.read(message, 0ms, failed));
    EXPECT_EQ(failed, Errc::timed_out);
}

TEST(Client, SubscribesAgainOnEveryConnection) {
    const auto serve = [](const Peer& peer, std::string_view expected, std::string_view payload) {
        greet(peer);
        EXPECT_EQ(peer.read(expected.size()), expected);
        peer.send(publish("you", "b", payload));
    };
    const std::string both = subscribe("me", "a") + subscribe("me", "b");
    ScriptedBroker broker({[&](const Peer& peer) { serve(peer, both, "one"); },
                           [&](const Peer& peer) { serve(peer, both, "two"); },
                           [&](const Peer& peer) {
                               serve(peer, both, "three");
                               EXPECT_EQ(peer.read_frame(), unsubscribe("me", "a"));
                           },
                           [&](const Peer& peer) {
                               serve(peer, subscribe("me", "b"), "four");
                               peer.stay_silent();
                           }});
    Client client(options_for(broker.port()));
    client.subscribe("a");
    client.subscribe("b");
    for (const char* expected : {"one", "two", "three"}) {
        const auto message = client.read(20s);
        ASSERT_TRUE(message);
        EXPECT_EQ(message->text(), expected);
    }
    client.unsubscribe("a");
    EXPECT_EQ(client.read(20s)->text(), "four");
    EXPECT_EQ(client.stats().connections, 4U);
}

TEST(Client, KeepsWhatIsPublishedWithoutABroker) {
    Diary diary;
    ScriptedBroker broker(
        {[](const Peer&) {}, [](const Peer& peer) { peer.send("\0"); }, hear_out(diary)});
    Client client(options_for(broker.port()));
    for (int i = 0; i < 100; ++i)
        client.publish("chan", std::to_string(i));
    client.flush(20s);
    client.close();
    const auto frames = diary.wait_for(100);
    ASSERT_EQ(frames.size(), 100U);
    for (std::size_t i = 0; i < 100; ++i)
        EXPECT_EQ(frames[i], publish("me", "chan", std::to_string(i)));
}

TEST(Client, TellsAFailedLoginFromTroubleWithTheNetwork) {
    ScriptedBroker broker({[](const Peer&) {},
                           [](const Peer& peer) {
                               greet(peer);
                               peer.send(error("Authentication failed for me"));
                           }});
    Client client(options_for(broker.port()));
    Listener listener{.client = client, .stop_after = 2};
    listener.run();
    ASSERT_EQ(listener.codes.size(), 2U);
    EXPECT_EQ(listener.codes[0], Trouble::network);
    EXPECT_EQ(listener.codes[1], Errc::authentication_failed);
    EXPECT_EQ(listener.codes[1], Trouble::refusal);
    EXPECT_EQ(listener.heard[1], "the broker refused: Authentication failed for me");
}

TEST(Client, WaitsItsLongestAfterAFailedLogin) {
    Diary diary;
    const Script refuse = [&](const Peer& peer) {
        diary.write("refused");
        greet(peer);
        peer.send(error("Authentication failed for me"));
    };
    ScriptedBroker broker({refuse, refuse});
    auto options = options_for(broker.port());
    options.backoff = {1ms, 1h};
    Client client(options);
    Listener listener{.client = client, .stop_after = 1};
    listener.run();
    client.close();
    EXPECT_EQ(diary.wait_for(1).size(), 1U) << "the next attempt is half an hour away";
}

TEST(Client, SendsAgainWhatAFailedLoginSwallowed) {
    Diary diary;
    ScriptedBroker broker({[](const Peer& peer) {
                               greet(peer);
                               EXPECT_EQ(peer.read_frame(), publish("me", "chan", "one"));
                               peer.send(error("Authentication failed for me"));
                           },
                           [](const Peer& peer) {
                               // A broker that says nothing, but closes.
                               greet(peer);
                               EXPECT_EQ(peer.read_frame(), publish("me", "chan", "one"));
                           },
                           hear_out(diary)});
    Client client(options_for(broker.port()));
    client.publish("chan", "one");
    EXPECT_THAT(diary.wait_for(1), ElementsAre(publish("me", "chan", "one")));
    client.close();
    EXPECT_EQ(client.stats().sent_again, 2U);
}

TEST(Client, DropsARefusedMessageAndSendsWhatWasBehindIt) {
    Diary diary;
    ScriptedBroker broker({[](const Peer& peer) {
                               greet(peer);
                               for (int i = 0; i < 3; ++i)
                                   static_cast<void>(peer.read_frame());
                               peer.send(
                                   error("Authkey not allowed to pub here. ident=me, chan=bad"));
                           },
                           hear_out(diary)});
    Client client(options_for(broker.port()));
    client.publish("good", "one");
    client.publish("bad", "two");
    client.publish("good", "three");
    EXPECT_THAT(diary.wait_for(1), ElementsAre(publish("me", "good", "three")));
    std::error_code failed;
    MessageView message;
    EXPECT_FALSE(client.read(message, 20s, failed));
    EXPECT_EQ(failed, Errc::publish_refused);
    EXPECT_THAT(client.last_error(), HasSubstr("chan=bad"));
    EXPECT_EQ(client.stats().refused, 1U);
}

TEST(Client, AcceptsANonceOfAnyLength) {
    for (const std::size_t length : {0U, 1U, 4U, 8U, 16U, 250U}) {
        Diary diary;
        ScriptedBroker broker({[&](const Peer& peer) {
            peer.send(info("n", std::string(length, 'n')));
            diary.write(peer.read_frame());
        }});
        Client client(options_for(broker.port()));
        EXPECT_EQ(diary.wait_for(1).front().size(), wire::auth_frame_bytes(2)) << length;
    }
}

TEST(Client, SurvivesErrorFramesThatAreOneByteTooLong) {
    ScriptedBroker broker({[](const Peer& peer) {
                               greet(peer);
                               std::string frame = error("Authentication failed for me");
                               frame[3] = static_cast<char>(frame[3] - 1);
                               peer.send(frame);
                           },
                           [](const Peer& peer) {
                               greet(peer);
                               peer.send(publish("you", "chan", "after"));
                               peer.stay_silent();
                           }});
    Client client(options_for(broker.port()));
    Listener listener{.client = client, .stop_after = 2};
    listener.run();
    EXPECT_THAT(listener.heard,
                ElementsAre("the broker refused: Authentication failed for me", "you@chan:after"));
}

TEST(Client, SurvivesBrokersThatSendNonsense) {
    const std::vector<std::string> nonsense{
        "SSH-2.0-OpenSSH_9.2\r\n",                              // another protocol
        std::string("\0\0\0\3\1", 5),                           // a length below the header's
        std::string("\x7f\xff\xff\xff\3", 5),                   // longer than anything may be
        std::string("\0\0\0\x6\x9x", 6),                        // an opcode that does not exist
        publish("you", "chan", "too early"),                    // before INFO
        info("a", "abcd") + info("b", "abcd"),                  // twice
        info("a", "abcd") + subscribe("you", "chan"),           // from the wrong side
        info("a", "abcd") + std::string("\0\0\0\7\3\xff!", 7),  // a string past its frame
    };
    std::vector<Script> scripts;
    for (const std::string& each : nonsense)
        scripts.emplace_back([each](const Peer& peer) {
            peer.send(each);
            peer.stay_silent();
        });
    scripts.emplace_back([](const Peer& peer) {
        greet(peer);
        peer.send(publish("you", "chan", "sense"));
        peer.stay_silent();
    });
    ScriptedBroker broker(scripts);
    Client client(options_for(broker.port()));
    Listener listener{.client = client, .stop_after = nonsense.size() + 1};
    listener.run();
    ASSERT_EQ(listener.codes.size(), nonsense.size());
    for (const std::error_code code : listener.codes)
        EXPECT_EQ(code, Errc::not_hpfeeds);
    EXPECT_EQ(listener.heard.back(), "you@chan:sense");
}

TEST(Client, ReadsMessagesThatComeByteByByte) {
    ScriptedBroker broker({[](const Peer& peer) {
        for (const char byte : info("scripted", "abcd"))
            peer.send({&byte, 1});
        static_cast<void>(peer.read_frame());
        for (const char byte : publish("you", "chan", "drip") + publish("you", "chan", "drop"))
            peer.send({&byte, 1});
        peer.stay_silent();
    }});
    Client client(options_for(broker.port()));
    EXPECT_EQ(client.read(20s)->text(), "drip");
    EXPECT_EQ(client.read(20s)->text(), "drop");
}

TEST(Client, ForgetsATornFrameWithItsConnection) {
    const std::string frame = publish("you", "chan", std::string(1000, 'x'));
    ScriptedBroker broker({[&](const Peer& peer) {
                               greet(peer);
                               peer.send(std::string_view(frame).substr(0, 500));
                           },
                           [&](const Peer& peer) {
                               greet(peer);
                               peer.send(frame);
                               peer.stay_silent();
                           }});
    Client client(options_for(broker.port()));
    EXPECT_EQ(client.read(20s)->payload.size(), 1000U);
}

TEST(Client, SaysThatTheBrokerIsSilent) {
    ScriptedBroker broker({[](const Peer& peer) { peer.stay_silent(); }});
    auto options = options_for(broker.port());
    options.timeout = 30ms;
    options.reconnect = false;
    try {
        const Client client(options);
        FAIL() << "nobody was there";
    } catch (const Error& failed) {
        EXPECT_EQ(failed.code(), Errc::timed_out);
        EXPECT_THAT(failed.what(), HasSubstr("said nothing for 1 s"));
    }
}

TEST(Client, NeedsABrokerWhenItMayNotReconnect) {
    const DeadPort dead;
    auto options = options_for(dead.port());
    options.reconnect = false;
    try {
        const Client client(options);
        FAIL() << "nobody was there";
    } catch (const Error& failed) {
        EXPECT_EQ(failed.code(), std::errc::connection_refused);
        EXPECT_THAT(failed.what(), HasSubstr("cannot connect to 127.0.0.1:"));
    }
}

TEST(Client, EndsWithItsConnectionWhenItMayNotReconnect) {
    ScriptedBroker broker({[](const Peer& peer) {
        greet(peer);
        peer.send(publish("you", "chan", "last words"));
    }});
    auto options = options_for(broker.port());
    options.reconnect = false;
    Client client(options);
    EXPECT_EQ(client.read(20s)->text(), "last words");
    EXPECT_THROW(static_cast<void>(client.read(20s)), Error);
    MessageView message;
    std::error_code failed;
    EXPECT_FALSE(client.read(message, 20s, failed)) << "and it stays so";
    EXPECT_EQ(failed, Errc::closed_by_broker);
    EXPECT_EQ(failed, Trouble::network);
    client.publish("chan", "too late", failed);
    EXPECT_EQ(failed, Errc::closed_by_broker);
    EXPECT_THROW(client.publish("chan", "too late"), Error);
    Listener listener{.client = client};
    listener.run();
    EXPECT_TRUE(listener.heard.empty());
}

TEST(Client, RefusesWhatDoesNotFitIntoTheProtocol) {
    ScriptedBroker broker({[](const Peer& peer) { greet(peer), peer.stay_silent(); }});
    Client client(options_for(broker.port()));
    std::error_code failed;
    client.publish(std::string(256, 'c'), "x", failed);
    EXPECT_EQ(failed, Errc::channel_too_long);
    client.publish("chan", std::string(wire::publish_frame_bytes_max, 'x'), failed);
    EXPECT_EQ(failed, Errc::payload_too_large);
    EXPECT_EQ(failed, Trouble::usage);
    client.subscribe(std::string(256, 'c'), failed);
    EXPECT_EQ(failed, Errc::channel_too_long);
    EXPECT_THROW(client.subscribe(std::string(256, 'c')), Error);
    client.close();
    client.publish("chan", "x", failed);
    EXPECT_EQ(failed, Errc::closed);
}

TEST(Client, TakesExactlyTheLongestPayload) {
    const DeadPort dead;
    auto options = options_for(dead.port());
    options.timeout = 1ms;
    Client client(options);
    std::error_code failed;
    client.publish("chan", std::string(payload_bytes_max("me", "chan"), 'x'), failed);
    EXPECT_FALSE(failed);
    client.publish("chan", std::string(payload_bytes_max("me", "chan") + 1, 'x'), failed);
    EXPECT_EQ(failed, Errc::payload_too_large);
}

TEST(Client, RefusesOptionsThatMakeNoSense) {
    const auto refusal = [](auto change) -> std::string {
        ClientOptions options = options_for(1);
        change(options);
        try {
            const Client client(options);
        } catch (const Error& failed) {
            return failed.what();
        }
        return "none";
    };
    EXPECT_THAT(refusal([](auto& o) { o.host.clear(); }), HasSubstr("options.host"));
    EXPECT_THAT(refusal([](auto& o) { o.port = 0; }), HasSubstr("options.port"));
    EXPECT_THAT(refusal([](auto& o) {
                    o.host = "unix:/run/broker.sock";
                    o.tls.enabled = true;
                }),
                HasSubstr("no TLS"));
    EXPECT_THAT(refusal([](auto& o) { o.ident.assign(256, 'i'); }), HasSubstr("options.ident"));
    EXPECT_THAT(refusal([](auto& o) { o.timeout = 0ms; }), HasSubstr("options.timeout"));
    EXPECT_THAT(refusal([](auto& o) { o.backoff.longest = 0ms; }), HasSubstr("options.backoff"));
    EXPECT_THAT(refusal([](auto& o) { o.keepalive.count = 0; }), HasSubstr("options.keepalive"));
    EXPECT_THAT(refusal([](auto& o) { o.outbox.bytes_max = 1; }), HasSubstr("options.outbox"));
    EXPECT_THAT(refusal([](auto& o) { o.outbox.age_max = 0ms; }), HasSubstr("options.outbox"));
    EXPECT_THAT(refusal([](auto& o) { o.tls.trusted_file = "x"; }), HasSubstr("options.tls"));
    EXPECT_THAT(refusal([](auto& o) { o.spool.path = "/dev/null/x"; }), HasSubstr("/dev/null/x"));
    EXPECT_THAT(refusal([](auto& o) {
                    o.spool.path = "x";
                    o.spool.bytes_max = 0;
                }),
                HasSubstr("options.spool"));
}

TEST(Client, PublishesFromInsideItsCallback) {
    Diary diary;
    ScriptedBroker broker({[&](const Peer& peer) {
        greet(peer);
        static_cast<void>(peer.read_frame());
        for (int i = 0; i < 1000; ++i)
            peer.send(publish("you", "in", std::to_string(i)));
        for (int i = 0; i < 1000; ++i)
            diary.write(peer.read_frame());
    }});
    Client client(options_for(broker.port()));
    client.subscribe("in");
    int count = 0;
    client.run([&](const MessageView& message) {
        client.publish("out", std::string(message.text()) + "!");
        if (++count == 1000) client.stop();
    });
    const auto frames = diary.wait_for(1000);
    ASSERT_EQ(frames.size(), 1000U);
    EXPECT_EQ(frames.front(), publish("me", "out", "0!"));
    EXPECT_EQ(frames.back(), publish("me", "out", "999!"));
}

TEST(Client, ThrowsTheBrokersErrorWhenNobodyElseHearsIt) {
    ScriptedBroker broker({[](const Peer& peer) {
        greet(peer);
        peer.send(error("Authkey not allowed to sub here. ident=me, chan=chan"));
    }});
    Client client(options_for(broker.port()));
    client.subscribe("chan");
    try {
        client.run([](const MessageView&) {});
        FAIL() << "run() came back";
    } catch (const Error& failed) {
        EXPECT_EQ(failed.code(), Errc::subscribe_refused);
        EXPECT_THAT(failed.what(), HasSubstr("not allowed to sub here"));
    }
}

TEST(Client, LetsACallbacksExceptionsThrough) {
    ScriptedBroker broker({[](const Peer& peer) {
        greet(peer);
        peer.send(publish("you", "chan", "one") + publish("you", "chan", "two"));
        peer.stay_silent();
    }});
    Client client(options_for(broker.port()));
    const auto fail = [](const MessageView&) { throw std::logic_error("enough"); };
    EXPECT_THROW(client.run(fail), std::logic_error);
    EXPECT_EQ(client.read(20s)->text(), "two");
}

TEST(Client, TakesMessagesFromManyThreads) {
    constexpr int threads = 4;
    constexpr int each = 500;
    Diary diary;
    ScriptedBroker broker({hear_out(diary)});
    Client client(options_for(broker.port()));
    std::vector<std::thread> publishers;
    for (int who = 0; who < threads; ++who)
        publishers.emplace_back([&client, who] {
            for (int i = 0; i < each; ++i)
                client.publish(std::to_string(who), std::to_string(i));
        });
    for (std::thread& publisher : publishers)
        publisher.join();
    client.close();
    std::vector<int> next(threads);
    for (const std::string& frame : diary.wait_for(threads * each)) {
        const auto parsed = wire::parse(wire::as_bytes(frame), wire::Peer::broker);
        ASSERT_EQ(parsed.outcome, wire::Parsed::Outcome::frame);
        const auto who = static_cast<std::size_t>(parsed.frame.channel.front() - '0');
        EXPECT_EQ(wire::as_text(parsed.frame.payload), std::to_string(next.at(who)++));
    }
    EXPECT_THAT(next, ::testing::Each(each));
}

Client* stopped_by_signal = nullptr;

TEST(Client, StopsFromASignalHandler) {
    ScriptedBroker broker({[](const Peer& peer) { greet(peer), peer.stay_silent(); }});
    Client client(options_for(broker.port()));
    stopped_by_signal = &client;
    struct sigaction action {};
    action.sa_handler = [](int) { stopped_by_signal->stop(); };
    struct sigaction before {};
    sigaction(SIGUSR1, &action, &before);
    const pthread_t reader = pthread_self();
    client.connect(20s);
    std::thread killer([reader] { pthread_kill(reader, SIGUSR1); });
    client.run([](const MessageView&) {});
    killer.join();
    sigaction(SIGUSR1, &before, nullptr);
}

TEST(Client, StopsFromAnotherThread) {
    ScriptedBroker broker({[](const Peer& peer) { greet(peer), peer.stay_silent(); }});
    Client client(options_for(broker.port()));
    std::thread other([&client] { client.stop(); });
    EXPECT_FALSE(client.read());
    other.join();
}

TEST(Client, ClosingFromAnotherThreadEndsARun) {
    ScriptedBroker broker({[](const Peer& peer) { greet(peer), peer.stay_silent(); }});
    Client client(options_for(broker.port()));
    client.connect(20s);
    std::thread other([&client] { client.close(); });
    client.run([](const MessageView&) {});
    other.join();
}

TEST(Client, BoundsWhatABrokerThatNeverReadsLeavesUnsent) {
    ScriptedBroker broker({[](const Peer& peer) {
        greet(peer);
        peer.hang();
    }});
    auto options = options_for(broker.port());
    options.timeout = 30ms;
    options.outbox.bytes_max = client::outbox_bytes_min;
    Client client(options);
    client.connect(20s);
    const std::string payload(100'000, 'x');
    while (client.stats().dropped_for_room == 0)
        client.publish("chan", payload);
    EXPECT_LE(client.stats().unsent_bytes, client::outbox_bytes_min + 2 * payload.size());
    std::error_code failed;
    client.close(failed);
    EXPECT_EQ(failed, Errc::unsent);
}

TEST(Client, GivesUpAConnectionThatTakesNothing) {
    Diary diary;
    ScriptedBroker broker({[](const Peer& peer) {
                               greet(peer);
                               peer.hang();
                           },
                           [](const Peer&) {}});
    auto options = options_for(broker.port());
    options.timeout = 50ms;
    Client client(options);
    client.connect(20s);
    const std::string payload(1'000'000, 'x');
    for (int i = 0; i < 16; ++i)
        client.publish("chan", payload);
    Listener listener{.client = client, .stop_after = 1};
    listener.run();
    EXPECT_EQ(listener.codes.front(), Errc::timed_out);
    EXPECT_THAT(listener.heard.front(), HasSubstr("the broker took nothing for"));
}

TEST(Client, StopsReceivingWhileNobodyReads) {
    constexpr int count = 20'000;
    const std::string payload(1000, 'x');
    std::atomic<int> sent{0};
    ScriptedBroker broker({[&](const Peer& peer) {
        greet(peer);
        for (int i = 0; i < count; ++i) {
            peer.send(publish("you", "chan", std::to_string(i) + payload));
            sent = i + 1;
        }
        peer.stay_silent();
    }});
    Client client(options_for(broker.port()));
    for (int i = 0; i < count; ++i) {
        const auto message = client.read(20s);
        ASSERT_TRUE(message);
        ASSERT_EQ(message->text(), std::to_string(i) + payload);
    }
    EXPECT_EQ(sent, count);
}

TEST(Client, SaysAtTheEndWhatTheBrokerRefused) {
    ScriptedBroker broker({[](const Peer& peer) {
        greet(peer);
        static_cast<void>(peer.read_all());
        peer.send(error("Authkey not allowed to pub here. ident=me, chan=chan"));
    }});
    Client client(options_for(broker.port()));
    client.publish("chan", "one");
    std::error_code failed;
    client.close(failed);
    EXPECT_EQ(failed, Errc::publish_refused);
    EXPECT_THROW(client.close(), Error);
}

TEST(Client, SaysAtTheEndWhatWasRefusedBeforeIt) {
    Diary diary;
    ScriptedBroker broker({[&](const Peer& peer) {
                               greet(peer);
                               static_cast<void>(peer.read_frame());
                               peer.send(
                                   error("Authkey not allowed to pub here. ident=me, chan=a"));
                           },
                           [&](const Peer& peer) {
                               greet(peer);
                               diary.write("again");
                               peer.stay_silent();
                           }});
    Client client(options_for(broker.port()));
    client.publish("a", "one");
    EXPECT_EQ(diary.wait_for(1).size(), 1U);
    std::error_code failed;
    client.close(failed);
    EXPECT_EQ(failed, Errc::publish_refused) << "nobody has heard of it yet";
    EXPECT_THAT(client.last_error(), HasSubstr("chan=a"));
}

TEST(Client, SaysAtTheEndThatNobodyConfirmed) {
    // A machine too busy to greet within the time-out is tried again; only who got a message hangs.
    ScriptedBroker broker(std::vector<Script>(200, [](const Peer& peer) {
        greet(peer);
        if (peer.read_frame().empty()) return;
        static_cast<void>(peer.read_all());
        peer.hang();
    }));
    auto options = options_for(broker.port());
    options.timeout = 50ms;
    Client client(options);
    client.connect(30s);
    client.publish("chan", "one");
    client.flush(30s);
    std::error_code failed;
    client.close(failed);
    EXPECT_EQ(failed, Errc::unconfirmed);
}

TEST(Client, SaysAtTheEndWhatWasNotSent) {
    const DeadPort dead;
    auto options = options_for(dead.port());
    options.timeout = 20ms;
    Client client(options);
    client.publish("chan", "one");
    Listener listener{.client = client};
    listener.run();
    std::error_code failed;
    client.flush(0ms, failed);
    EXPECT_EQ(failed, std::errc::connection_refused);
    client.close(failed);
    EXPECT_EQ(failed, Errc::unsent);
    EXPECT_EQ(client.stats().unsent_messages, 1U);
}

TEST(Client, TalksOverTls) {
    const CertificateFiles files("localhost", "127.0.0.1");
    Diary diary;
    ScriptedBroker broker({[&](const Peer& peer) {
        const TlsPeer tls(files, peer.descriptor());
        tls.send(info("over TLS", "abcd") + publish("you", "chan", "secretly"));
        diary.write(tls.read_all());
        tls.close_notify();
    }});
    auto options = options_for(broker.port());
    options.tls = {true, files.certificate};
    Client client(options);
    EXPECT_EQ(client.read(20s)->text(), "secretly");
    client.publish("chan", "one");
    client.publish("chan", std::string(100'000, 'x'));
    client.flush(20s);
    client.close();
    const std::string frames =
        publish("me", "chan", "one") + publish("me", "chan", std::string(100'000, 'x'));
    EXPECT_EQ(diary.wait_for(1).front().substr(wire::auth_frame_bytes(2)), frames);
}

TEST(Client, DoesNotTrustAnyCertificate) {
    const CertificateFiles files("localhost", "127.0.0.1");
    const CertificateFiles others("localhost", "127.0.0.1");
    TlsServer server(files, "");
    auto options = options_for(server.port());
    options.tls = {true, others.certificate};
    options.reconnect = false;
    try {
        const Client client(options);
        FAIL() << "a stranger was trusted";
    } catch (const Error& failed) {
        EXPECT_EQ(failed.code(), Errc::certificate_refused);
        EXPECT_EQ(failed.code(), Trouble::trust);
    }
}

TEST(Client, NeverTracesASecret) {
    Diary diary;
    std::mutex mutex;
    std::string traced;
    ScriptedBroker broker({hear_out(diary)});
    auto options = options_for(broker.port());
    options.secret = "a very secret secret";
    options.trace = [&](std::string_view line) {
        const std::lock_guard lock(mutex);
        traced.append(line).append("\n");
    };
    {
        Client client(options);
        client.publish("chan", "one");
    }
    EXPECT_THAT(traced, HasSubstr("<- INFO, scripted"));
    EXPECT_THAT(traced, HasSubstr("-> AUTH as me"));
    EXPECT_THAT(traced, ::testing::Not(HasSubstr("secret secret")));
}

}  // namespace
}  // namespace hpfeeds
