// SPDX-License-Identifier: Apache-2.0
#include "user.hpp"

#include "user_actions.hpp"
#include "user_check.hpp"
#include "user_copy.hpp"

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace hpfeeds::cli {
namespace {

using Action = std::function<int(const UserRequest&, const Console&)>;
using RequestPtr =
    std::shared_ptr<UserRequest>;  // CLI11 writes into it until the callback reads it

constexpr const char* user_footer = R"(Examples:
  hpfeeds user add sensor1 --publish cowrie.sessions
      a key for a sensor, with a strong secret, printed once
  hpfeeds user add logger -s cowrie.sessions,dionaea.capture
      a key for a logger of two channels
  hpfeeds user add archive -s '*'
      a key for a logger of every channel; the broker needs --wildcards
  hpfeeds user set sensor1 --add-publish dionaea.capture
  hpfeeds user list
  hpfeeds user copy --from mongodb://127.0.0.1/hpfeeds --to sqlite.db
      all keys of an MHN server
  hpfeeds user check sensor1 --channel cowrie.sessions
      may it, and which store says so?
  hpfeeds user --help, hpfeeds user set --help

Stores (--store, as the broker's --auth): a path ending in .db or .sqlite, a path ending in .json,
`sqlite` for sqlite.db here, mongodb://USER:PASSWORD@HOST:PORT/DATABASE[?collection=auth_key],
database+mysql://…, database+postgresql://… or database+sqlite:///FILE; to read alone, env for
environment variables and tentacool:PATH for that broker's file.
HPFEEDS_STORE in the environment stands in for --store, and keeps its password out of ps.
The broker sees a change without a restart, and clients that are connected follow it: at once from a
JSON file, else within the broker's --recheck (30 s).
Here -p and -s name channels to publish and to subscribe, never a port or a secret.)";

constexpr const char* add_footer = R"(Examples:
  hpfeeds user add sensor1 -p cowrie.sessions -p dionaea.capture
  hpfeeds user add logger -s cowrie.sessions,dionaea.capture --owner "Jane Doe"
  pass show hpfeeds/sensor1 | hpfeeds user add sensor1 -p cowrie.sessions --secret-file -
  hpfeeds user add sensor1 --replace -p cowrie.sessions --secret-env SENSOR1_SECRET
  hpfeeds user add sensor1 --publish cowrie.sessions --store /var/lib/hpfeeds/users.json --json

A channel may be a pattern, `*` or `PREFIX.*`, which counts where the broker runs with --wildcards.
Without a secret a strong one is made and printed. `--secret` can be seen by others in the list of
processes for a moment; the other ways to give one cannot. With --replace an existing user becomes
the one described; without --owner it keeps its owner. -p is --publish and -s is --subscribe.)";

constexpr const char* set_footer = R"(Examples:
  hpfeeds user set sensor1 --add-publish dionaea.capture
  hpfeeds user set sensor1 --publish cowrie.sessions     (these channels and no others)
  hpfeeds user set sensor1 --subscribe ""                (no channels)
  hpfeeds user set sensor1 --generate-secret             (and print it)

What is not named stays as it is. -p is --publish and -s is --subscribe.)";

constexpr const char* copy_footer = R"(Examples:
  hpfeeds user copy --from mongodb://127.0.0.1/hpfeeds --to sqlite.db --dry-run
  hpfeeds user copy --from mongodb://127.0.0.1/hpfeeds --to users.json
  hpfeeds user copy --from tentacool:/etc/tentacool/auth_keys.dat --to sqlite
  hpfeeds user copy --from env --to sqlite james      (variables know capitals alone)

Says for each key what became of it: copied, replaced, same, kept (another one is there, and stays
without --replace) or failed (and why). A key is copied whole or not at all. The exit status is 0
when the target then holds all that was asked for, and 1 if not.)";

constexpr const char* check_footer = R"(Examples:
  hpfeeds user check sensor1 --channel cowrie.sessions --publish
  hpfeeds user check logger -c cowrie.sessions --subscribe --store users.json --store env
  hpfeeds user check archive -c cowrie.sessions --wildcards

