// SPDX-License-Identifier: Apache-2.0
// module.cpp: hpfeeds._native, all that Python sees of the C++ core.
#include "machine.hpp"
#include "messages.hpp"
#include "unpacker.hpp"
#include "wire/limits.hpp"

#include <poll.h>

#include <nanobind/nanobind.h>

namespace nb = nanobind;

namespace {

// Whether nothing more can come from the other side than what has arrived already. Takes no byte,
// and never waits: cheap enough to ask before every publish.
bool peer_is_gone(int descriptor) {
    pollfd asked{descriptor, POLLRDHUP, 0};
    return poll(&asked, 1, 0) > 0 && (asked.revents & (POLLRDHUP | POLLHUP | POLLERR)) != 0;
}

nb::dict default_sizes() {
    nb::dict sizes;
    sizes[nb::int_(0)] = hpfeeds::wire::error_frame_bytes_max;
    sizes[nb::int_(1)] = hpfeeds::wire::info_frame_bytes_max;
    sizes[nb::int_(2)] = hpfeeds::wire::auth_frame_bytes_max;
    sizes[nb::int_(3)] = hpfeeds::wire::publish_frame_bytes_max;
    return sizes;
}

}  // namespace

NB_MODULE(_native, module) {
    const nb::dict sizes = default_sizes();
    module.attr("SIZES") = sizes;
    module.attr("MAXBUF") = hpfeeds::wire::payload_bytes_max;
    module.def("peer_is_gone", peer_is_gone, nb::arg("descriptor"),
               "Whether the other side of a socket has closed.");
    hpfeeds::python::bind_messages(module);
    hpfeeds::python::bind_unpacker(module, sizes);
    hpfeeds::python::bind_machine(module);
}
