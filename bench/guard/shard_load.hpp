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
    // Every subscriber listens to every channel.
    ShardLoad(std::size_t publishers, std::size_t subscribers, std::size_t channels) {
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
    core::SessionId login() {
        const core::SessionId id = shard_.open({}, now_);
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
    core::Shard shard_{core::ShardOptions{}, pool_};
    std::shared_ptr<const core::Account> granted_;
    std::vector<core::SessionId> publishers_;
};

}  // namespace hpfeeds::bench
