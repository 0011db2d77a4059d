// SPDX-License-Identifier: Apache-2.0
// chain.hpp: several sources as one, asked in the order in which they were given.
//
// The first that knows the ident decides. A source that cannot tell is logged, counted and passed
// over; when nobody further on knows the ident either, the whole answer is "cannot tell", never "no
// such key". What is found behind it is marked, because it might have decided otherwise.
//
// Threads  find() as in account_source.hpp; the sources are fixed at construction.
#pragma once

#include "auth/account_source.hpp"

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace hpfeeds::auth {

class Chain final : public AccountSource {
public:
    explicit Chain(std::vector<std::unique_ptr<AccountSource>> sources)
        : sources_(std::move(sources)) {}

    [[nodiscard]] Lookup find(std::string_view ident) noexcept override;
    [[nodiscard]] bool tells_changes() const noexcept override;
    void tell_changes_to(TellChanges tell) override;
    // The sources' names, joined by commas.
    [[nodiscard]] std::string name() const override;

    // How often a source could not tell.
    [[nodiscard]] std::uint64_t unavailable_count() const noexcept {
        return unavailable_count_.load(std::memory_order_relaxed);
    }

private:
    void report(const AccountSource& source, std::string_view ident, const std::string& reason);

    const std::vector<std::unique_ptr<AccountSource>> sources_;
    std::atomic<std::uint64_t> unavailable_count_{0};  // several workers write
};

}  // namespace hpfeeds::auth
