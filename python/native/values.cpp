// SPDX-License-Identifier: Apache-2.0
#include "values.hpp"

namespace hpfeeds::python {
namespace nb = nanobind;
namespace {

const char* errors_of(Decoding decoding) {
    switch (decoding) {
        case Decoding::strict:
            return "strict";
        case Decoding::escaped:
            return "surrogateescape";
        case Decoding::shown:
            break;
    }
    return "backslashreplace";
}

nb::object checked(PyObject* made) {
    if (made == nullptr) throw nb::python_error();
    return nb::steal(made);
}

}  // namespace

nb::object new_text(std::string_view bytes, Decoding decoding) {
    return checked(PyUnicode_DecodeUTF8(bytes.data(), static_cast<Py_ssize_t>(bytes.size()),
                                        errors_of(decoding)));
}

nb::object new_bytes(std::span<const std::byte> bytes) {
    return checked(PyBytes_FromStringAndSize(reinterpret_cast<const char*>(bytes.data()),
                                             static_cast<Py_ssize_t>(bytes.size())));
}

FreshBytes::FreshBytes(std::size_t size)
    : object(checked(PyBytes_FromStringAndSize(nullptr, static_cast<Py_ssize_t>(size)))),
      room(reinterpret_cast<std::byte*>(PyBytes_AsString(object.ptr())), size) {}

nb::object RememberedText::of(std::string_view bytes) {
    if (text_.is_valid() && bytes == bytes_) return text_;
    nb::object text = new_text(bytes, Decoding::escaped);
    bytes_ = bytes;
    text_ = text;
    return text;
}

void raise(const char* exception, nb::object arguments) {
    const nb::object type = nb::module_::import_("hpfeeds.exceptions").attr(exception);
    PyErr_SetObject(type.ptr(), arguments.ptr());
    throw nb::python_error();
}

void raise(const char* exception, std::string_view text) {
    raise(exception, nb::object(nb::str(text.data(), text.size())));
}

// A tuple as the value makes Python call the exception with its items.
void raise_too_big(int opcode, std::size_t size, std::size_t size_max) {
    raise("MessageTooBig", nb::object(nb::make_tuple(opcode, size, size_max)));
}

}  // namespace hpfeeds::python
