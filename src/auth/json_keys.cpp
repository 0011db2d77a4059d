// SPDX-License-Identifier: Apache-2.0
#include "auth/json_keys.hpp"

#include "auth/json_accounts.hpp"
#include "auth/limits.hpp"

#include <algorithm>
#include <bit>
#include <functional>
#include <memory>
#include <utility>

namespace hpfeeds::auth {

// An index has 32 bits, and every key takes more than one byte of the text.
static_assert(json_file_bytes_max < UINT32_MAX);

JsonKeys::JsonKeys(std::string text) : text_(std::move(text)) {
    if (!scan()) parse();
}

bool JsonKeys::scan() {
    // Room for all that the text can hold: memory is taken from the system where it is written to.
    constexpr std::string_view shortest =
        R"("a":{"owner":"","secret":"s","pubchans":[],"subchans":[]})";
    keys_.reserve(text_.size() / shortest.size() + 1);
    if (!scan_json_keys(text_, keys_)) return false;
    for (WrittenKey& key : keys_) {
        if (key.ident.find('\\') == std::string_view::npos) continue;
        meanings_.push_back(meaning_of_json(key.ident));
        key.ident = meanings_.back();
    }
    built_.resize(keys_.size());
    return make_table();
}

// Where the quick way does not know what to make of the text, the strict one knows, or throws.
void JsonKeys::parse() {
    std::vector<core::Account> accounts = parse_json_accounts(text_);
    keys_.clear();
    built_.clear();
    for (core::Account& account : accounts) {
        built_.push_back(std::make_shared<const core::Account>(std::move(account)));
        keys_.push_back({built_.back()->ident, {}});
    }
    static_cast<void>(make_table());
}

// False when an ident appears twice.
bool JsonKeys::make_table() {
    table_.assign(std::bit_ceil(2 * keys_.size() + 1), none);
    for (std::uint32_t index = 0; index < keys_.size(); ++index) {
        const std::size_t place = place_of(keys_[index].ident);
        if (table_[place] != none) return false;
        table_[place] = index;
    }
    return true;
}

std::size_t JsonKeys::place_of(std::string_view ident) const noexcept {
    const std::size_t mask = table_.size() - 1;
    std::size_t place = std::hash<std::string_view>{}(ident)&mask;
    while (table_[place] != none && keys_[table_[place]].ident != ident)
        place = (place + 1) & mask;
    return place;
}

std::uint32_t JsonKeys::index_of(std::string_view ident) const noexcept {
    return table_.empty() ? none : table_[place_of(ident)];
}

AccountRef JsonKeys::find(std::string_view ident) const {
    const std::uint32_t index = index_of(ident);
    return index == none ? nullptr : account(index);
}

AccountRef JsonKeys::built(std::uint32_t index) const {
    const std::lock_guard lock(mutex_);
    return built_[index];
}

AccountRef JsonKeys::account(std::uint32_t index) const {
    if (AccountRef known = built(index)) return known;
    const WrittenKey& key = keys_[index];
    auto fresh = std::make_shared<const core::Account>(account_of(key.ident, key.entry));
    const std::lock_guard lock(mutex_);
    if (!built_[index]) built_[index] = std::move(fresh);
    return built_[index];
}

// The same text means the same; another one may.
bool JsonKeys::same(const JsonKeys& left, std::uint32_t left_index, const JsonKeys& right,
                    std::uint32_t right_index) {
    const std::string_view entry = left.keys_[left_index].entry;
    if (!entry.empty() && entry == right.keys_[right_index].entry) return true;
    return *left.account(left_index) == *right.account(right_index);
}

// Without an entry, the ident is the account's own, which goes with it.
void JsonKeys::keep(std::uint32_t index, AccountRef account) {
    if (keys_[index].entry.empty()) keys_[index].ident = account->ident;
    built_[index] = std::move(account);
}

KeyChanges JsonKeys::follow(const JsonKeys& before) {
    KeyChanges changes;
    const auto differs = [&](std::string_view ident) {
        changes.any = changes.any || changes.idents.size() == told_idents_max;
        if (!changes.any) changes.idents.emplace_back(ident);
    };
    for (std::uint32_t index = 0; index < keys_.size(); ++index) {
        const std::uint32_t known = before.index_of(keys_[index].ident);
        if (known == none || !same(*this, index, before, known))
            differs(keys_[index].ident);
        else if (AccountRef kept = before.built(known))
            keep(index, std::move(kept));
    }
    for (const WrittenKey& key : before.keys_)
        if (index_of(key.ident) == none) differs(key.ident);
    if (changes.any) changes.idents.clear();
    return changes;
}

}  // namespace hpfeeds::auth
