// SPDX-License-Identifier: Apache-2.0
// surroundings.hpp: what a broker has of the process that started it.
//
// Threads  values; one owner.
#pragma once

#include "service/handed_sockets.hpp"
#include "service/notifier.hpp"
#include "service/program.hpp"
#include "service/takeover.hpp"
#include "service/watchdog_interval.hpp"

#include <chrono>
#include <optional>
#include <utility>

namespace hpfeeds::service {

struct Surroundings {
    HandedSockets sockets = {};
    Notifier notifier = {};
    std::optional<std::chrono::milliseconds> watchdog = {};
    Program program = {};                // to start again, when it is to be replaced
    Predecessor* predecessor = nullptr;  // that this process takes over from; outlives this

    // Throws hpfeeds::Error. Call it before there are threads: variables leave the environment.
    [[nodiscard]] static Surroundings from_environment(Program program, Predecessor& predecessor) {
        Surroundings around;
        around.sockets = HandedSockets::from_environment();
        if (predecessor.there()) around.sockets = predecessor.receive_sockets();
        around.predecessor = &predecessor;
        around.program = std::move(program);
        around.notifier = Notifier::from_environment();
        around.watchdog = watchdog_interval();
        return around;
    }
};

}  // namespace hpfeeds::service
