// SPDX-License-Identifier: Apache-2.0
#include "steady_pair.hpp"

#include <pthread.h>
#include <sched.h>

#include <algorithm>

namespace hpfeeds::bench {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::microseconds;

constexpr std::chrono::milliseconds beat{5};  // 200 messages a second

void ask_for_priority() {
    sched_param parameters{};
    parameters.sched_priority = 1;
    pthread_setschedparam(pthread_self(), SCHED_FIFO, &parameters);  // fails without root: so be it
}

microseconds since(Clock::time_point due) {
    return std::chrono::duration_cast<microseconds>(Clock::now() - due);
}

}  // namespace

SteadyPair::SteadyPair(const support::Address& broker, const support::Login& login,
                       const std::string& channel)
    : channel_(channel), publisher_(broker, login), subscriber_(broker, login) {
    subscriber_.subscribe(channel_);
    support::wait_until_subscribed(publisher_, subscriber_, channel_);
    sending_ = std::thread([this] { send(); });
    receiving_ = std::thread([this] { receive(); });
}

SteadyPair::~SteadyPair() {
    if (sending_.joinable()) finish();
}

SteadyPair::Result SteadyPair::finish() {
    stopping_ = true;
    sending_.join();
    receiving_.join();
    return result_;
}

void SteadyPair::send() {
    ask_for_priority();
    Clock::time_point due = Clock::now();
    while (!stopping_) {
        due += beat;
        std::this_thread::sleep_until(due);
        publisher_.publish(channel_, std::to_string(due.time_since_epoch().count()));
        result_.latest_sent = std::max(result_.latest_sent, since(due));
        ++result_.sent;
    }
    publisher_.publish(channel_, "the end");
}

void SteadyPair::receive() {
    ask_for_priority();
    for (;;) {
        const std::string payload = subscriber_.expect_message().payload;
        if (payload == "the end") return;
        const Clock::time_point due{Clock::duration(std::stoll(payload))};
        result_.latest = std::max(result_.latest, since(due));
        ++result_.received;
    }
}

}  // namespace hpfeeds::bench
