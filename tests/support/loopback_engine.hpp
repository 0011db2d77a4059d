// SPDX-License-Identifier: Apache-2.0
// loopback_engine.hpp: shards without sockets, threads or clocks, for unit tests and fuzzing.
//
// It does what net/shard_thread does, at once and on one thread: what a peer says is a string, what
// it hears is a string, time is a number, and key look-ups are answered when the test says so. A
// peer can stop reading (its socket takes `window_bytes` more) and shards forward to each other in
// the order of their effects.
#pragma once

#include "core/shard.hpp"
#include "wire/challenge.hpp"
#include "wire/encode.hpp"
#include "wire/parser.hpp"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <deque>
#include <limits>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace hpfeeds::testing {

// ---- frames as strings

inline std::string publish(std::string_view ident, std::string_view channel,
                           std::string_view payload) {
    std::string out(wire::publish_frame_bytes(ident.size(), channel.size(), payload.size()), '\0');
    wire::encode_publish(std::as_writable_bytes(std::span(out)), ident, channel,
                         wire::as_bytes(payload));
    return out;
}
inline std::string subscribe(std::string_view ident, std::string_view channel) {
    std::string out(wire::subscribe_frame_bytes(ident.size(), channel.size()), '\0');
    wire::encode_subscribe(std::as_writable_bytes(std::span(out)), ident, channel);
    return out;
}
inline std::string unsubscribe(std::string_view ident, std::string_view channel) {
    std::string out(wire::subscribe_frame_bytes(ident.size(), channel.size()), '\0');
    wire::encode_unsubscribe(std::as_writable_bytes(std::span(out)), ident, channel);
    return out;
}
inline std::string error(std::string_view text) {
    std::string out(wire::error_frame_bytes(text.size()), '\0');
    wire::encode_error(std::as_writable_bytes(std::span(out)), text);
    return out;
}
inline std::string info(std::string_view name, const wire::Nonce& nonce) {
    std::string out(wire::info_frame_bytes(name.size(), nonce.size()), '\0');
    wire::encode_info(std::as_writable_bytes(std::span(out)), name, nonce);
    return out;
}
inline std::string auth(std::string_view ident, std::string_view secret, const wire::Nonce& nonce) {
    std::string out(wire::auth_frame_bytes(ident.size()), '\0');
    const wire::Digest digest = wire::digest_of(nonce, secret);
    wire::encode_auth(std::as_writable_bytes(std::span(out)), ident, digest);
    return out;
}

inline std::shared_ptr<const core::Account> account(std::string ident,
                                                    std::vector<std::string> pubchans,
                                                    std::vector<std::string> subchans,
                                                    std::string secret = "secret") {
    auto made = std::make_shared<core::Account>();
    made->ident = std::move(ident);
    made->secret = std::move(secret);
    made->owner = made->ident;
    made->pubchans = core::ChannelList(std::move(pubchans));
    made->subchans = core::ChannelList(std::move(subchans));
    return made;
}

class LoopbackEngine {
public:
    static constexpr std::size_t open_window = std::numeric_limits<std::size_t>::max();

    struct Peer {
        unsigned shard = 0;
        core::SessionId id;
        std::string heard;                       // what its socket has taken
        std::size_t window_bytes = open_window;  // what its socket still takes
        bool late = false;
        bool goodbye = false;  // the broker has said that nothing more will come
        bool closed = false;   // the broker has closed the socket
    };

    explicit LoopbackEngine(core::Limits limits = {}, unsigned shards = 1,
                            std::size_t memory_bytes_max = 512U << 20,
                            core::ShardOptions options = {})
        : budget_(memory_bytes_max) {
        for (unsigned i = 0; i < shards; ++i) {
            options.limits = limits;
            options.broker_name = "test";
            options.shard = i;
            options.shard_count = shards;
            pools_.push_back(std::make_unique<bytes::SlabPool>(budget_));
            shards_.push_back(std::make_unique<core::Shard>(options, *pools_.back()));
        }
    }

    void add_account(std::shared_ptr<const core::Account> added) {
        const std::string ident = added->ident;
        accounts_[ident] = std::move(added);
    }
    void remove_account(const std::string& ident) { accounts_.erase(ident); }
    // The store tells that these have changed, or that any may have.
    void tell_changed(const std::vector<std::string>& idents) {
        for (const auto& shard : shards_)
            shard->keys_changed(idents, now);
        settle();
    }
    void tell_any_changed() {
        for (const auto& shard : shards_)
            shard->any_key_changed(now);
        settle();
    }

