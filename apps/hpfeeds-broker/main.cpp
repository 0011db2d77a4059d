// SPDX-License-Identifier: Apache-2.0
// hpfeeds-broker: reads its command line, runs a broker, and says with its exit status how that
// went.
//
//   0  stopped by SIGTERM or SIGINT, or asked for --help, --version, --print-config or --check
//   1  could not start: an address, a key store or a limit; one line on stderr says which.
//      --check has found that it could not start
//   2  a flag, a variable, a key of the configuration file, or a value is wrong
#include "broker/broker.hpp"
#include "broker/check.hpp"
#include "config/command_line.hpp"
#include "hide_secrets.hpp"
#include "hpfeeds/error.hpp"
#include "log/log.hpp"
#include "service/surroundings.hpp"

#include <cstdio>
#include <exception>
#include <sstream>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace {

// One line for whoever started us; for a broker that is to be replaced, too.
int give_up(const std::exception& error, hpfeeds::service::Predecessor& predecessor) {
    hpfeeds::log::stop();
    std::fprintf(stderr, "hpfeeds-broker: %s\n", error.what());
    predecessor.failed(error.what());
    return 1;
}

void start_log(const hpfeeds::config::BrokerOptions& options) {
    using namespace hpfeeds;
    log::start(broker::log_level_of(options), options.log_format == config::LogFormat::json
                                                  ? log::Format::json
                                                  : log::Format::text);
    for (const std::string& note : options.notes)
        log::warning("the configuration may not be what was meant", {{"reason", note}});
}

int check(const hpfeeds::config::BrokerOptions& options) {
    const std::vector<hpfeeds::broker::Finding> findings = hpfeeds::broker::check(options);
    for (const hpfeeds::broker::Finding& finding : findings)
        std::puts(hpfeeds::without_url_secrets(line_of(finding)).c_str());
    return would_start(findings) ? 0 : 1;
}

// Comments show the form of a URL, and keep it.
std::string without_secrets(const std::string& lines) {
    std::istringstream all(lines);
    std::string out;
    for (std::string line; std::getline(all, line);)
        out += (line.starts_with('#') ? line : hpfeeds::without_url_secrets(line)) + "\n";
    return out;
}

// The command line and the environment as they were at the start, and the file as it is now.
hpfeeds::broker::Reread reading_again(int argc, const char* const* argv) {
    return [words = std::vector<std::string>(argv, argv + argc),
            environment = hpfeeds::config::environment_of_this_process()] {
        std::vector<const char*> arguments;
        for (const std::string& word : words)
            arguments.push_back(word.c_str());
        auto parsed = hpfeeds::config::parse_command_line(static_cast<int>(arguments.size()),
                                                          arguments.data(), environment, true);
        if (const auto* exit = std::get_if<hpfeeds::config::Exit>(&parsed)) {
            std::string why = without_secrets(exit->err);
            why.resize(why.find_last_not_of('\n') + 1);
            throw hpfeeds::Error(why);
        }
        return std::get<hpfeeds::config::BrokerOptions>(std::move(parsed));
    };
}

int run(int argc, char** argv, hpfeeds::service::Predecessor& predecessor) {
    using namespace hpfeeds;
    predecessor = service::Predecessor::from_environment();
    service::Program program = service::this_program(argc, argv);
    const broker::Reread reread = reading_again(argc, argv);
    const auto parsed = config::parse_command_line(argc, argv);
    hide_secrets(argc, argv);  // a store's URL may hold a password
    if (const auto* exit = std::get_if<config::Exit>(&parsed)) {
        const std::string told = without_secrets(exit->err);
        std::fputs((exit->shows_values ? without_secrets(exit->out) : exit->out).c_str(), stdout);
        std::fputs(told.c_str(), stderr);
        predecessor.failed(told);
        return exit->status;
    }
    const auto& options = std::get<config::BrokerOptions>(parsed);
    if (options.check) return check(options);
    // Before the log has a thread: variables leave the environment.
    auto around = service::Surroundings::from_environment(std::move(program), predecessor);
    start_log(options);
    broker::Broker(options, std::move(around)).run(reread);
    log::stop();
    return 0;
}

}  // namespace

int main(int argc, char** argv) {
    hpfeeds::service::Predecessor predecessor;
    try {
        return run(argc, argv, predecessor);
    } catch (const std::exception& error) {
        return give_up(error, predecessor);
    }
}
