// SPDX-License-Identifier: Apache-2.0
#include "net/proxy_header.hpp"

#include <netinet/in.h>
#include <algorithm>
#include <array>
#include <cstring>

namespace hpfeeds::net {
namespace {

struct Text {
    std::string_view label;
    std::string_view description;
};

constexpr std::array<Text, proxy_refusal_count> texts{{
    {"", ""},
    {"no-header",
     "something else came than a PROXY header; does the balancer send version 2 (haproxy: "
     "send-proxy-v2), or did somebody come past it?"},
    {"version-1", "a PROXY header of version 1 came; let the balancer send version 2"},
    {"unknown-version", "a PROXY header of an unknown version came"},
    {"unknown-command", "the PROXY header's command is neither LOCAL nor PROXY"},
    {"unknown-family", "the PROXY header's address family or protocol is unknown"},
    {"too-long", "the PROXY header is longer than 4096 bytes; let the balancer send fewer TLVs"},
    {"short-addresses", "the PROXY header ends within its addresses"},
    {"broken-tlv", "a TLV of the PROXY header runs past its end"},
}};

constexpr std::array<std::byte, 12> signature{std::byte{0x0D}, std::byte{0x0A}, std::byte{0x0D},
                                              std::byte{0x0A}, std::byte{0x00}, std::byte{0x0D},
                                              std::byte{0x0A}, std::byte{0x51}, std::byte{0x55},
                                              std::byte{0x49}, std::byte{0x54}, std::byte{0x0A}};
constexpr std::string_view version_1_begins = "PROXY ";

// Halves of the two bytes behind the signature, and what may be in them.
constexpr unsigned version_2 = 2;
constexpr unsigned command_local = 0, command_proxy = 1;
constexpr unsigned family_unspecified = 0, family_inet = 1, family_inet6 = 2, family_unix = 3;
constexpr unsigned protocol_stream = 1, protocol_datagram = 2;

// Both addresses, and both ports where there are any.
constexpr std::array<std::size_t, 4> address_bytes{0, 4 + 4 + 2 + 2, 16 + 16 + 2 + 2, 108 + 108};

constexpr std::size_t tlv_head_bytes = 3;  // type, length

unsigned high_half(std::byte byte) noexcept {
    return std::to_integer<unsigned>(byte) >> 4;
}
unsigned low_half(std::byte byte) noexcept {
    return std::to_integer<unsigned>(byte) & 0x0FU;
}
std::size_t number_at(std::span<const std::byte> bytes, std::size_t at) noexcept {
    return std::to_integer<std::size_t>(bytes[at]) << 8 |
           std::to_integer<std::size_t>(bytes[at + 1]);
}

ProxyHeader refused(ProxyRefusal refusal) noexcept {
    ProxyHeader verdict;
    verdict.outcome = ProxyHeader::Outcome::refused;
    verdict.refusal = refusal;
    return verdict;
}

// Whether one begins as the other does, as far as both go.
bool agree(std::span<const std::byte> came, std::span<const std::byte> wanted) noexcept {
    const std::size_t count = std::min(came.size(), wanted.size());
    return count == 0 || std::memcmp(came.data(), wanted.data(), count) == 0;
}

// Whatever does not begin with the signature.
ProxyHeader judge_stranger(std::span<const std::byte> came) noexcept {
    const auto text = std::as_bytes(std::span(version_1_begins));
    if (!agree(came, text)) return refused(ProxyRefusal::no_header);
    return came.size() < text.size() ? ProxyHeader{} : refused(ProxyRefusal::version_1);
}

bool whole_tlvs(std::span<const std::byte> rest) noexcept {
    while (!rest.empty()) {
        if (rest.size() < tlv_head_bytes) return false;
        const std::size_t length = tlv_head_bytes + number_at(rest, 1);
        if (length > rest.size()) return false;
        rest = rest.subspan(length);
    }
    return true;
}

// Requires: a whole address block of `family`. Source first, then destination, then their ports.
Address source_of(std::span<const std::byte> block, unsigned family) noexcept {
    sockaddr_storage raw{};
    if (family == family_inet) {
        sockaddr_in in{};
        in.sin_family = AF_INET;
        std::memcpy(&in.sin_addr, block.data(), 4);
        std::memcpy(&in.sin_port, block.data() + 4 + 4, 2);
        std::memcpy(&raw, &in, sizeof in);
    } else {
        sockaddr_in6 in{};
        in.sin6_family = AF_INET6;
        std::memcpy(&in.sin6_addr, block.data(), 16);
        std::memcpy(&in.sin6_port, block.data() + 16 + 16, 2);
        std::memcpy(&raw, &in, sizeof in);
    }
    return Address(raw);
}

}  // namespace

std::string_view label(ProxyRefusal refusal) noexcept {
    return texts[static_cast<std::size_t>(refusal)].label;
}
std::string_view describe(ProxyRefusal refusal) noexcept {
    return texts[static_cast<std::size_t>(refusal)].description;
}

ProxyHeader parse_proxy_header(std::span<const std::byte> bytes) noexcept {
    if (!agree(bytes, signature)) return judge_stranger(bytes);
    if (bytes.size() < proxy_fixed_bytes) return {};

    const unsigned command = low_half(bytes[12]);
    const unsigned family = high_half(bytes[13]);
    const unsigned protocol = low_half(bytes[13]);
    if (high_half(bytes[12]) != version_2) return refused(ProxyRefusal::unknown_version);
    if (command != command_local && command != command_proxy)
        return refused(ProxyRefusal::unknown_command);
    if (family > family_unix || protocol > protocol_datagram)
        return refused(ProxyRefusal::unknown_family);

    ProxyHeader verdict;
    verdict.bytes = proxy_fixed_bytes + number_at(bytes, 14);
    if (verdict.bytes > proxy_header_bytes_max) return refused(ProxyRefusal::too_long);
    if (bytes.size() < verdict.bytes) return verdict;

    verdict.outcome = ProxyHeader::Outcome::complete;
    verdict.local = command == command_local;
    // What is behind these says nothing that a receiver may believe.
    if (verdict.local || family == family_unspecified) return verdict;
    const auto block = bytes.subspan(proxy_fixed_bytes, verdict.bytes - proxy_fixed_bytes);
    if (block.size() < address_bytes[family]) return refused(ProxyRefusal::short_addresses);
    if (!whole_tlvs(block.subspan(address_bytes[family]))) return refused(ProxyRefusal::broken_tlv);
    if (protocol == protocol_stream && family != family_unix)
        verdict.source = source_of(block, family);
    return verdict;
}

}  // namespace hpfeeds::net
