// SPDX-License-Identifier: Apache-2.0
// bytes_of.hpp: frames written by the tests' own hand, so that a mistake which encoder and parser
// share is seen.
#pragma once

#include "wire/frame.hpp"
#include "wire/limits.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace hpfeeds::wire::testing {

inline std::span<const std::byte> bytes_of(std::string_view text) {
    return as_bytes(text);
}

// The five bytes, claiming anything.
inline std::string header(std::uint32_t length, std::uint8_t opcode) {
    std::string text;
    for (const unsigned shift : {24U, 16U, 8U, 0U})
        text.push_back(static_cast<char>(length >> shift & 0xFFU));
    text.push_back(static_cast<char>(opcode));
    return text;
}

inline std::string header(std::uint32_t length, Opcode opcode) {
    return header(length, static_cast<std::uint8_t>(opcode));
}

inline std::string frame(Opcode opcode, std::string_view body) {
    return header(static_cast<std::uint32_t>(header_bytes + body.size()), opcode) +
           std::string(body);
}

inline std::string str8(std::string_view text) {
    return std::string(1, static_cast<char>(text.size())) + std::string(text);
}

}  // namespace hpfeeds::wire::testing
