// SPDX-License-Identifier: Apache-2.0
// shard.cpp: random events for three shards, compared with a naive model; once with wildcards and
// once without.
//
// Input   three bytes an event: what happens, to whom, and a number.
// Holds   every listener hears exactly the frames of its channels in the order in which they were
// published, however they
//         were torn and however late it reads; who did something wrong hears its ERROR behind them;
//         peers that send garbage disturb nobody; sessions follow their key when it changes, and
//         when no store can tell they do not; when all have left, no session, channel, pattern, key
//         or message memory is left.
#include "core/shard.hpp"

#include "expect.hpp"
#include "support/loopback_engine.hpp"

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <set>
#include <span>
#include <string>
#include <vector>

namespace {

using namespace hpfeeds;
using hpfeeds::fuzz::expect;

constexpr std::array<const char*, 8> channels{
    "a", "a.b", "a longer channel's name", "", "a.b.c", "*", "a.*", "a.b.*"};
constexpr std::size_t peers_max = 24;

// What a key may do: one bit for each of the names above.
struct Rights {
    unsigned publish = 0b1101'0111;  // all but the empty name and `*`
    unsigned subscribe = 0b1101'0111;
};

bool is_pattern(const std::string& name) {
    return name == "*" || (name.size() >= 2 && name.substr(name.size() - 2) == ".*");
}
// Whether the name stands for the other one, or is the same.
bool stands_for(const std::string& name, const std::string& other, bool wildcards) {
    if (!wildcards || !is_pattern(name)) return name == other;
    const std::string beginning = name.substr(0, name.size() - 1);
    return other.substr(0, beginning.size()) == beginning;
}
bool granted(unsigned names, std::size_t wanted, bool wildcards) {
    for (std::size_t i = 0; i < channels.size(); ++i)
        if (names >> i & 1U && stands_for(channels[i], channels[wanted], wildcards)) return true;
    return false;
}
std::vector<std::string> listed(unsigned names) {
    std::vector<std::string> list;
    for (std::size_t i = 0; i < channels.size(); ++i)
        if (names >> i & 1U) list.emplace_back(channels[i]);
    return list;
}

core::ShardOptions options_with(bool wildcards) {
    core::ShardOptions options;
    options.wildcards = wildcards;
    options.recheck_interval = std::chrono::milliseconds(3);
    return options;
}

// What one peer should hear, by the simplest means.
struct Expected {
    std::set<std::size_t> subscribed;
    std::string heard;
    std::string untold;  // the rest of a frame that was begun
    std::string begun;   // … which is this one, on this channel
    std::size_t channel = 0;
    bool over = false;  // refused or hung up: hears nothing more
    bool wild = false;  // sent garbage: nothing is foretold
};

class Scene {
public:
    explicit Scene(bool wildcards)
        : wildcards_(wildcards), engine_({}, 3, 512U << 20, options_with(wildcards)) {
        store(rights_);
        engine_.add_account(testing::account("wild", {"wild"}, {"wild"}));
    }

    void happen(std::uint8_t what, std::uint8_t who, std::uint8_t number) {
        if (what % 15 == 0 || expected_.empty()) return arrive(who % 3, number);
        const std::size_t peer = who % expected_.size();
        const std::size_t channel = number % channels.size();
        switch (what % 15) {
            case 1:
                return subscribe(peer, channel);
            case 2:
                return unsubscribe(peer, channel);
            case 3:
            case 4:
                return publish(peer, channel, number);
            case 5:
                return begin(peer, channel, number);
            case 6:
                return finish(peer);
            case 7:
                return engine_.open(peer, number);
            case 8:
                return engine_.open(peer);
            case 9:
                return hang_up(peer);
            case 10:
                return garbage(peer, number);
            case 11:
                return change(who, number);
            case 12:
                return end_all(number);
            case 13:
                return change_unheard(who, number);
            default:
                return engine_.advance(std::chrono::milliseconds(number % 8));
        }
    }

    void compare_and_leave() {
        for (std::size_t i = 0; i < expected_.size(); ++i)
            engine_.open(i);
        for (std::size_t i = 0; i < expected_.size(); ++i)
            if (!expected_[i].wild)
                expect(engine_.peer(i).heard == expected_[i].heard,
                       "a peer heard what it should have");
        for (std::size_t i = 0; i < expected_.size(); ++i)
            engine_.hang_up(i);
        engine_.advance(std::chrono::seconds(60));
        engine_.advance(std::chrono::seconds(60));
        for (unsigned i = 0; i < 3; ++i) {
            expect(engine_.shard(i).session_count() == 0, "no session is left");
            expect(engine_.shard(i).channels().count() == 0, "no channel is left");
            expect(engine_.shard(i).channels().pattern_count() == 0, "no pattern is left");
            expect(engine_.shard(i).live_keys().count() == 0, "no key is in use");
        }
        expect(engine_.budget().in_use_bytes() <= 6 * bytes::slab_bytes,
               "no message memory is left");
    }

private:
    void arrive(unsigned shard, std::uint8_t number) {
        if (expected_.size() == peers_max) return;
        Expected added;
        added.wild = number % 5 == 4;
        (void)engine_.login(added.wild ? "wild" : "ident", shard);
        expected_.push_back(std::move(added));
    }
    [[nodiscard]] bool calm(std::size_t peer) const {
        return !expected_[peer].over && !expected_[peer].wild;
    }
    [[nodiscard]] bool hears(const Expected& peer, std::size_t channel) const {
        for (const std::size_t name : peer.subscribed)
            if (stands_for(channels[name], channels[channel], wildcards_)) return true;
        return false;
    }
    void deliver(std::size_t channel, const std::string& frame) {
        for (Expected& each : expected_)
            if (!each.over && hears(each, channel)) each.heard += frame;
    }
    // A whole frame of a peer, which may not be allowed to send it.
    void judge(std::size_t peer, std::size_t channel, const std::string& frame) {
        if (granted(rights_.publish, channel, wildcards_))
            deliver(channel, frame);
        else
            refused(peer, std::string("Authkey not allowed to pub here. ident=ident, chan=") +
                              channels[channel]);
    }
    void refused(std::size_t peer, const std::string& text) {
        expected_[peer].heard += testing::error(text);
        expected_[peer].over = true;
    }

