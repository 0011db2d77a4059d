// SPDX-License-Identifier: Apache-2.0
// json_keys.hpp: all keys of a key file, as its text and where each of them is in it.
//
// The whole text is judged at once, and an account is built when it is asked for; from then on it
// is the same object for everybody. So a file of 100,000 keys, of which few log in, costs a pass
// over its text (docs/decisions/0021).
//
// Threads  any, after construction; a lock is held for the copy of one pointer.
// Errors   the constructor throws what parse_json_accounts() throws.
#pragma once

#include "auth/account_source.hpp"
#include "auth/json_scan.hpp"

#include <cstddef>
#include <cstdint>
#include <deque>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace hpfeeds::auth {

class JsonKeys {
public:
    JsonKeys() = default;  // nobody
    explicit JsonKeys(std::string text);
    JsonKeys(const JsonKeys&) = delete;
    JsonKeys& operator=(const JsonKeys&) = delete;

    [[nodiscard]] std::size_t size() const noexcept { return keys_.size(); }
    // Null when there is none.
    [[nodiscard]] AccountRef find(std::string_view ident) const;

    // What differs from `before`. An account that is as it was stays the same object. Before
    // others know these keys.
    [[nodiscard]] KeyChanges follow(const JsonKeys& before);

private:
    static constexpr std::uint32_t none = UINT32_MAX;

    [[nodiscard]] bool scan();
    void parse();
    [[nodiscard]] bool make_table();
    // Where the table has the ident, or would have it.
    [[nodiscard]] std::size_t place_of(std::string_view ident) const noexcept;
    [[nodiscard]] std::uint32_t index_of(std::string_view ident) const noexcept;
    [[nodiscard]] AccountRef built(std::uint32_t index) const;
    [[nodiscard]] AccountRef account(std::uint32_t index) const;
    void keep(std::uint32_t index, AccountRef account);
    [[nodiscard]] static bool same(const JsonKeys& left, std::uint32_t left_index,
                                   const JsonKeys& right, std::uint32_t right_index);

    std::string text_;
    std::deque<std::string> meanings_;  // of idents that are written with escapes
    std::vector<WrittenKey> keys_;      // their idents are what they mean; no entry: built
    std::vector<std::uint32_t> table_;  // indexes by the ident's hash; at least half are `none`
    mutable std::mutex mutex_;
    mutable std::vector<AccountRef> built_;  // guarded by it; null: not yet
};

}  // namespace hpfeeds::auth
