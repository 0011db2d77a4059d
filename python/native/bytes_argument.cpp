// SPDX-License-Identifier: Apache-2.0
#include "bytes_argument.hpp"

namespace hpfeeds::python {
namespace nb = nanobind;

BytesArgument::BytesArgument(nb::handle value, const char* what, Text text) {
    PyObject* object = value.ptr();
    if (PyBytes_Check(object)) {
        borrow_bytes(object);
    } else if (PyUnicode_Check(object) && text == Text::allowed) {
        borrow_text(object);
    } else if (PyObject_CheckBuffer(object) != 0) {
        if (PyObject_GetBuffer(object, &view_, PyBUF_SIMPLE) != 0) throw nb::python_error();
        has_view_ = true;
        data_ = view_.buf;
        size_ = static_cast<std::size_t>(view_.len);
    } else {
        const nb::object kind =
            nb::borrow(nb::handle(reinterpret_cast<PyObject*>(Py_TYPE(object)))).attr("__name__");
        PyErr_Format(PyExc_TypeError, "%s must be %s, not %U", what,
                     text == Text::allowed ? "str or bytes" : "bytes", kind.ptr());
        throw nb::python_error();
    }
}

BytesArgument::~BytesArgument() {
    if (has_view_) PyBuffer_Release(&view_);
}

void BytesArgument::borrow_text(PyObject* text) {
    Py_ssize_t size = 0;
    if (const char* utf8 = PyUnicode_AsUTF8AndSize(text, &size)) {
        data_ = utf8;
        size_ = static_cast<std::size_t>(size);
        return;
    }
    PyErr_Clear();
    encoded_ = nb::steal(PyUnicode_AsEncodedString(text, "utf-8", "surrogateescape"));
    if (!encoded_.is_valid()) throw nb::python_error();
    borrow_bytes(encoded_.ptr());
}

void BytesArgument::borrow_bytes(PyObject* bytes) {
    char* data = nullptr;
    Py_ssize_t size = 0;
    if (PyBytes_AsStringAndSize(bytes, &data, &size) != 0) throw nb::python_error();
    data_ = data;
    size_ = static_cast<std::size_t>(size);
}

}  // namespace hpfeeds::python
