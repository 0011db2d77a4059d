// SPDX-License-Identifier: Apache-2.0
#include "config/command_line.hpp"

#include "config/flags.hpp"
#include "config/limits.hpp"
#include "config/quantity.hpp"
#include "config/refuse.hpp"
#include "config/settings.hpp"
#include "config/settings_file.hpp"
#include "config/written.hpp"
#include "hpfeeds/error.hpp"

#include <CLI/CLI.hpp>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace hpfeeds::config {
namespace {

constexpr std::string_view program = "hpfeeds-broker";

constexpr const char* description =
    "The hpfeeds broker: sensors publish events to channels, loggers subscribe to them.\n"
    "Every client logs in with a key (an ident and a secret), which says what it may do.\n";

constexpr const char* examples =
    R"(Sizes are bytes, or take K, M or G (1024 of the one before): 65536, 64K, 64KiB.
Durations are seconds, or take ms, s or m: 10, 10s, 500ms, 2m.

Examples:
  hpfeeds-broker
      listens on port 20000 of all IPv4 addresses; keys are in ./sqlite.db
  hpfeeds-broker -e tcp:port=20000 --auth users.json --exporter 127.0.0.1:9431
      keys from a file, which is read again when it changes; metrics for Prometheus
  hpfeeds-broker -e 'tcp:interface=\:\:1:port=20000' -e tcp:port=10000:device=eth0
      two endpoints; a colon inside a value (IPv6) is written \:
  hpfeeds-broker -e tcp:port=10000:allow=publish -e tcp:port=20000:allow=subscribe
      a push side and a pull side
  hpfeeds-broker --auth env --auth sqlite --slow-policy drop-oldest
      keys from HPFEEDS_<IDENT>_SECRET and the like first, then from ./sqlite.db

  hpfeeds-broker --wildcards --recheck 10s
      keys may hold cowrie.* or *; whoever is connected follows a change within 10 s
  hpfeeds-broker --config /etc/hpfeeds/broker.toml --debug
      what the file says, and more in the log

Every flag may also stand in the file of --config, as max-queue = "64M", or in the
environment, as HPFEEDS_BROKER_MAX_QUEUE=64M. The command line goes before the
environment, and that before the file.
The manual, hpfeeds-broker(8), explains every flag, the key stores and the signals.)";

std::string by_default(const std::string& value) {
    return " (default: " + value + ")";
}

// One flag with one value; given again, the last one counts, as in upstream.
CLI::Option* add_value(CLI::App& app, const std::string& names, std::optional<std::string>& value,
                       const std::string& shape, const std::string& help) {
    return app
        .add_option_function<std::string>(
            names, [&value](const std::string& given) { value = given; }, help)
        ->option_text(shape)
        ->take_last();
}

CLI::Option* add_list(CLI::App& app, const std::string& names, std::vector<std::string>& values,
                      const std::string& shape, const std::string& help) {
    return app.add_option(names, values, help)
        ->option_text(shape)
        ->take_all()
        ->allow_extra_args(false);
}

void add_listening(CLI::App& app, Flags& flags) {
    const std::string group = "Where to listen";
    add_list(app, "-e,--endpoint", flags.endpoint, "ENDPOINT",
             "tcp:port=PORT[:interface=ADDRESS][:device=NAME]\n"
             "[:allow=publish|subscribe]; fd=NAME in place of port for a socket\n"
             "that systemd hands over; or tls: with\n"
             ":key=FILE:cert=FILE[:chain=FILE][:ca=FILE[:ident=cn]] as well,\n"
             "or unix:path=FILE[:mode=660][:allow=...];\n"
             "each may have :proxy=v2[:trust=NETWORK,...], behind a balancer;\n"
             "may be repeated")
        ->group(group);
    add_value(app, "--bind", flags.bind, "HOST:PORT",
              "the older way to name one endpoint; together with -e, the broker\n"
              "listens on both" +
                  by_default(std::string(default_bind) + ", unless -e is given"))
        ->group(group);
    add_value(app, "--tlscert", flags.tlscert, "FILE",
              "certificate (PEM) that turns --bind into a TLS endpoint")
        ->group(group);
    add_value(app, "--tlskey", flags.tlskey, "FILE", "its private key; both flags or neither")
        ->group(group);
    add_value(app, "--exporter", flags.exporter, "HOST:PORT",
              "serve /metrics, /healthz, /readyz over HTTP (default: off)")
        ->group(group);
    app.add_flag("--exporter-details", flags.exporter_details,
                 "serve /overview, /connections, /idents and /channels there, too:\n"
                 "lists in JSON with names and addresses, for hpfeeds top")
        ->group(group);
}

