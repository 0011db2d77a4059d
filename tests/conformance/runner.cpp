// SPDX-License-Identifier: Apache-2.0
// conformance_runner ACCOUNTS.json CASES.json: plays every case against a broker, and says which
// failed and where.
//
//   0  all cases passed        1  a case failed, or a file is not what it should be        2  usage
// HPFEEDS_BROKER_BIN names another broker to play against.
#include "support/broker_process.hpp"
#include "wire_case.hpp"

#include <nlohmann/json.hpp>

#include <cstdio>
#include <exception>
#include <memory>
#include <string>
#include <vector>

namespace {

using namespace hpfeeds;

std::vector<support::Key> read_keys(const std::string& file) {
    std::vector<std::string> privates = support::usual_keys().front().subchans;
    std::vector<support::Key> keys;
    const auto accounts = nlohmann::json::parse(support::read_file(file));
    for (const auto& [ident, entry] : accounts.items()) {
        support::Key key{ident, entry.at("secret"), entry.at("owner"), entry.at("pubchans"),
                         entry.at("subchans")};
        key.pubchans.insert(key.pubchans.end(), privates.begin(), privates.end());
        key.subchans.insert(key.subchans.end(), privates.begin(), privates.end());
        keys.push_back(key);
    }
    return keys;
}

support::BrokerSetup setup_for(const std::vector<support::Key>& keys,
                               const std::vector<std::string>& more) {
    support::BrokerSetup setup{.arguments = {"--auth-failure-delay", "0"}, .keys = keys};
    setup.arguments.insert(setup.arguments.end(), more.begin(), more.end());
    return setup;
}

// Returns how many cases failed.
int play_all(const std::string& accounts_file, const std::string& cases_file) {
    const std::vector<support::Key> keys = read_keys(accounts_file);
    const auto cases = nlohmann::json::parse(support::read_file(cases_file)).at("cases");
    support::BrokerProcess shared(setup_for(keys, {}));
    int passed = 0;
    int failed = 0;
    for (const auto& wire_case : cases) {
        std::unique_ptr<support::BrokerProcess> own;
        try {
            if (wire_case.contains("arguments"))
                own = std::make_unique<support::BrokerProcess>(
                    setup_for(keys, wire_case.at("arguments")));
            support::BrokerProcess& broker = own ? *own : shared;
            conformance::WireCase(wire_case.at("steps"), broker.address()).play();
            if (!broker.running()) throw std::runtime_error("the broker is gone");
            ++passed;
        } catch (const std::exception& error) {
            ++failed;
            std::printf("FAILED %s (%s)\n    %s\n", wire_case.value("name", "?").c_str(),
                        wire_case.value("spec", "?").c_str(), error.what());
        }
    }
    std::printf("%d passed, %d failed\n", passed, failed);
    if (failed > 0) std::printf("--- the broker's log ---\n%s", shared.log().c_str());
    return passed == 0 ? 1 : failed;
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 3) {
        std::fprintf(stderr, "usage: conformance_runner ACCOUNTS.json CASES.json\n");
        return 2;
    }
    try {
        return play_all(argv[1], argv[2]) == 0 ? 0 : 1;
    } catch (const std::exception& error) {
        std::fprintf(stderr, "conformance_runner: %s\n", error.what());
        return 1;
    }
}
