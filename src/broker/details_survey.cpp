// SPDX-License-Identifier: Apache-2.0
#include "broker/details_survey.hpp"

#include <memory>
#include <utility>

namespace hpfeeds::broker {
namespace {

using Clock = std::chrono::steady_clock;

// One shard's walk: the survey that is under way; null when it is over.
struct Walk {
    net::ShardThread* shard;
    unsigned index;
    std::shared_ptr<net::Survey> survey;
};

std::shared_ptr<net::Survey> begin_at(std::size_t slot) {
    auto survey = std::make_shared<net::Survey>();
    survey->first_slot = slot;
    survey->rows.reserve(net::survey_slots_max);
    return survey;
}

// Asks for the piece at `slot`; a shard that cannot be asked ends its walk.
void ask(Walk& walk, std::size_t slot, Surveyed& result) {
    walk.survey = begin_at(slot);
    if (walk.shard->ask({walk.survey})) return;
    walk.survey.reset();
    result.complete = false;
}

void take_rows(Walk& walk, Surveyed& result) {
    for (net::ConnectionRow& row : walk.survey->rows)
        result.connections.push_back({std::move(row), walk.index});
    const bool more = walk.survey->more;
    const std::size_t next = walk.survey->first_slot + net::survey_slots_max;
    const bool full = result.connections.size() >= survey_rows_max;
    if (more && full) result.complete = false;
    walk.survey.reset();
    if (more && !full) ask(walk, next, result);
}

}  // namespace

Surveyed survey_connections(std::span<net::ShardThread* const> shards) {
    const auto deadline = Clock::now() + survey_patience;
    Surveyed result;
    std::vector<Walk> walks;
    for (unsigned i = 0; i < shards.size(); ++i)
        ask(walks.emplace_back(Walk{shards[i], i, nullptr}), 0, result);
    for (bool going = true; going;) {
        going = false;
        for (Walk& walk : walks) {
            if (!walk.survey) continue;
            if (walk.survey->answered.try_acquire_until(deadline)) {
                take_rows(walk, result);
            } else {
                walk.survey.reset();  // the shard keeps it until it answers
                result.complete = false;
            }
            going = going || walk.survey;
        }
    }
    return result;
}

}  // namespace hpfeeds::broker
