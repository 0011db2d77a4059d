// SPDX-License-Identifier: Apache-2.0
#include "net/poller.hpp"

#include "hpfeeds/error.hpp"
#include "net/limits.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string>

namespace hpfeeds::net {
namespace {

epoll_event event_for(std::uint64_t tag, Interest interest) noexcept {
    epoll_event event{};
    event.events = (interest.readable ? std::uint32_t{EPOLLIN} : 0U) |
                   (interest.writable ? std::uint32_t{EPOLLOUT} : 0U);
    event.data.u64 = tag;
    return event;
}

}  // namespace

Poller::Poller()
    : epoll_(epoll_create1(EPOLL_CLOEXEC)),
      events_(events_per_turn_max),
      ready_(events_per_turn_max) {
    if (!epoll_.open())
        throw Error(std::string("epoll_create1 failed: ") + std::strerror(errno) +
                    "; raise the limit of open files");
}

bool Poller::watch(int fd, std::uint64_t tag, Interest interest) noexcept {
    epoll_event event = event_for(tag, interest);
    return epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) == 0;
}

void Poller::change(int fd, std::uint64_t tag, Interest interest) noexcept {
    epoll_event event = event_for(tag, interest);
    epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, fd, &event);
}

void Poller::unwatch(int fd) noexcept {
    epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd, nullptr);
}

std::span<const Ready> Poller::wait(std::optional<std::chrono::milliseconds> timeout) noexcept {
    const int milliseconds =
        timeout ? static_cast<int>(std::clamp<std::int64_t>(timeout->count(), 0, 3'600'000)) : -1;
    const int count =
        epoll_wait(epoll_.get(), events_.data(), static_cast<int>(events_.size()), milliseconds);
    if (count <= 0) return {};  // nothing, or interrupted by a signal
    const auto ready_count = static_cast<std::size_t>(count);
    for (std::size_t i = 0; i < ready_count; ++i) {
        const std::uint32_t bits = events_[i].events;
        ready_[i] = {events_[i].data.u64, (bits & EPOLLIN) != 0, (bits & EPOLLOUT) != 0,
                     (bits & (EPOLLHUP | EPOLLERR)) != 0};
    }
    put_first({ready_.data(), ready_count});
    return {ready_.data(), ready_count};
}

void Poller::put_first(std::span<Ready> ready) noexcept {
    if (!first_) return;
    const auto is_first = [this](const Ready& each) { return each.tag == *first_; };
    std::rotate(ready.begin(), std::find_if(ready.begin(), ready.end(), is_first), ready.end());
    first_.reset();
}

}  // namespace hpfeeds::net
