// SPDX-License-Identifier: Apache-2.0
// client_fixture.hpp: scripts for a broker that greets and hears a client out, and options that
// lose no time.
#pragma once

#include "hpfeeds/client.hpp"
#include "unit/client/frames.hpp"
#include "unit/client/scripted_broker.hpp"

#include <condition_variable>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

namespace hpfeeds::client::testing {

inline ClientOptions options_for(std::uint16_t port) {
    ClientOptions options;
    options.host = "127.0.0.1";
    options.port = port;
    options.ident = "me";
    options.secret = "secret";
    options.backoff = {std::chrono::milliseconds(1), std::chrono::milliseconds(5)};
    return options;
}

// INFO, and the AUTH that answers it.
inline std::string greet(const Peer& peer) {
    peer.send(info("scripted", "abcd"));
    return peer.read_frame();
}

// What happened, told by the broker's thread to the test's.
class Diary {
public:
    void write(std::string entry) {
        const std::lock_guard lock(mutex_);
        entries_.push_back(std::move(entry));
        changed_.notify_all();
    }
    // Waits for so many entries.
    [[nodiscard]] std::vector<std::string> wait_for(std::size_t count) const {
        std::unique_lock lock(mutex_);
        changed_.wait_for(lock, std::chrono::seconds(30), [&] { return entries_.size() >= count; });
        return entries_;
    }

private:
    mutable std::mutex mutex_;
    mutable std::condition_variable changed_;
    std::vector<std::string> entries_;
};

// Greets, then writes every frame into the diary until the client has ended its half.
inline Script hear_out(Diary& diary) {
    return [&diary](const Peer& peer) {
        static_cast<void>(greet(peer));
        for (std::string frame = peer.read_frame(); !frame.empty(); frame = peer.read_frame())
            diary.write(frame);
    };
}

}  // namespace hpfeeds::client::testing
