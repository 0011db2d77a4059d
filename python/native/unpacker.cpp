// SPDX-License-Identifier: Apache-2.0
#include "unpacker.hpp"

#include "values.hpp"
#include "wire/parser.hpp"

#include <algorithm>
#include <string>

namespace hpfeeds::python {
namespace nb = nanobind;
namespace {

// What one burst made large is given back when it is read.
constexpr std::size_t kept_capacity_bytes = 256 * 1024;

std::size_t length_of(std::span<const std::byte> frame) {
    return wire::read_u32(frame.data());
}

int opcode_of(std::span<const std::byte> frame) {
    return std::to_integer<int>(frame[4]);
}

// A length is signed in the reference package: its figures are in the message of the exception.
void refuse_length(std::size_t length) {
    if (length >= wire::header_bytes && length <= 0x7fffffff) return;
    raise("ProtocolException",
          "Length below the header: " + std::to_string(static_cast<std::int32_t>(length)));
}

// The slot itself instead of a method saves a call per frame.
PyObject* iterate(PyObject* self) noexcept {
    try {
        PyObject* frame = nb::cast<Unpacker&>(nb::handle(self)).next();
        if (frame == nullptr) PyErr_SetString(PyExc_StopIteration, "No message");
        return frame;
    } catch (nb::python_error& error) {
        error.restore();
    } catch (const std::bad_alloc&) {
        PyErr_NoMemory();
    }
    return nullptr;
}

PyObject* itself(PyObject* self) noexcept {
    Py_INCREF(self);
    return self;
}

PyType_Slot iterator_slots[] = {
    {Py_tp_iter, reinterpret_cast<void*>(itself)},
    {Py_tp_iternext, reinterpret_cast<void*>(iterate)},
    {0, nullptr},
};

nb::object next_or_stop(Unpacker& unpacker) {
    PyObject* frame = unpacker.next();
    if (frame == nullptr) {
        PyErr_SetString(PyExc_StopIteration, "No message");
        throw nb::python_error();
    }
    return nb::steal(frame);
}

}  // namespace

void Unpacker::reset() {
    bytes_ = {};
    taken_ = 0;
}

void Unpacker::feed(const BytesArgument& data) {
    // What was given out is dropped before anything is added, so no byte is moved twice for one
    // read.
    if (taken_ > 0) {
        bytes_.erase(bytes_.begin(), bytes_.begin() + static_cast<std::ptrdiff_t>(taken_));
        taken_ = 0;
        if (bytes_.empty() && bytes_.capacity() > kept_capacity_bytes) bytes_ = {};
    }
    bytes_.insert(bytes_.end(), data.bytes().begin(), data.bytes().end());
}

std::size_t Unpacker::size_max(int opcode) const {
    const nb::int_ key(opcode);
    PyObject* found = PyDict_GetItemWithError(sizes_.ptr(), key.ptr());
    if (found == nullptr) {
        if (PyErr_Occurred() != nullptr) throw nb::python_error();
        return wire::payload_bytes_max;
    }
    return nb::cast<std::size_t>(nb::handle(found));
}

bool Unpacker::ready() const {
    const auto unread_bytes = unread();
    if (unread_bytes.size() < wire::header_bytes) return false;
    const std::size_t length = length_of(unread_bytes);
    const int opcode = opcode_of(unread_bytes);
    if (opcode > wire::opcode_max)
        raise("ProtocolException", "Unknown opcode: " + std::to_string(opcode));
    refuse_length(length);
    if (const std::size_t most = size_max(opcode); length > most)
        raise_too_big(opcode, length, most);
    return unread_bytes.size() >= length;
}

PyObject* Unpacker::next() {
    if (!ready()) return nullptr;
    const auto frame = unread().first(length_of(unread()));
    nb::object body = new_bytes(frame.subspan(wire::header_bytes));
    PyObject* pair = PyTuple_New(2);
    if (pair == nullptr) throw nb::python_error();
    PyTuple_SetItem(pair, 0, nb::int_(opcode_of(frame)).release().ptr());
    PyTuple_SetItem(pair, 1, body.release().ptr());
    taken_ += frame.size();
    return pair;
}

void bind_unpacker(nb::module_& module, const nb::dict& sizes) {
    nb::class_<Unpacker>(module, "Unpacker", nb::type_slots(iterator_slots),
                         "Cuts a stream of bytes into (opcode, body).")
        .def("__init__", [sizes](Unpacker* self) { new (self) Unpacker(sizes); })
        .def("reset", &Unpacker::reset, "Forgets everything.")
        .def(
            "feed",
            [](Unpacker& self, nb::handle data) {
                self.feed(BytesArgument(data, "data", BytesArgument::Text::refused));
            },
            nb::arg("data").none(), "Adds bytes.")
        .def("ready", &Unpacker::ready, "Whether a whole frame is there.")
        .def("pop", next_or_stop, "The frame that is there.")
        .def("unpack", next_or_stop, "The frame that is there.")
        .def("next", next_or_stop, "The frame that is there.")
        .def_prop_ro(
            "buf",
            [](const Unpacker& self) {
                const auto unread = self.unread();
                return nb::steal(
                    PyByteArray_FromStringAndSize(reinterpret_cast<const char*>(unread.data()),
                                                  static_cast<Py_ssize_t>(unread.size())));
            },
            "A copy of the bytes that were not given out yet.");
}

}  // namespace hpfeeds::python
