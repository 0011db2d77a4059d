// SPDX-License-Identifier: Apache-2.0
// surroundings.hpp: what a broker has of the process that started it.
//
// Threads  values; one owner.
#pragma once

#include "service/handed_sockets.hpp"
#include "service/notifier.hpp"

namespace hpfeeds::service {

struct Surroundings {
    HandedSockets sockets = {};
    Notifier notifier = {};

    // Throws hpfeeds::Error. Call it before there are threads: variables leave the environment.
    [[nodiscard]] static Surroundings from_environment() {
        Surroundings around;
        around.sockets = HandedSockets::from_environment();
        around.notifier = Notifier::from_environment();
        return around;
    }
};

}  // namespace hpfeeds::service
