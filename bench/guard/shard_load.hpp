// SPDX-License-Identifier: Apache-2.0
// shard_load.hpp: a shard with publishers and subscribers, and an engine's turn without sockets:
// what the broker costs beside the kernel.
#pragma once

#include "core/shard.hpp"
#include "support/loopback_engine.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace hpfeeds::bench {

class ShardLoad {
public:
    // Every subscriber listens to every channel. `limited`: with every limit that an operator may
    // set, none of them reached.
    ShardLoad(std::size_t publishers, std::size_t subscribers, std::size_t channels,
              bool limited = false)
        : shard_(limited ? limited_options() : core::ShardOptions{}, pool_) {
        std::vector<std::string> names;
        for (std::size_t i = 0; i < channels; ++i)
            names.push_back(channel_name(i));
        granted_ = testing::account("sensor", names, names);
        for (std::size_t i = 0; i < publishers; ++i)
            publishers_.push_back(login());
        for (std::size_t i = 0; i < subscribers; ++i) {
            const core::SessionId id = login();
            for (const std::string& name : names)
                receive(id, testing::subscribe("sensor", name));
        }
        turn();
    }

    [[nodiscard]] static std::string channel_name(std::size_t number) {
        return "channel-" + std::to_string(number);
    }
    // A segment of `frames` PUBLISHes, on the channels in turn.
    [[nodiscard]] static std::string segment(std::size_t frames, std::size_t channels,
                                             std::size_t payload_bytes) {
        std::string bytes;
        for (std::size_t i = 0; i < frames; ++i)
            bytes += testing::publish("sensor", channel_name(i % channels),
                                      std::string(payload_bytes, 'x'));
        return bytes;
    }

    // One turn in which every publisher is read once.
    void publish(std::string_view segment) {
        for (const core::SessionId publisher : publishers_)
            receive(publisher, segment);
        turn();
    }

private:
    core::ShardOptions limited_options() {
        core::ShardOptions made;
        made.limits.delivered_frame_bytes_max = made.limits.publish_frame_bytes_max / 2;
        made.ident_places = &ident_places_;
        made.publish_rates = &publish_rates_;
        made.failed_logins = &failed_logins_;
        return made;
    }
    core::SessionId login() {
        const core::SessionId id = shard_.open({}, now_);
        shard_.set_origin(id, 1);
        receive(id, testing::auth("sensor", "secret", {}));
        core::AccountAnswer answer;
        answer.asker = id;
        answer.status = core::AccountAnswer::Status::found;
        answer.account = granted_;
        shard_.account_found(answer, now_);
        shard_.effects().lookups.clear();
        turn();
        return id;
    }
    void receive(core::SessionId id, std::string_view bytes) {
        while (!bytes.empty()) {
            const auto room = shard_.read_room(id);
            const std::size_t count = std::min(room.size(), bytes.size());
            std::memcpy(room.data(), bytes.data(), count);
            shard_.received(id, count, now_);
            bytes.remove_prefix(count);
        }
    }
    void turn() {
        core::Effects& effects = shard_.effects();
        for (const core::SessionId id : effects.dirty) {
            const bytes::SendQueue* queue = shard_.output(id);
            while (!queue->empty()) {
                std::array<std::span<const std::byte>, bytes::gather_pieces_max> pieces;
                std::size_t gathered = 0;
                for (std::size_t i = queue->gather(pieces); i-- > 0;)
                    gathered += pieces[i].size();
                shard_.sent(id, gathered);
            }
        }
        effects.dirty.clear();
        effects.reading.clear();
    }

    core::Instant now_{std::chrono::hours(1)};
    bytes::MemoryBudget budget_{512U << 20};
    bytes::SlabPool pool_{budget_};
    core::PlaceTable ident_places_{1'000, 1'000};
    core::PublishRates publish_rates_{ident_places_.entry_count(), 1'000'000, 1U << 30};
    core::FailedLogins failed_logins_;
    core::Shard shard_;
    std::shared_ptr<const core::Account> granted_;
    std::vector<core::SessionId> publishers_;
};

}  // namespace hpfeeds::bench
