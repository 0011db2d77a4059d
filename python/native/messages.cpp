// SPDX-License-Identifier: Apache-2.0
#include "messages.hpp"

#include "bytes_argument.hpp"
#include "values.hpp"
#include "wire/challenge.hpp"
#include "wire/encode.hpp"

#include <algorithm>
#include <cstdint>
#include <limits>
#include <string>

namespace hpfeeds::python {
namespace nb = nanobind;
namespace {

using Text = BytesArgument::Text;

constexpr std::size_t length_max = std::numeric_limits<std::int32_t>::max();

void require_string8(const BytesArgument& text, const char* what) {
    if (text.size() <= wire::string_bytes_max) return;
    raise("TooLong", std::string(what) + " has " + std::to_string(text.size()) +
                         " bytes, but hpfeeds allows at most 255");
}

void require_length(std::size_t frame_bytes) {
    if (frame_bytes > length_max) raise("TooLong", "a frame of 2 GiB or more cannot be said");
}

void put_header(std::span<std::byte> frame, int opcode) {
    for (std::size_t at = 0; at < 4; ++at)
        frame[at] = static_cast<std::byte>(frame.size() >> (24 - 8 * at) & 0xffU);
    frame[4] = static_cast<std::byte>(opcode);
}

nb::object msghdr(int opcode, nb::handle data) {
    if (opcode < 0 || opcode > 255) raise("TooLong", "an opcode is one byte: 0 to 255");
    const BytesArgument body(data, "data", Text::refused);
    require_length(wire::header_bytes + body.size());
    FreshBytes frame(wire::header_bytes + body.size());
    put_header(frame.room, opcode);
    std::ranges::copy(body.bytes(), frame.room.subspan(wire::header_bytes).begin());
    return frame.object;
}

nb::object msginfo(nb::handle name, nb::handle rand) {
    const BytesArgument broker(name, "name");
    const BytesArgument nonce(rand, "rand");
    require_string8(broker, "name");
    FreshBytes frame(wire::info_frame_bytes(broker.size(), nonce.size()));
    wire::encode_info(frame.room, broker.text(), nonce.bytes());
    return frame.object;
}

nb::object msgerror(nb::handle error) {
    const BytesArgument text(error, "error");
    FreshBytes frame(wire::error_frame_bytes(text.size()));
    wire::encode_error(frame.room, text.text());
    return frame.object;
}

nb::object msgsubscribe(nb::handle ident, nb::handle chan) {
    const BytesArgument who(ident, "ident");
    const BytesArgument channel(chan, "chan");
    require_string8(who, "ident");
    FreshBytes frame(wire::subscribe_frame_bytes(who.size(), channel.size()));
    wire::encode_subscribe(frame.room, who.text(), channel.text());
    return frame.object;
}

nb::object msgunsubscribe(nb::handle ident, nb::handle chan) {
    const BytesArgument who(ident, "ident");
    const BytesArgument channel(chan, "chan");
    require_string8(who, "ident");
    FreshBytes frame(wire::subscribe_frame_bytes(who.size(), channel.size()));
    wire::encode_unsubscribe(frame.room, who.text(), channel.text());
    return frame.object;
}

nb::object msgpublish(nb::handle ident, nb::handle chan, nb::handle data) {
    const BytesArgument who(ident, "ident");
    const BytesArgument channel(chan, "chan");
    const BytesArgument payload(data, "data");
    require_string8(who, "ident");
    require_string8(channel, "chan");
    const std::size_t size = wire::publish_frame_bytes(who.size(), channel.size(), payload.size());
    require_length(size);
    FreshBytes frame(size);
    wire::encode_publish(frame.room, who.text(), channel.text(), payload.bytes());
    return frame.object;
}

// bytes(rand) also takes a list of numbers, and as the reference package calls it, so do we.
nb::object bytes_of(nb::handle rand) {
    if (PyBytes_Check(rand.ptr())) return nb::borrow(rand);
    PyObject* made = PyUnicode_Check(rand.ptr()) ? nullptr : PyBytes_FromObject(rand.ptr());
    if (made == nullptr && PyErr_Occurred() == nullptr)
        PyErr_SetString(PyExc_TypeError, "rand must be bytes, not str");
    if (made == nullptr) throw nb::python_error();
    return nb::steal(made);
}

wire::Digest digest(nb::handle rand, nb::handle secret) {
    const nb::object nonce_bytes = bytes_of(rand);
    const BytesArgument nonce(nonce_bytes, "rand");
    const BytesArgument known(secret, "secret");
    return wire::digest_of(nonce.bytes(), known.text());
}

nb::object hashsecret(nb::handle rand, nb::handle secret) {
    return new_bytes(digest(rand, secret));
}

nb::object msgauth(nb::handle rand, nb::handle ident, nb::handle secret) {
    const BytesArgument who(ident, "ident");
    require_string8(who, "ident");
    FreshBytes frame(wire::auth_frame_bytes(who.size()));
    wire::encode_auth(frame.room, who.text(), digest(rand, secret));
    return frame.object;
}

nb::object strpack8(nb::handle x) {
    const BytesArgument text(x, "x");
    require_string8(text, "x");
    FreshBytes packed(1 + text.size());
    packed.room[0] = static_cast<std::byte>(text.size());
    std::ranges::copy(text.bytes(), packed.room.subspan(1).begin());
    return packed.object;
}

// Cuts strings off the front of a body; what is left has the type of the body.
class Body {
public:
    explicit Body(nb::handle body)
        : argument_(body, "data", Text::refused),
          rest_(argument_.bytes()),
          is_bytearray_(PyByteArray_Check(body.ptr())) {}

