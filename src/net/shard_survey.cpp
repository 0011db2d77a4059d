// SPDX-License-Identifier: Apache-2.0
// shard_survey.cpp: what a shard tells of its connections to those who ask.
#include "net/shard_thread.hpp"

#include <algorithm>
#include <utility>

namespace hpfeeds::net {

bool ShardThread::ask(Look look) noexcept {
    if (over()) return false;
    Message message(std::move(look));
    const bool posted = mailbox_.post(message);
    waker_.wake();
    return posted;
}

void ShardThread::write_down(Survey& survey) noexcept {
    const std::size_t end = std::min(survey.first_slot + survey_slots_max, connections_.size());
    for (std::size_t slot = survey.first_slot; slot < end; ++slot) {
        const Connection& connection = connections_[slot];
        const core::Session* session = shard_.session_at(slot);
        if (!session || !connection.socket.open()) continue;
        ConnectionRow& row = survey.rows.emplace_back();
        row.peer = connection.peer;
        if (session->account) {
            row.ident = session->account->ident;
            row.owner = session->account->owner;
        }
        row.state = session->state;
        row.tls = connection.tls != nullptr;
        row.slow = session->timer == core::Timer::slow;
        row.dropping = session->dropping;
        row.queued_bytes = session->queue.pending_bytes();
        row.subscriptions = session->subscriptions.count();
        row.accepted_at = connection.accepted_at;
    }
    survey.more = end < connections_.size();
    survey.answered.release();
}

}  // namespace hpfeeds::net
