// SPDX-License-Identifier: Apache-2.0
// bytes_argument.hpp: what a Python caller gave for text or data, as bytes.
//
// str becomes UTF-8; a byte that was not UTF-8 when it came in (a lone surrogate, PEP 383) becomes
// that byte again. bytes, bytearray, memoryview and everything else with a contiguous buffer is
// borrowed, not copied.
//
// Threads    with the GIL held.
// Ownership  the view lives as long as this object, and keeps the caller's object from changing.
// Errors     throws what Python then raises: TypeError for anything else.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>

#include <nanobind/nanobind.h>

namespace hpfeeds::python {

class BytesArgument {
public:
    enum class Text { allowed, refused };

    // `what` names the argument in the error: "the payload".
    BytesArgument(nanobind::handle value, const char* what, Text text = Text::allowed);
    ~BytesArgument();
    BytesArgument(const BytesArgument&) = delete;
    BytesArgument& operator=(const BytesArgument&) = delete;

    [[nodiscard]] std::size_t size() const noexcept { return size_; }
    [[nodiscard]] std::string_view text() const noexcept {
        return {static_cast<const char*>(data_), size_};
    }
    [[nodiscard]] std::span<const std::byte> bytes() const noexcept {
        return {static_cast<const std::byte*>(data_), size_};
    }

private:
    void borrow_text(PyObject* text);
    void borrow_bytes(PyObject* bytes);

    const void* data_ = nullptr;
    std::size_t size_ = 0;
    nanobind::object encoded_;
    Py_buffer view_{};
    bool has_view_ = false;
};

}  // namespace hpfeeds::python
