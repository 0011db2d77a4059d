// SPDX-License-Identifier: Apache-2.0
// account_builder.hpp: accounts and sources for tests, in a line.
#pragma once

#include "auth/account_source.hpp"

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace hpfeeds::auth::tests {

inline core::Account account_of(std::string ident, std::string secret = "s3cret",
                                std::vector<std::string> pubchans = {},
                                std::vector<std::string> subchans = {}) {
    core::Account account;
    account.owner = ident + "'s owner";
    account.ident = std::move(ident);
    account.secret = std::move(secret);
    account.pubchans = core::ChannelList(std::move(pubchans));
    account.subchans = core::ChannelList(std::move(subchans));
    return account;
}

inline AccountRef shared_account_of(std::string ident, std::string secret = "s3cret") {
    return std::make_shared<const core::Account>(account_of(std::move(ident), std::move(secret)));
}

// A source that answers what it is told to, and counts.
class ScriptedSource final : public AccountSource {
public:
    ScriptedSource(std::string name, std::function<Lookup(std::string_view)> answer,
                   bool from_memory = false)
        : name_(std::move(name)), answer_(std::move(answer)), from_memory_(from_memory) {}

    [[nodiscard]] Lookup find(std::string_view ident) noexcept override {
        asked_.fetch_add(1);
        return answer_(ident);
    }
    [[nodiscard]] std::string name() const override { return name_; }
    [[nodiscard]] bool answers_from_memory() const noexcept override { return from_memory_; }
    [[nodiscard]] int asked() const noexcept { return asked_.load(); }

private:
    const std::string name_;
    const std::function<Lookup(std::string_view)> answer_;
    const bool from_memory_;
    std::atomic<int> asked_{0};
};

}  // namespace hpfeeds::auth::tests
