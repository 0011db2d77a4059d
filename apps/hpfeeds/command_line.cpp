// SPDX-License-Identifier: Apache-2.0
#include "command_line.hpp"

#include "bench.hpp"
#include "bench_command.hpp"
#include "client/tcp_connect.hpp"
#include "doctor.hpp"
#include "guarded.hpp"
#include "hide_secrets.hpp"
#include "hpfeeds/text.hpp"
#include "options.hpp"
#include "payload.hpp"
#include "publish.hpp"
#include "secret_input.hpp"
#include "stop_signal.hpp"
#include "subscribe.hpp"
#include "top.hpp"
#include "user.hpp"

#include <CLI/CLI.hpp>

#include <unistd.h>
#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <memory>
#include <optional>
#include <random>
#include <sstream>

namespace hpfeeds::cli {
namespace {

// As the words said it: what was not said comes from the environment, or is the default.
struct Said {
    std::optional<std::string> host, port, ident, secret, secret_file;
    std::vector<std::string> channels;
    std::string trusted_file;
    bool tls = false;
    bool debug = false;
    unsigned timeout_seconds = 10;

    SubscribeOptions subscribe;
    std::string format = "text";
    bool no_reconnect = false;
    std::vector<std::string> words;
    std::string path;
    BenchWords bench;
    DoctorOptions doctor;
    unsigned listen_seconds = 3;
    TopOptions top;
    std::string exporter = "localhost:9431";
    double interval_seconds = 2;
};

constexpr const char* examples = R"(Examples:
  hpfeeds subscribe --host broker.example -p 10000 -i me -s secret -c cowrie.sessions
  hpfeeds publish -i me -s secret -c test '{"event": "ping"}'
  hpfeeds sendfile -i me -s secret -c mwbinary.dionaea.sensorunique sample.bin
  hpfeeds user add me --publish test --subscribe test
  hpfeeds bench -i me -s secret -c test --publishers 5 --subscribers 50
  hpfeeds doctor --host broker.example -i me -s secret -c cowrie.sessions
  hpfeeds top --exporter localhost:9431
  hpfeeds ACTION --help      says more about one action.

The environment variables HPFEEDS_HOST, HPFEEDS_PORT, HPFEEDS_IDENT and HPFEEDS_SECRET
stand in for options that are not given; a secret in an option shows in ps for a moment,
one in HPFEEDS_SECRET or --secret-file never.

Exit status: 0 done, 1 failed or refused by the broker, 2 wrong usage.)";

constexpr const char* subscribe_examples =
    R"(Runs until Ctrl+C. A lost connection is made again, with its subscriptions; an ERROR of the
broker ends the command with status 1. Payloads that are not text show as the hexadecimal
form of their first 20 bytes; --format json and raw keep every byte.

Examples:
  hpfeeds subscribe -i me -s secret -c cowrie.sessions -c dionaea.capture
  hpfeeds subscribe -i me -s secret -c cowrie.sessions --format json | jq .payload
  hpfeeds subscribe -i me -s secret -c samples --count 1 --format raw > sample.bin
  hpfeeds subscribe -i me -s secret -c cowrie.sessions -o sessions.log)";

constexpr const char* publish_examples =
    R"(hpfeeds has no acknowledgement: the command waits until the broker has worked through
everything and closes, and ends with status 1 when the broker answers with an ERROR.

Examples:
  hpfeeds publish -i me -s secret -c test '{"event": "ping"}'
  hpfeeds publish -i me -s secret -c test path/to/malware.bin    sends the file's bytes
  make-report | hpfeeds publish -i me -s secret -c reports -
  hpfeeds publish -i me -s secret -c test -- --text-that-begins-with-a-dash)";

constexpr const char* sendfile_examples = R"(Like publish, but the word is always a file.

Examples:
  hpfeeds sendfile -i me -s secret -c mwbinary.dionaea.sensorunique sample.bin
  curl -s https://example.org/x | hpfeeds sendfile -i me -s secret -c downloads -)";

constexpr const char* doctor_examples =
    R"(Examines, from the bottom up, the broker's name, each of its addresses, TLS and its
certificate, what greets there, the login, the right to subscribe to each -c CHANNEL, and
whether messages come; it names what is wrong and what to do about it. Without an ident it
ends before the login.

