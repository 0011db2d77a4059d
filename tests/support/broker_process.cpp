// SPDX-License-Identifier: Apache-2.0
#include "support/broker_process.hpp"

#include "support/certificates.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <exception>
#include <filesystem>
#include <iostream>
#include <stdexcept>

namespace hpfeeds::support {
namespace {

std::string from_environment(const char* name, const char* otherwise) {
    const char* text = std::getenv(name);
    return text == nullptr || *text == '\0' ? otherwise : text;
}

std::string as_tls(const std::string& endpoint) {
    if (!endpoint.starts_with("tcp:")) return endpoint;
    return "tls:" + endpoint.substr(4) + ":key=broker.key:cert=broker.crt";
}

// One pair for all brokers of a test program: making it takes longer than starting a broker.
void write_broker_certificate(const TemporaryDirectory& directory) {
    static const Identity identity = make_identity();
    write_file(directory.path() / "broker.key", identity.key);
    write_file(directory.path() / "broker.crt", identity.certificate);
    std::filesystem::permissions(
        directory.path() / "broker.key",
        std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
}

Command command_for(const BrokerSetup& setup, const TemporaryDirectory& directory) {
    std::vector<std::string> arguments;
    for (const std::string& endpoint : setup.endpoints) {
        arguments.emplace_back("-e");
        arguments.push_back(over_tls() ? as_tls(endpoint) : endpoint);
    }
    write_broker_certificate(directory);
    for (const auto& [name, content] : setup.files)
        write_file(directory.path() / name, content);
    if (!setup.keys.empty()) {
        write_file(directory.path() / "users.json", users_json(setup.keys));
        arguments.emplace_back("--auth");
        arguments.emplace_back("users.json");
    }
    arguments.insert(arguments.end(), setup.arguments.begin(), setup.arguments.end());
    Command command = broker_command(arguments, directory);
    command.environment = setup.environment;
    command.sockets = setup.sockets;
    return command;
}

}  // namespace

bool over_tls() {
    return !from_environment("HPFEEDS_TEST_TLS", "").empty();
}

std::string broker_binary() {
    return from_environment("HPFEEDS_BROKER_BIN", HPFEEDS_BUILT_BROKER);
}

std::string command_line_client_binary() {
    return from_environment("HPFEEDS_CLIENT_BIN", HPFEEDS_BUILT_CLIENT);
}

Command broker_command(const std::vector<std::string>& arguments,
                       const TemporaryDirectory& directory) {
    Command command;
    command.words = {broker_binary()};
    command.words.insert(command.words.end(), arguments.begin(), arguments.end());
    command.directory = directory.path();
    return command;
}

BrokerProcess::BrokerProcess(const BrokerSetup& setup)
    : process_(command_for(setup, directory_)), exceptions_at_start_(std::uncaught_exceptions()) {
    find_listeners(setup.listeners);
}

BrokerProcess::~BrokerProcess() {
    const bool failed =
        testing::Test::HasFailure() || std::uncaught_exceptions() > exceptions_at_start_;
    if (failed) std::cerr << "--- the broker's log ---\n" << log() << "--- end of the log ---\n";
}

void BrokerProcess::find_listeners(std::size_t count) {
    const Deadline deadline;
    for (std::size_t number = 0; number < count; ++number) {
        std::size_t seen = 0;
        LogLine found;
        const auto line = process_.err().wait_for_line(
            [&](std::string_view text) {
                found = parse_text_line(text);
                if (const auto json = parse_json_line(text)) {
                    found = *json;
                    found.head = " " + json->event;
                }
                const bool listening =
                    found.head.ends_with(" listening") && found.fields.contains("endpoint");
                return listening && seen++ == number;
            },
            deadline);
        if (!line)
            throw std::runtime_error("the broker did not say where it listens; its stderr:\n" +
                                     log());
        if (!found.field("path").empty()) {  // of a Unix socket, relative to the broker's folder
            listeners_.push_back({(directory_.path() / found.field("path")).string()});
            continue;
        }
        listeners_.push_back(
            {found.field("address"), static_cast<std::uint16_t>(std::stoul(found.field("port")))});
        if (found.field("endpoint").starts_with("tls:"))
            listeners_.back().tls = TlsTerms{.trusted_file = directory_.file("broker.crt")};
    }
}

LogLine BrokerProcess::wait_for_log(const std::function<bool(const LogLine&)>& wanted,
                                    Deadline deadline) const {
    LogLine found;
    const auto line = process_.err().wait_for_line(
        [&](std::string_view text) {
            const auto json = parse_json_line(text);
            found = json ? *json : parse_text_line(text);
            return wanted(found);
        },
        deadline);
    if (!line) throw std::runtime_error("no such line in the broker's log:\n" + log());
    return found;
}

LogLine BrokerProcess::wait_for_log(const std::vector<std::string>& parts) const {
    return wait_for_log([&](const LogLine& line) {
        for (const std::string& part : parts)
            if (line.text.find(part) == std::string::npos) return false;
        return true;
    });
}

int BrokerProcess::stop(int signal_number) {
    process_.signal(signal_number);
    const Ended ended = process_.wait();
    if (ended.signal != 0)
        throw std::runtime_error("the broker died of signal " + std::to_string(ended.signal) +
                                 "; its stderr:\n" + log());
    return ended.status;
}

}  // namespace hpfeeds::support