void add_keys(CLI::App& app, Flags& flags, const BrokerOptions& defaults) {
    const std::string group = "Keys: who may log in";
    add_list(app, "--auth", flags.auth, "STORE",
             "sqlite (./sqlite.db), FILE.db, FILE.sqlite, FILE.json, env,\n"
             "database+mysql://USER:PASSWORD@HOST/NAME, database+postgresql://,\n"
             "database+sqlite:///FILE;\n"
             "repeated, they are asked in order" +
                 by_default("sqlite"))
        ->group(group);
    add_value(app, "--auth-workers", flags.auth_workers, "N",
              "threads for each store that has to be waited for" +
                  by_default(std::to_string(defaults.auth_workers)))
        ->group(group);
    add_value(app, "--auth-queue", flags.auth_queue, "N",
              "look-ups that may wait for each; more are refused" +
                  by_default(std::to_string(defaults.auth_queue_max)))
        ->group(group);
    add_value(app, "--auth-timeout", flags.auth_timeout, "DURATION",
              "for one look-up; then the store counts as out, and is\n"
              "tried again with growing pauses" +
                  by_default(duration_text(defaults.auth_timeout)))
        ->group(group);
    add_value(
        app, "--auth-failure-delay", flags.auth_failure_delay, "DURATION",
        "before a failed login is answered" + by_default(duration_text(defaults.refusal_delay)))
        ->group(group);
    add_value(app, "--auth-failure-delay-max", flags.auth_failure_delay_max, "DURATION",
              "when many logins from one address fail" +
                  by_default(duration_text(defaults.refusal_delay_max)))
        ->group(group);
    add_value(app, "--recheck", flags.recheck, "DURATION|off",
              "how often keys in use are looked up again, so that clients\n"
              "that are connected follow a change; JSON files tell at once.\n"
              "0 does not ask, off keeps the rights of the login" +
                  by_default(duration_text(*defaults.recheck)))
        ->group(group);
    app.add_flag("--wildcards", flags.wildcards,
                 "* and PREFIX.* in channel lists and subscriptions stand for all\n"
                 "channels and for those that begin with PREFIX.")
        ->group(group);
}

void add_clients(CLI::App& app, Flags& flags, const BrokerOptions& defaults) {
    const std::string group = "Clients";
    add_value(app, "--name", flags.name, "NAME",
              "what clients are told the broker is called" + by_default(defaults.name))
        ->group(group);
    add_value(app, "--max-connections", flags.max_connections, "N",
              "0 is what the descriptor limit allows" +
                  by_default(std::to_string(defaults.connections_max)))
        ->group(group);
    add_value(app, "--max-connections-per-address", flags.max_connections_per_address, "N",
              "from one IPv4 address, or one /64 of IPv6; 0 is any\nnumber" +
                  by_default(std::to_string(connections_per_address_default) +
                             "; from this machine any number"))
        ->group(group);
    add_value(app, "--max-connections-per-ident", flags.max_connections_per_ident, "N",
              "logged in with one ident; 0 is any number" +
                  by_default(std::to_string(defaults.connections_per_ident_max)))
        ->group(group);
    add_value(app, "--login-deadline", flags.login_deadline, "DURATION",
              "to log in, or be closed" + by_default(duration_text(defaults.login_deadline)))
        ->group(group);
    add_value(
        app, "--max-frame", flags.max_frame, "SIZE",
        "largest PUBLISH frame, header included" + by_default(size_text(defaults.frame_bytes_max)))
        ->group(group);
    add_value(app, "--max-frame-delivered", flags.max_frame_delivered, "SIZE",
              "longer ones are accepted, and handed to\nnobody" + by_default("as --max-frame"))
        ->group(group);
    add_value(app, "--max-publish-rate", flags.max_publish_rate, "N",
              "messages a second of one ident; who is over it is read from\n"
              "more slowly; 0 is any number" +
                  by_default("0"))
        ->group(group);
    add_value(app, "--max-publish-bytes", flags.max_publish_bytes, "SIZE",
              "the same for bytes a second" + by_default("0"))
        ->group(group);
}

