// SPDX-License-Identifier: Apache-2.0
#include "machine.hpp"

#include "bytes_argument.hpp"
#include "wire/encode.hpp"

#include <algorithm>
#include <string>

namespace hpfeeds::python {
namespace nb = nanobind;
namespace {

using Event = client::ClientMachine::Event;
using Kind = client::ClientMachine::Kind;

std::string string8(nb::handle value, const char* what) {
    const BytesArgument text(value, what);
    if (text.size() > wire::string_bytes_max)
        raise("TooLong", std::string(what) + " has " + std::to_string(text.size()) +
                             " bytes, but hpfeeds allows at most 255");
    return std::string(text.text());
}

std::string string_of(nb::handle value, const char* what) {
    return std::string(BytesArgument(value, what).text());
}

void append(const nb::object& list, nb::object item) {
    if (PyList_Append(list.ptr(), item.ptr()) != 0) throw nb::python_error();
}

nb::object note(const char* what, std::string_view text, Decoding decoding) {
    return nb::make_tuple(nb::str(what), new_text(text, decoding));
}

nb::object new_list() {
    PyObject* list = PyList_New(0);
    if (list == nullptr) throw nb::python_error();
    return nb::steal(list);
}

}  // namespace

Machine::Machine(nb::handle ident, nb::handle secret, std::size_t frame_bytes_max)
    : ident_(string8(ident, "ident")),
      frame_bytes_max_(frame_bytes_max),
      machine_(ident_, string_of(secret, "secret"), {.publish_frame_bytes_max = frame_bytes_max}) {}

nb::object Machine::message(const Event& event) {
    nb::object ident = last_ident_.of(event.ident);
    nb::object channel = last_channel_.of(event.channel);
    nb::object payload = new_bytes(event.payload);
    PyObject* tuple = PyTuple_New(3);
    if (tuple == nullptr) throw nb::python_error();
    PyTuple_SetItem(tuple, 0, ident.release().ptr());
    PyTuple_SetItem(tuple, 1, channel.release().ptr());
    PyTuple_SetItem(tuple, 2, payload.release().ptr());
    return nb::steal(tuple);
}

nb::object Machine::receive(nb::handle data, Py_ssize_t count) {
    const BytesArgument argument(data, "data", BytesArgument::Text::refused);
    nb::object messages = new_list();
    nb::object notes = new_list();
    const std::size_t wanted = count < 0 ? argument.size() : static_cast<std::size_t>(count);
    machine_.receive(argument.bytes().first(std::min(argument.size(), wanted)));
    for (Event event = machine_.next(); event.kind != Kind::none; event = machine_.next()) {
        switch (event.kind) {
            case Kind::message:
                append(messages, message(event));
                break;
            case Kind::connected:
                append(notes, note("connected", event.name, Decoding::escaped));
                break;
            case Kind::error:
                append(notes, note("error", event.text, Decoding::shown));
                break;
            case Kind::violation:
                append(notes, note("violation", event.text, Decoding::shown));
                return nb::make_tuple(messages, notes);
            case Kind::none:
                break;
        }
    }
    return nb::make_tuple(messages, notes);
}

nb::object Machine::take_output() {
    nb::object output = new_bytes(machine_.unsent());
    machine_.sent(machine_.unsent().size());
    return output;
}

void Machine::subscribe(nb::handle channel) {
    (void)machine_.subscribe(string8(channel, "channel"));  // its only refusal is checked here
}

void Machine::unsubscribe(nb::handle channel) {
    machine_.unsubscribe(string8(channel, "channel"));
}

nb::object Machine::frame(nb::handle channel, nb::handle payload) const {
    const BytesArgument where(channel, "channel");
    const BytesArgument what(payload, "payload");
    if (where.size() > wire::string_bytes_max) (void)string8(channel, "channel");
    const std::size_t size = wire::publish_frame_bytes(ident_.size(), where.size(), what.size());
    if (size > frame_bytes_max_)
        raise_too_big(static_cast<int>(wire::Opcode::publish), size, frame_bytes_max_);
    FreshBytes frame(size);
    wire::encode_publish(frame.room, ident_, where.text(), what.bytes());
    return frame.object;
}

void bind_machine(nb::module_& module) {
    nb::class_<Machine>(module, "Machine", "The client's half of the protocol, without I/O.")
        .def(nb::init<nb::handle, nb::handle, std::size_t>(), nb::arg("ident").none(),
             nb::arg("secret").none(), nb::arg("frame_bytes_max"))
        .def("reset", &Machine::reset, "A new connection; the subscriptions stay.")
        .def("receive", &Machine::receive, nb::arg("data").none(), nb::arg("count") = -1,
             "([(ident, channel, payload), ...], [(what, text), ...])")
        .def("take_output", &Machine::take_output, "What has to be sent.")
        .def_prop_ro("connected", &Machine::connected, "Whether the broker introduced itself.")
        .def("subscribe", &Machine::subscribe, nb::arg("channel").none())
        .def("unsubscribe", &Machine::unsubscribe, nb::arg("channel").none())
        .def("frame", &Machine::frame, nb::arg("channel").none(), nb::arg("payload").none(),
             "A PUBLISH frame.");
}

}  // namespace hpfeeds::python
