// SPDX-License-Identifier: Apache-2.0
// broker_process.hpp: the real broker, started for one test in a fresh folder, on ports that the
// system chooses.
//
// The constructor returns when the broker has logged `listening` for every endpoint; nothing
// sleeps, no port is fixed. HPFEEDS_BROKER_BIN in the environment names another broker to test in
// place of the one just built.
//
// HPFEEDS_TEST_TLS=1 in the environment turns every tcp endpoint of a setup into a TLS one, with a
// certificate of its own, and address() says so to clients: the tests of plain connections are the
// tests of TLS connections, too.
//
// Ownership  the broker is killed, by its pid, with its owner. When the test has failed its log is
// printed. Errors     std::runtime_error with the broker's stderr.
#pragma once

#include "support/accounts.hpp"
#include "support/log_line.hpp"
#include "support/process.hpp"
#include "support/temporary_directory.hpp"
#include "support/wire_client.hpp"

#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace hpfeeds::support {

inline const std::string any_port = "tcp:interface=127.0.0.1:port=0";

struct BrokerSetup {
    std::vector<std::string> arguments{};          // behind the ones below
    std::vector<std::string> endpoints{any_port};  // -e
    std::vector<Key> keys = usual_keys();          // users.json; none: the file is not written
    std::vector<std::pair<std::string, std::string>> environment{};  // on top of the test's own
    std::size_t listeners = 1;                                 // `listening` lines to wait for
    std::vector<std::pair<std::string, std::string>> files{};  // written before the start
    std::vector<std::pair<std::string, int>> sockets{};        // handed over as systemd does
};

// A TLS endpoint with `broker.key` and `broker.crt`, which are in every broker's folder.
inline const std::string any_tls_port =
    "tls:interface=127.0.0.1:port=0:key=broker.key:cert=broker.crt";

// Whether HPFEEDS_TEST_TLS is set.
[[nodiscard]] bool over_tls();

[[nodiscard]] std::string broker_binary();
[[nodiscard]] std::string command_line_client_binary();

// The words of a command that starts the broker with `arguments` alone; for tests of the start
// itself.
[[nodiscard]] Command broker_command(const std::vector<std::string>& arguments,
                                     const TemporaryDirectory& directory);

class BrokerProcess {
public:
    explicit BrokerProcess(const BrokerSetup& setup = {});
    ~BrokerProcess();
    BrokerProcess(const BrokerProcess&) = delete;
    BrokerProcess& operator=(const BrokerProcess&) = delete;

    // Where the first endpoint, or the one numbered `index`, listens. Of a TLS endpoint, clients
    // trust `broker.crt` in the broker's folder.
    [[nodiscard]] Address address(std::size_t index = 0) const { return listeners_.at(index); }
    [[nodiscard]] pid_t pid() const noexcept { return process_.pid(); }
    [[nodiscard]] const TemporaryDirectory& directory() const noexcept { return directory_; }
    [[nodiscard]] Process& process() noexcept { return process_; }
    [[nodiscard]] bool running() { return process_.running(); }

    // The first line of the log, past or to come, that `wanted` likes; throws when none comes.
    LogLine wait_for_log(const std::function<bool(const LogLine&)>& wanted,
                         Deadline deadline = Deadline{}) const;
    // The first line that holds all these texts.
    LogLine wait_for_log(const std::vector<std::string>& parts) const;
    [[nodiscard]] std::string log() const { return process_.err().text(); }

    // SIGTERM, then the exit status. Throws when the broker stays, or dies of a signal.
    int stop(int signal_number = 15);

private:
    void find_listeners(std::size_t count);

    TemporaryDirectory directory_;
    Process process_;
    std::vector<Address> listeners_;
    int exceptions_at_start_;
};

}  // namespace hpfeeds::support
