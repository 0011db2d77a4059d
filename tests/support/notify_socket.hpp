// SPDX-License-Identifier: Apache-2.0
// notify_socket.hpp: a service manager's end of sd_notify(3), for a test to read what a broker
// says.
//
// Threads    one owner.    Ownership  descriptors that came along are the socket's.
// Errors     std::runtime_error when what is waited for does not come before the deadline; the text
// holds all that was said.
#pragma once

#include "support/deadline.hpp"
#include "support/temporary_directory.hpp"

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace hpfeeds::support {

class NotifySocket {
public:
    NotifySocket();
    ~NotifySocket();
    NotifySocket(const NotifySocket&) = delete;
    NotifySocket& operator=(const NotifySocket&) = delete;

    // For a process's environment.
    [[nodiscard]] std::pair<std::string, std::string> variable() const;

    struct Told {
        std::string text;
        int descriptor = -1;  // that came along
        int sender = 0;       // its pid
        bool operator==(const Told&) const = default;
    };
    // The next message that holds `part`, which may have come already; later calls look behind it.
    Told wait_for(std::string_view part, Deadline deadline = Deadline{});
    // All that came until now, looked at or not.
    [[nodiscard]] const std::vector<Told>& all();

private:
    bool receive(int patience_ms);

    TemporaryDirectory directory_;
    int socket_;
    std::vector<Told> told_;
    std::size_t seen_ = 0;
};

}  // namespace hpfeeds::support
