// SPDX-License-Identifier: Apache-2.0
#include "user.hpp"

#include "user_actions.hpp"

#include <functional>
#include <memory>
#include <string>

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
  hpfeeds user --help, hpfeeds user set --help

Stores (--store, as the broker's --auth): a path ending in .db or .sqlite, a path ending in .json,
or `sqlite` for sqlite.db here. The broker sees a change without a restart, and clients that are
connected follow it: at once from a JSON file, else within the broker's --recheck (30 s).
Here -p and -s name channels to publish and to subscribe; a secret is always --secret.)";

constexpr const char* add_footer = R"(Examples:
  hpfeeds user add sensor1 -p cowrie.sessions -p dionaea.capture
  hpfeeds user add logger -s cowrie.sessions,dionaea.capture --owner "Jane Doe"
  pass show hpfeeds/sensor1 | hpfeeds user add sensor1 -p cowrie.sessions --secret-stdin
  hpfeeds user add sensor1 --publish cowrie.sessions --store /var/lib/hpfeeds/users.json --json

A channel may be a pattern, `*` or `PREFIX.*`, which counts where the broker runs with --wildcards.
Without a secret a strong one is made and printed. `--secret` can be seen by others in the list of
processes; `--secret-stdin` cannot. -p is --publish and -s is --subscribe.)";

constexpr const char* set_footer = R"(Examples:
  hpfeeds user set sensor1 --add-publish dionaea.capture
  hpfeeds user set sensor1 --publish cowrie.sessions     (these channels and no others)
  hpfeeds user set sensor1 --subscribe ""                (no channels)
  hpfeeds user set sensor1 --generate-secret             (and print it)

What is not named stays as it is. -p is --publish and -s is --subscribe.)";

void add_store_options(CLI::App& command, UserRequest& request) {
    command
        .add_option("--store", request.store,
                    "Where the users are: .db, .sqlite or .json file, database+mysql://…,\n"
                    "database+postgresql://… or database+sqlite:///FILE")
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

struct SecretOptions {
    CLI::Option* secret;
    CLI::Option* from_stdin;
};

SecretOptions add_secret_options(CLI::App& command, UserRequest& request) {
    CLI::Option* secret = command.add_option("--secret", request.secret, "The secret itself");
    CLI::Option* from_stdin = command.add_flag("--secret-stdin", request.secret_from_stdin,
                                               "Read the secret from standard input, one line");
    secret->excludes(from_stdin);
    return {secret, from_stdin};
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
    add_secret_options(command, *request);
    add_replacing_names(command, "-p,--publish", request->publish, "Channels it may publish to");
    add_replacing_names(command, "-s,--subscribe", request->subscribe,
                        "Channels it may subscribe to");
    command.footer(add_footer);
}

void add_list(CLI::App& user, int& status, const Console& console) {
    add_command(user, "list", "List all users, without their secrets",
                std::make_shared<UserRequest>(), status, console, list_users);
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
    const SecretOptions secrets = add_secret_options(command, *request);
    command
        .add_flag("--generate-secret", request->generate_secret, "Make a new secret and print it")
        ->excludes(secrets.secret)
        ->excludes(secrets.from_stdin);
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
}

}  // namespace hpfeeds::cli