Several --store are asked in order, as a broker asks its --auth: the first that knows the ident
decides. Without --publish and --subscribe both are told, and either is enough for status 0.

Exit status: 0 it may, 1 it may not, 3 the stores could not tell, 2 wrong usage.)";

void add_store_options(CLI::App& command, UserRequest& request) {
    command
        .add_option(
            "--store", request.store,
            "Where the users are: a .db, .sqlite or .json file, mongodb://…, database+mysql://…,\n"
            "database+postgresql://… or database+sqlite:///FILE")
        ->type_name("STORE")
        ->envname("HPFEEDS_STORE")
        ->capture_default_str();
    command.add_flag("--json", request.json, "Print JSON");
}

void add_ident(CLI::App& command, UserRequest& request, const char* what) {
    command.add_option("IDENT", request.ident, what)->required();
}

CLI::Option* add_names(CLI::App& command, const char* flags, std::vector<std::string>& names,
                       const char* what) {
    // One value each: `-p a IDENT` must leave IDENT alone.
    return command.add_option(flags, names, what)->type_name("CHAN,...")->allow_extra_args(false);
}

// A list that knows whether it was given at all; std::optional of a vector is beyond CLI11.
void add_replacing_names(CLI::App& command, const char* flags,
                         std::optional<std::vector<std::string>>& names, const char* what) {
    command
        .add_option_function<std::vector<std::string>>(
            flags, [&names](const std::vector<std::string>& given) { names = given; }, what)
        ->type_name("CHAN,...")
        ->allow_extra_args(false);
}

// All the ways to give a secret, of which one may be taken.
std::vector<CLI::Option*> add_secret_options(CLI::App& command, UserRequest& request) {
    std::vector<CLI::Option*> ways{
        command.add_option("--secret", request.secret, "The secret itself")->type_name("TEXT"),
        command
            .add_option("--secret-file", request.secret_file,
                        "The first line of this file, or of standard input for -")
            ->type_name("FILE | -"),
        command
            .add_option("--secret-env", request.secret_variable,
                        "What this environment variable holds")
            ->type_name("NAME"),
        command.add_flag_callback(
            "--secret-stdin", [&request] { request.secret_file = "-"; },
            "The same as --secret-file -")};
    for (std::size_t one = 0; one < ways.size(); ++one)
        for (std::size_t other = one + 1; other < ways.size(); ++other)
            ways[one]->excludes(ways[other]);
    return ways;
}

CLI::App& add_command(CLI::App& user, const char* name, const char* what, const RequestPtr& request,
                      int& status, const Console& console, Action action) {
    CLI::App& command = *user.add_subcommand(name, what);
    command.fallthrough(false);
    add_store_options(command, *request);
    command.callback([request, &status, console, action = std::move(action)] {
        status = action(*request, console);
    });
    return command;
}

void add_add(CLI::App& user, int& status, const Console& console) {
    const auto request = std::make_shared<UserRequest>();
    CLI::App& command = add_command(user, "add", "Add a user; its ident must be new", request,
                                    status, console, add_user);
    add_ident(command, *request, "The new user's name, 1 to 255 bytes");
    command.add_option("--owner", request->owner, "Whose it is; the ident if not given");
    command.add_flag("--replace", request->replace, "Take the place of a user with this ident");
    static_cast<void>(add_secret_options(command, *request));
    add_replacing_names(command, "-p,--publish", request->publish, "Channels it may publish to");
    add_replacing_names(command, "-s,--subscribe", request->subscribe,
                        "Channels it may subscribe to");
    command.footer(add_footer);
}

void add_list(CLI::App& user, int& status, const Console& console) {
    const auto request = std::make_shared<UserRequest>();
    add_command(user, "list", "List all users, without their secrets", request, status, console,
                list_users)
        .add_flag("--show-secret", request->show_secret, "Show the secrets too");
}

void add_show(CLI::App& user, int& status, const Console& console) {
    const auto request = std::make_shared<UserRequest>();
    CLI::App& command =
        add_command(user, "show", "Show one user", request, status, console, show_user);
    add_ident(command, *request, "Whom to show");
    command.add_flag("--show-secret", request->show_secret, "Show the secret too");
}

