// SPDX-License-Identifier: Apache-2.0
// shard.cpp: random events for three shards, compared with a naive model.
//
// Input   three bytes an event: what happens, to whom, and a number.
// Holds   every listener hears exactly the frames of its channels in the order in which they were
// published, however they
//         were torn and however late it reads; who did something wrong hears its ERROR behind them;
//         peers that send garbage disturb nobody; when all have left, no session, channel or
//         message memory is left.
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

constexpr std::array<const char*, 4> channels{"a", "b", "a longer channel's name", ""};
constexpr std::size_t forbidden = 3;  // nobody may use the last one
constexpr std::size_t peers_max = 24;

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
    Scene() : engine_({}, 3) {
        engine_.add_account(testing::account("ident", {channels[0], channels[1], channels[2]},
                                             {channels[0], channels[1], channels[2]}));
        engine_.add_account(testing::account("wild", {"wild"}, {"wild"}));
    }

    void happen(std::uint8_t what, std::uint8_t who, std::uint8_t number) {
        if (what % 12 == 0 || expected_.empty()) return arrive(who % 3, number);
        const std::size_t peer = who % expected_.size();
        const std::size_t channel = number % channels.size();
        switch (what % 12) {
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
    void deliver(std::size_t channel, const std::string& frame) {
        for (Expected& each : expected_)
            if (!each.over && each.subscribed.count(channel)) each.heard += frame;
    }
    void refused(std::size_t peer, const std::string& text) {
        expected_[peer].heard += testing::error(text);
        expected_[peer].over = true;
    }

    void subscribe(std::size_t peer, std::size_t channel) {
        if (!calm(peer)) return;
        finish(peer);
        engine_.say(peer, testing::subscribe("whoever", channels[channel]));
        if (channel == forbidden)
            refused(peer, "Authkey not allowed to sub here. ident=ident, chan=");
        else
            expected_[peer].subscribed.insert(channel);
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
        if (channel == forbidden)
            refused(peer, "Authkey not allowed to pub here. ident=ident, chan=");
        else
            deliver(channel, frame);
    }
    void begin(std::size_t peer, std::size_t channel, std::uint8_t number) {
        if (!calm(peer) || channel == forbidden) return;
        finish(peer);
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
        deliver(each.channel, each.begun);
    }
    void hang_up(std::size_t peer) {
        engine_.hang_up(peer);
        expected_[peer].over = true;
    }
    void garbage(std::size_t peer, std::uint8_t number) {
        if (!expected_[peer].wild) return;
        engine_.say(peer, std::string(number % 40, static_cast<char>(number)) +
                              testing::publish("wild", "wild", "x").substr(number % 8));
    }

    testing::LoopbackEngine engine_;
    std::vector<Expected> expected_;
    std::size_t frames_ = 0;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
    Scene scene;
    for (std::size_t at = 0; at + 3 <= size && at < 3 * 400; at += 3)
        scene.happen(data[at], data[at + 1], data[at + 2]);
    scene.compare_and_leave();
    return 0;
}