void add_slow_subscribers(CLI::App& app, Flags& flags, const BrokerOptions& defaults) {
    const std::string group = "Subscribers that read too slowly";
    add_value(app, "--slow-policy", flags.slow_policy, "POLICY",
              "disconnect them after a deadline, or drop-newest or drop-oldest\n"
              "messages for them alone" +
                  by_default("disconnect"))
        ->group(group);
    add_value(app, "--slow-high-mark", flags.slow_high_mark, "SIZE",
              "queued bytes from which a subscriber is slow" +
                  by_default(size_text(defaults.slow_high_bytes)))
        ->group(group);
    add_value(app, "--slow-deadline", flags.slow_deadline, "DURATION",
              "to get below a quarter of the high mark" +
                  by_default(duration_text(defaults.slow_deadline)))
        ->group(group);
    add_value(app, "--max-queue", flags.max_queue, "SIZE",
              "queued for one subscriber, never more" +
                  by_default(size_text(defaults.subscriber_bytes_max)))
        ->group(group);
    add_value(app, "--max-memory", flags.max_memory, "SIZE",
              "for all messages in the broker, never more" +
                  by_default(size_text(defaults.memory_bytes_max)))
        ->group(group);
}

// What concerns the configuration as a whole.
struct Asked {
    std::optional<std::string> config;
    bool check = false;
    bool print = false;
};

void add_process(CLI::App& app, Flags& flags, Asked& asked, const BrokerOptions& defaults) {
    const std::string group = "Process";
    add_value(app, "--threads", flags.threads, "N|auto",
              "threads that serve clients; auto: half the processors" +
                  by_default(std::to_string(defaults.threads)))
        ->group(group);
    add_value(app, "--shutdown-grace", flags.shutdown_grace, "DURATION",
              "after SIGTERM, to hand out what is queued" +
                  by_default(duration_text(defaults.shutdown_grace)))
        ->group(group);
    add_value(app, "--drain-timeout", flags.drain_timeout, "DURATION",
              "the same after SIGUSR2, once another process serves" +
                  by_default(duration_text(defaults.drain_timeout)))
        ->group(group);
    add_value(app, "--log-format", flags.log_format, "text|json",
              "of the lines on stderr" + by_default("text"))
        ->group(group);
    CLI::Option* const level = add_value(app, "--log-level", flags.log_level, "LEVEL",
                                         "debug, info, warning or error: the least that is\n"
                                         "told" +
                                             by_default("info"))
                                   ->group(group);
    app.add_flag("--debug", flags.debug, "log every connection and subscription: --log-level debug")
        ->excludes(level)
        ->option_text(" ")  // or CLI11 lists the excluded
        ->group(group);
    add_value(app, "--config", asked.config, "FILE",
              "a TOML file with what is not said here" + by_default("none"))
        ->configurable(false)
        ->group(group);
    CLI::Option* const check =
        app.add_flag("--check", asked.check,
                     "look at configuration, certificates and key stores, say what\n"
                     "is wrong, and exit with 1 if anything is; do not serve")
            ->configurable(false)
            ->group(group);
    app.add_flag("--print-config", asked.print,
                 "print the configuration in effect as TOML, and exit")
        ->configurable(false)
        ->excludes(check)
        ->option_text(" ")
        ->group(group);
    app.set_version_flag("--version", std::string(program) + " " HPFEEDS_VERSION,
                         "print the version and exit")
        ->group(group);
    app.set_help_flag("-h,--help", "print this help and exit")->group(group);
}

