// SPDX-License-Identifier: Apache-2.0
// notifier.hpp: what a service manager is told: one datagram to the socket that NOTIFY_SOCKET names
// (sd_notify(3)). Without that variable nobody is told, and every call does nothing.
//
// Threads    one owner, never an I/O thread: a manager that does not read can make it wait for a
// second. Ownership  its own socket.
// Errors     from_environment() throws hpfeeds::Error; what cannot be sent later is logged once,
// and the broker goes on.
#pragma once

#include "net/descriptor.hpp"

#include <sys/types.h>
#include <string>
#include <string_view>

namespace hpfeeds::service {

class Notifier {
public:
    // Tells nobody.
    Notifier() = default;
    // `address` is a path, or a name behind an @ (an abstract socket). Throws hpfeeds::Error when
    // it is neither.
    explicit Notifier(std::string address);
    // The variable stays: a process that takes over from this one needs it.
    [[nodiscard]] static Notifier from_environment();

    [[nodiscard]] bool anybody() const noexcept { return !address_.empty(); }

    // Type=notify waits for ready(); `status` is what `systemctl status` shows.
    void ready(std::string_view status);
    // Between reloading() and the next ready() the unit counts as reloading.
    void reloading();
    void stopping(std::string_view status);
    void status(std::string_view status);
    // For WatchdogSec=.
    void alive();
    // Another process is the service from here on; this one is not heard any more.
    void main_process(pid_t pid);
    // The manager keeps a copy of the socket (FileDescriptorStoreMax=), and hands it to the next
    // process under this name. Names of more than 255 bytes are not kept.
    void keep(std::string_view name, int fd);
    void forget(std::string_view name);

private:
    void tell(std::string_view message, int fd = -1);

    std::string address_;
    net::Descriptor socket_;
    bool complained_ = false;
};

}  // namespace hpfeeds::service
