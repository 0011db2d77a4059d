// SPDX-License-Identifier: Apache-2.0
// scripted_broker.hpp: a broker on a loopback port of the system's choice that does what a test
// tells it.
//
// Each accepted connection runs the next script; when the scripts are used up the listener closes.
// Everything ends when the broker is destroyed, or after a bound that no good run comes near.
#pragma once

#include "wire/limits.hpp"
#include "wire/parser.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>
#include <array>
#include <cstdint>
#include <functional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

namespace hpfeeds::client::testing {

class Peer {
public:
    Peer(int descriptor, int stop) : descriptor_(descriptor), stop_(stop) {}
    ~Peer() { ::close(descriptor_); }
    Peer(const Peer&) = delete;
    Peer& operator=(const Peer&) = delete;

    void send(std::string_view bytes) const {
        while (!bytes.empty()) {
            const ssize_t sent = ::send(descriptor_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
            if (sent <= 0) return;
            bytes.remove_prefix(static_cast<std::size_t>(sent));
        }
    }
    // Exactly `count` bytes, or fewer at the end of file.
    [[nodiscard]] std::string read(std::size_t count) const {
        std::string bytes;
        while (bytes.size() < count) {
            std::array<char, 65536> room{};
            if (!wait()) break;
            const ssize_t taken =
                recv(descriptor_, room.data(), std::min(room.size(), count - bytes.size()), 0);
            if (taken <= 0) break;
            bytes.append(room.data(), static_cast<std::size_t>(taken));
        }
        return bytes;
    }
    [[nodiscard]] std::string read_frame() const {
        std::string frame = read(wire::header_bytes);
        if (frame.size() < wire::header_bytes) return frame;
        const std::size_t length = wire::read_u32(wire::as_bytes(frame).data());
        if (length > frame.size()) frame += read(length - frame.size());
        return frame;
    }
    [[nodiscard]] std::string read_all() const { return read(std::string().max_size()); }
    // Leaves the connection open, and silent, until the test ends or the client goes.
    void stay_silent() const { static_cast<void>(read_all()); }
    [[nodiscard]] int descriptor() const { return descriptor_; }
    // Waits for the test's end, whatever the client does.
    void hang() const {
        pollfd watched{stop_, POLLIN, 0};
        static_cast<void>(poll(&watched, 1, 30'000));
    }

private:
    [[nodiscard]] bool wait() const {
        std::array<pollfd, 2> watched{{{descriptor_, POLLIN, 0}, {stop_, POLLIN, 0}}};
        return poll(watched.data(), watched.size(), 30'000) > 0 && watched[0].revents != 0;
    }
    int descriptor_;
    int stop_;
};

using Script = std::function<void(const Peer&)>;

class ScriptedBroker {
public:
    explicit ScriptedBroker(std::vector<Script> scripts) : scripts_(std::move(scripts)) {
        listener_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t size = sizeof address;
        auto* generic = reinterpret_cast<sockaddr*>(&address);
        if (bind(listener_, generic, size) != 0 || listen(listener_, 16) != 0 ||
            getsockname(listener_, generic, &size) != 0)
            throw std::runtime_error("no loopback port for the scripted broker");
        port_ = ntohs(address.sin_port);
        thread_ = std::thread([this] { serve(); });
    }
    ~ScriptedBroker() {
        eventfd_write(stop_, 1);
        thread_.join();
        ::close(stop_);
    }
    ScriptedBroker(const ScriptedBroker&) = delete;
    ScriptedBroker& operator=(const ScriptedBroker&) = delete;

    [[nodiscard]] std::uint16_t port() const { return port_; }

private:
    void serve() {
        for (const Script& script : scripts_) {
            std::array<pollfd, 2> watched{{{listener_, POLLIN, 0}, {stop_, POLLIN, 0}}};
            if (poll(watched.data(), watched.size(), 30'000) <= 0 || watched[0].revents == 0) break;
            const Peer peer(accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC), stop_);
            script(peer);
        }
        ::close(listener_);
    }

    std::vector<Script> scripts_;
    int listener_ = -1;
    int stop_ = eventfd(0, EFD_CLOEXEC);
    std::uint16_t port_ = 0;
    std::thread thread_;
};

// A port on which nobody listens: it was free a moment ago, and is kept bound so that nobody else
// takes it.
class DeadPort {
public:
    DeadPort() {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t size = sizeof address;
        auto* generic = reinterpret_cast<sockaddr*>(&address);
        if (bind(socket_, generic, size) != 0 || getsockname(socket_, generic, &size) != 0)
            throw std::runtime_error("no loopback port");
        port_ = ntohs(address.sin_port);
    }
    ~DeadPort() { ::close(socket_); }
    DeadPort(const DeadPort&) = delete;
    DeadPort& operator=(const DeadPort&) = delete;
    [[nodiscard]] std::uint16_t port() const { return port_; }

private:
    int socket_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    std::uint16_t port_ = 0;
};

}  // namespace hpfeeds::client::testing
