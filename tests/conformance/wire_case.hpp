// SPDX-License-Identifier: Apache-2.0
// wire_case.hpp: one case of the files beside this one, played step by step (README.md is the
// specification).
//
// Errors  std::runtime_error says which step failed, and with what came instead; also when a file
// is not in the form
//         that README.md describes.
#pragma once

#include "support/wire_client.hpp"

#include <nlohmann/json.hpp>

#include <map>
#include <memory>
#include <string>
#include <string_view>

namespace hpfeeds::conformance {

// The bytes that `tokens` stand for; `nonce` is that of the connection they go over.
[[nodiscard]] std::string bytes_of(std::string_view tokens, std::string_view nonce);

class WireCase {
public:
    // `steps` is the list of a case.
    WireCase(const nlohmann::json& steps, const support::Address& broker);
    void play();

private:
    struct Connection {
        std::unique_ptr<support::WireClient> client;
        std::string ident;  // of the last AUTH that was sent, for settle
        bool half_closed = false;
        bool ended = false;
        std::string sent;  // since the last frame border, to know whether settle may be implied
    };

    void play(const nlohmann::json& step);
    void send(Connection& connection, const std::string& bytes, bool bytewise);
    void settle(Connection& connection) const;
    [[nodiscard]] Connection& connection_of(const nlohmann::json& step);

    const nlohmann::json& steps_;
    support::Address broker_;
    std::map<std::string, Connection> connections_;
};

}  // namespace hpfeeds::conformance
