// SPDX-License-Identifier: Apache-2.0
#include "auth/chain.hpp"

#include "log/log.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

namespace hpfeeds::auth {

Lookup Chain::find(std::string_view ident) noexcept {
    std::string reasons;
    bool unsure = false;
    for (const auto& source : sources_) {
        Lookup lookup = source->find(ident);
        if (lookup.status == Lookup::Status::found) {
            lookup.degraded = unsure;
            return lookup;
        }
        if (lookup.status == Lookup::Status::absent) continue;
        unsure = true;
        unavailable_count_.fetch_add(1, std::memory_order_relaxed);
        report(*source, ident, lookup.reason);
        if (!reasons.empty()) reasons += "; ";
        reasons += lookup.reason;
    }
    return unsure ? Lookup::unavailable(std::move(reasons)) : Lookup::absent();
}

bool Chain::tells_changes() const noexcept {
    return std::all_of(sources_.begin(), sources_.end(),
                       [](const auto& source) { return source->tells_changes(); });
}

void Chain::tell_changes_to(TellChanges tell) {
    for (const auto& source : sources_)
        source->tell_changes_to(tell);
}

std::string Chain::name() const {
    std::string names;
    for (const auto& source : sources_) {
        if (!names.empty()) names += ", ";
        names += source->name();
    }
    return names;
}

// An outage meets every login, so most of its lines are held back; the counter tells them all.
void Chain::report(const AccountSource& source, std::string_view ident, const std::string& reason) {
    using std::chrono::duration_cast;
    using std::chrono::seconds;
    thread_local log::RateLimit limit{5};
    const auto now = std::chrono::steady_clock::now().time_since_epoch();
    if (!limit.admit(static_cast<std::uint64_t>(duration_cast<seconds>(now).count()))) return;
    log::warning("a key store cannot answer", {{"store", source.name()},
                                               {"ident", ident},
                                               {"reason", reason},
                                               {"held_back", limit.take_held_back()}});
}

}  // namespace hpfeeds::auth