    void subscribe(std::size_t peer, std::size_t channel) {
        if (!calm(peer)) return;
        finish(peer);
        engine_.say(peer, testing::subscribe("whoever", channels[channel]));
        if (!calm(peer)) return;  // what it had begun was refused
        if (granted(rights_.subscribe, channel, wildcards_))
            expected_[peer].subscribed.insert(channel);
        else
            refused(peer, std::string("Authkey not allowed to sub here. ident=ident, chan=") +
                              channels[channel]);
    }
    void unsubscribe(std::size_t peer, std::size_t channel) {
        if (!calm(peer)) return;
        finish(peer);
        engine_.say(peer, testing::unsubscribe("ident", channels[channel]));
        expected_[peer].subscribed.erase(channel);
    }
    std::string next_frame(std::size_t channel, std::uint8_t number) {
        const std::size_t payload_bytes = number < 250 ? number % 60U : std::size_t{number} * 290;
        std::string payload(payload_bytes, static_cast<char>('a' + number % 26));
        return testing::publish("ident", channels[channel], std::to_string(++frames_) + payload);
    }
    void publish(std::size_t peer, std::size_t channel, std::uint8_t number) {
        if (!calm(peer)) return;
        finish(peer);
        const std::string frame = next_frame(channel, number);
        engine_.say(peer, frame,
                    number % 7 ? testing::LoopbackEngine::open_window : 1 + frame.size() / 9);
        if (calm(peer)) judge(peer, channel, frame);
    }
    void begin(std::size_t peer, std::size_t channel, std::uint8_t number) {
        if (!calm(peer)) return;
        finish(peer);
        if (!calm(peer)) return;
        Expected& each = expected_[peer];
        each.begun = next_frame(channel, number);
        each.channel = channel;
        const std::size_t cut = each.begun.size() * (number % 16) / 16;
        each.untold = each.begun.substr(cut);
        engine_.say(peer, std::string_view(each.begun).substr(0, cut));
        // Time passes for some, so that the tail is moved off the shared slab.
        if (number % 3 == 0)
            for (unsigned i = 0; i < 3; ++i)
                (void)engine_.shard(i).sweep_torn_tails();
    }
    void finish(std::size_t peer) {
        Expected& each = expected_[peer];
        if (!calm(peer) || each.untold.empty()) return;
        engine_.say(peer, std::exchange(each.untold, {}));
        judge(peer, each.channel, each.begun);
    }
    // ---- keys

    void store(const Rights& rights) {
        engine_.add_account(
            testing::account("ident", listed(rights.publish), listed(rights.subscribe), secret_));
    }
    void tell(std::uint8_t how) {
        if (how % 2)
            engine_.tell_changed({"nobody", "ident"});
        else
            engine_.tell_any_changed();
    }
    static Rights rights_of(std::uint8_t who, std::uint8_t number) {
        return {number, (number * 5U + who) & 0xFFU};
    }
    void change(std::uint8_t who, std::uint8_t number) {
        rights_ = rights_of(who, number);
        store(rights_);
        tell(who);
        for (Expected& each : expected_)
            if (!each.wild && !each.over)
                std::erase_if(each.subscribed, [&](std::size_t name) {
                    return !granted(rights_.subscribe, name, wildcards_);
                });
    }
    // The key goes, or gets another secret; then there is one again.
    void end_all(std::uint8_t number) {
        if (number % 4) return;  // not too often
        if (number % 8)
            engine_.remove_account("ident");
        else
            secret_ += "!";
        if (number % 8 == 0) store(rights_);
        tell(number / 8);
        for (std::size_t i = 0; i < expected_.size(); ++i)
            if (calm(i)) refused(i, "Authentication failed for ident");
        store(rights_);
    }
    // Nobody can say that it has changed before it is as it was.
    void change_unheard(std::uint8_t who, std::uint8_t number) {
        store(rights_of(who, number));
        if (number % 3 == 0) engine_.remove_account("ident");
        engine_.store_degraded = number % 2 != 0;
        if (number % 2 == 0) engine_.store_fails_with = core::AccountAnswer::Status::unavailable;
        tell(who);
        engine_.store_degraded = false;
        engine_.store_fails_with = core::AccountAnswer::Status::found;
        store(rights_);
    }

    void hang_up(std::size_t peer) {
        engine_.hang_up(peer);
        expected_[peer].over = true;
    }
    void garbage(std::size_t peer, std::uint8_t number) {
        if (!expected_[peer].wild) return;
        // Never a frame that is right: listeners to all channels would hear it.
        engine_.say(peer, std::string(1 + number % 40, static_cast<char>(number)) +
                              testing::publish("wild", "wild", "x").substr(number % 8));
    }

    bool wildcards_;
    Rights rights_;
    std::string secret_ = "secret";
    testing::LoopbackEngine engine_;
    std::vector<Expected> expected_;
    std::size_t frames_ = 0;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
    for (const bool wildcards : {false, true}) {
        Scene scene(wildcards);
        for (std::size_t at = 0; at + 3 <= size && at < 3 * 400; at += 3)
            scene.happen(data[at], data[at + 1], data[at + 2]);
        scene.compare_and_leave();
    }
    return 0;
}
