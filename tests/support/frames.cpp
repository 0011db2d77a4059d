// SPDX-License-Identifier: Apache-2.0
#include "support/frames.hpp"

#include <openssl/evp.h>

#include <array>
#include <cctype>
#include <stdexcept>

namespace hpfeeds::support {

std::string header(std::uint32_t length, std::uint8_t opcode) {
    std::string bytes;
    for (int shift = 24; shift >= 0; shift -= 8)
        bytes.push_back(static_cast<char>(length >> shift & 0xFFU));
    bytes.push_back(static_cast<char>(opcode));
    return bytes;
}

std::string frame(std::uint8_t opcode, std::string_view body) {
    return header(static_cast<std::uint32_t>(5 + body.size()), opcode).append(body);
}

std::string str8(std::string_view text) {
    if (text.size() > 255) throw std::runtime_error("a str8 holds 255 bytes at most");
    return std::string(1, static_cast<char>(text.size())).append(text);
}

std::string digest(std::string_view nonce, std::string_view secret) {
    const std::string input = std::string(nonce).append(secret);
    std::array<unsigned char, EVP_MAX_MD_SIZE> out{};
    unsigned size = 0;
    if (EVP_Digest(input.data(), input.size(), out.data(), &size, EVP_sha1(), nullptr) != 1)
        throw std::runtime_error("libcrypto has no SHA-1");
    return {reinterpret_cast<const char*>(out.data()), size};
}

std::string auth_frame(std::string_view nonce, std::string_view ident, std::string_view secret) {
    return frame(op_auth, str8(ident) + digest(nonce, secret));
}

std::string publish_frame(std::string_view ident, std::string_view channel,
                          std::string_view payload) {
    return frame(op_publish, (str8(ident) + str8(channel)).append(payload));
}

std::string subscribe_frame(std::string_view ident, std::string_view channel) {
    return frame(op_subscribe, str8(ident).append(channel));
}

std::string unsubscribe_frame(std::string_view ident, std::string_view channel) {
    return frame(op_unsubscribe, str8(ident).append(channel));
}

Message as_message(const Received& received) {
    if (received.opcode != op_publish)
        throw std::runtime_error("not a PUBLISH but " + describe(received));
    std::string_view rest = received.body;
    const auto cut = [&] {
        if (rest.empty() || rest.size() - 1 < static_cast<unsigned char>(rest[0]))
            throw std::runtime_error("a string runs past its frame: " + describe(received));
        const std::string text(rest.substr(1, static_cast<unsigned char>(rest[0])));
        rest.remove_prefix(1 + text.size());
        return text;
    };
    Message message;
    message.ident = cut();
    message.channel = cut();
    message.payload = rest;
    return message;
}

std::string describe(const Received& received) {
    static constexpr std::array<const char*, 6> names{"ERROR",   "INFO",      "AUTH",
                                                      "PUBLISH", "SUBSCRIBE", "UNSUBSCRIBE"};
    const std::string name =
        received.opcode < names.size() ? names.at(received.opcode) : "an unknown opcode";
    return name + " of " + std::to_string(received.body.size()) +
           " bytes: " + printable(received.body);
}

std::string printable(std::string_view bytes, std::size_t bytes_max) {
    static constexpr std::string_view digits = "0123456789abcdef";
    std::string text;
    for (const char byte : bytes.substr(0, bytes_max)) {
        const auto value = static_cast<unsigned char>(byte);
        if (std::isprint(value) != 0) {
            text.push_back(byte);
        } else {
            text += "\\x";
            text.push_back(digits[value >> 4U]);
            text.push_back(digits[value & 15U]);
        }
    }
    return bytes.size() > bytes_max ? text + "…" : text;
}

}  // namespace hpfeeds::support
