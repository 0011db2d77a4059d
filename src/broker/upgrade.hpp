// SPDX-License-Identifier: Apache-2.0
// upgrade.hpp: SIGUSR2: the broker starts its program again and hands it the sockets; this one goes
// on until the new one serves, and for good when it does not.
//
// Threads  the main one.
// Errors   none; what fails is logged and told to the service manager.
#pragma once

#include "service/surroundings.hpp"
#include "service/takeover.hpp"

#include <memory>
#include <span>
#include <string>

namespace hpfeeds::broker {

class Upgrade {
public:
    // Requires: both outlive it.
    Upgrade(service::Surroundings& around, std::span<const service::HandedSocket> sockets)
        : around_(around), sockets_(sockets) {}

    // `status` is what the manager is told again when nothing comes of it.
    void begin(std::string status);
    [[nodiscard]] bool under_way() const noexcept { return successor_ != nullptr; }
    // SIGHUP has come: the new process has read its configuration perhaps, and must do it again.
    void reload_too() noexcept { reload_too_ = true; }
    // True once the new process serves: this one must stop accepting, and then conclude().
    [[nodiscard]] bool ready();
    // The other process is the service now; the manager is told nothing more from here. Whoever
    // connects when the manager knows is served by the other one, for sure.
    void conclude();

private:
    void fail(const std::string& why);

    service::Surroundings& around_;
    std::span<const service::HandedSocket> sockets_;
    std::unique_ptr<service::Successor> successor_;
    std::string status_;
    bool reload_too_ = false;
};

}  // namespace hpfeeds::broker