void add_set(CLI::App& user, int& status, const Console& console) {
    const auto request = std::make_shared<UserRequest>();
    CLI::App& command = add_command(user, "set", "Change a user, but only what is named", request,
                                    status, console, set_user);
    add_ident(command, *request, "Whom to change");
    command.add_option("--owner", request->owner, "Whose it is from now on");
    CLI::Option* generated = command.add_flag("--generate-secret", request->generate_secret,
                                              "Make a new secret and print it");
    for (CLI::Option* given : add_secret_options(command, *request))
        generated->excludes(given);
    add_replacing_names(command, "-p,--publish", request->publish,
                        "The channels it may publish to, instead of the old ones");
    add_names(command, "--add-publish", request->add_publish, "More channels to publish to");
    add_names(command, "--remove-publish", request->remove_publish,
              "Channels it may no longer publish to");
    add_replacing_names(command, "-s,--subscribe", request->subscribe,
                        "The channels it may subscribe to, instead of the old ones");
    add_names(command, "--add-subscribe", request->add_subscribe, "More channels to subscribe to");
    add_names(command, "--remove-subscribe", request->remove_subscribe,
              "Channels it may no longer subscribe to");
    command.footer(set_footer);
}

void add_remove(CLI::App& user, int& status, const Console& console) {
    const auto request = std::make_shared<UserRequest>();
    CLI::App& command = add_command(user, "remove", "Remove a user; it cannot log in any more",
                                    request, status, console, remove_user);
    add_ident(command, *request, "Whom to remove");
}

void add_copy(CLI::App& user, int& status, const Console& console) {
    const auto request = std::make_shared<CopyRequest>();
    CLI::App& command = *user.add_subcommand("copy", "Copy users from one store into another");
    command.fallthrough(false);
    command.add_option("--from", request->from, "The store that is read")
        ->type_name("STORE")
        ->required();
    command.add_option("--to", request->to, "The store that is written to")
        ->type_name("STORE")
        ->required();
    command.add_flag("--replace", request->replace, "Overwrite users that are there and differ");
    command.add_flag("--dry-run", request->dry_run, "Only say what would become of each");
    command.add_flag("--json", request->json, "Print JSON");
    command.add_option("IDENT", request->idents, "These users alone; all if none is named");
    command.footer(copy_footer);
    command.callback([request, &status, console] { status = copy_users(*request, console); });
}

void add_check(CLI::App& user, int& status, const Console& console) {
    const auto request = std::make_shared<CheckRequest>();
    CLI::App& command =
        *user.add_subcommand("check", "Ask the stores whether a user may use a channel");
    command.fallthrough(false);
    command.add_option("IDENT", request->ident, "Whose rights")->required();
    command.add_option("-c,--channel", request->channel, "Which channel")->required();
    command.add_flag("--publish", request->publish, "May it publish to the channel?");
    command.add_flag("--subscribe", request->subscribe, "May it subscribe to the channel?");
    command.add_flag("--wildcards", request->wildcards,
                     "Read the lists as a broker with --wildcards does");
    command.add_option("--store", request->stores, "A store to ask; several are asked in order")
        ->type_name("STORE")
        ->allow_extra_args(false);
    command.add_flag("--json", request->json, "Print JSON");
    command.footer(check_footer);
    command.callback([request, &status, console] {
        if (request->stores.empty()) request->stores.emplace_back("sqlite.db");
        status = check_user(*request, console);
    });
}

}  // namespace

void add_user_commands(CLI::App& app, int& status, Console console) {
    CLI::App& user = *app.add_subcommand("user", "Manage who may connect, publish and subscribe");
    user.fallthrough(false);
    user.require_subcommand(1);
    user.footer(user_footer);
    add_add(user, status, console);
    add_list(user, status, console);
    add_show(user, status, console);
    add_set(user, status, console);
    add_remove(user, status, console);
    add_copy(user, status, console);
    add_check(user, status, console);
}

}  // namespace hpfeeds::cli
