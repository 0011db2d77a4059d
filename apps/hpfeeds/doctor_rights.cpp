// SPDX-License-Identifier: Apache-2.0
#include "doctor_rights.hpp"

#include "client/errc.hpp"
#include "doctor_words.hpp"
#include "hpfeeds/error.hpp"
#include "hpfeeds/text.hpp"
#include "session.hpp"
#include "wire/frame.hpp"

#include <sys/random.h>
#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdio>
#include <map>
#include <optional>
#include <set>
#include <utility>

namespace hpfeeds::cli {
namespace {

using client::Clock;
using Kind = client::ClientMachine::Kind;
using Event = client::ClientMachine::Event;
using Result = Finding::Result;

constexpr std::size_t shown_names_max = 8;        // channels of a line
constexpr std::size_t counted_names_max = 1'000;  // of strangers' names

// A payload that says what it is, and that nobody else sends.
std::string new_probe() {
    std::uint64_t token = 0;
    // So few bytes come whole, or a signal came first.
    while (getrandom(&token, sizeof token, 0) != static_cast<ssize_t>(sizeof token)) {
    }
    std::array<char, 96> text{};
    std::snprintf(text.data(), text.size(),
                  R"({"hpfeeds doctor":"a probe, to be ignored","id":"%016llx"})",
                  static_cast<unsigned long long>(token));
    return text.data();
}

// One conversation, step by step. What ends it is kept: an ERROR, a loss.
class Conversation {
public:
    Conversation(const ClientOptions& client, const Console& console)
        : client_(client), session_(client, console) {}

    // False: see `failure`.
    bool open() { return keep(session_.open()); }
    bool subscribe(const std::string& channel) {
        demand(session_.machine().subscribe(channel), channel);
        return keep(session_.flush());
    }
    bool publish(const std::string& channel, const std::string& payload) {
        demand(session_.machine().publish(channel, wire::as_bytes(payload)), channel);
        return keep(session_.flush());
    }
    bool flush() { return keep(session_.flush()); }
    bool finish_writing() {
        const auto error = session_.connection().finish_writing(client::in(client_.timeout));
        return !error || keep(Failure{Failure::Kind::lost, session_.connection().explanation()});
    }

    // Hands each message to `heard` until it says enough (true), the deadline passes (true;
    // timed_out()) or something ends the conversation (false).
    template <typename Heard>
    bool read(client::Deadline deadline, Heard&& heard) {
        timed_out_ = false;
        for (;;) {
            const Event event = session_.machine().next();
            if (event.kind == Kind::message && heard(event)) return true;
            if (event.kind == Kind::error)
                return keep(Failure{Failure::Kind::refused, std::string(event.text)});
            if (event.kind == Kind::violation)
                return keep(Failure{Failure::Kind::nonsense, std::string(event.text)});
            if (event.kind != Kind::none) continue;
            if (Clock::now() >= deadline) return timed_out_ = true;
            auto ended = session_.receive(deadline);
            if (ended && ended->kind == Failure::Kind::lost && Clock::now() >= deadline)
                return timed_out_ = true;
            if (!keep(std::move(ended))) return false;
        }
    }
    [[nodiscard]] bool timed_out() const { return timed_out_; }
    [[nodiscard]] const Failure& failure() const { return *failure_; }

private:
    bool keep(std::optional<Failure> failure) {
        if (!failure) return true;
        failure_ = std::move(failure);
        return false;
    }
    static void demand(std::error_code refused, const std::string& channel) {
        if (refused) throw Error("channel '" + one_line(channel) + "': " + refused.message());
    }

    const ClientOptions& client_;
    Session session_;
    std::optional<Failure> failure_;
    bool timed_out_ = false;
};

std::string seconds(std::chrono::seconds time) {
    return std::to_string(time.count()) + " s";
}

// Names and how often each was heard, the most frequent first.
std::string listing(const std::map<std::string, std::uint64_t>& counts) {
    std::vector<std::pair<std::string, std::uint64_t>> sorted(counts.begin(), counts.end());
    std::stable_sort(sorted.begin(), sorted.end(), [](const auto& left, const auto& right) {
        return left.second > right.second;
    });
    std::string all;
    for (std::size_t i = 0; i < std::min(sorted.size(), shown_names_max); ++i)
        all += (i == 0 ? "" : ", ") + one_line(sorted[i].first) + " " +
               std::to_string(sorted[i].second);
    if (sorted.size() > shown_names_max)
        all += ", and " + std::to_string(sorted.size() - shown_names_max) + " more channels";
    return all;
}

// What came while we listened.
struct Heard {
    std::uint64_t messages = 0;
    std::map<std::string, std::uint64_t> channels;
    std::set<std::string, std::less<>> idents;

