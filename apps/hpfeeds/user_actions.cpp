// SPDX-License-Identifier: Apache-2.0
#include "user_actions.hpp"

#include "auth/names.hpp"
#include "auth/new_secret.hpp"
#include "auth/open_source.hpp"
#include "guarded.hpp"
#include "secret_input.hpp"
#include "user_names.hpp"
#include "user_output.hpp"

#include <algorithm>
#include <memory>
#include <string_view>
#include <utility>

namespace hpfeeds::cli {
namespace {

using auth::in_quotes;
using auth::Missing;

// Opens with `open` what must be there.
template <typename Open>
auto open_existing(Open&& open) {
    try {
        return open();
    } catch (const Error& error) {
        const std::string what = error.what();
        if (!what.starts_with("Cannot find")) throw;
        throw Error(what + "; name another with --store, or `hpfeeds user add` makes this one");
    }
}

std::unique_ptr<auth::AccountStore> store_of(const UserRequest& request) {
    return open_existing([&] { return auth::open_store(request.store, Missing::refuse); });
}

std::unique_ptr<auth::ListableSource> listable_of(const UserRequest& request) {
    return open_existing([&] { return auth::open_listable(request.store); });
}

// The account, or nothing when there is none; a store that cannot tell is an Error.
auth::AccountRef look_up(auth::AccountSource& store, const std::string& ident) {
    auth::Lookup lookup = store.find(ident);
    if (lookup.status == auth::Lookup::Status::unavailable) throw Error(lookup.reason);
    return lookup.account;
}

[[noreturn]] void fail_not_found(const UserRequest& request, const auth::AccountSource& store) {
    throw Error("no user " + in_quotes(request.ident) + " in " + store.name());
}

std::vector<std::string> names_in(const std::vector<std::string>& given, const Console& console) {
    SplitNames split = split_names(given);
    if (split.had_empty) console.complain("warning: an empty name between commas was left out");
    return std::move(split.names);
}

// The list as it shall be: replaced if one was given, then with what is to come and without what is
// to go.
core::ChannelList edited(const core::ChannelList& now,
                         const std::optional<std::vector<std::string>>& replacement,
                         const std::vector<std::string>& to_add,
                         const std::vector<std::string>& to_remove, const Console& console) {
    std::vector<std::string> names = replacement ? names_in(*replacement, console) : now.names();
    for (std::string& name : names_in(to_add, console))
        names.push_back(std::move(name));
    for (const std::string& name : names_in(to_remove, console)) {
        if (std::erase(names, name) == 0)
            console.complain("warning: channel " + in_quotes(name) + " was not in the list");
    }
    return core::ChannelList(std::move(names));
}

// True when the secret is a new one that only we know so far.
bool apply(const UserRequest& request, core::Account& account, const Console& console) {
    if (request.owner) account.owner = *request.owner;
    account.pubchans = edited(account.pubchans, request.publish, request.add_publish,
                              request.remove_publish, console);
    account.subchans = edited(account.subchans, request.subscribe, request.add_subscribe,
                              request.remove_subscribe, console);
    if (request.secret) account.secret = *request.secret;
    if (request.secret_file) account.secret = secret_from_file(*request.secret_file, console.in);
    if (request.secret_variable) account.secret = secret_from_environment(*request.secret_variable);
    if (request.generate_secret) account.secret = auth::new_secret();
    return request.generate_secret;
}

void refuse_what_cannot_work(const core::Account& account) {
    std::string text;
    for (const std::string& refusal : refusals_of(account)) {
        if (!text.empty()) text += "; ";
        text += refusal;
    }
    if (!text.empty()) throw UsageError(text);
}

void warn(const core::Account& account, const Console& console) {
    for (const std::string& warning : warnings_of(account))
        console.complain("warning: " + warning);
}

int print(const Console& console, const std::string& text) {
    if (Console::put(console.out, text)) return exit_done;
    throw Error("cannot write to standard output");
}

bool brings_a_secret(const UserRequest& request) {
    return request.secret || request.secret_file || request.secret_variable;
}

}  // namespace

int add_user(const UserRequest& request, const Console& console) noexcept {
    return guarded(console, [&] {
        UserRequest complete = request;
        if (!brings_a_secret(request)) complete.generate_secret = true;
        core::Account account;
        account.ident = request.ident;
        account.owner = request.ident;
        const Secret secret = apply(complete, account, console) ? Secret::shown : Secret::hidden;
        refuse_what_cannot_work(account);

        const auto store = auth::open_store(request.store, Missing::create);
        const auto before = look_up(*store, request.ident);
        if (before && !request.replace)
            throw Error("user " + in_quotes(request.ident) + " exists in " + store->name() +
                        "; change it with `hpfeeds user set`, or replace it with --replace");
        if (before && !request.owner) account.owner = before->owner;
        warn(account, console);
        store->put(account);
        if (request.json)
            return print(console, request.replace ? stored_json(account, secret, before != nullptr)
                                                  : user_json(account, secret));
        return print(console, (before ? "replaced in " : "added to ") + store->name() + '\n' +
                                  user_text(account, secret));
    });
}

int list_users(const UserRequest& request, const Console& console) noexcept {
    return guarded(console, [&] {
        const auto store = listable_of(request);
        const std::vector<core::Account> accounts = store->list();
        const Secret secret = request.show_secret ? Secret::shown : Secret::hidden;
        if (request.json) return print(console, users_json(accounts, secret));
        if (accounts.empty()) console.complain("no users in " + store->name());
        return accounts.empty() ? exit_done : print(console, users_table(accounts, secret));
    });
}

int show_user(const UserRequest& request, const Console& console) noexcept {
    return guarded(console, [&] {
        const auto store = listable_of(request);
        const auto account = look_up(*store, request.ident);
        if (!account) fail_not_found(request, *store);
        const Secret secret = request.show_secret ? Secret::shown : Secret::hidden;
        return print(console,
                     request.json ? user_json(*account, secret) : user_text(*account, secret));
    });
}

int set_user(const UserRequest& request, const Console& console) noexcept {
    return guarded(console, [&] {
        const bool nothing = !request.owner && !brings_a_secret(request) &&
                             !request.generate_secret && !request.publish && !request.subscribe &&
                             request.add_publish.empty() && request.remove_publish.empty() &&
                             request.add_subscribe.empty() && request.remove_subscribe.empty();
        if (nothing) throw UsageError("nothing to change; see `hpfeeds user set --help`");
        const auto store = store_of(request);
        const auto before = look_up(*store, request.ident);
        if (!before) fail_not_found(request, *store);
        core::Account account = *before;
        const Secret secret = apply(request, account, console) ? Secret::shown : Secret::hidden;
        refuse_what_cannot_work(account);
        warn(account, console);
        store->put(account);
        if (request.json) return print(console, user_json(account, secret));
        return print(console, "changed in " + store->name() + '\n' + user_text(account, secret));
    });
}

int remove_user(const UserRequest& request, const Console& console) noexcept {
    return guarded(console, [&] {
        const auto store = store_of(request);
        if (!store->remove(request.ident)) fail_not_found(request, *store);
        if (request.json) return print(console, removed_json(request.ident));
        return print(console,
                     "removed " + in_quotes(request.ident) + " from " + store->name() + '\n');
    });
}

}  // namespace hpfeeds::cli
