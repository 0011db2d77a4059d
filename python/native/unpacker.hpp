// SPDX-License-Identifier: Apache-2.0
// unpacker.hpp: hpfeeds.protocol.Unpacker: bytes in pieces in, (opcode, body) out.
//
// Judges a frame by its five header bytes, as the reference package does, with the limits in the
// dictionary hpfeeds.protocol.SIZES, which programs change; bodies are not looked into.
//
// Threads    with the GIL held.
// Errors     ProtocolException for an unknown opcode or a length below the header's; MessageTooBig.
//            The bytes stay: asking again raises again, until reset().
#pragma once

#include "bytes_argument.hpp"

#include <cstddef>
#include <span>
#include <vector>

#include <nanobind/nanobind.h>

namespace hpfeeds::python {

class Unpacker {
public:
    explicit Unpacker(nanobind::dict sizes) : sizes_(std::move(sizes)) {}

    void reset();
    void feed(const BytesArgument& data);
    // Whether a whole frame is there.
    [[nodiscard]] bool ready() const;
    // The frame that is there, as a tuple; null when there is none.
    [[nodiscard]] PyObject* next();
    [[nodiscard]] std::span<const std::byte> unread() const noexcept {
        return std::span<const std::byte>(bytes_).subspan(taken_);
    }

private:
    [[nodiscard]] std::size_t size_max(int opcode) const;

    nanobind::dict sizes_;
    std::vector<std::byte> bytes_;
    std::size_t taken_ = 0;  // of bytes_, given out already
};

void bind_unpacker(nanobind::module_& module, const nanobind::dict& sizes);

}  // namespace hpfeeds::python
