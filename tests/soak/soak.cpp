// SPDX-License-Identifier: Apache-2.0
// soak.cpp: everything at once against the real broker, for as long as one likes, and then an exact
// account of every message.
//
//   soak [--seconds N] [--threads N] [--slow-policy disconnect|drop-oldest] [--seed N] [--rate N]
//
// --rate is about how many messages are published each second by all together.
//
// Four publishers and four subscribers stay from the beginning to the end, half of them over TLS
// and half of their keys in SQLite. Meanwhile others come and go, read too slowly or not at all,
// and say garbage; the operator rewrites the users' file, well and badly, removes a key that is in
// use, locks SQLite's file, renews the certificate, and has the configuration read again by SIGHUP,
// well and badly. Each of these has its own promise:
//
//   who stays         hears every message of every publisher, once, in order
//   who comes, goes   hears all from its first message on to its last, once, in order
//   who is slow       the same until it is cut with the documented ERROR; or, where the broker
//   drops
//                     instead, lacks exactly as many messages as the broker has counted as dropped
//   whose key goes    is told so and closed
//   the broker        counts what was published, holds its memory, ends with status 0
//
// Waiting here gives the load its pace; nothing is concluded from it.
#include "soak/ledger.hpp"

#include "support/broker_process.hpp"
#include "support/certificates.hpp"
#include "support/metrics_page.hpp"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <deque>
#include <exception>
#include <filesystem>
#include <functional>
#include <mutex>
#include <random>
#include <set>
#include <thread>

namespace hpfeeds::soak {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;
using support::Address;
using support::Deadline;
using support::Key;
using support::Message;
using support::WireClient;

constexpr std::size_t stayers = 4;
constexpr std::size_t comers = 3;
constexpr std::size_t slow_readers = 2;
constexpr std::size_t memory_bytes_max = 64U << 20;

struct Options {
    std::chrono::seconds duration{25};
    unsigned threads = 2;
    std::string slow_policy = "disconnect";
    std::uint32_t seed = 1;
    unsigned rate = 3'700;  // messages a second, of all publishers
};

const std::string slow_error = "Backpressure deadline timer expired";

std::vector<std::string> all_channels() {
    std::vector<std::string> names;
    for (std::size_t channel = 0; channel < channels; ++channel)
        names.push_back(channel_name(channel));
    return names;
}

Key key_of(const std::string& ident) {
    Key made{ident, "secret", "soak", support::usual_keys().at(1).pubchans, {}};
    made.subchans = made.pubchans;
    for (const std::string& channel : all_channels()) {
        made.pubchans.push_back(channel);
        made.subchans.push_back(channel);
    }
    return made;
}

std::string joined(const std::vector<std::string>& names) {
    std::string list;
    for (const std::string& name : names)
        list += (list.empty() ? "" : ",") + name;
    return list;
}

class Soak {
public:
    explicit Soak(Options options);
    // What went wrong; empty when every promise was kept.
    std::vector<std::string> run();

private:
    using Body = std::function<void(std::mt19937&)>;
    void start(std::deque<std::thread>& threads, const std::string& name, std::uint32_t number,
               Body body);
    void wrong(const std::string& what);
    [[nodiscard]] bool over() const { return over_.load() || failed_.load(); }
    [[nodiscard]] Address place(bool tls) const;
    [[nodiscard]] static bool in_sqlite(std::size_t number) { return number % 2 == 1; }
    static std::size_t between(std::mt19937& random, std::size_t least, std::size_t most) {
        return std::uniform_int_distribution<std::size_t>(least, most)(random);
    }
    static void pause(std::mt19937& random, std::size_t least_ms, std::size_t most_ms) {
        std::this_thread::sleep_for(std::chrono::milliseconds(between(random, least_ms, most_ms)));
    }

    void publish(std::size_t number, std::mt19937& random);
    void meet(std::atomic<std::size_t>& arrived);
    void stay(std::size_t number);
    void come_and_go(std::size_t number, std::mt19937& random);
    void read_slowly(std::size_t number, std::mt19937& random);
    bool read_slowly_once(const std::string& ident, std::mt19937& random);
    void babble(std::mt19937& random);
    void operate(std::mt19937& random);
    void rewrite_users(std::mt19937& random, bool with_victim);
    void take_a_key_away(std::mt19937& random);
    void lock_sqlite(std::mt19937& random);
    void renew_certificate();
    void read_again(std::mt19937& random);
    // Takes what comes within `wait`; what ERROR says ends it.
    bool hear(WireClient& client, Heard& heard, std::chrono::milliseconds wait, std::string* error);

