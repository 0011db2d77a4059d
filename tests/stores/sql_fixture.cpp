// SPDX-License-Identifier: Apache-2.0
#include "stores/sql_fixture.hpp"

#include <sys/socket.h>

#include <array>
#include <sstream>
#include <stdexcept>

namespace hpfeeds::support {

SqlStore::SqlStore() : database_(server().make_database()) {}

bool SqlStore::postgresql() {
    return std::string(GetParam()) == "postgresql";
}

SqlServer& SqlStore::server() {
    if (postgresql()) {
        static const std::unique_ptr<SqlServer> one = make_postgresql();
        return *one;
    }
    static const std::unique_ptr<SqlServer> one = make_mariadb();
    return *one;
}

void SqlStore::insert(const std::string& ident, const std::string& secret,
                      const std::string& publish, const std::string& subscribe) {
    sql("INSERT INTO auth_keys (identifier, secret, publish, subscribe) VALUES ('" + ident +
        "', '" + secret + "', " + publish + ", " + subscribe + ");");
}

std::unique_ptr<BrokerProcess> SqlStore::start_broker(const std::vector<std::string>& stores,
                                                      const std::vector<std::string>& more) const {
    BrokerSetup setup;
    setup.keys = {};
    setup.arguments = {"--auth-failure-delay", "0",     "--exporter", "127.0.0.1:0",
                       "--auth-timeout",       timeout_};
    for (const std::string& store : stores) {
        setup.arguments.emplace_back("--auth");
        setup.arguments.push_back(store);
    }
    setup.arguments.insert(setup.arguments.end(), more.begin(), more.end());
    return std::make_unique<BrokerProcess>(setup);
}

Outcome log_in(const BrokerProcess& broker, const Login& login) {
    WireClient client(broker.address(), login);
    // A login that succeeds has no answer, this has one; a refused login is told first, and may be
    // closed before we are through.
    static_cast<void>(client.send_some(publish_frame("nobody at all", "x", "y")));
    const Received answer = client.expect_frame(Deadline{std::chrono::seconds(60)});
    const bool in = answer.body == "Invalid authkey in message, ident=nobody at all";
    if (answer.opcode != op_error ||
        (!in && answer.body != "Authentication failed for " + login.ident))
        throw std::runtime_error("neither in nor refused: " + describe(answer));
    return in ? Outcome::in : Outcome::refused;
}

void expect_soon(const BrokerProcess& broker, const Login& login, Outcome wanted) {
    const Deadline deadline{std::chrono::seconds(60)};
    while (log_in(broker, login) != wanted)
        ASSERT_FALSE(deadline.passed())
            << login.ident << " should " << (wanted == Outcome::in ? "" : "not ") << "get in";
}

double metric(const BrokerProcess& broker, const std::string& sample) {
    const LogLine line = broker.wait_for_log({"exporter listening"});
    WireClient connection(
        {line.field("address"), static_cast<std::uint16_t>(std::stoul(line.field("port")))});
    connection.send("GET /metrics HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n");
    std::string text;
    std::array<char, 65536> chunk{};
    for (ssize_t count;
         (count = ::recv(connection.descriptor(), chunk.data(), chunk.size(), 0)) > 0;)
        text.append(chunk.data(), static_cast<std::size_t>(count));
    std::istringstream lines(text);
    for (std::string one; std::getline(lines, one);)
        if (one.starts_with(sample + " ")) return std::stod(one.substr(sample.size() + 1));
    return 0;
}

Finished hpfeeds(const std::vector<std::string>& arguments, const std::string& input) {
    Command command;
    command.words = {command_line_client_binary()};
    command.words.insert(command.words.end(), arguments.begin(), arguments.end());
    command.input = input;
    return run(command, Deadline{std::chrono::seconds(60)});
}

}  // namespace hpfeeds::support
