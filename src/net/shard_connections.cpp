// SPDX-License-Identifier: Apache-2.0
// shard_connections.cpp: the sockets of a shard: how they come, are read, are written to, and go.
#include "net/shard_thread.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

namespace hpfeeds::net {

ShardThread& emptiest(std::span<ShardThread* const> shards) noexcept {
    return **std::min_element(shards.begin(), shards.end(),
                              [](const ShardThread* one, const ShardThread* other) {
                                  return one->connection_count() < other->connection_count();
                              });
}

// ---- accepting

void ShardThread::accept_some(std::size_t listener) noexcept {
    for (std::size_t taken = 0; taken < accepts_per_turn_max; ++taken) {
        Accepted accepted;
        const AcceptStatus status = accept_one(listeners_[listener], accepted);
        if (status == AcceptStatus::none) return;
        if (status == AcceptStatus::out_of_descriptors) {
            engine_counters_.out_of_descriptors.increment();
            accept_log_.out_of_descriptors(now_);
            for (const Listener& each : listeners_)
                poller_.unwatch(each.socket.get());
            accept_rests_ = true;
            accept_again_ = now_ + accept_rest;
            return;
        }
        place(std::move(accepted));
    }
}

// The policy: to the shard with the fewest connections.
void ShardThread::place(Accepted accepted) noexcept {
    if (!places_->take()) {
        engine_counters_.refused_full.increment();
        accept_log_.full(accepted.peer, places_->taken(), now_);
        return;
    }
    if (!places_->take_of(accepted.peer, accepted.address_place)) {
        places_->give_back();
        engine_counters_.refused_address_full.increment();
        accept_log_.address_full(accepted.peer, places_->of_address_max(), now_);
        return;
    }
    engine_counters_.accepted.increment();
    ShardThread& fewest = emptiest(shards_);
    fewest.connection_count_.fetch_add(1, std::memory_order_relaxed);
    Adopt adopted{std::move(accepted), now_, nullptr};
    if (&fewest == this)
        adopt(std::move(adopted));
    else
        send_out(fewest.index_, std::move(adopted));
}

bool ShardThread::hand_over(Adopt& connection) noexcept {
    connection_count_.fetch_add(1, std::memory_order_relaxed);
    Message message(std::move(connection));
    const bool posted = mailbox_.post(message);
    if (!posted) {
        connection = std::move(std::get<Adopt>(message));
        connection_count_.fetch_sub(1, std::memory_order_relaxed);
    }
    waker_.wake();
    return posted;
}

void ShardThread::adopt(Adopt adopted) noexcept {
    const core::SessionId id =
        shard_.open(next_nonce(), adopted.accepted_at, adopted.accepted.rights);
    shard_.set_origin(id, places_->origin_of(adopted.accepted.peer));
    if (id.index >= connections_.size()) connections_.resize(id.index + 1);
    Connection& connection = connections_[id.index];
    connection = Connection{};
    connection.socket = std::move(adopted.accepted.socket);
    connection.peer = adopted.accepted.peer;
    connection.address_place = std::move(adopted.accepted.address_place);
    connection.generation = id.generation;
    connection.accepted_at = adopted.accepted_at;
    connection.tls = std::move(adopted.tls);
    if (connection.tls) connection.tls->move_in(tls_scratch_);
    update_interest(id);
}

wire::Nonce ShardThread::next_nonce() noexcept {
    if (nonces_.empty()) {
        nonces_.resize(nonces_per_draw);
        wire::fill_random(std::as_writable_bytes(std::span(nonces_)));
    }
    const wire::Nonce nonce = nonces_.back();
    nonces_.pop_back();
    return nonce;
}

// ---- one connection

ShardThread::Connection* ShardThread::find(core::SessionId id) noexcept {
    if (id.index >= connections_.size()) return nullptr;
    Connection& connection = connections_[id.index];
    return connection.socket.open() && connection.generation == id.generation ? &connection
                                                                              : nullptr;
}

void ShardThread::read(core::SessionId id) noexcept {
    Connection& connection = *find(id);
    const auto room = shard_.read_room(id);
    const int fd = connection.socket.get();
    const Transfer transfer =
        connection.tls ? connection.tls->receive(fd, room, tls_scratch_, pool_) : receive(fd, room);
    if (connection.tls) {
        // Reading may have made OpenSSL write: an answer to a key update, an alert.
        if (connection.tls->holds_unsent()) connection.wants_writing = true;
        update_interest(id);
    }
    read_bytes_ += transfer.bytes;
    switch (transfer.status) {
        case Transfer::Status::done:
            return shard_.received(id, transfer.bytes, now_);
        case Transfer::Status::later:
            return;
        case Transfer::Status::broken:
            shard_.output_broken(id, now_);
            [[fallthrough]];
        case Transfer::Status::closed:
            return shard_.peer_closed(id, now_);
    }
}

// Reads, once each, from connections that have something which epoll cannot know of.
void ShardThread::read_on() noexcept {
    reading_on_.clear();
    reading_on_.swap(unread_);
    std::optional<std::size_t> skipped;
    for (std::size_t i = 0; i < reading_on_.size(); ++i) {
        Connection* connection = find(reading_on_[i]);
        if (!connection) continue;
        connection->unread_noted = false;
        if (!may_read_more()) {
            skipped = skipped.value_or(unread_.size());
            note_unread(reading_on_[i]);
        } else if (shard_.wants_reading(reading_on_[i]) && shard_.admits(reading_on_[i], now_)) {
            read(reading_on_[i]);
        }
    }
    // Whoever did not have its turn is the first of the next.
    if (skipped)
        std::rotate(unread_.begin(), unread_.begin() + static_cast<std::ptrdiff_t>(*skipped),
                    unread_.end());
}

// A session that does not want to be read from now says so when it does: update_interest() then
// notes it.
void ShardThread::note_unread(core::SessionId id) noexcept {
    Connection& connection = *find(id);
    if (!connection.tls->has_more() || connection.unread_noted || !shard_.wants_reading(id)) return;
    connection.unread_noted = true;
    unread_.push_back(id);
}

void ShardThread::flush(core::SessionId id) noexcept {
    Connection* connection = find(id);
    const bytes::SendQueue* queue = shard_.output(id);
    if (!connection || !queue) return;
    const auto lacks = [&] {
        return !queue->empty() || (connection->tls && connection->tls->holds_unsent());
    };
    bool full = false;
    for (std::size_t writes = 0; !full && lacks() && writes < writes_per_turn_max; ++writes) {
        const Transfer transfer = write(*connection, *queue);
        if (transfer.status == Transfer::Status::broken) {
            shard_.output_broken(id, now_);
            break;
        }
        full = transfer.status == Transfer::Status::later;
        shard_.sent(id, transfer.bytes);
    }
    if (full) shard_.set_late(id, true);
    connection->wants_writing = lacks();
    if (connection->tls && connection->tls->said_goodbye() && !lacks())
        shut_sending(connection->socket.get());
    update_interest(id);
}

Transfer ShardThread::write(Connection& connection, const bytes::SendQueue& queue) noexcept {
    const int fd = connection.socket.get();
    if (const bytes::Piece* piece = connection.tls ? nullptr : queue.worth_lending())
        if (const auto lent = lend(fd, *piece)) return *lent;
    std::array<std::span<const std::byte>, bytes::gather_pieces_max> pieces;
    const auto gathered = std::span(pieces).first(queue.gather(pieces));
    return connection.tls
               ? connection.tls->send(fd, gathered, queue.pending_bytes(), tls_scratch_, pool_)
               : send(fd, gathered);
}

// Nothing when it must be copied.
std::optional<Transfer> ShardThread::lend(int fd, const bytes::Piece& piece) noexcept {
    piece.slab->lent.store(true, std::memory_order_relaxed);
    const auto place = bytes::SlabPool::file_place(*piece.slab);
    const auto transfer = send_pages(fd, place.file, place.offset + piece.offset, piece.length);
    if (transfer) engine_counters_.lent_bytes.add(transfer->bytes);
    return transfer;
}

void ShardThread::update_interest(core::SessionId id) noexcept {
    Connection* connection = find(id);
    if (!connection) return;
    if (connection->tls) note_unread(id);
    // The verdict on a login comes soon, and most peers say nothing until then: to leave the socket
    // watched costs less than the two calls. handle() ends it for one that does speak.
    const bool stays = connection->watched && connection->interest.readable;
    const Interest interest{shard_.wants_reading(id) || (stays && shard_.awaits_verdict(id)),
                            connection->wants_writing};
    if (connection->watched && interest == connection->interest) return;
    connection->interest = interest;
    if (connection->watched) return poller_.change(connection->socket.get(), tag_of(id), interest);
    connection->watched = poller_.watch(connection->socket.get(), tag_of(id), interest);
    if (connection->watched) return;
    shard_.output_broken(id, now_);
    shard_.peer_closed(id, now_);
}

// ---- the end

// Nothing more will be sent. What TLS still holds goes first; flush() then shuts our side.
void ShardThread::say_goodbye(Connection& connection) noexcept {
    const int fd = connection.socket.get();
    if (connection.tls) {
        connection.tls->say_goodbye(fd, tls_scratch_, pool_);
        connection.wants_writing = connection.tls->holds_unsent();
        if (connection.wants_writing) return;
    }
    shut_sending(fd);
}

void ShardThread::close(Connection& connection) noexcept {
    if (connection.tls) {
        connection.tls->say_goodbye(connection.socket.get(), tls_scratch_, pool_);
        if (connection.tls->was_violated()) engine_counters_.tls_violations.increment();
        connection.tls.reset();
    }
    connection.socket.reset();  // takes it out of epoll, too
    connection_count_.fetch_sub(1, std::memory_order_relaxed);
    connection.address_place = {};
    places_->give_back();
}

}  // namespace hpfeeds::net
