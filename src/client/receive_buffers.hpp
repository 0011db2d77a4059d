// SPDX-License-Identifier: Apache-2.0
// receive_buffers.hpp: where sessions of one execution context receive into, and how they end with
// it.
//
// A session owns a buffer only while there is something in it, so ten thousand idle sessions own
// none. When the context is destroyed, the handlers that sessions still hold are destroyed first:
// they may own the session that holds them, and would keep each other alive otherwise.
//
// Threads    any.
// Ownership  buffers are lent as unique_ptr and come back by give_back(); spare_max are kept.
// Errors     nothing throws but for want of memory.
#pragma once

#include "client/limits.hpp"
#include "hpfeeds/message.hpp"

#include <asio/execution_context.hpp>

#include <array>
#include <cstddef>
#include <memory>
#include <mutex>
#include <set>
#include <vector>

namespace hpfeeds::client {

struct ReceiveBuffer {
    std::array<std::byte, read_bytes_max> bytes;
    std::vector<MessageView> views;  // of one batch
};

// Who must let go of what it holds when the context ends.
class Abandoned {
public:
    virtual void abandon() noexcept = 0;

protected:
    ~Abandoned() = default;
};

class ReceiveBuffers final : public asio::execution_context::service {
public:
    static asio::execution_context::id id;
    static constexpr std::size_t spare_max = 8;

    explicit ReceiveBuffers(asio::execution_context& context) : service(context) {}

    [[nodiscard]] std::unique_ptr<ReceiveBuffer> take();
    void give_back(std::unique_ptr<ReceiveBuffer> buffer) noexcept;

    void enter(Abandoned* session);
    void leave(Abandoned* session) noexcept;

private:
    void shutdown() override;

    std::mutex mutex_;
    std::vector<std::unique_ptr<ReceiveBuffer>> spare_;
    std::set<Abandoned*> sessions_;
};

}  // namespace hpfeeds::client
