// SPDX-License-Identifier: Apache-2.0
// held_source.hpp: a source whose look-ups wait until they are let go, as on a frozen server.
#pragma once

#include "auth/account_source.hpp"
#include "unit/auth/patience.hpp"

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <string>
#include <utility>

namespace hpfeeds::auth::tests {

class HeldSource final : public AccountSource {
public:
    explicit HeldSource(std::string name = "held", Lookup answer = Lookup::absent())
        : name_(std::move(name)), answer_(std::move(answer)) {}
    ~HeldSource() override { let_go(); }

    [[nodiscard]] Lookup find(std::string_view) noexcept override {
        asked_.fetch_add(1);
        entered.ring();
        std::unique_lock lock(mutex_);
        released_.wait(lock, [this] { return !held_; });
        return answer_;
    }
    [[nodiscard]] std::string name() const override { return name_; }
    [[nodiscard]] int asked() const noexcept { return asked_.load(); }
    // True when so many have begun.
    [[nodiscard]] bool wait_for(int asked) {
        return entered.wait_until([&] { return asked_.load() >= asked; });
    }

    // Everybody who waits gets the answer, and whoever comes later does not wait.
    void let_go() {
        {
            const std::lock_guard lock(mutex_);
            held_ = false;
        }
        released_.notify_all();
    }
    void let_go_with(Lookup answer) {
        {
            const std::lock_guard lock(mutex_);
            answer_ = std::move(answer);
        }
        let_go();
    }

    Bell entered;

private:
    const std::string name_;
    std::atomic<int> asked_{0};
    std::mutex mutex_;
    std::condition_variable released_;
    bool held_ = true;
    Lookup answer_;
};

}  // namespace hpfeeds::auth::tests