// CLI11 sets two empty lines between groups; one is enough.
std::string help_text(const CLI::App& app) {
    return CLI::detail::find_and_replace(app.help(), "\n\n\n", "\n\n");
}

Exit usage_error(std::string_view what) {
    return {2, "", std::string(program) + ": " + std::string(what) + "\n"};
}

Exit misused(std::string_view flag, std::string_view why) {
    return usage_error(std::string(flag) + " " + std::string(why) +
                       "; hpfeeds-broker --help explains the flags");
}

// CLI11 takes the next argument for the value of `--flag=`, which would blame the wrong one.
const char* find_empty_value(int argc, const char* const* argv) {
    for (int index = 1; index < argc; ++index) {
        const std::string_view argument = argv[index];
        if (argument.starts_with("--") && argument.find('=') == argument.size() - 1)
            return argv[index];
    }
    return nullptr;
}

// The part of a CLI11 message in front of its colon is the flag.
std::string_view blamed_flag(std::string_view message) {
    return message.substr(0, message.find(':'));
}

std::string name_of(const CLI::Option& option) {
    return option.get_lnames().front();
}

Settable::Kind kind_of(const CLI::Option& option) {
    if (option.get_items_expected_max() == 0) return Settable::Kind::yes_no;
    return option.get_multi_option_policy() == CLI::MultiOptionPolicy::TakeAll
               ? Settable::Kind::many
               : Settable::Kind::one;
}

// In the order of --help.
std::vector<Settable> settable_of(const CLI::App& app) {
    std::vector<Settable> all;
    for (const CLI::Option* option : app.get_options()) {
        if (!option->get_configurable()) continue;
        Settable each{name_of(*option),          kind_of(*option),          option->get_group(),
                      option->get_option_text(), option->get_description(), {}};
        for (const CLI::Option* other : option->get_excludes())
            each.excludes.push_back(name_of(*other));
        all.push_back(std::move(each));
    }
    return all;
}

Settings given_on(const CLI::App& app) {
    Settings given;
    for (const CLI::Option* option : app.get_options()) {
        if (!option->get_configurable() || option->empty()) continue;
        Setting setting{Source::command_line, option->results(), {}};
        if (kind_of(*option) == Settable::Kind::one) setting.values = {setting.values.back()};
        given.emplace(name_of(*option), std::move(setting));
    }
    return given;
}

// As if the command line had said it.
void say(CLI::App& app, const Settings& settings) {
    for (const auto& [name, setting] : settings) {
        if (setting.source == Source::command_line) continue;
        CLI::Option* const option = app.get_option("--" + name);
        for (const std::string& value : setting.values)
            option->add_result(value);
        option->run_callback();
    }
}

std::string place_of(const Settings& settings, std::string_view name, std::string_view value) {
    const auto found = settings.find(name);
    const std::string place = found == settings.end() ? "" : found->second.place_of(value);
    return place.empty() ? "" : place + ": ";
}

// The refusal in the words of where the value was written.
Exit refused_where_written(const Refused& refused, const Settings& settings) {
    const std::string name = refused.flag().substr(2);
    const auto found = settings.find(name);
    if (found == settings.end()) return usage_error(refused.what());
    return usage_error(place_of(settings, name, refused.value()) + found->second.called(name) +
                       " " + in_quotes(refused.value()) + ": " + refused.why());
}

// "broker.toml:3 and broker.toml:7: ", of those of the two that stand in the file.
std::string places_of(const Unfit& unfit, const Settings& settings) {
    std::string places;
    for (const std::string& flag : unfit.flags()) {
        const auto setting = settings.find(std::string_view(flag).substr(2));
        if (setting == settings.end() || setting->second.source != Source::file) continue;
        places.append(places.empty() ? "" : " and ").append(setting->second.places.front());
    }
    return places.empty() ? places : places + ": ";
}

Exit half_of_tls_given(const Settings& settings) {
    std::string place = place_of(settings, "tlscert", "");
    if (place.empty()) place = place_of(settings, "tlskey", "");
    return {2, "", place + std::string(half_of_tls) + "\n"};
}

