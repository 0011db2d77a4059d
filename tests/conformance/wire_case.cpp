// SPDX-License-Identifier: Apache-2.0
#include "wire_case.hpp"

#include <array>
#include <charconv>
#include <stdexcept>
#include <utility>
#include <vector>

namespace hpfeeds::conformance {
namespace {

using support::printable;
using support::Received;
using support::WireClient;

[[noreturn]] void fail(const std::string& what) {
    throw std::runtime_error(what);
}

unsigned hex_digit(char digit) {
    if (digit >= '0' && digit <= '9') return static_cast<unsigned>(digit - '0');
    if (digit >= 'a' && digit <= 'f') return static_cast<unsigned>(digit - 'a' + 10);
    if (digit >= 'A' && digit <= 'F') return static_cast<unsigned>(digit - 'A' + 10);
    fail(std::string("not a hexadecimal digit: ") + digit);
}

char hex_byte(std::string_view pair) {
    if (pair.size() != 2) fail("hexadecimal digits come in pairs: " + std::string(pair));
    return static_cast<char>(hex_digit(pair[0]) << 4U | hex_digit(pair[1]));
}

// Cuts `text` at its first colons into `count` parts; the last keeps what colons it has.
std::vector<std::string_view> parts_of(std::string_view text, std::size_t count) {
    std::vector<std::string_view> parts;
    while (parts.size() + 1 < count) {
        const std::size_t colon = text.find(':');
        if (colon == std::string_view::npos) fail("too few parts: " + std::string(text));
        parts.push_back(text.substr(0, colon));
        text.remove_prefix(colon + 1);
    }
    parts.push_back(text);
    return parts;
}

std::string repeated(std::string_view text) {
    const auto parts = parts_of(text, 2);
    std::size_t count = 0;
    const char* end = parts[1].data() + parts[1].size();
    if (std::from_chars(parts[1].data(), end, count).ptr != end)
        fail("not a number: " + std::string(parts[1]));
    return std::string(count, hex_byte(parts[0]));
}

std::string expand(std::string_view token, std::string_view nonce) {
    const std::size_t colon = token.find(':');
    if (colon == std::string_view::npos) fail("not a token: {" + std::string(token) + "}");
    const std::string_view kind = token.substr(0, colon);
    const std::string_view rest = token.substr(colon + 1);
    if (kind == "text") return std::string(rest);
    if (kind == "str8") return support::str8(rest);
    if (kind == "repeat") return repeated(rest);
    if (kind == "digest") return support::digest(nonce, rest);
    if (kind == "auth") {
        const auto parts = parts_of(rest, 2);
        return support::auth_frame(nonce, parts[0], parts[1]);
    }
    if (kind == "publish") {
        const auto parts = parts_of(rest, 3);
        return support::publish_frame(parts[0], parts[1], parts[2]);
    }
    if (kind == "subscribe" || kind == "unsubscribe") {
        const auto parts = parts_of(rest, 2);
        return kind == "subscribe" ? support::subscribe_frame(parts[0], parts[1])
                                   : support::unsubscribe_frame(parts[0], parts[1]);
    }
    fail("not a token: {" + std::string(token) + "}");
}

// What is known of a connection from the bytes that went over it.
std::uint32_t length_at(std::string_view bytes) {
    std::uint32_t length = 0;
    for (std::size_t index = 0; index < 4; ++index)
        length = length << 8U | static_cast<unsigned char>(bytes[index]);
    return length;
}

}  // namespace

std::string bytes_of(std::string_view tokens, std::string_view nonce) {
    std::string bytes;
    while (!tokens.empty()) {
        if (tokens.front() == ' ') {
            tokens.remove_prefix(1);
        } else if (tokens.front() == '{') {
            const std::size_t end = tokens.find('}');
            if (end == std::string_view::npos)
                fail("a token without its end: " + std::string(tokens));
            bytes += expand(tokens.substr(1, end - 1), nonce);
            tokens.remove_prefix(end + 1);
        } else {
            bytes.push_back(hex_byte(tokens.substr(0, 2)));
            tokens.remove_prefix(2);
        }
    }
    return bytes;
}

WireCase::WireCase(const nlohmann::json& steps, const support::Address& broker)
    : steps_(steps), broker_(broker) {}

void WireCase::play() {
    int number = 0;
    for (const nlohmann::json& step : steps_) {
        ++number;
        try {
            play(step);
        } catch (const std::exception& error) {
            fail("step " + std::to_string(number) + " " + step.dump().substr(0, 200) + ": " +
                 error.what());
        }
    }
    for (auto& [name, connection] : connections_) {
        if (!connection.client || connection.ended) continue;
        try {
            const bool settles =
                !connection.half_closed && !connection.ident.empty() && connection.sent.empty();
            if (settles) {
                settle(connection);
            } else if (const auto unread =
                           connection.client->poll_frame(std::chrono::milliseconds(0))) {
                fail("unread: " + support::describe(*unread));
            }
        } catch (const std::exception& error) {
            fail("after the last step, connection " + name + ": " + error.what());
        }
    }
}

WireCase::Connection& WireCase::connection_of(const nlohmann::json& step) {
    Connection& connection = connections_[step.value("on", "a")];
    if (!connection.client && !step.contains("connect")) fail("not connected");
    return connection;
}

void WireCase::play(const nlohmann::json& step) {
    using namespace std::chrono_literals;
    Connection& connection = connection_of(step);
    const auto text = [&](const char* action) { return step.at(action).get<std::string>(); };
    const auto bytes = [&](const char* action) {
        return bytes_of(text(action), connection.client->info().nonce);
    };
    if (step.contains("connect")) {
        connection = {};
        connection.client = std::make_unique<WireClient>(broker_);
        const support::Info info = connection.client->expect_info();
        if (info.name != "hpfeeds") fail("the broker calls itself " + printable(info.name));
        if (info.nonce.size() != 4) fail("the nonce is " + printable(info.nonce));
    } else if (step.contains("send")) {
        send(connection, bytes("send"), false);
    } else if (step.contains("send_bytewise")) {
        send(connection, bytes("send_bytewise"), true);
    } else if (step.contains("expect_frame")) {
        const Received came = connection.client->expect_frame();
        const std::string frame = support::frame(came.opcode, came.body);
        if (frame != bytes("expect_frame"))
            fail("expected " + printable(bytes("expect_frame")) + "\n      came " +
                 printable(frame));
    } else if (step.contains("expect_error")) {
        connection.client->expect_error(text("expect_error"));
        connection.ended = true;
    } else if (step.contains("expect_closed")) {
        connection.client->expect_closed();
        connection.ended = true;
    } else if (step.contains("settle")) {
        settle(connection);
    } else if (step.contains("silence")) {
        if (const auto came = connection.client->poll_frame(100ms))
            fail("expected silence, came " + support::describe(*came));
    } else if (step.contains("half_close")) {
        connection.client->half_close();
        connection.half_closed = true;
    } else if (step.contains("close")) {
        connection.client->close();
        connection.ended = true;
    } else {
        fail("no such action");
    }
}

// Follows the frames that go out: the ident of an AUTH is who settle() publishes as, and what is
// left of a frame tells that the connection stands inside one.
void WireCase::send(Connection& connection, const std::string& bytes, bool bytewise) {
    connection.sent += bytes;
    while (connection.sent.size() >= 5 && length_at(connection.sent) >= 5 &&
           length_at(connection.sent) <= connection.sent.size()) {
        const std::string frame = connection.sent.substr(0, length_at(connection.sent));
        connection.sent.erase(0, frame.size());
        const bool names_somebody = frame.size() > 6 && frame[4] == support::op_auth;
        if (names_somebody)
            connection.ident = frame.substr(6, static_cast<unsigned char>(frame[5]));
    }
    try {
        if (!bytewise) return connection.client->send(bytes);
        for (const char byte : bytes)
            connection.client->send(std::string_view(&byte, 1));
    } catch (const std::system_error&) {
        // The broker has closed already; the expectations will tell.
    }
}

void WireCase::settle(Connection& connection) const {
    connection.client->set_ident(connection.ident);
    connection.client->settle();
}

}  // namespace hpfeeds::conformance
