// SPDX-License-Identifier: Apache-2.0
#include "wire/encode.hpp"

#include <cassert>
#include <cstdint>
#include <cstring>

namespace hpfeeds::wire {
namespace {

// Appends to lent memory; that there is room is the caller's promise.
class Writer {
public:
    explicit Writer(std::span<std::byte> out) noexcept : out_(out) {}

    Writer& header(std::size_t frame_bytes, Opcode opcode) noexcept {
        assert(out_.size() - used_ >= header_bytes);
        write_u32(out_.data() + used_, static_cast<std::uint32_t>(frame_bytes));
        used_ += 4;
        put(static_cast<std::uint8_t>(opcode));
        return *this;
    }
    Writer& string(std::string_view text) noexcept {
        assert(text.size() <= string_bytes_max);
        put(static_cast<std::uint8_t>(text.size()));
        return bytes(as_bytes(text));
    }
    Writer& bytes(std::span<const std::byte> more) noexcept {
        assert(out_.size() - used_ >= more.size());
        if (!more.empty()) std::memcpy(out_.data() + used_, more.data(), more.size());
        used_ += more.size();
        return *this;
    }
    [[nodiscard]] std::size_t used() const noexcept { return used_; }

private:
    void put(std::uint8_t value) noexcept {
        assert(used_ < out_.size());
        out_[used_++] = std::byte{value};
    }
    std::span<std::byte> out_;
    std::size_t used_ = 0;
};

std::size_t encode_channel(std::span<std::byte> out, Opcode opcode, std::string_view ident,
                           std::string_view channel) noexcept {
    return Writer(out)
        .header(subscribe_frame_bytes(ident.size(), channel.size()), opcode)
        .string(ident)
        .bytes(as_bytes(channel))
        .used();
}

}  // namespace

std::size_t encode_error(std::span<std::byte> out, std::string_view text) noexcept {
    return Writer(out)
        .header(error_frame_bytes(text.size()), Opcode::error)
        .bytes(as_bytes(text))
        .used();
}

std::size_t encode_info(std::span<std::byte> out, std::string_view broker_name,
                        std::span<const std::byte> nonce) noexcept {
    return Writer(out)
        .header(info_frame_bytes(broker_name.size(), nonce.size()), Opcode::info)
        .string(broker_name)
        .bytes(nonce)
        .used();
}

std::size_t encode_auth(std::span<std::byte> out, std::string_view ident,
                        std::span<const std::byte, digest_bytes> digest) noexcept {
    return Writer(out)
        .header(auth_frame_bytes(ident.size()), Opcode::auth)
        .string(ident)
        .bytes(digest)
        .used();
}

std::size_t encode_subscribe(std::span<std::byte> out, std::string_view ident,
                             std::string_view channel) noexcept {
    return encode_channel(out, Opcode::subscribe, ident, channel);
}

std::size_t encode_unsubscribe(std::span<std::byte> out, std::string_view ident,
                               std::string_view channel) noexcept {
    return encode_channel(out, Opcode::unsubscribe, ident, channel);
}

}  // namespace hpfeeds::wire