Exit all_faults(const std::vector<std::string>& faults) {
    Exit exit{2, "", ""};
    for (const std::string& fault : faults)
        exit.err += usage_error(fault).err;
    return exit;
}

Exit unknown_flag(const std::string& argument, const std::vector<Settable>& settable) {
    std::string why = "is not a flag of the broker";
    if (argument.starts_with("--")) {
        const std::string written = argument.substr(2, argument.find('=') - 2);
        if (const std::string meant = nearest_name(written, settable); !meant.empty())
            why += "; did you mean --" + meant + "?";
    }
    return misused(in_quotes(argument), why);
}

std::optional<std::string> file_of(const Asked& asked, const Environment& environment) {
    if (asked.config) return asked.config;
    const auto variable = environment.find(variable_of("config"));
    if (variable == environment.end() || variable->second.empty()) return std::nullopt;
    return variable->second;
}

std::variant<BrokerOptions, Exit> parse(int argc, const char* const* argv,
                                        const Environment& environment, bool again, Asked& asked) {
    const BrokerOptions defaults;
    Flags flags;
    CLI::App app(description, std::string(program));
    app.get_formatter()->column_width(34);
    app.footer(examples);
    app.allow_extras();  // so that unknown flags get our words
    add_listening(app, flags);
    add_keys(app, flags, defaults);
    add_clients(app, flags, defaults);
    add_slow_subscribers(app, flags, defaults);
    add_process(app, flags, asked, defaults);
    const std::vector<Settable> settable = settable_of(app);
    Gathered gathered;

    if (const char* const argument = find_empty_value(argc, argv))
        return misused(in_quotes(argument), "has no value");
    try {
        app.parse(argc, argv);
        if (!app.remaining().empty()) return unknown_flag(app.remaining().front(), settable);
        std::vector<FileSetting> in_file;
        const std::optional<std::string> file = file_of(asked, environment);
        if (file) in_file = read_settings(*file, again);
        gathered = gather(settable, given_on(app), environment, in_file, file.value_or(""));
        if (!gathered.faults.empty()) return all_faults(gathered.faults);
        say(app, gathered.settings);
        BrokerOptions options = to_options(flags);
        if (asked.print) return Exit{0, written(settable, gathered.settings), "", true};
        options.check = asked.check;
        options.settings = std::move(gathered.settings);
        options.notes = std::move(gathered.notes);
        return options;
    } catch (const CLI::CallForHelp&) {
        return Exit{0, help_text(app), ""};
    } catch (const CLI::CallForVersion& version) {
        return Exit{0, std::string(version.what()) + "\n", ""};
    } catch (const CLI::ArgumentMismatch& mismatch) {
        return misused(blamed_flag(mismatch.what()), "needs a value");
    } catch (const CLI::ExcludesError& pair) {
        return misused(std::string(pair.what()) + ":", "keep one of the two");
    } catch (const CLI::ParseError& error) {
        return misused(in_quotes(error.what()), "was not understood");
    } catch (const Refused& refused) {
        return refused_where_written(refused, gathered.settings);
    } catch (const Unfit& unfit) {
        return usage_error(places_of(unfit, gathered.settings) + unfit.what());
    } catch (const Error& error) {
        if (error.what() == half_of_tls) return half_of_tls_given(gathered.settings);
        return usage_error(error.what());
    }
}

}  // namespace

std::variant<BrokerOptions, Exit> parse_command_line(int argc, const char* const* argv) {
    return parse_command_line(argc, argv, environment_of_this_process());
}

std::variant<BrokerOptions, Exit> parse_command_line(int argc, const char* const* argv,
                                                     const Environment& environment, bool again) {
    Asked asked;
    auto parsed = parse(argc, argv, environment, again, asked);
    // Of --check there are two outcomes alone, wherever the fault is.
    if (auto* exit = std::get_if<Exit>(&parsed); exit && asked.check && exit->status != 0)
        exit->status = 1;
    return parsed;
}

}  // namespace hpfeeds::config