    [[nodiscard]] nb::object take_string() {
        const std::size_t size = rest_.empty() ? 0 : std::to_integer<std::size_t>(rest_[0]);
        if (rest_.empty() || rest_.size() - 1 < size)
            raise("ProtocolException", "A string runs past the end of its message");
        nb::object text = new_text(wire::as_text(rest_.subspan(1, size)), Decoding::strict);
        rest_ = rest_.subspan(1 + size);
        return text;
    }
    [[nodiscard]] nb::object rest_as_text() const {
        return new_text(wire::as_text(rest_), Decoding::strict);
    }
    [[nodiscard]] nb::object rest() const {
        if (!is_bytearray_) return new_bytes(rest_);
        PyObject* made = PyByteArray_FromStringAndSize(reinterpret_cast<const char*>(rest_.data()),
                                                       static_cast<Py_ssize_t>(rest_.size()));
        if (made == nullptr) throw nb::python_error();
        return nb::steal(made);
    }

private:
    BytesArgument argument_;
    std::span<const std::byte> rest_;
    bool is_bytearray_;
};

template <typename... Values>
nb::object tuple_of(Values... values) {
    PyObject* tuple = PyTuple_New(sizeof...(values));
    if (tuple == nullptr) throw nb::python_error();
    Py_ssize_t at = 0;
    (PyTuple_SetItem(tuple, at++, values.release().ptr()), ...);
    return nb::steal(tuple);
}

// (string, what is left): INFO, AUTH, and strunpack8 itself.
nb::object read_string(nb::handle data) {
    Body body(data);
    nb::object text = body.take_string();
    return tuple_of(std::move(text), body.rest());
}

nb::object read_subscription(nb::handle data) {
    Body body(data);
    nb::object ident = body.take_string();
    return tuple_of(std::move(ident), body.rest_as_text());
}

nb::object readpublish(nb::handle data) {
    Body body(data);
    nb::object ident = body.take_string();
    nb::object channel = body.take_string();
    return tuple_of(std::move(ident), std::move(channel), body.rest());
}

// Whatever is neither bytes nor text is given back as it is, for both directions.
nb::object force_bytes(nb::handle value) {
    if (!PyUnicode_Check(value.ptr())) return nb::borrow(value);
    return new_bytes(BytesArgument(value, "value").bytes());
}

nb::object force_str(nb::handle value) {
    if (!PyBytes_Check(value.ptr()) && !PyByteArray_Check(value.ptr())) return nb::borrow(value);
    return new_text(BytesArgument(value, "value").text(), Decoding::strict);
}

}  // namespace

void bind_messages(nb::module_& module) {
    module.def("msghdr", msghdr, nb::arg("op"), nb::arg("data").none(), "A frame with any opcode.");
    module.def("msginfo", msginfo, nb::arg("name").none(), nb::arg("rand").none(),
               "An INFO frame.");
    module.def("msgauth", msgauth, nb::arg("rand").none(), nb::arg("ident").none(),
               nb::arg("secret").none(), "An AUTH frame, the answer to INFO.");
    module.def("msgpublish", msgpublish, nb::arg("ident").none(), nb::arg("chan").none(),
               nb::arg("data").none(), "A PUBLISH frame.");
    module.def("msgsubscribe", msgsubscribe, nb::arg("ident").none(), nb::arg("chan").none(),
               "A SUBSCRIBE frame.");
    module.def("msgunsubscribe", msgunsubscribe, nb::arg("ident").none(), nb::arg("chan").none(),
               "An UNSUBSCRIBE frame.");
    module.def("msgerror", msgerror, nb::arg("error").none(), "An ERROR frame.");

    module.def("readinfo", read_string, nb::arg("data").none(), "INFO's body: (name, rand).");
    module.def("readauth", read_string, nb::arg("data").none(), "AUTH's body: (ident, digest).");
    module.def("readpublish", readpublish, nb::arg("data").none(),
               "PUBLISH's body: (ident, chan, payload).");
    module.def("readsubscribe", read_subscription, nb::arg("data").none(),
               "SUBSCRIBE's body: (ident, chan).");
    module.def("readunsubscribe", read_subscription, nb::arg("data").none(),
               "UNSUBSCRIBE's body: (ident, chan).");
    module.def("readerror", force_str, nb::arg("error").none(), "ERROR's body: its text.");

    module.def("hashsecret", hashsecret, nb::arg("rand").none(), nb::arg("secret").none(),
               "SHA-1 of rand and secret.");
    module.def("strpack8", strpack8, nb::arg("x").none(), "A length byte and the string.");
    module.def("strunpack8", read_string, nb::arg("x").none(), "(string, what is left).");
    module.def("force_bytes", force_bytes, nb::arg("value").none(), "str as UTF-8.");
    module.def("force_str", force_str, nb::arg("value").none(), "UTF-8 as str.");
}

}  // namespace hpfeeds::python