    // ---- what peers do

    std::size_t connect(unsigned shard = 0, wire::Nonce nonce = {},
                        core::EndpointRights endpoint = {}) {
        auto peer = std::make_unique<Peer>();
        peer->shard = shard;
        peer->id = shards_[shard]->open(nonce, now, endpoint);
        peers_.push_back(std::move(peer));
        settle();
        return peers_.size() - 1;
    }
    // Says all of it, in segments of at most `segment_bytes`, for as long as the broker reads.
    void say(std::size_t peer_index, std::string_view bytes,
             std::size_t segment_bytes = open_window) {
        pending_[peer_index].append(bytes);
        feed(peer_index, segment_bytes);
    }
    void hang_up(std::size_t peer_index) {
        hung_up_.push_back(peer_index);
        settle();
    }
    void break_output(std::size_t peer_index) {
        Peer& peer = *peers_[peer_index];
        if (!peer.closed) shards_[peer.shard]->output_broken(peer.id, now);
        settle();
    }
    // Lets the peer's socket take so many more bytes.
    void open(std::size_t peer_index, std::size_t window_bytes = open_window) {
        Peer& peer = *peers_[peer_index];
        peer.window_bytes = window_bytes;
        if (peer.late && !peer.closed) {
            peer.late = false;
            shards_[peer.shard]->set_late(peer.id, false);
            flush(peer);
        }
        settle();
    }

    // Connects, logs in, and forgets what was heard so far.
    std::size_t login(std::string_view ident, unsigned shard = 0,
                      core::EndpointRights endpoint = {}) {
        const std::size_t peer = connect(shard, {}, endpoint);
        say(peer, auth(ident, accounts_.at(std::string(ident))->secret, {}));
        peers_[peer]->heard.clear();
        return peer;
    }

    // ---- time and key stores

    void advance(std::chrono::milliseconds by) {
        now += by;
        for (const auto& shard : shards_)
            shard->tick(now);
        settle();
    }
    // While held, look-ups wait for answer_lookups().
    bool hold_lookups = false;
    void answer_lookups() {
        const bool held = std::exchange(hold_lookups, false);
        settle();
        hold_lookups = held;
    }
    core::AccountAnswer::Status store_fails_with =
        core::AccountAnswer::Status::found;  // found: works

    bool store_degraded = false;  // an earlier store cannot tell
    std::size_t rechecks_asked = 0;

    [[nodiscard]] Peer& peer(std::size_t index) { return *peers_[index]; }
    [[nodiscard]] std::size_t peer_count() const { return peers_.size(); }
    [[nodiscard]] core::Shard& shard(unsigned index = 0) { return *shards_[index]; }
    [[nodiscard]] bytes::MemoryBudget& budget() { return budget_; }
    [[nodiscard]] const std::vector<core::Incident>& incidents() const { return incidents_; }
    std::string take_heard(std::size_t index) { return std::exchange(peers_[index]->heard, {}); }

    core::Instant now{std::chrono::hours(1)};

    // Carries out everything that can be.
    void settle() {
        for (bool more = true; more;) {
            more = false;
            for (unsigned i = 0; i < shards_.size(); ++i)
                more = carry_out(i) || more;
            for (std::size_t i = 0; i < peers_.size(); ++i)
                more = feed_some(i, open_window) || more;
        }
    }

private:
    Peer* find(unsigned shard, core::SessionId id) {
        for (auto& peer : peers_)
            if (peer->shard == shard && peer->id == id && !peer->closed) return peer.get();
        return nullptr;
    }

    void feed(std::size_t index, std::size_t segment_bytes) {
        while (feed_some(index, segment_bytes)) {
            for (unsigned i = 0; i < shards_.size(); ++i)
                carry_out(i);
        }
        settle();
    }

    bool feed_some(std::size_t index, std::size_t segment_bytes) {
        Peer& peer = *peers_[index];
        core::Shard& shard = *shards_[peer.shard];
        std::string& pending = pending_[index];
        if (peer.closed) {
            pending.clear();
            return false;
        }
        if (!shard.wants_reading(peer.id)) return false;
        if (pending.empty()) {
            const auto waits = std::find(hung_up_.begin(), hung_up_.end(), index);
            if (waits == hung_up_.end()) return false;
            hung_up_.erase(waits);
            shard.peer_closed(peer.id, now);
            return true;
        }
        if (!shard.admits(peer.id, now)) return false;
        const auto room = shard.read_room(peer.id);
        const std::size_t count = std::min({room.size(), pending.size(), segment_bytes});
        std::memcpy(room.data(), pending.data(), count);
        pending.erase(0, count);
        shard.received(peer.id, count, now);
        shard.relieve_memory(now);
        return true;
    }

