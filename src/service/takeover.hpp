// SPDX-License-Identifier: Apache-2.0
// takeover.hpp: one process takes over from another. The sockets cross, so no connection is
// refused; and the old one goes on until the new one has said that it serves.
//
//   Successor (in the old)            Predecessor (in the new)
//   starts the program         ─>
//   a socket and its name ...  ─>     receive_sockets()
//   all were sent              ─>
//                              <─     ready(), or failed() and why
//   step_back()                ─>     ready() returns: from here on the manager hears the new one
//
// They talk over a pair of sockets; the new one's end is its descriptor 3, and HPFEEDS_TAKEOVER is
// the pid of the old one. All other descriptors but the standard ones stay behind.
//
// Threads  the main one of each process.
// Errors   hpfeeds::Error, one line; a Successor that fails later says so by its state.
#pragma once

#include "net/descriptor.hpp"
#include "service/handed_sockets.hpp"
#include "service/program.hpp"

#include <sys/types.h>
#include <chrono>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace hpfeeds::service {

// A successor that has not said anything by then will not: every store was asked long ago.
inline constexpr std::chrono::seconds takeover_patience{120};

class Predecessor {
public:
    // There is none.
    Predecessor() = default;
    // The variable leaves the environment. Throws hpfeeds::Error when what it says cannot be.
    [[nodiscard]] static Predecessor from_environment();

    [[nodiscard]] bool there() const noexcept { return channel_.open(); }
    // Throws hpfeeds::Error when the other process ends before all were sent.
    [[nodiscard]] HandedSockets receive_sockets();
    // This process serves. Returns when the old one has stepped back, or is gone.
    void ready() noexcept;
    // This process ends, because of `why`.
    void failed(std::string_view why) noexcept;

private:
    net::Descriptor channel_;
};

class Successor {
public:
    using Variables = std::vector<std::pair<std::string, std::string>>;
    enum class State { starting, ready, failed };

    // Starts `program` with our environment and `variables`, and sends it copies of the sockets.
    // Throws hpfeeds::Error.
    Successor(const Program& program, std::span<const HandedSocket> sockets,
              const Variables& variables);
    // Ends the process, unless step_back() was called.
    ~Successor();
    Successor(const Successor&) = delete;
    Successor& operator=(const Successor&) = delete;

    // How it is now; does not wait.
    [[nodiscard]] State look();
    // failed: why.
    [[nodiscard]] const std::string& why() const noexcept { return why_; }
    [[nodiscard]] pid_t pid() const noexcept { return pid_; }
    // The other one is the service from here on.
    void step_back() noexcept;

private:
    void send_sockets(std::span<const HandedSocket> sockets);
    void give_up(std::string why);

    net::Descriptor channel_;
    pid_t pid_ = -1;
    State state_ = State::starting;
    std::string why_;
    std::chrono::steady_clock::time_point deadline_;
};

}  // namespace hpfeeds::service
