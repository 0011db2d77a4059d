// SPDX-License-Identifier: Apache-2.0
// Against brokers that do what brokers in the field, and hostile ones, do.
#include "hpfeeds/session.hpp"
#include "unit/client/asio_context.hpp"
#include "unit/client/frames.hpp"
#include "unit/client/scripted_broker.hpp"
#include "unit/client/tls_server.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <asio/experimental/as_tuple.hpp>
#include <asio/steady_timer.hpp>

#include <string>
#include <vector>

namespace hpfeeds::client {
namespace {

using asio::use_awaitable;
using testing::AsioContext;
using ::testing::HasSubstr;
using testing::Peer;
using testing::ScriptedBroker;
using namespace std::chrono_literals;
constexpr auto as_result = asio::experimental::as_tuple(asio::use_awaitable);

const std::string auth_of_me(26 + 2, 'a');  // as long as an AUTH of the ident "me"

ClientOptions options_for(std::uint16_t port) {
    ClientOptions options;
    options.host = "127.0.0.1";
    options.port = port;
    options.ident = "me";
    options.secret = "secret";
    options.backoff = {1ms, 5ms};
    return options;
}

// Says hello and hears the AUTH.
void greet(const Peer& peer) {
    peer.send(testing::info("scripted", "abcd"));
    static_cast<void>(peer.read_frame());
}

// Runs one session without reconnecting, and returns how that ended.
Error end_of(ScriptedBroker& broker, ClientOptions options) {
    options.reconnect = false;
    AsioContext context;
    Error last("");
    context.run([&]() -> asio::awaitable<void> {
        Session session(*context, options);
        const auto [ended] = co_await session.async_run(as_result);
        last = session.last_trouble();
        EXPECT_EQ(ended, last.code());
    }());
    static_cast<void>(broker);
    return last;
}

TEST(SessionHostile, PutsTornFramesTogether) {
    const std::string longer(200'000, 'L');
    ScriptedBroker broker({[&](const Peer& peer) {
        greet(peer);
        const std::string frames = testing::publish("a", "c", "one") +
                                   testing::publish("a", "c", longer) +
                                   testing::publish("a", "c", "three");
        for (std::size_t at = 0; at < 40; ++at)
            peer.send(frames.substr(at, 1));
        peer.send(frames.substr(40, 70'000));
        peer.send(frames.substr(70'040));
        peer.stay_silent();
    }});
    AsioContext context;
    context.run([&]() -> asio::awaitable<void> {
        Session session(*context, options_for(broker.port()));
        session.start();
        EXPECT_EQ((co_await session.async_read_view(use_awaitable)).text(), "one");
        EXPECT_EQ((co_await session.async_read(use_awaitable)).text(), longer);
        const auto batch = co_await session.async_read_batch(use_awaitable);
        EXPECT_EQ(batch.size(), 1U);
        EXPECT_EQ(batch.front().text(), "three");
    }());
}

TEST(SessionHostile, DeliversWhatCameBeforeTheEnd) {
    ScriptedBroker broker({[](const Peer& peer) {
        greet(peer);
        std::string frames;
        for (int i = 0; i < 100; ++i)
            frames += testing::publish("a", "c", std::to_string(i));
        peer.send(frames + testing::error("enough"));
    }});
    ClientOptions options = options_for(broker.port());
    options.reconnect = false;
    AsioContext context;
    context.run([&]() -> asio::awaitable<void> {
        Session session(*context, options);
        session.start();
        for (int i = 0; i < 100; ++i)
            EXPECT_EQ((co_await session.async_read_view(use_awaitable)).text(), std::to_string(i));
        const auto [error, message] = co_await session.async_read_view(as_result);
        EXPECT_EQ(error, Errc::refused);
        EXPECT_THAT(session.last_trouble().what(), HasSubstr("the broker says: enough"));
    }());
}

TEST(SessionHostile, AViewOutlivesTheConnectionItCameBy) {
    const std::string torn(100'000, 'T');
    ScriptedBroker broker({[&](const Peer& peer) {
                               greet(peer);
                               peer.send(testing::publish("a", "c", torn) +
                                         testing::publish("a", "c", "behind"));
                               static_cast<void>(peer.read_frame());
                           },
                           [](const Peer& peer) {
                               greet(peer);
                               peer.send(testing::publish("a", "c", "later"));
                               peer.stay_silent();
                           }});
    AsioContext context;
    context.run([&]() -> asio::awaitable<void> {
        Session session(*context, options_for(broker.port()));
        session.start();
        const MessageView view = co_await session.async_read_view(use_awaitable);
        session.publish("x", "now you may close");
        asio::steady_timer pause(*context);
        for (int i = 0; session.stats().connections < 2 && i < 100; ++i) {
            // Writing is how a session learns of an end while a view is lent.
            session.publish("x", "still there?");
            pause.expires_after(5ms);
            co_await pause.async_wait(use_awaitable);
        }
        EXPECT_EQ(session.stats().connections, 2U);
        EXPECT_EQ(view.text(), torn);
        EXPECT_EQ((co_await session.async_read_view(use_awaitable)).text(), "behind");
        EXPECT_EQ((co_await session.async_read_view(use_awaitable)).text(), "later");
    }());
}

TEST(SessionHostile, SurvivesTheRustBrokersErrors) {
    ScriptedBroker broker({[](const Peer& peer) {
        greet(peer);
        std::string error = testing::error("Authentication failed for m");
        peer.send(error + "e");  // one byte more than its header says
    }});
    const Error last = end_of(broker, options_for(broker.port()));
    EXPECT_EQ(last.code(), Errc::authentication_failed);
    EXPECT_THAT(last.what(), HasSubstr("Authentication failed for me"));
}

TEST(SessionHostile, MakesNothingOfABrokersControlCharacters) {
    ScriptedBroker broker({[](const Peer& peer) {
        greet(peer);
        peer.send(testing::error("line\nbreak \x1b[31m"));
    }});
    EXPECT_THAT(end_of(broker, options_for(broker.port())).what(),
                ::testing::Not(::testing::AnyOf(HasSubstr("\n"), HasSubstr("\x1b"))));
}

TEST(SessionHostile, TakesANonceOfAnyLength) {
    for (const std::size_t bytes : {0U, 1U, 8U, 200U}) {
        ScriptedBroker broker({[bytes](const Peer& peer) {
            peer.send(testing::info("scripted", std::string(bytes, 'n')));
            static_cast<void>(peer.read_frame());
            peer.send(testing::publish("a", "c", "hello"));
            peer.stay_silent();
        }});
        AsioContext context;
        context.run([&]() -> asio::awaitable<void> {
            Session session(*context, options_for(broker.port()));
            session.start();
            EXPECT_EQ((co_await session.async_read(use_awaitable)).text(), "hello");
        }());
    }
}

TEST(SessionHostile, RefusesWhatIsNotHpfeeds) {
    const std::vector<std::string> nonsense{
        "HTTP/1.1 400 Bad Request\r\n\r\n",
        std::string("\0\0\0\0\3", 5),
        std::string("\xff\xff\xff\xff\1", 5),
        testing::info("scripted", "abcd") + testing::info("scripted", "abcd"),
        testing::publish("a", "c", "before the greeting"),
        testing::subscribe("a", "c"),
    };
    for (const std::string& bytes : nonsense) {
        ScriptedBroker broker({[&](const Peer& peer) {
            peer.send(bytes);
            peer.stay_silent();
        }});
        EXPECT_EQ(end_of(broker, options_for(broker.port())).code(), Errc::not_hpfeeds) << bytes;
    }
}

TEST(SessionHostile, EndlessGreetingsDoNotHoldItUp) {
    std::vector<testing::Script> scripts(20, [](const Peer& peer) {
        for (int i = 0; i < 100; ++i)
            peer.send(testing::info("again", "abcd"));
    });
    scripts.emplace_back([](const Peer& peer) {
        greet(peer);
        peer.send(testing::publish("a", "c", "at last"));
        peer.stay_silent();
    });
    ScriptedBroker broker(scripts);
    AsioContext context;
    context.run([&]() -> asio::awaitable<void> {
        Session session(*context, options_for(broker.port()));
        session.start();
        EXPECT_EQ((co_await session.async_read(use_awaitable)).text(), "at last");
    }());
}

TEST(SessionHostile, ABrokerThatClosesWithoutAWordIsTriedAgainAndLosesNothing) {
    std::string heard;
    ScriptedBroker broker({[](const Peer&) {},
                           [](const Peer& peer) { peer.send(testing::info("scripted", "abcd")); },
                           greet,
                           [&](const Peer& peer) {
                               greet(peer);
                               heard = peer.read_frame();
                               peer.send(testing::publish("a", "c", "done"));
                               peer.stay_silent();
                           }});
    AsioContext context;
    context.run([&]() -> asio::awaitable<void> {
        Session session(*context, options_for(broker.port()));
        session.start();
        session.publish("events", "kept");
        EXPECT_EQ((co_await session.async_read(use_awaitable)).text(), "done");
    }());
    EXPECT_EQ(heard, testing::publish("me", "events", "kept"));
}

TEST(SessionHostile, GivesUpASilentBroker) {
    ScriptedBroker broker({[](const Peer& peer) { peer.stay_silent(); }});
    ClientOptions options = options_for(broker.port());
    options.timeout = 20ms;
    const Error last = end_of(broker, options);
    EXPECT_EQ(last.code(), Errc::timed_out);
    EXPECT_THAT(last.what(), HasSubstr("no greeting came within 20 ms"));
}

TEST(SessionHostile, GivesUpABrokerThatTakesNothing) {
    ScriptedBroker broker({[](const Peer& peer) {
        greet(peer);
        peer.hang();
    }});
    ClientOptions options = options_for(broker.port());
    options.timeout = 50ms;
    options.reconnect = false;
    options.outbox.bytes_max = 64 << 20;
    AsioContext context;
    context.run([&]() -> asio::awaitable<void> {
        Session session(*context, options);
        const std::string payload(1'000'000, 'x');
        for (int i = 0; i < 60; ++i)
            session.publish("events", payload);
        const auto [ended] = co_await session.async_run(as_result);
        EXPECT_EQ(ended, Errc::timed_out);
        EXPECT_THAT(session.last_trouble().what(), HasSubstr("took nothing for 50 ms"));
    }());
}

TEST(SessionHostile, SaysWhereItCouldNotConnect) {
    const testing::DeadPort dead;
    ClientOptions options = options_for(dead.port());
    options.reconnect = false;
    AsioContext context;
    context.run([&]() -> asio::awaitable<void> {
        Session session(*context, options);
        const auto [ended] = co_await session.async_run(as_result);
        EXPECT_EQ(ended, std::errc::connection_refused);
        EXPECT_EQ(ended, Trouble::network);
        EXPECT_THAT(session.last_trouble().what(),
                    HasSubstr("127.0.0.1:" + std::to_string(dead.port())));
        ClientOptions nowhere = options;
        nowhere.host = "no-such-host.invalid";
        Session lost(*context, nowhere);
        const auto [unknown] = co_await lost.async_run(as_result);
        EXPECT_EQ(unknown, Errc::host_not_found);
    }());
}

// --- TLS -----------------------------------------------------------------------------------------

testing::Script over_tls(const testing::CertificateFiles& files, std::string& heard) {
    return [&](const Peer& peer) {
        const testing::TlsPeer tls(files, peer.descriptor());
        tls.send(testing::info("scripted", "abcd"));
        tls.send(testing::publish("a", "c", std::string(100'000, 'x')));
        heard = tls.read_all();
        tls.close_notify();
    };
}

TEST(SessionTls, CarriesMessagesBothWays) {
    const testing::CertificateFiles files("localhost", "127.0.0.1");
    std::string heard;
    const std::string large(3'000'000 / 4, 'y');
    {
        ScriptedBroker broker({over_tls(files, heard)});
        ClientOptions options = options_for(broker.port());
        options.host = "localhost";
        options.tls = {true, files.certificate};
        AsioContext context;
        context.run([&]() -> asio::awaitable<void> {
            Session session(*context, options);
            session.start();
            EXPECT_EQ((co_await session.async_read_view(use_awaitable)).payload.size(), 100'000U);
            for (int i = 0; i < 4; ++i)
                session.publish("events", large);
            const auto [closed] = co_await session.async_close(as_result);
            EXPECT_FALSE(closed) << closed.message() << session.last_trouble().what();
        }());
    }
    std::string wanted = auth_of_me.substr(0, 28);
    for (int i = 0; i < 4; ++i)
        wanted += testing::publish("me", "events", large);
    ASSERT_EQ(heard.size(), wanted.size());
    EXPECT_EQ(heard.substr(28), wanted.substr(28));
}

TEST(SessionTls, TrustsNobodyElse) {
    const testing::CertificateFiles theirs("localhost", "127.0.0.1");
    const testing::CertificateFiles ours("localhost", "127.0.0.1");
    const testing::CertificateFiles elsewhere("elsewhere", "127.0.0.9");
    struct Case {
        const testing::CertificateFiles* shown;
        TlsOptions tls;
        Errc wanted;
    };
    const std::vector<Case> cases{
        {&theirs, {true, ours.certificate}, Errc::certificate_refused},
        {&elsewhere, {true, elsewhere.certificate}, Errc::certificate_refused},
        {&theirs, {true, {}}, Errc::certificate_refused},
        {&theirs, {true, "/nonexistent.pem"}, Errc::certificate_unusable},
    };
    for (const Case& each : cases) {
        std::string heard;
        ScriptedBroker broker({over_tls(*each.shown, heard)});
        ClientOptions options = options_for(broker.port());
        options.host = "localhost";
        options.tls = each.tls;
        const Error last = end_of(broker, options);
        EXPECT_EQ(last.code(), each.wanted) << last.what();
        EXPECT_EQ(last.code(), Trouble::trust);
    }
}

}  // namespace
}  // namespace hpfeeds::client
