// SPDX-License-Identifier: Apache-2.0
// sql_server.hpp: a real PostgreSQL or MariaDB, started for one test program and nobody else.
//
// The data lie in a fresh folder, the server listens on a unix socket there and on a port that was
// free a moment ago, on loopback. Started by root, it runs as the user that its package made, since
// neither of them serves as root. freeze() stops it as a debugger would (SIGSTOP): the kernel still
// acknowledges what is sent to it, and nobody ever answers.
//
// Ownership  the server, and what it has started, end with their owner; nothing else is touched.
// Errors     std::runtime_error with what the server said.
#pragma once

#include "support/process.hpp"
#include "support/temporary_directory.hpp"

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace hpfeeds::support {

class SqlServer {
public:
    virtual ~SqlServer();
    SqlServer(const SqlServer&) = delete;
    SqlServer& operator=(const SqlServer&) = delete;

    // "postgresql", "mysql": the scheme of its URLs.
    [[nodiscard]] virtual std::string scheme() const = 0;
    // The documentation's CREATE TABLE.
    [[nodiscard]] virtual std::string documented_schema() const = 0;
    // The query part of a URL that goes through the unix socket.
    [[nodiscard]] virtual std::string socket_options() const = 0;
    // Runs statements as the server's owner and returns what they print.
    virtual std::string sql(const std::string& database, const std::string& statements) = 0;
    // An empty database, which the user `feeds` with the password `feeds-password` may use.
    [[nodiscard]] virtual std::string make_database() = 0;

    [[nodiscard]] std::string url(const std::string& database,
                                  const std::string& credentials = "feeds:feeds-password",
                                  const std::string& options = "") const;
    [[nodiscard]] std::uint16_t port() const noexcept { return port_; }
    // Its certificate, for 127.0.0.1, signed by itself: it also offers TLS.
    [[nodiscard]] std::string certificate() const { return directory_.file("server.crt"); }
    [[nodiscard]] const TemporaryDirectory& directory() const noexcept { return directory_; }

    // start() returns when the server answers.
    void start();
    void stop();
    void freeze();
    void thaw();

protected:
    SqlServer(std::string system_user, int stop_signal);
    // Words that run a program as the user of the server.
    [[nodiscard]] std::vector<std::string> as_server_user(std::vector<std::string> words) const;
    void hand_over(const std::string& path) const;
    void make_certificate() const;
    // Runs to the end; throws unless its status is 0.
    static std::string run_to_end(const Command& command);

    [[nodiscard]] virtual std::vector<std::string> server_words() const = 0;
    [[nodiscard]] virtual bool answers() = 0;

    TemporaryDirectory directory_;
    std::uint16_t port_;
    unsigned databases_ = 0;

private:
    void signal_all(int number) const;

    const std::string system_user_;
    const int stop_signal_;
    std::unique_ptr<Process> process_;
};

[[nodiscard]] std::unique_ptr<SqlServer> make_postgresql();
[[nodiscard]] std::unique_ptr<SqlServer> make_mariadb();

}  // namespace hpfeeds::support
