// SPDX-License-Identifier: Apache-2.0
#include "auth/json_source.hpp"

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
    AccountRef account = now->keys.find(ident);
    return account ? Lookup::found(std::move(account)) : Lookup::absent();
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
    std::string text = read_whole();
    last_ = content_of(text);
    try {
        take_over(parsed(std::move(text)));
        last_was_valid_ = true;
    } catch (const Error& error) {
        log::error("the key file is invalid; it has no users until it is repaired",
                   {{"file", path_}, {"reason", error.what()}});
        auto nobody = std::make_shared<Snapshot>();
        nobody->invalid = error.what();
        publish(std::move(nobody));
    }
}

std::function<void()> JsonSource::read_again() {
    std::string text = read_whole();
    const Content content = content_of(text);
    std::optional<Content> before;
    {
        const std::lock_guard lock(judging_mutex_);
        if (content == last_ && last_was_valid_) return {};
        before = last_;
    }
    std::shared_ptr<Snapshot> next;
    try {
        next = parsed(std::move(text));
    } catch (const Error& error) {
        throw Error(path_ + ": " + error.what());
    }
    return [this, before, content, next] {
        const std::lock_guard lock(judging_mutex_);
        if (last_ != before) return;  // the watch has seen more since
        last_ = content;
        last_was_valid_ = true;
        take_over(next);
        reload_ok_.increment();
    };
}

void JsonSource::reload() {
    const std::unique_lock judging(judging_mutex_);
    if (std::optional<Seen> seen = look(); seen && seen->content != last_) {
        last_ = seen->content;
        last_was_valid_ = false;
        try {
            if (!seen->content.fault.empty()) throw Error(seen->content.fault);
            take_over(parsed(std::move(seen->text)));
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

std::shared_ptr<JsonSource::Snapshot> JsonSource::parsed(std::string text) {
    return std::make_shared<Snapshot>(std::move(text));
}

void JsonSource::take_over(std::shared_ptr<Snapshot> next) {
    const std::uint64_t users = next->keys.size();
    const std::shared_ptr<const Snapshot> before = snapshot();
    KeyChanges changes;
    if (before) changes = next->keys.follow(before->keys);
    // Nobody could say whether there was such a key: now somebody can.
    if (before && !before->invalid.empty()) changes = {{}, true};
    publish(std::move(next));
    log::info("users read", {{"file", path_}, {"users", users}});
    tell(std::move(changes));
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

void JsonSource::publish(std::shared_ptr<const Snapshot> next) {
    const std::lock_guard lock(mutex_);
    snapshot_.swap(next);  // the old one ends after the lock
}

std::shared_ptr<const JsonSource::Snapshot> JsonSource::snapshot() const {
    const std::lock_guard lock(mutex_);
    return snapshot_;
}

}  // namespace hpfeeds::auth