    void count(const Event& event) {
        ++messages;
        std::string channel(event.channel);
        if (channels.size() < counted_names_max || channels.contains(channel)) ++channels[channel];
        if (idents.size() < counted_names_max) idents.emplace(event.ident);
    }
    [[nodiscard]] std::string text(std::chrono::seconds patience) const {
        const bool one = messages == 1;
        return std::to_string(messages) + (one ? " message" : " messages") + " of " +
               std::to_string(idents.size()) + (idents.size() == 1 ? " ident in " : " idents in ") +
               seconds(patience) + ": " + listing(channels);
    }
};

}  // namespace

Rights::Answered Rights::ask(Question question, const std::string& channel) {
    Conversation talk(client_, console_);
    bool going = talk.open();
    if (going && question == Question::login) going = talk.flush();
    if (going && question == Question::subscribe) going = talk.subscribe(channel);
    if (going && question == Question::publish) going = talk.publish(channel, new_probe());
    // Who closes while we write may have said why: reading tells.
    if (going || talk.failure().kind == Failure::Kind::lost) {
        if (going) going = talk.finish_writing();
        if (talk.read(client::in(client_.timeout), [](const Event&) { return false; }))
            return {Answer::unconfirmed, {}};
    }
    const Failure& end = talk.failure();
    if (end.kind == Failure::Kind::refused) return {Answer::refused, end.text};
    if (end.kind == Failure::Kind::closed && going) return {};
    return {Answer::lost, end.text};
}

Finding Rights::finding(const char* check, const std::string& channel, const Answered& answered,
                        std::string good) const {
    Finding made{check, one_line(channel), Result::good, std::move(good)};
    if (answered.answer == Answer::unconfirmed) {
        made.result = Result::note;
        made.text += ", as far as can be told: the broker neither refused nor closed";
    }
    if (answered.answer == Answer::refused) {
        made.result = Result::bad;
        Words words = words_for_refusal(answered.text, client_.ident, channel);
        made.text = std::move(words.text);
        made.advice = std::move(words.advice);
    }
    if (answered.answer == Answer::lost) {
        made.result = Result::bad;
        made.text = "the connection was lost: " + one_line(answered.text);
    }
    return made;
}

Finding Rights::log_in() {
    return finding("login", {}, ask(Question::login, {}),
                   "the broker takes '" + one_line(client_.ident) + "' and its secret");
}

Finding Rights::subscribe(const std::string& channel) {
    return finding("subscribe", channel, ask(Question::subscribe, channel), "allowed");
}

Finding Rights::publish(const std::string& channel) {
    return finding("publish", channel, ask(Question::publish, channel),
                   "allowed; the broker took one probe");
}

Finding Rights::round_trip(const std::string& channel) {
    Finding made{"round trip", one_line(channel), Result::bad, {}};
    Conversation talk(client_, console_);
    bool going = talk.open() && talk.subscribe(channel);
    Clock::time_point sent;
    for (int probes = 0; going && probes < 2 && !talk.timed_out(); ++probes) {
        const std::string probe = new_probe();
        sent = Clock::now();
        going = talk.publish(channel, probe) &&
                talk.read(client::in(client_.timeout), [&](const Event& event) {
                    return wire::as_text(event.payload) == probe;
                });
    }
    const auto took = Clock::now() - sent;
    if (!going) {
        const bool refused = talk.failure().kind == Failure::Kind::refused;
        return finding("round trip", channel,
                       {refused ? Answer::refused : Answer::lost, talk.failure().text}, {});
    }
    if (talk.timed_out()) {
        made.text = "a probe was published and did not come back within " +
                    seconds(std::chrono::duration_cast<std::chrono::seconds>(client_.timeout));
        made.advice =
            "Some brokers keep a publisher's own messages from it; else look at the broker's load "
            "and log";
        return made;
    }
    made.result = Result::good;
    made.text = "what is published comes back";
    made.milliseconds = std::chrono::duration<double, std::milli>(took).count();
    return made;
}

Finding Rights::listen(const std::vector<std::string>& channels, std::chrono::seconds patience) {
    Conversation talk(client_, console_);
    bool going = talk.open();
    for (const std::string& channel : channels)
        going = going && talk.subscribe(channel);
    Heard heard;
    going = going && talk.read(client::in(patience), [&](const Event& event) {
        heard.count(event);
        return false;
    });
    if (!going && talk.failure().kind != Failure::Kind::interrupted)
        return finding(
            "messages", {},
            {talk.failure().kind == Failure::Kind::refused ? Answer::refused : Answer::lost,
             talk.failure().text},
            {});
    if (heard.messages > 0) return {"messages", {}, Result::good, heard.text(patience)};
    std::string names;
    for (const std::string& channel : channels)
        names += (names.empty() ? "'" : ", '") + one_line(channel) + "'";
    return {"messages",
            {},
            Result::note,
            "nobody published on " + names + " while we listened for " + seconds(patience),
            "Listen longer with --listen SECONDS, or examine a publisher: its own `hpfeeds doctor "
            "--publish CHANNEL`"};
}

}  // namespace hpfeeds::cli