The right to publish shows only by publishing: one small message that says it is a probe, on
each --publish CHANNEL and nowhere else; all who subscribe to that channel receive it. On a
channel that is given with -c, too, two probes must come back, and their way is measured.

The status is 0 when nothing is wrong, 1 when something is.

Examples:
  hpfeeds doctor --host broker.example
  hpfeeds doctor --host broker.example -i me -s secret -c cowrie.sessions --listen 60
  hpfeeds doctor --host broker.example --tls -i me -s secret -c test --publish test
  hpfeeds doctor -i me -s secret -c test --json | jq -r .diagnosis)";

constexpr const char* top_examples =
    R"(The broker must run with --exporter HOST:PORT --exporter-details. Keys: q ends, s changes the
order, p pauses. A broker that is restarted, and an exporter that goes away, are waited for.

Without a terminal, and with --once, the view is printed once, from two looks an interval
apart. --json prints an object per interval.

Examples:
  hpfeeds top
  hpfeeds top --exporter broker.example:9431 --interval 5
  hpfeeds top --once
  hpfeeds top --json --once | jq .messages_per_second)";

// The first line of --help, which CLI11 would fill with its own notation for many words.
class Formatter : public CLI::Formatter {
public:
    std::string make_usage(const CLI::App* app, std::string name) const override {
        if (app->get_name() == "publish")
            name += " [OPTIONS] TEXT... | FILE | -";
        else if (app->get_name() == "sendfile")
            name += " [OPTIONS] FILE | -";
        else
            return CLI::Formatter::make_usage(app, name);
        return "Usage: " + name + "\n\n";
    }
};