    void make_sqlite_keys();
    void watch_memory();
    void settle_accounts();

    Options options_;
    support::Identity authority_;
    std::unique_ptr<support::BrokerProcess> broker_;
    std::unique_ptr<support::MetricsPage> metrics_;
    Published published_;
    std::atomic<bool> over_{false};  // those that come and go stop
    std::atomic<bool> published_all_{false};
    std::atomic<bool> failed_{false};
    std::atomic<std::size_t> stayers_probed_{0};
    std::atomic<std::size_t> publishers_silent_{0}, publishers_done_{0};
    std::atomic<std::uint64_t> outages_{0};  // odd while SQLite's file is locked
    std::mutex mutex_;
    std::vector<std::string> wrongs_;

    std::atomic<std::uint64_t> heard_{0}, visits_{0}, refused_in_outage_{0}, cuts_{0}, missing_{0},
        reloads_{0}, bad_reloads_{0}, keys_taken_{0}, renewals_{0}, babblers_{0}, read_again_{0},
        not_read_again_{0};
    std::size_t resident_max_ = 0, resident_first_half_ = 0;
};

std::vector<std::string> broker_arguments(const Options& options) {
    return {"--auth",
            "sqlite.db",
            "--threads",
            std::to_string(options.threads),
            "--exporter",
            "127.0.0.1:0",
            "--recheck",
            "200ms",
            "--auth-timeout",
            "500ms",
            "--auth-failure-delay",
            "0",
            "--max-memory",
            std::to_string(memory_bytes_max),
            "--max-frame",
            "64K",
            "--slow-policy",
            options.slow_policy,
            "--config",
            "soak.toml"};
}

// What SIGHUP can change, each value large or small. Even the large ones are far below what a slow
// reader misses in its sleep; even the small ones are enough for who reads.
std::string reloadable_settings(const Options& options, std::uint32_t choice) {
    const bool disconnect = options.slow_policy == "disconnect";
    const auto one_of = [&](unsigned bit, const char* large, const char* small) {
        return std::string((choice >> bit & 1U) != 0 ? large : small);
    };
    return "max-queue = '" + (disconnect ? one_of(0, "8M", "4M") : one_of(0, "512K", "256K")) +
           "'\nslow-high-mark = '" +
           (disconnect ? one_of(1, "512K", "256K") : one_of(1, "192K", "128K")) +
           "'\nslow-deadline = '" + one_of(2, "1500ms", "1s") + "'\nshutdown-grace = '" +
           one_of(3, "6s", "5s") + "'\nlog-level = '" + one_of(4, "debug", "info") + "'\n";
}

Soak::Soak(Options options)
    : options_(std::move(options)),
      authority_(support::make_identity({.name = "soak authority", .authority = true})) {
    const auto identity = support::make_identity({.issuer = &authority_});
    std::vector<Key> keys;
    for (std::size_t i = 0; i < publishers; i += 2)
        keys.push_back(key_of(publisher_name(i)));
    for (std::size_t i = 0; i < stayers; i += 2)
        keys.push_back(key_of("stayer" + std::to_string(i)));
    for (const char* ident : {"comer", "slow0", "slow1", "victim"})
        keys.push_back(key_of(ident));
    broker_ = std::make_unique<support::BrokerProcess>(
        support::BrokerSetup{.arguments = broker_arguments(options_),
                             .endpoints = {support::any_port, support::any_tls_port},
                             .keys = keys,
                             .listeners = 2,
                             .files = {{"broker.key", identity.key},
                                       {"broker.crt", identity.certificate},
                                       {"authority.crt", authority_.certificate},
                                       {"soak.toml", reloadable_settings(options_, 0)}}});
    metrics_ = std::make_unique<support::MetricsPage>(*broker_);
    make_sqlite_keys();
}

void Soak::make_sqlite_keys() {
    std::vector<std::string> idents{"lodger"};
    for (std::size_t i = 1; i < publishers; i += 2)
        idents.push_back(publisher_name(i));
    for (std::size_t i = 1; i < stayers; i += 2)
        idents.push_back("stayer" + std::to_string(i));
    for (const std::string& ident : idents) {
        const Key key = key_of(ident);
        const auto done = support::run(
            {.words = {support::command_line_client_binary(), "user", "add", ident, "--secret",
                       "secret", "-p", joined(key.pubchans), "-s", joined(key.subchans)},
             .directory = broker_->directory().path()});
        if (done.ended != support::Ended{0, 0}) throw Wrong("no key could be made: " + done.err);
    }
}

Address Soak::place(bool tls) const {
    Address address = broker_->address(tls ? 1 : 0);
    if (tls) address.tls->trusted_file = broker_->directory().file("authority.crt");
    return address;
}

void Soak::wrong(const std::string& what) {
    failed_ = true;
    const std::lock_guard lock(mutex_);
    wrongs_.push_back(what);
}

void Soak::start(std::deque<std::thread>& threads, const std::string& name, std::uint32_t number,
                 Body body) {
    threads.emplace_back([this, name, number, body = std::move(body)] {
        std::mt19937 random(options_.seed * 1000 + number);
        try {
            body(random);
        } catch (const std::exception& error) {
            wrong(name + ": " + error.what());
        }
    });
}

// ---- who stays

void Soak::publish(std::size_t number, std::mt19937& random) {
    WireClient client(place(number >= 2), {publisher_name(number), "secret"});
    // SUBSCRIBE has no answer: probes, until all who stay are known to our shard.
    while (stayers_probed_ < stayers && !failed_) {
        for (std::size_t channel = 0; channel < channels; ++channel) {
            client.publish(channel_name(channel), "0");
            ++published_.probes[number * channels + channel];
        }
        pause(random, 5, 10);
    }
    const std::size_t turn_us = std::size_t{6'500'000} * publishers / options_.rate;
    while (!over()) {
        for (std::size_t left = between(random, 1, 12); left > 0; --left) {
            const std::size_t channel = between(random, 0, channels - 1);
            auto& last = published_.last[number * channels + channel];
            const std::size_t padding =
                between(random, 0, 24) == 0 ? 20'000 : between(random, 0, 600);
            client.publish(channel_name(channel),
                           std::to_string(last + 1) + " " + std::string(padding, 'x'));
            ++last;
        }
        if (client.poll_frame(0ms)) throw Wrong("a publisher was told something");
        std::this_thread::sleep_for(
            std::chrono::microseconds(between(random, turn_us / 4, turn_us * 7 / 4)));
    }
    client.settle();
    // Where messages are dropped, a slow reader has the newest of all lines together. A line whose
    // publisher ended a little before the others would lack its end for good, and nobody could say
    // how many: so each line ends when all else is said, with a message that nothing pushes out.
    meet(publishers_silent_);
    for (std::size_t channel = 0; channel < channels; ++channel) {
        auto& last = published_.last[number * channels + channel];
        client.publish(channel_name(channel), std::to_string(last + 1) + " the end");
        ++last;
    }
    client.settle();
    meet(publishers_done_);
    published_all_ = true;
}

// Waits until all publishers have come here.
void Soak::meet(std::atomic<std::size_t>& arrived) {
    ++arrived;
    while (arrived < publishers && !failed_)
        std::this_thread::sleep_for(5ms);
}

bool Soak::hear(WireClient& client, Heard& heard, std::chrono::milliseconds wait,
                std::string* error) {
    const auto frame = client.poll_frame(wait);
    if (!frame) return false;
    if (frame->opcode == support::op_error) {
        if (!error) throw Wrong("was told ERROR: " + frame->body);
        *error = frame->body;
        return false;
    }
    heard.take(support::as_message(*frame));
    return true;
}

void Soak::stay(std::size_t number) {
    const std::string ident = "stayer" + std::to_string(number);
    WireClient client(place(number >= 2), {ident, "secret"});
    for (const std::string& channel : all_channels())
        client.subscribe(channel);
    Heard heard(ident);
    while (!heard.every_line_probed() && !failed_)
        (void)hear(client, heard, 50ms, nullptr);
    ++stayers_probed_;
    while (!published_all_ && !failed_)
        (void)hear(client, heard, 50ms, nullptr);
    const Deadline deadline(60s);
    while (!heard.has_reached(published_.now()) && !failed_) {
        (void)hear(client, heard, 50ms, nullptr);
        if (deadline.passed()) throw Wrong("did not hear the end");
    }
    if (failed_) return;
    for (std::size_t line = 0; line < lines; ++line) {
        const std::uint64_t all = published_.last[line];
        if (heard.last(line) != all || (all > 0 && heard.first(line) != 1))
            throw Wrong("heard " + std::to_string(heard.first(line)) + " to " +
                        std::to_string(heard.last(line)) + " of 1 to " + std::to_string(all));
    }
    if (heard.missing() > 0) throw Wrong("lacks " + std::to_string(heard.missing()));
    heard_ += heard.count();
}

// ---- who comes and goes

void Soak::come_and_go(std::size_t number, std::mt19937& random) {
    while (!over()) {
        const bool lodger = number == 0;
        const std::uint64_t outages_before = outages_;
        WireClient client(place(between(random, 0, 1) == 1),
                          {lodger ? "lodger" : "comer", "secret"});
        for (const std::string& channel : all_channels())
            client.subscribe(channel);
        Heard heard("a visitor");
        std::string error;
        const Deadline leave{std::chrono::milliseconds(between(random, 20, 600))};
        while (error.empty() && !leave.passed() && !failed_)
            (void)hear(client, heard, 20ms, &error);
        if (!error.empty()) {
            // Refused while its store was locked, and never otherwise.
            const bool outage = outages_before % 2 == 1 || outages_ != outages_before;
            if (!lodger || !outage || error != "Authentication failed for lodger")
                throw Wrong("was told ERROR: " + error);
            ++refused_in_outage_;
            client.expect_closed();
            continue;
        }
        // All that was published until now still comes, without a gap.
        const auto until = published_.now();
        const Deadline deadline(30s);
        while (!heard.has_reached(until) && !failed_) {
            (void)hear(client, heard, 50ms, nullptr);
            if (deadline.passed()) throw Wrong("did not come: " + heard.short_of(until));
        }
        if (heard.missing() > 0) throw Wrong("lacks " + std::to_string(heard.missing()));
        heard_ += heard.count();
        ++visits_;
        if (between(random, 0, 3) == 0) client.reset();
    }
}

void Soak::read_slowly(std::size_t number, std::mt19937& random) {
    const std::string ident = "slow" + std::to_string(number);
    while (!over())
        if (read_slowly_once(ident, random)) ++cuts_;
}

// Whether it was cut.
bool Soak::read_slowly_once(const std::string& ident, std::mt19937& random) {
    WireClient client(place(false), {ident, "secret"}, 4096);
    for (const std::string& channel : all_channels())
        client.subscribe(channel);
    Heard heard(ident);
    std::string error;
    // So that every gap has a beginning and an end.
    while (!heard.every_line_began() && !over())
        (void)hear(client, heard, 50ms, nullptr);
    const Deadline awake{std::chrono::milliseconds(between(random, 500, 5'000))};
    while (!awake.passed() && !over())
        pause(random, 10, 50);
    const auto until = published_.now();
    const Deadline deadline(60s);
    bool ended = false;
    while (error.empty() && !heard.has_reached(until) && !failed_) {
        try {
            (void)hear(client, heard, 100ms, &error);
        } catch (const Wrong&) {
            throw;
        } catch (const std::runtime_error&) {
            // Cut, and had not read its ERROR within the time that it lingers.
            ended = true;
            break;
        }
        if (deadline.passed()) throw Wrong("did not come: " + heard.short_of(until));
    }
    heard_ += heard.count();
    missing_ += heard.missing();
    const bool cut = ended || !error.empty();
    if (!error.empty() && error != slow_error) throw Wrong("was told ERROR: " + error);
    if (cut && options_.slow_policy != "disconnect")
        throw Wrong("was cut, although messages are to be dropped");
    if (heard.missing() > 0 && options_.slow_policy == "disconnect")
        throw Wrong("lacks " + std::to_string(heard.missing()) + " without being cut");
    return cut;
}

void Soak::babble(std::mt19937& random) {
    while (!over()) {
        WireClient client(place(false));
        std::string bytes(between(random, 0, 400), '\0');
        for (char& byte : bytes)
            byte = static_cast<char>(between(random, 0, 255));
        (void)client.send_some(bytes);
        ++babblers_;
        pause(random, 10, 60);
        if (between(random, 0, 1) == 0) client.reset();
    }
}

// ---- the operator

void Soak::operate(std::mt19937& random) {
    while (!over()) {
        switch (between(random, 0, 7)) {
            case 0:
            case 1:
                rewrite_users(random, true);
                break;
            case 2: {
                // Half a file: nothing of it counts.
                support::write_file(broker_->directory().path() / "users.json", "{\"slow0\": {");
                ++bad_reloads_;
                pause(random, 50, 200);
                rewrite_users(random, true);
                break;
            }
            case 3:
                take_a_key_away(random);
                break;
            case 4:
                lock_sqlite(random);
                break;
            case 5:
            case 6:
                read_again(random);
                break;
            default:
                renew_certificate();
        }
        pause(random, 50, 300);
    }
    rewrite_users(random, true);
}

void Soak::rewrite_users(std::mt19937& random, bool with_victim) {
    std::vector<Key> keys;
    for (std::size_t i = 0; i < publishers; i += 2)
        keys.push_back(key_of(publisher_name(i)));
    for (std::size_t i = 0; i < stayers; i += 2)
        keys.push_back(key_of("stayer" + std::to_string(i)));
    for (const char* ident : {"comer", "slow0", "slow1"})
        keys.push_back(key_of(ident));
    if (with_victim) keys.push_back(key_of("victim"));
    for (std::size_t more = between(random, 0, 40); more > 0; --more)
        keys.push_back(key_of("more" + std::to_string(more)));
    const fs::path folder = broker_->directory().path();
    support::write_file(folder / "next.json", support::users_json(keys));
    fs::rename(folder / "next.json", folder / "users.json");
    ++reloads_;
}

void Soak::take_a_key_away(std::mt19937& random) {
    // The last reload may still be on its way, and this key with it.
    const Deadline deadline(30s);
    std::optional<WireClient> victim;
    while (!victim) {
        victim.emplace(place(between(random, 0, 1) == 1), support::Login{"victim", "secret"});
        victim->subscribe(support::private_channel());
        victim->unsubscribe(support::private_channel());
        const auto told = victim->poll_frame(100ms);
        if (told && told->body != "Authentication failed for victim")
            throw Wrong("the victim was told " + told->body);
        if (told) victim.reset();
        if (deadline.passed()) throw Wrong("a key that was added did not work");
    }
    rewrite_users(random, false);
    victim->expect_refusal("Authentication failed for victim");
    ++keys_taken_;
    rewrite_users(random, true);
}

// As a process does that is about to write: nobody can read the file meanwhile.
void Soak::lock_sqlite(std::mt19937& random) {
    const std::string file = broker_->directory().file("sqlite.db");
    const int descriptor = ::open(file.c_str(), O_RDWR | O_CLOEXEC);
    struct flock bytes {};
    bytes.l_type = F_WRLCK;
    bytes.l_whence = SEEK_SET;
    bytes.l_start = 0x40000000;
    bytes.l_len = 512;
    ++outages_;
    if (descriptor < 0 || ::fcntl(descriptor, F_SETLKW, &bytes) != 0)
        throw Wrong("SQLite's file could not be locked");
    pause(random, 300, 1'500);
    ::close(descriptor);
    // The store counts as out until it has been tried again.
    const Deadline deadline(30s);
    while (true) {
        WireClient client(place(false), {"lodger", "secret"});
        client.subscribe(support::private_channel());
        if (!client.poll_frame(100ms)) break;
        if (deadline.passed()) throw Wrong("the store did not come back");
    }
    ++outages_;
}

void Soak::renew_certificate() {
    const auto identity = support::make_identity({.issuer = &authority_});
    const fs::path folder = broker_->directory().path();
    const auto serial_now = [&] { return WireClient(place(true)).tls()->peer_serial(); };
    const std::string before = serial_now();
    support::write_file(folder / "next.key", identity.key);
    fs::permissions(folder / "next.key", fs::perms::owner_read | fs::perms::owner_write);
    support::write_file(folder / "next.crt", identity.certificate);
    fs::rename(folder / "next.key", folder / "broker.key");
    fs::rename(folder / "next.crt", folder / "broker.crt");
    const Deadline deadline(30s);
    while (serial_now() == before) {
        if (deadline.passed()) throw Wrong("the new certificate was not taken");
        std::this_thread::sleep_for(20ms);
    }
    ++renewals_;
}

// By SIGHUP. The counters say when it is done.
void Soak::read_again(std::mt19937& random) {
    const bool bad = between(random, 0, 2) == 0;
    const fs::path file = broker_->directory().path() / "soak.toml";
    const auto choice = static_cast<std::uint32_t>(between(random, 0, 31));
    support::write_file(file,
                        reloadable_settings(options_, choice) + (bad ? "max-qeue = '1M'\n" : ""));
    if (::kill(broker_->pid(), SIGHUP) != 0) throw Wrong("the broker could not be told to reload");
    const std::uint64_t times = bad ? ++not_read_again_ : ++read_again_;
    const std::string result = bad ? "refused" : "done";
    metrics_->wait_for("hpfeeds_broker_configuration_reloads{result=\"" + result + "\"}",
                       static_cast<double>(times));
}

// ---- the account

void Soak::watch_memory() {
    const auto begin = std::chrono::steady_clock::now();
    while (!failed_ && std::chrono::steady_clock::now() - begin < options_.duration) {
        std::this_thread::sleep_for(200ms);
        if (!broker_->running()) return wrong("the broker has died");
        const std::size_t resident = support::resident_bytes(broker_->pid());
        resident_max_ = std::max(resident_max_, resident);
        if (std::chrono::steady_clock::now() - begin < options_.duration / 2)
            resident_first_half_ = resident_max_;
    }
}

void Soak::settle_accounts() {
    const auto counter = [](const std::string& name, const std::string& labels) {
        return name + labels;
    };
    std::uint64_t published = 0;
    for (std::size_t publisher = 0; publisher < publishers; ++publisher)
        for (std::size_t channel = 0; channel < channels; ++channel) {
            const std::size_t line = publisher * channels + channel;
            const std::uint64_t sent = published_.last[line] + published_.probes[line];
            published += published_.last[line];
            metrics_->wait_for(counter("hpfeeds_broker_receive_publish_count",
                                       "{ident=\"" + publisher_name(publisher) + "\",chan=\"" +
                                           channel_name(channel) + "\"}"),
                               static_cast<double>(sent));
        }
    std::uint64_t dropped = 0;
    for (const char* ident : {"slow0", "slow1"})
        dropped += static_cast<std::uint64_t>(metrics_->value(counter(
            "hpfeeds_broker_subscriber_dropped_frames", std::string("{ident=\"") + ident + "\"}")));
    metrics_->wait_for("hpfeeds_broker_client_connections", 0);
    if (options_.slow_policy != "disconnect" && dropped != missing_)
        wrong("slow readers lack " + std::to_string(missing_) +
              " messages, and the broker counted " + std::to_string(dropped) + " as dropped");
    if (options_.slow_policy == "disconnect" && dropped != 0)
        wrong("messages were dropped where none may be");
    const std::size_t bound = (memory_bytes_max + (64U << 20)) * HPFEEDS_RESIDENT_SCALE;
    if (resident_max_ > bound)
        wrong("the broker took " + std::to_string(resident_max_) + " bytes of memory, more than " +
              std::to_string(bound));
    std::printf(
        "%s, %u threads, %lld s: %llu messages published, %llu heard in order and without a gap "
        "but %llu, dropped by count %llu\n"
        "    %llu visits, %llu refused while their store was out, %llu slow readers cut, %llu "
        "babblers\n"
        "    %llu users' files, %llu of them bad, %llu keys taken away, %llu locks, %llu "
        "certificates, %llu reloads by SIGHUP, %llu more refused\n"
        "    resident at most %.1f MiB, %.1f MiB in the first half\n",
        options_.slow_policy.c_str(), options_.threads,
        static_cast<long long>(options_.duration.count()),
        static_cast<unsigned long long>(published), static_cast<unsigned long long>(heard_),
        static_cast<unsigned long long>(missing_), static_cast<unsigned long long>(dropped),
        static_cast<unsigned long long>(visits_),
        static_cast<unsigned long long>(refused_in_outage_), static_cast<unsigned long long>(cuts_),
        static_cast<unsigned long long>(babblers_),
        static_cast<unsigned long long>(reloads_ + bad_reloads_),
        static_cast<unsigned long long>(bad_reloads_), static_cast<unsigned long long>(keys_taken_),
        static_cast<unsigned long long>(outages_ / 2), static_cast<unsigned long long>(renewals_),
        static_cast<unsigned long long>(read_again_),
        static_cast<unsigned long long>(not_read_again_),
        static_cast<double>(resident_max_) / (1 << 20),
        static_cast<double>(resident_first_half_) / (1 << 20));
}

std::vector<std::string> Soak::run() {
    std::deque<std::thread> threads;
    std::uint32_t number = 0;
    for (std::size_t i = 0; i < stayers; ++i)
        start(threads, "stayer" + std::to_string(i), ++number, [=, this](auto&) { stay(i); });
    for (std::size_t i = 0; i < publishers; ++i)
        start(threads, publisher_name(i), ++number,
              [=, this](auto& random) { publish(i, random); });
    while (stayers_probed_ < stayers && !failed_)
        std::this_thread::sleep_for(5ms);
    for (std::size_t i = 0; i < comers; ++i)
        start(threads, "a visitor", ++number, [=, this](auto& random) { come_and_go(i, random); });
    for (std::size_t i = 0; i < slow_readers; ++i)
        start(threads, "slow" + std::to_string(i), ++number,
              [=, this](auto& random) { read_slowly(i, random); });
    start(threads, "a babbler", ++number, [this](auto& random) { babble(random); });
    start(threads, "the operator", ++number, [this](auto& random) { operate(random); });
    watch_memory();
    over_ = true;
    for (std::thread& thread : threads)
        thread.join();
    try {
        if (!failed_) settle_accounts();
        if (broker_->stop() != 0) wrong("the broker did not end with status 0");
    } catch (const std::exception& error) {
        wrong(error.what());
    }
    if (!wrongs_.empty())
        std::fprintf(stderr, "--- the broker's last words ---\n%s\n",
                     [&] {
                         const std::string log = broker_->log();
                         return log.substr(log.size() - std::min<std::size_t>(log.size(), 6'000));
                     }()
                         .c_str());
    return wrongs_;
}

std::optional<Options> read_options(int argc, char** argv) {
    Options options;
    for (int i = 1; i + 1 < argc; i += 2) {
        const std::string name = argv[i];
        const std::string value = argv[i + 1];
        if (name == "--slow-policy") {
            options.slow_policy = value;
            continue;
        }
        unsigned number = 0;
        const auto [end, bad] = std::from_chars(value.data(), value.data() + value.size(), number);
        if (bad != std::errc() || end != value.data() + value.size()) return std::nullopt;
        if (name == "--seconds")
            options.duration = std::chrono::seconds(number);
        else if (name == "--threads")
            options.threads = number;
        else if (name == "--seed")
            options.seed = number;
        else if (name == "--rate" && number > 0 && number <= 100'000)
            options.rate = number;
        else
            return std::nullopt;
    }
    const bool known = options.slow_policy == "disconnect" || options.slow_policy == "drop-oldest";
    return known && argc % 2 == 1 ? std::optional(options) : std::nullopt;
}

}  // namespace
}  // namespace hpfeeds::soak

int main(int argc, char** argv) {
    const auto options = hpfeeds::soak::read_options(argc, argv);
    if (!options) {
        std::fputs(
            "usage: soak [--seconds N] [--threads N] [--slow-policy disconnect|drop-oldest] "
            "[--seed N] [--rate N]\n",
            stderr);
        return 2;
    }
    try {
        const auto wrongs = hpfeeds::soak::Soak(*options).run();
        for (const std::string& wrong : wrongs)
            std::fprintf(stderr, "soak: %s\n", wrong.c_str());
        return wrongs.empty() ? 0 : 1;
    } catch (const std::exception& error) {
        std::fprintf(stderr, "soak: %s\n", error.what());
        return 1;
    }
}
