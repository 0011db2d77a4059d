// SPDX-License-Identifier: Apache-2.0
// machine.hpp: client::ClientMachine for the Python sessions: bytes in, Python objects out.
//
// The blocking, the asyncio and the Twisted client have this one machine; each brings its own
// socket. receive() understands everything that one read brought in one call, so that the price of
// crossing between Python and C++ is paid per read and not per message.
//
// Threads    with the GIL held; callers from several threads bring their own lock.
// Ownership  copies what it is given and what it gives.
#pragma once

#include "client/client_machine.hpp"
#include "values.hpp"

#include <nanobind/nanobind.h>

namespace hpfeeds::python {

class Machine {
public:
    // `frame_bytes_max` bounds a PUBLISH in both directions.
    Machine(nanobind::handle ident, nanobind::handle secret, std::size_t frame_bytes_max);

    void reset() { machine_.reset(); }
    // The first `count` bytes of `data`, or all of it. Returns ([(ident, channel, payload), …],
    // [(what, text), …]) with what = "connected" (the broker's name), "error" (what it said) or
    // "violation" (why this is not hpfeeds).
    [[nodiscard]] nanobind::object receive(nanobind::handle data, Py_ssize_t count);
    // What has to be sent; it counts as sent.
    [[nodiscard]] nanobind::object take_output();
    [[nodiscard]] bool connected() const { return machine_.connected(); }

    void subscribe(nanobind::handle channel);
    void unsubscribe(nanobind::handle channel);
    // One PUBLISH, for the caller to send.
    [[nodiscard]] nanobind::object frame(nanobind::handle channel, nanobind::handle payload) const;

private:
    [[nodiscard]] nanobind::object message(const client::ClientMachine::Event& event);

    std::string ident_;
    std::size_t frame_bytes_max_;
    client::ClientMachine machine_;
    RememberedText last_ident_;
    RememberedText last_channel_;
};

void bind_machine(nanobind::module_& module);

}  // namespace hpfeeds::python
