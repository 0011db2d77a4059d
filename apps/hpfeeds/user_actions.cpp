// SPDX-License-Identifier: Apache-2.0
#include "user_actions.hpp"

#include "auth/limits.hpp"
#include "auth/names.hpp"
#include "auth/new_secret.hpp"
#include "auth/open_source.hpp"
#include "hpfeeds/error.hpp"
#include "user_names.hpp"
#include "user_output.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <memory>
#include <string_view>
#include <utility>

namespace hpfeeds::cli {
namespace {

using auth::in_quotes;
using auth::Missing;

// A mistake in what was asked, as opposed to a store that fails.
class UsageError : public Error {
public:
    using Error::Error;
};

// Runs `action` and turns what it throws into a line and a status.
template <typename Action>
int guarded(const Console& console, Action&& action) noexcept {
    try {
        return action();
    } catch (const UsageError& error) {
        console.complain(error.what());
        return exit_usage;
    } catch (const std::exception& error) {
        console.complain(error.what());
        return exit_failed;
    }
}

std::unique_ptr<auth::AccountStore> open_existing(const UserRequest& request) {
    try {
        return auth::open_store(request.store, Missing::refuse);
    } catch (const Error& error) {
        const std::string what = error.what();
        if (!what.starts_with("Cannot find")) throw;
        throw Error(what + "; name another with --store, or `hpfeeds user add` makes this one");
    }
}

// The account, or nothing when there is none; a store that cannot tell is an Error.
auth::AccountRef look_up(auth::AccountStore& store, const std::string& ident) {
    auth::Lookup lookup = store.find(ident);
    if (lookup.status == auth::Lookup::Status::unavailable) throw Error(lookup.reason);
    return lookup.account;
}

[[noreturn]] void fail_not_found(const UserRequest& request) {
    throw Error("no user " + in_quotes(request.ident) + " in " + auth::store_name(request.store));
}

// One line of standard input, without its line feed: secrets need not stand in a list of processes.
std::string read_secret(int descriptor) {
    std::string secret;
    for (char byte = 0;;) {
        const ssize_t got = ::read(descriptor, &byte, 1);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) throw Error("cannot read the secret from standard input");
        if (got == 0 || byte == '\n') break;
        secret += byte;
        if (secret.size() > auth::secret_bytes_max)
            throw UsageError("the secret on standard input is longer than 64 KiB");
    }
    if (secret.ends_with('\r')) secret.pop_back();
    if (secret.empty()) throw UsageError("standard input holds no secret in its first line");
    return secret;
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
    if (request.secret_from_stdin) account.secret = read_secret(console.in);
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

int print_changed(const UserRequest& request, const Console& console, const std::string& what,
                  const core::Account& account, bool secret_is_new) {
    const Secret secret = secret_is_new ? Secret::shown : Secret::hidden;
    if (request.json) return print(console, user_json(account, secret));
    return print(console,
                 what + ' ' + auth::store_name(request.store) + '\n' + user_text(account, secret));
}

}  // namespace

int add_user(const UserRequest& request, const Console& console) noexcept {
    return guarded(console, [&] {
        UserRequest complete = request;
        if (!request.secret && !request.secret_from_stdin) complete.generate_secret = true;
        core::Account account;
        account.ident = request.ident;
        account.owner = request.ident;
        const bool secret_is_new = apply(complete, account, console);
        refuse_what_cannot_work(account);

        const auto store = auth::open_store(request.store, Missing::create);
        if (look_up(*store, request.ident))
            throw Error("user " + in_quotes(request.ident) + " exists in " +
                        auth::store_name(request.store) + "; change it with `hpfeeds user set`");
        warn(account, console);
        store->put(account);
        return print_changed(request, console, "added to", account, secret_is_new);
    });
}

int list_users(const UserRequest& request, const Console& console) noexcept {
    return guarded(console, [&] {
        const std::vector<core::Account> accounts = open_existing(request)->list();
        if (request.json) return print(console, users_json(accounts));
        if (accounts.empty()) console.complain("no users in " + auth::store_name(request.store));
        return accounts.empty() ? exit_done : print(console, users_table(accounts));
    });
}

int show_user(const UserRequest& request, const Console& console) noexcept {
    return guarded(console, [&] {
        const auto account = look_up(*open_existing(request), request.ident);
        if (!account) fail_not_found(request);
        const Secret secret = request.show_secret ? Secret::shown : Secret::hidden;
        return print(console,
                     request.json ? user_json(*account, secret) : user_text(*account, secret));
    });
}

int set_user(const UserRequest& request, const Console& console) noexcept {
    return guarded(console, [&] {
        const bool nothing = !request.owner && !request.secret && !request.secret_from_stdin &&
                             !request.generate_secret && !request.publish && !request.subscribe &&
                             request.add_publish.empty() && request.remove_publish.empty() &&
                             request.add_subscribe.empty() && request.remove_subscribe.empty();
        if (nothing) throw UsageError("nothing to change; see `hpfeeds user set --help`");
        const auto store = open_existing(request);
        const auto before = look_up(*store, request.ident);
        if (!before) fail_not_found(request);
        core::Account account = *before;
        const bool secret_is_new = apply(request, account, console);
        refuse_what_cannot_work(account);
        warn(account, console);
        store->put(account);
        return print_changed(request, console, "changed in", account, secret_is_new);
    });
}

int remove_user(const UserRequest& request, const Console& console) noexcept {
    return guarded(console, [&] {
        if (!open_existing(request)->remove(request.ident)) fail_not_found(request);
        if (request.json) return print(console, removed_json(request.ident));
        return print(console, "removed " + in_quotes(request.ident) + " from " +
                                  auth::store_name(request.store) + '\n');
    });
}

}  // namespace hpfeeds::cli