// The same options before and behind the action, into the same places; the last one wins.
void add_connection_options(CLI::App& app, Said& said) {
    const auto value = [&](const std::string& names, auto& where, const std::string& help) {
        return app.add_option(names, where, help)
            ->group("Connection")
            ->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
    };
    value("--host", said.host, "the broker's name or address, or unix:PATH [localhost]");
    value("-p,--port", said.port, "the broker's port [10000]");
    value("-i,--ident", said.ident, "who we are");
    value("-s,--secret", said.secret, "the ident's secret");
    value("--secret-file", said.secret_file,
          "the secret is the first line of this file, or of standard input for -")
        ->type_name("FILE | -");
    app.add_option_function<std::vector<std::string>>(
           "-c,--chan",
           [&said](const std::vector<std::string>& more) {
               said.channels.insert(said.channels.end(), more.begin(), more.end());
           },
           "a channel; may be given several times")
        ->allow_extra_args(false)
        ->type_name("TEXT")
        ->group("Connection");
    app.add_flag("--tls", said.tls, "use TLS, and trust the system's authorities")
        ->group("Connection");
    value("--tlscert", said.trusted_file,
          "use TLS, and trust this PEM certificate, the broker's or its authority's")
        ->type_name("FILE");
    value("--timeout", said.timeout_seconds,
          "seconds to connect, to be greeted and to be confirmed [10]")
        ->check(CLI::Range(1U, 86'400U).description(""))
        ->type_name("SECONDS");
    app.add_flag("--debug", said.debug, "tell every step on standard error; never a secret")
        ->group("Connection");
}

void add_output_option(CLI::App& app, Said& said) {
    app.add_option("-o,--output", said.subscribe.output,
                   "subscribe: append the messages to this file as well")
        ->multi_option_policy(CLI::MultiOptionPolicy::TakeLast)
        ->type_name("FILE");
}

void add_subscribe_options(CLI::App& app, Said& said) {
    add_output_option(app, said);
    app.add_option("--format", said.format,
                   "text, json (a line per message) or raw (the payloads' bytes) [text]")
        ->check(CLI::IsMember({"text", "json", "raw"}).description(""))
        ->type_name("FORMAT");
    app.add_option("-n,--count", said.subscribe.count, "end after so many messages")
        ->type_name("NUMBER");
    app.add_flag("--no-reconnect", said.no_reconnect,
                 "end with status 1 when the connection is lost or cannot be made");
}

void add_doctor_options(CLI::App& app, Said& said) {
    app.add_option_function<std::vector<std::string>>(
           "--publish",
           [&said](const std::vector<std::string>& more) {
               auto& all = said.doctor.publish_channels;
               all.insert(all.end(), more.begin(), more.end());
           },
           "send a probe to this channel; may be given several times")
        ->allow_extra_args(false)
        ->type_name("CHANNEL");
    app.add_option("--listen", said.listen_seconds,
                   "seconds to wait for messages on the channels; 0: not at all [3]")
        ->multi_option_policy(CLI::MultiOptionPolicy::TakeLast)
        ->check(CLI::Range(0U, 86'400U).description(""))
        ->type_name("SECONDS");
    app.add_flag("--json", said.doctor.json, "one JSON object at the end instead of lines");
}

void add_top_options(CLI::App& app, Said& said) {
    app.add_option("--exporter", said.exporter, "where the broker's exporter is [localhost:9431]")
        ->multi_option_policy(CLI::MultiOptionPolicy::TakeLast)
        ->type_name("HOST:PORT");
    app.add_option("--interval", said.interval_seconds, "seconds between two looks [2]")
        ->multi_option_policy(CLI::MultiOptionPolicy::TakeLast)
        ->check(CLI::Range(0.1, 3'600.0).description(""))
        ->type_name("SECONDS");
    app.add_flag("--once", said.top.once, "print the view once");
    app.add_flag("--json", said.top.json, "one JSON object per interval, in a line");
}

// The words of a payload. CLI11 would take a vector's word like '[1,2]' apart, as a list of its own
// notation, unless extra arguments are off; then it stops at the expected number, so that number is
// one nobody reaches.
void add_words(CLI::App& app, Said& said) {
    constexpr int words_max = 1 << 20;
    app.add_option("words", said.words,
                   "the payload, joined by blanks; a file; or - for standard input")
        ->expected(words_max)
        ->allow_extra_args(false)
        ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)
        ->option_text("TEXT... | FILE | -");
}

std::uint16_t port_from(const std::string& text, const char* where) {
    std::uint16_t port = 0;
    const char* end = text.data() + text.size();
    const auto [stopped, error] = std::from_chars(text.data(), end, port);
    if (error != std::errc{} || stopped != end || port == 0)
        throw UsageError(std::string(where) + " '" + text + "' is not a port: give 1 to 65535");
    return port;
}

const char* environment(const char* name) {
    const char* value = std::getenv(name);
    return value != nullptr && *value != '\0' ? value : nullptr;
}

std::string said_or_environment(const std::optional<std::string>& said, const char* variable,
                                const char* option, const char* what) {
    if (said && !said->empty()) return *said;
    if (const char* value = environment(variable); value != nullptr && !said) return value;
    throw UsageError(std::string("no ") + what + ": give " + option + " or set " + variable);
}

std::string secret_of(const Said& said, const Console& console) {
    if (!said.secret_file)
        return said_or_environment(said.secret, "HPFEEDS_SECRET", "-s SECRET", "secret");
    if (said.secret) throw UsageError("give --secret or --secret-file, not both");
    const bool payload_there = said.path == "-" || said.words == std::vector<std::string>{"-"};
    if (*said.secret_file == "-" && payload_there)
        throw UsageError("standard input cannot be both the secret and what is sent");
    return secret_from_file(*said.secret_file, console.in);
}

std::vector<std::string> each_once(const std::vector<std::string>& words) {
    std::vector<std::string> all;
    for (const std::string& word : words)
        if (std::find(all.begin(), all.end(), word) == all.end()) all.push_back(word);
    return all;
}

// Where to, and how: all but who we are.
ClientOptions connection_options(const Said& said) {
    ClientOptions options;
    client::Destination& destination = options.destination;
    if (said.host)
        destination.host = *said.host;
    else if (const char* host = environment("HPFEEDS_HOST"))
        destination.host = host;
    if (destination.host.empty()) throw UsageError("--host is empty: give a name or an address");
    if (said.port)
        destination.port = port_from(*said.port, "--port");
    else if (const char* port = environment("HPFEEDS_PORT"))
        destination.port = port_from(port, "HPFEEDS_PORT");
    destination.trusted_file = said.trusted_file;
    destination.tls = said.tls || !said.trusted_file.empty();
    if (destination.tls && client::is_unix_socket(destination.host))
        throw UsageError("--host " + destination.host +
                         ": there is no TLS on a Unix socket; leave --tls and --tlscert out");
    if (!said.trusted_file.empty() && access(said.trusted_file.c_str(), R_OK) != 0)
        throw UsageError("--tlscert '" + said.trusted_file + "': " + std::strerror(errno));
    options.channels = each_once(said.channels);
    options.timeout = std::chrono::seconds(said.timeout_seconds);
    options.debug = said.debug;
    return options;
}

ClientOptions client_options(const Said& said, const Console& console) {
    ClientOptions options = connection_options(said);
    options.ident = said_or_environment(said.ident, "HPFEEDS_IDENT", "-i IDENT", "ident");
    options.secret = secret_of(said, console);
    if (options.channels.empty()) throw UsageError("no channel: give -c CHANNEL");
    return options;
}

int run_subscribe(const Said& said, Console console) {
    const ClientOptions options = client_options(said, console);
    SubscribeOptions how = said.subscribe;
    how.reconnect = !said.no_reconnect;
    how.format = said.format == "json"  ? Format::json
                 : said.format == "raw" ? Format::raw
                                        : Format::text;
    std::optional<StopSignal> signal;
    if (console.stop < 0) console.stop = signal.emplace().descriptor();
    return subscribe(options, how, console, BackoffOptions{});
}

// What is told to write messages to a file, and would do nothing of the kind.
void refuse_output(const Said& said) {
    if (!said.subscribe.output.empty())
        throw UsageError("--output is for subscribe: nothing else receives messages to write");
}

int run_publish(const Said& said, Console console) {
    refuse_output(said);
    const ClientOptions options = client_options(said, console);
    if (said.words.empty())
        throw UsageError("nothing to publish: give a text, a file, or - for standard input");
    return publish(options, payload_of_words(said.words, payload_bytes_max(options), console),
                   console);
}

int run_sendfile(const Said& said, Console console) {
    refuse_output(said);
    const ClientOptions options = client_options(said, console);
    if (said.path.empty()) throw UsageError("no file: give its path, or - for standard input");
    return publish(options, payload_of_file(said.path, payload_bytes_max(options), console),
                   console);
}

int run_bench_command(const Said& said, Console console) {
    refuse_output(said);
    const ClientOptions client = client_options(said, console);
    BenchOptions options;
    try {
        options = bench_options(said.bench, client);
    } catch (const Error& error) {
        throw UsageError(error.what());
    }
    std::optional<StopSignal> signal;
    if (console.stop < 0) console.stop = signal.emplace().descriptor();
    return run_bench(options, std::make_unique<bench::HpfeedsDialect>(client.ident, client.secret),
                     console);
}

// Without an ident there is much to examine, too.
int run_doctor(const Said& said, Console console) {
    refuse_output(said);
    ClientOptions client = connection_options(said);
    DoctorOptions options = said.doctor;
    options.publish_channels = each_once(options.publish_channels);
    options.listen = std::chrono::seconds(said.listen_seconds);
    const bool named = said.ident || environment("HPFEEDS_IDENT") != nullptr;
    if (!named && !(client.channels.empty() && options.publish_channels.empty()))
        throw UsageError("a channel is examined by an ident: give -i IDENT or set HPFEEDS_IDENT");
    if (named) {
        client.ident = said_or_environment(said.ident, "HPFEEDS_IDENT", "-i IDENT", "ident");
        client.secret = secret_of(said, console);
    }
    std::optional<StopSignal> signal;
    if (console.stop < 0) console.stop = signal.emplace().descriptor();
    return doctor(client, options, console);
}

int run_top(const Said& said, Console console) {
    TopOptions options = said.top;
    const std::size_t colon = said.exporter.rfind(':');
    if (colon == std::string::npos)
        throw UsageError("--exporter '" + one_line(said.exporter) + "' is not HOST:PORT");
    options.host = said.exporter.substr(0, colon);
    if (options.host.starts_with('[') && options.host.ends_with(']'))
        options.host = options.host.substr(1, options.host.size() - 2);
    if (options.host.empty()) options.host = "localhost";
    options.port = port_from(said.exporter.substr(colon + 1), "--exporter");
    options.interval =
        std::chrono::milliseconds(static_cast<std::int64_t>(said.interval_seconds * 1000));
    std::optional<StopSignal> signal;
    if (console.stop < 0) console.stop = signal.emplace().descriptor();
    return top(options, console);
}

class CommandLine {
public:
    explicit CommandLine(const Console& console) : console_(console) {
        app_.set_version_flag("-V,--version", "hpfeeds " HPFEEDS_VERSION);
        app_.require_subcommand(1);
        app_.footer(examples);
        app_.formatter(std::make_shared<Formatter>());
        add_connection_options(app_, said_);
        add_output_option(app_, said_);
        CLI::App& subscribe = add_action("subscribe", "Show messages as they arrive",
                                         subscribe_examples, run_subscribe);
        add_subscribe_options(subscribe, said_);
        add_words(add_action("publish", "Send one message", publish_examples, run_publish), said_);
        add_action("sendfile", "Send a file's bytes as one message", sendfile_examples,
                   run_sendfile)
            .add_option("path", said_.path, "the file, or - for standard input")
            ->option_text("FILE | -");
        add_bench_options(
            add_action("bench", "Measure a broker under load", bench_examples, run_bench_command),
            said_.bench);
        add_doctor_options(
            add_action("doctor", "Find out why no data arrives", doctor_examples, run_doctor),
            said_);
        CLI::App& top = *app_.add_subcommand("top", "Watch a broker live");
        top.footer(top_examples);
        add_top_options(top, said_);
        top.callback([this] { action_ = [this] { return run_top(said_, console_); }; });
        add_user_commands(app_, status_, console_);
    }

    int run(std::vector<std::string> arguments) {
        std::reverse(arguments.begin(), arguments.end());  // CLI11 takes them from the back
        try {
            app_.parse(std::move(arguments));
        } catch (const CLI::ParseError& error) {
            return report(error);
        }
        return action_ ? action_() : status_;
    }

private:
    CLI::App& add_action(const std::string& name, const std::string& what, const char* footer,
                         int (*act)(const Said&, Console)) {
        CLI::App& action = *app_.add_subcommand(name, what);
        action.footer(footer);
        add_connection_options(action, said_);
        action.callback([this, act] { action_ = [this, act] { return act(said_, console_); }; });
        return action;
    }

    // Help and version are the command's product; everything else is a complaint of one line.
    int report(const CLI::ParseError& error) {
        std::ostringstream product;
        if (error.get_exit_code() == static_cast<int>(CLI::ExitCodes::Success)) {
            app_.exit(error, product, product);
            return Console::put(console_.out, product.str()) ? exit_done : exit_failed;
        }
        std::string line = without_url_secrets(error.what());
        if (dynamic_cast<const CLI::ExtrasError*>(&error) != nullptr) line = stranger();
        if (!app_.get_subcommands().empty()) {
            line = app_.get_subcommands().front()->get_name() + ": " + line;
        } else if (dynamic_cast<const CLI::RequiredError*>(&error) != nullptr) {
            const std::vector<std::string> strangers = app_.remaining();
            line = strangers.empty() ? "no action" : "'" + strangers.front() + "' is not an action";
            line += ": give subscribe, publish, sendfile, bench, doctor, top or user";
        }
        std::replace(line.begin(), line.end(), '\n', ' ');
        console_.complain(line + "; see hpfeeds --help");
        return exit_usage;
    }

    // Only the first, and not its value: behind a mistyped --secret stands a secret.
    std::string stranger() const {
        const std::vector<std::string> strangers = app_.remaining(true);
        if (strangers.empty()) return "there is an argument too many";
        const std::string& first = strangers.front();
        return "not expected: " + without_url_secrets(first.starts_with('-')
                                                          ? first.substr(0, first.find('='))
                                                          : first);
    }

    Console console_;
    CLI::App app_{"Talks to an hpfeeds broker: subscribes to channels and publishes on them.",
                  "hpfeeds"};
    Said said_;
    std::function<int()> action_;
    int status_ = exit_done;
};

}  // namespace

int run(const std::vector<std::string>& arguments, Console console) {
    try {
        return CommandLine(console).run(arguments);
    } catch (const UsageError& error) {
        console.complain(std::string(error.what()) + "; see hpfeeds --help");
        return exit_usage;
    } catch (const std::exception& error) {
        console.complain(error.what());
        return exit_failed;
    }
}

}  // namespace hpfeeds::cli
