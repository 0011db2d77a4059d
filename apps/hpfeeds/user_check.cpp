// SPDX-License-Identifier: Apache-2.0
#include "user_check.hpp"

#include "auth/account_rules.hpp"
#include "auth/names.hpp"
#include "auth/open_source.hpp"
#include "guarded.hpp"
#include "user_output.hpp"

#include <memory>
#include <utility>

namespace hpfeeds::cli {
namespace {

using auth::in_quotes;
using Status = auth::Lookup::Status;

// Opened before any is asked: a broker does not start with one that cannot be.
std::vector<std::unique_ptr<auth::ListableSource>> open_all(const CheckRequest& request) {
    std::vector<std::unique_ptr<auth::ListableSource>> sources;
    for (const std::string& spec : request.stores)
        sources.push_back(auth::open_listable(spec));
    return sources;
}

CheckedUser ask(const CheckRequest& request) {
    CheckedUser checked;
    checked.ident = request.ident;
    checked.channel = request.channel;
    for (const auto& source : open_all(request)) {
        checked.asked.push_back(source->name());
        const auth::Lookup lookup = source->find(request.ident);
        if (lookup.status == Status::unavailable)
            checked.could_not_tell.emplace_back(source->name(), lookup.reason);
        if (lookup.status != Status::found) continue;
        checked.store = source->name();
        const core::Account& account = *lookup.account;
        const auto grants = [&](const core::ChannelList& list) {
            return request.wildcards ? list.covers(request.channel)
                                     : list.contains(request.channel);
        };
        checked.may_publish = grants(account.pubchans);
        checked.may_subscribe = grants(account.subchans);
        break;
    }
    return checked;
}

int status_of(const CheckedUser& checked, const CheckRequest& request) {
    if (checked.store.empty()) return checked.could_not_tell.empty() ? exit_failed : exit_undecided;
    const bool both_told = request.publish == request.subscribe;
    const bool may = both_told && !request.publish ? checked.may_publish || checked.may_subscribe
                     : both_told                   ? checked.may_publish && checked.may_subscribe
                     : request.publish             ? checked.may_publish
                                                   : checked.may_subscribe;
    return may ? exit_done : exit_failed;
}

std::string sentence(const CheckedUser& checked, bool may, const char* verb, const char* option) {
    std::string line = in_quotes(checked.ident) + (may ? " may " : " may not ") + verb + ' ' +
                       in_quotes(checked.channel) + ", says " + checked.store;
    if (!may) line += std::string("; `hpfeeds user set … ") + option + " …` would let it";
    return line + '\n';
}

std::string told(const CheckedUser& checked, const CheckRequest& request) {
    if (checked.store.empty()) {
        std::string line = in_quotes(checked.ident) + " is in none of these stores";
        const char* mark = ": ";
        for (const std::string& name : checked.asked)
            line += std::exchange(mark, ", ") + name;
        if (!checked.could_not_tell.empty()) line += "; but not all could tell";
        return line + '\n';
    }
    const bool both = request.publish == request.subscribe;
    std::string lines;
    if (request.publish || both)
        lines += sentence(checked, checked.may_publish, "publish to", "--add-publish");
    if (request.subscribe || both)
        lines += sentence(checked, checked.may_subscribe, "subscribe to", "--add-subscribe");
    return lines;
}

}  // namespace

int check_user(const CheckRequest& request, const Console& console) noexcept {
    return guarded(
        console,
        [&] {
            if (std::string fault = auth::fault_of_channel(request.channel); !fault.empty())
                throw UsageError("the channel " + fault);
            const CheckedUser checked = ask(request);
            for (const auto& [store, reason] : checked.could_not_tell)
                console.complain("warning: " + store +
                                 " cannot tell, so a broker asks the next: " + reason);
            if (!Console::put(console.out,
                              request.json ? checked_json(checked) : told(checked, request)))
                throw Error("cannot write to standard output");
            return status_of(checked, request);
        },
        exit_undecided);
}

}  // namespace hpfeeds::cli
