// SPDX-License-Identifier: Apache-2.0
#include "broker/readiness.hpp"

#include <string>
#include <utility>

namespace hpfeeds::broker {
namespace {

// How its look-ups have failed so far: " (timeout 3, out 12)".
std::string failures_of(const auth::StoreCounters::Values& store) {
    std::string text;
    for (std::size_t i = 0; i < auth::failure_count; ++i) {
        if (store.failures[i] == 0) continue;
        text.append(text.empty() ? " (" : ", ");
        text.append(label(static_cast<auth::Failure>(i))).append(" ");
        text.append(std::to_string(store.failures[i]));
    }
    return text.empty() ? text : text + ")";
}

// The text of one key store; true when it is ready.
bool tell_of_store(const auth::Desk::StoreCounts& store, std::string& out) {
    const std::string name = "key store " + store.name + ": ";
    if (!store.answered) {
        out += "not ready  " + name + "it has not answered since the start" +
               failures_of(store.store) + "; the log says why\n";
        return false;
    }
    if (store.out)
        out += "note       " + name +
               "it answered before and is out now; clients that are connected stay, and keys of "
               "other stores log in\n";
    else
        out += "ok         " + name + "it answers\n";
    return true;
}

// The text of the listeners; true when they take connections.
bool tell_of_phase(Phase phase, std::string& out) {
    switch (phase) {
        case Phase::starting:
            out += "not ready  listeners: the broker starts\n";
            return false;
        case Phase::draining:
            out +=
                "not ready  listeners: the broker stops; they are closed, and what is queued is "
                "handed out\n";
            return false;
        default:
            out += "ok         listeners: they accept\n";
            return true;
    }
}

}  // namespace

metrics::Response readiness(Phase phase, const auth::Desk::Counts& desk) {
    using Status = metrics::Response::Status;
    std::string text;
    bool ready = tell_of_phase(phase, text);
    for (const auth::Desk::StoreCounts& store : desk.stores)
        ready = tell_of_store(store, text) && ready;
    return {ready ? Status::ok : Status::unavailable, metrics::plain_text,
            (ready ? "ready\n" : "not ready\n") + text};
}

}  // namespace hpfeeds::broker
