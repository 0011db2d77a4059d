// SPDX-License-Identifier: Apache-2.0
#include "client/receive_buffers.hpp"

#include <utility>

namespace hpfeeds::client {

asio::execution_context::id ReceiveBuffers::id;

std::unique_ptr<ReceiveBuffer> ReceiveBuffers::take() {
    const std::lock_guard lock(mutex_);
    if (spare_.empty()) return std::make_unique_for_overwrite<ReceiveBuffer>();
    std::unique_ptr<ReceiveBuffer> buffer = std::move(spare_.back());
    spare_.pop_back();
    return buffer;
}

void ReceiveBuffers::give_back(std::unique_ptr<ReceiveBuffer> buffer) noexcept {
    if (!buffer) return;
    const std::lock_guard lock(mutex_);
    if (spare_.size() < spare_max) spare_.push_back(std::move(buffer));
}

void ReceiveBuffers::enter(Abandoned* session) {
    const std::lock_guard lock(mutex_);
    sessions_.insert(session);
}

void ReceiveBuffers::leave(Abandoned* session) noexcept {
    const std::lock_guard lock(mutex_);
    sessions_.erase(session);
}

// One after the other, since a session that lets go may be the owner of others.
void ReceiveBuffers::shutdown() {
    for (;;) {
        Abandoned* session = nullptr;
        {
            const std::lock_guard lock(mutex_);
            if (sessions_.empty()) return;
            session = *sessions_.begin();
            sessions_.erase(sessions_.begin());
        }
        session->abandon();
    }
}

}  // namespace hpfeeds::client
