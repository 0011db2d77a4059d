// SPDX-License-Identifier: Apache-2.0
#include "login_storm.hpp"

#include "support/frames.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstdint>
#include <stdexcept>

namespace hpfeeds::bench {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

struct Sensor {
    enum class State { connecting, greeted, served };
    std::string name;
    std::string unread;
    int socket = -1;
    State state = State::connecting;
};

class Storm {
public:
    Storm(const support::Address& broker, std::size_t sensors)
        : poller_(::epoll_create1(EPOLL_CLOEXEC)), sensors_(sensors) {
        address_.sin_family = AF_INET;
        address_.sin_port = htons(broker.port);
        ::inet_pton(AF_INET, broker.host.c_str(), &address_.sin_addr);
        for (std::size_t number = 0; number < sensors; ++number)
            sensors_[number].name = sensor_name(number);
    }
    ~Storm() {
        for (const Sensor& sensor : sensors_)
            if (sensor.socket >= 0) ::close(sensor.socket);
        ::close(poller_);
    }

    StormResult run(std::chrono::seconds patience) {
        const Clock::time_point begun = Clock::now();
        for (std::size_t number = 0; number < sensors_.size(); ++number)
            connect(number);
        std::array<epoll_event, 256> events{};
        while (result_.served < sensors_.size() && Clock::now() - begun < patience) {
            const int count = ::epoll_wait(poller_, events.data(), events.size(), 100);
            for (int i = 0; i < count; ++i) {
                const std::size_t number = events[static_cast<std::size_t>(i)].data.u64;
                const std::size_t served = result_.served;
                read(number);
                if (result_.served == served) continue;
                result_.last = std::chrono::duration_cast<milliseconds>(Clock::now() - begun);
                if (served == 0) result_.first = result_.last;
            }
        }
        return result_;
    }

private:
    void connect(std::size_t number) {
        Sensor& sensor = sensors_[number];
        if (sensor.socket >= 0) ::close(sensor.socket);
        sensor.state = Sensor::State::connecting;
        sensor.unread.clear();
        sensor.socket = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        if (sensor.socket < 0) throw std::runtime_error("no descriptor left for a sensor");
        ::connect(sensor.socket, reinterpret_cast<const sockaddr*>(&address_), sizeof address_);
        epoll_event event{};
        event.events = EPOLLIN | EPOLLRDHUP;
        event.data.u64 = number;
        ::epoll_ctl(poller_, EPOLL_CTL_ADD, sensor.socket, &event);
    }
    void fail(std::size_t number) {
        ++result_.failures;
        if (sensors_[number].state == Sensor::State::served) --result_.served;
        connect(number);
    }

    void read(std::size_t number) {
        Sensor& sensor = sensors_[number];
        std::array<char, 4096> chunk{};
        const ssize_t got = ::recv(sensor.socket, chunk.data(), chunk.size(), 0);
        if (got < 0 && errno == EAGAIN) return;
        if (got <= 0) return fail(number);
        sensor.unread.append(chunk.data(), static_cast<std::size_t>(got));
        while (sensor.unread.size() >= 5) {
            std::uint32_t length = 0;
            for (std::size_t i = 0; i < 4; ++i)
                length = length << 8U | static_cast<unsigned char>(sensor.unread[i]);
            if (sensor.unread.size() < length) return;
            const auto opcode = static_cast<std::uint8_t>(sensor.unread[4]);
            const std::string body = sensor.unread.substr(5, length - 5);
            sensor.unread.erase(0, length);
            if (opcode == support::op_error) return fail(number);
            if (opcode == support::op_info) greet(sensor, body);
            if (opcode == support::op_publish && sensor.state == Sensor::State::greeted) {
                sensor.state = Sensor::State::served;
                ++result_.served;
            }
        }
    }

    static void greet(Sensor& sensor, const std::string& info) {
        const std::string nonce = info.substr(1 + static_cast<unsigned char>(info.at(0)));
        const std::string said = support::auth_frame(nonce, sensor.name, sensor.name) +
                                 support::subscribe_frame(sensor.name, sensor.name) +
                                 support::publish_frame(sensor.name, sensor.name, "I am in");
        ::send(sensor.socket, said.data(), said.size(), MSG_NOSIGNAL);
        sensor.state = Sensor::State::greeted;
    }

    const int poller_;
    sockaddr_in address_{};
    std::vector<Sensor> sensors_;
    StormResult result_;
};

}  // namespace

std::string sensor_name(std::size_t number) {
    return "sensor" + std::to_string(number);
}

StormResult run_storm(const support::Address& broker, std::size_t sensors,
                      std::chrono::seconds patience) {
    return Storm(broker, sensors).run(patience);
}

}  // namespace hpfeeds::bench
