// SPDX-License-Identifier: Apache-2.0
#include "auth/json_source.hpp"

#include "auth/json_accounts.hpp"
#include "auth/limits.hpp"
#include "auth/names.hpp"
#include "auth/text_file.hpp"
#include "hpfeeds/error.hpp"
#include "log/log.hpp"

#include <cstdint>
#include <utility>

namespace hpfeeds::auth {

JsonSource::JsonSource(std::string path, Options options)
    : path_(std::move(path)), looked_at_(std::move(options.looked_at)) {
    read_first();
    watch_.emplace(
        path_, [this] { reload(); }, options.watch);
}

Lookup JsonSource::find(std::string_view ident) noexcept {
    const std::shared_ptr<const Snapshot> now = snapshot();
    if (!now->invalid.empty()) return Lookup::unavailable(path_ + ": " + now->invalid);
    const auto found = now->accounts.find(ident);
    return found == now->accounts.end() ? Lookup::absent() : Lookup::found(found->second);
}

// Not while it is written to.
std::string JsonSource::read_whole() const {
    constexpr int attempts = 100;
    for (int attempt = 0; attempt < attempts; ++attempt)
        if (std::optional<std::string> text = read_text_file(path_, json_file_bytes_max))
            return std::move(*text);
    throw Error("'" + path_ + "' is written to all the time; try again when it is complete");
}

// A missing file ends the start; an invalid one waits for its repair.
void JsonSource::read_first() {
    const std::string text = read_whole();
    last_ = content_of(text);
    try {
        take_over(text);
        last_was_valid_ = true;
    } catch (const Error& error) {
        log::error("the key file is invalid; it has no users until it is repaired",
                   {{"file", path_}, {"reason", error.what()}});
        publish({{}, error.what()});
    }
}

std::function<void()> JsonSource::read_again() {
    const std::string text = read_whole();
    const Content content = content_of(text);
    std::optional<Content> before;
    {
        const std::lock_guard lock(judging_mutex_);
        if (content == last_ && last_was_valid_) return {};
        before = last_;
    }
    std::shared_ptr<Snapshot> next;
    try {
        next = std::make_shared<Snapshot>(parsed(text));
    } catch (const Error& error) {
        throw Error(path_ + ": " + error.what());
    }
    return [this, before, content, next] {
        const std::lock_guard lock(judging_mutex_);
        if (last_ != before) return;  // the watch has seen more since
        last_ = content;
        last_was_valid_ = true;
        take_over(std::move(*next));
        reload_ok_.increment();
    };
}

void JsonSource::reload() {
    const std::unique_lock judging(judging_mutex_);
    if (const std::optional<Seen> seen = look(); seen && seen->content != last_) {
        last_ = seen->content;
        last_was_valid_ = false;
        try {
            if (!seen->content.fault.empty()) throw Error(seen->content.fault);
            take_over(seen->text);
            last_was_valid_ = true;
            reload_ok_.increment();
        } catch (const Error& error) {
            reload_failed_.increment();
            log::error("the key file was not taken over; the old users stay",
                       {{"file", path_}, {"reason", error.what()}});
        }
    }
    if (looked_at_) looked_at_();
}

// Nothing when the file is being written: the watch will call again.
std::optional<JsonSource::Seen> JsonSource::look() const {
    try {
        std::optional<std::string> text = read_text_file(path_, json_file_bytes_max);
        if (!text) return std::nullopt;
        const Content content = content_of(*text);
        return Seen{content, std::move(*text)};
    } catch (const Error& error) {
        return Seen{{0, 0, error.what()}, {}};
    }
}

JsonSource::Content JsonSource::content_of(std::string_view text) {
    return {text.size(), std::hash<std::string_view>{}(text), {}};
}

JsonSource::Snapshot JsonSource::parsed(std::string_view text) {
    Snapshot next;
    std::vector<core::Account> accounts = parse_json_accounts(text);
    next.accounts.reserve(accounts.size());
    for (core::Account& account : accounts) {
        auto shared = std::make_shared<const core::Account>(std::move(account));
        next.accounts.emplace(shared->ident, shared);
    }
    return next;
}

void JsonSource::take_over(std::string_view text) {
    take_over(parsed(text));
}

void JsonSource::take_over(Snapshot next) {
    const std::uint64_t users = next.accounts.size();
    const std::shared_ptr<const Snapshot> before = snapshot();
    KeyChanges changes;
    if (before) changes = difference(*before, next);
    publish(std::move(next));
    log::info("users read", {{"file", path_}, {"users", users}});
    tell(std::move(changes));
}

// An account that is as it was stays the same object, so that it is known for that everywhere.
KeyChanges JsonSource::difference(const Snapshot& before, Snapshot& after) {
    KeyChanges changes;
    // Nobody could say whether there was such a key: now somebody can.
    changes.any = !before.invalid.empty();
    const auto differs = [&](const std::string& ident) {
        changes.any = changes.any || changes.idents.size() == told_idents_max;
        if (!changes.any) changes.idents.push_back(ident);
    };
    for (auto& [ident, account] : after.accounts) {
        const auto known = before.accounts.find(ident);
        if (known == before.accounts.end() || *known->second != *account)
            differs(ident);
        else
            account = known->second;
    }
    for (const auto& [ident, account] : before.accounts)
        if (!after.accounts.contains(ident)) differs(ident);
    if (changes.any) changes.idents.clear();
    return changes;
}

void JsonSource::tell_changes_to(TellChanges tell) {
    const std::lock_guard lock(tell_mutex_);
    tell_ = std::move(tell);
}

void JsonSource::tell(KeyChanges changes) {
    if (!changes.any && changes.idents.empty()) return;
    const std::lock_guard lock(tell_mutex_);
    if (tell_) tell_(std::move(changes));
}

void JsonSource::publish(Snapshot snapshot) {
    auto next = std::make_shared<const Snapshot>(std::move(snapshot));
    const std::lock_guard lock(mutex_);
    snapshot_.swap(next);  // the old one ends after the lock
}

std::shared_ptr<const JsonSource::Snapshot> JsonSource::snapshot() const {
    const std::lock_guard lock(mutex_);
    return snapshot_;
}

}  // namespace hpfeeds::auth