    void flush(Peer& peer) {
        core::Shard& shard = *shards_[peer.shard];
        const bytes::SendQueue* queue = shard.output(peer.id);
        while (queue && !queue->empty()) {
            std::vector<std::span<const std::byte>> pieces(4);
            pieces.resize(queue->gather(pieces));
            std::size_t taken = 0;
            std::size_t gathered = 0;
            for (const auto piece : pieces) {
                gathered += piece.size();
                const std::size_t count = std::min(piece.size(), peer.window_bytes);
                peer.heard.append(wire::as_text(piece.first(count)));
                if (peer.window_bytes != open_window) peer.window_bytes -= count;
                taken += count;
                if (count < piece.size()) break;
            }
            shard.sent(peer.id, taken);
            if (taken < gathered) {
                peer.late = true;
                shard.set_late(peer.id, true);
                return;
            }
            queue = shard.output(peer.id);
        }
    }

    bool carry_out(unsigned index) {
        core::Effects& effects = shards_[index]->effects();
        bool more = false;
        std::vector<core::LookupRequest> lookups;
        lookups.swap(effects.lookups);
        for (auto& lookup : lookups) {
            if (lookup.purpose == core::Purpose::recheck) ++rechecks_asked;
            held_lookups_.push_back({index, std::move(lookup)});
        }
        while (!hold_lookups && !held_lookups_.empty()) {
            more = true;
            const auto [shard, lookup] = held_lookups_.front();
            held_lookups_.pop_front();
            shards_[shard]->account_found(answer(lookup), now);
        }
        for (const core::Announcement& announcement : effects.announcements)
            for (unsigned other = 0; other < shards_.size(); ++other)
                if (other != index) shards_[other]->announced(index, announcement);
        effects.announcements.clear();
        std::vector<core::Forward> forwards;
        forwards.swap(effects.forwards);
        for (const core::Forward& forward : forwards)
            for (unsigned other = 0; other < shards_.size(); ++other)
                if (forward.shards >> other & 1U) {
                    more = true;
                    shards_[other]->deliver(forward.run, forward.frames, forward.payload_bytes,
                                            now);
                }
        std::vector<core::SessionId> ids;
        ids.swap(effects.dirty);
        for (const core::SessionId id : ids)
            if (Peer* peer = find(index, id)) {
                more = true;
                flush(*peer);
            }
        ids.clear();
        ids.swap(effects.half_close);
        for (const core::SessionId id : ids)
            if (Peer* peer = find(index, id)) peer->goodbye = true;
        effects.reading.clear();
        for (core::Incident& incident : effects.incidents)
            incidents_.push_back(std::move(incident));
        effects.incidents.clear();
        ids.clear();
        ids.swap(effects.ended);
        for (const core::SessionId id : ids) {
            more = true;
            if (Peer* peer = find(index, id)) peer->closed = peer->goodbye = true;
            shards_[index]->forget(id);
        }
        return more;
    }

    core::AccountAnswer answer(const core::LookupRequest& lookup) {
        using Status = core::AccountAnswer::Status;
        core::AccountAnswer made{lookup.asker, store_fails_with, nullptr, lookup.purpose,
                                 store_degraded};
        if (store_fails_with != Status::found) return made;
        const auto known = accounts_.find(lookup.ident);
        made.status = known == accounts_.end() ? Status::absent : Status::found;
        if (known != accounts_.end()) made.account = known->second;
        return made;
    }

    bytes::MemoryBudget budget_;
    std::vector<std::unique_ptr<bytes::SlabPool>> pools_;
    std::vector<std::unique_ptr<core::Shard>> shards_;
    std::vector<std::unique_ptr<Peer>> peers_;
    std::map<std::size_t, std::string> pending_;
    std::vector<std::size_t> hung_up_;
    std::map<std::string, std::shared_ptr<const core::Account>, std::less<>> accounts_;
    std::deque<std::pair<unsigned, core::LookupRequest>> held_lookups_;
    std::vector<core::Incident> incidents_;
};

}  // namespace hpfeeds::testing
