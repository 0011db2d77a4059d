// SPDX-License-Identifier: Apache-2.0
// values.hpp: C++ values as new Python objects, and the package's exceptions raised from C++.
//
// Threads  with the GIL held.    Errors  throws what Python then raises.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

#include <nanobind/nanobind.h>

namespace hpfeeds::python {

// How bytes that are not UTF-8 become a str.
enum class Decoding {
    strict,   // UnicodeDecodeError, as hpfeeds.protocol does it
    escaped,  // as lone surrogates, which BytesArgument turns into the same bytes again
    shown,    // as \xNN, for a text that is only read by people
};

[[nodiscard]] nanobind::object new_text(std::string_view bytes, Decoding decoding);
[[nodiscard]] nanobind::object new_bytes(std::span<const std::byte> bytes);

// Bytes of this size to be filled at once, before anybody else sees them.
struct FreshBytes {
    explicit FreshBytes(std::size_t size);
    nanobind::object object;
    std::span<std::byte> room;
};

// The str of the last bytes seen: a stream of events repeats its ident and channel.
class RememberedText {
public:
    [[nodiscard]] nanobind::object of(std::string_view bytes);

private:
    std::string bytes_;
    nanobind::object text_;
};

// hpfeeds.exceptions.NAME(arguments …), raised.
[[noreturn]] void raise(const char* exception, nanobind::object arguments);
[[noreturn]] void raise(const char* exception, std::string_view text);
[[noreturn]] void raise_too_big(int opcode, std::size_t size, std::size_t size_max);

}  // namespace hpfeeds::python
