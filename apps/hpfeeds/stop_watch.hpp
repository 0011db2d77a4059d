// SPDX-License-Identifier: Apache-2.0
// stop_watch.hpp: closes a client when the user wants to end, so that its reader comes back.
//
// What the client received until then is still read; then its events end with Errc::closed.
//
// Threads  one of its own, until destruction.    Ownership  borrows the client and `stop`.
// Errors   the constructor throws hpfeeds::Error when the system has no descriptor left.
#pragma once

#include "hpfeeds/client.hpp"

#include <thread>

namespace hpfeeds::cli {

class StopWatch {
public:
    // `stop` becomes readable when the user wants to end; -1: never.
    StopWatch(Client& client, int stop);
    ~StopWatch();
    StopWatch(const StopWatch&) = delete;
    StopWatch& operator=(const StopWatch&) = delete;

private:
    int done_;  // an eventfd: nobody needs us any more
    std::thread thread_;
};

}  // namespace hpfeeds::cli
