// SPDX-License-Identifier: Apache-2.0
// mongo_server.hpp: a real server of MongoDB's protocol (FerretDB), started for one test in a fresh
// folder, on a port that the system chooses, with a user and a password.
//
// Ownership  the server is killed, by its pid, with its owner.
// Errors     std::runtime_error with what the server said.
#pragma once

#include "support/process.hpp"
#include "support/temporary_directory.hpp"

#include <cstdint>
#include <memory>
#include <string>

namespace hpfeeds::support {

inline const std::string mongo_user = "keeper";
// What must be escaped in a URL is in it.
inline const std::string mongo_password = "hunter2:@/?";
inline const std::string mongo_password_escaped = "hunter2%3A%40%2F%3F";

class MongoServer {
public:
    MongoServer();

    // Whether one was built; else why a test cannot run. In CI that is a failure of the test.
    [[nodiscard]] static bool built();

    [[nodiscard]] std::uint16_t port() const noexcept { return port_; }
    // "127.0.0.1:40000"
    [[nodiscard]] std::string host() const;
    // mongodb://USER:PASSWORD@HOST/hpfeeds and more, such as "?collection=others".
    [[nodiscard]] std::string url(const std::string& more = {}) const;
    // The same by way of a relay that listens on this port.
    [[nodiscard]] std::string url_through(std::uint16_t port) const;

    void freeze() { process_->signal(19); }
    void thaw() { process_->signal(18); }
    // Dead at once, as when the machine loses its power.
    void kill();
    // On the same port, with the same data. Requires: kill().
    void start();

private:
    TemporaryDirectory folder_;
    std::unique_ptr<Process> process_;
    std::uint16_t port_ = 0;
};

}  // namespace hpfeeds::support

// Ends the test when there is no server to test with: loudly on a user's machine, as a failure in
// CI.
#define HPFEEDS_NEEDS_MONGO_SERVER()                                      \
    do {                                                                  \
        if (::hpfeeds::support::MongoServer::built()) break;              \
        const char* ci = std::getenv("CI");                               \
        if (ci != nullptr && std::string_view(ci) == "true")              \
            FAIL() << "FerretDB was not built; mongodb.setup says why";   \
        GTEST_SKIP() << "FerretDB was not built; mongodb.setup says why"; \
    } while (false)
