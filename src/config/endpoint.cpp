// SPDX-License-Identifier: Apache-2.0
#include "config/endpoint.hpp"

#include "config/limits.hpp"
#include "config/quantity.hpp"
#include "config/refuse.hpp"

#include <algorithm>
#include <limits>
#include <optional>
#include <vector>

namespace hpfeeds::config {
namespace {

constexpr std::string_view flag = "--endpoint";

// The text between two unescaped colons, still with its backslashes.
std::vector<std::string_view> split_at_colons(std::string_view text) {
    std::vector<std::string_view> parts;
    std::size_t begin = 0;
    for (std::size_t at = 0; at < text.size(); ++at) {
        if (text[at] == '\\') {
            ++at;  // whatever follows belongs to the value
        } else if (text[at] == ':') {
            parts.push_back(text.substr(begin, at - begin));
            begin = at + 1;
        }
    }
    parts.push_back(text.substr(begin));
    return parts;
}

std::string without_escapes(std::string_view value, std::string_view whole) {
    std::string out;
    for (std::size_t at = 0; at < value.size(); ++at) {
        if (value[at] == '\\') {
            ++at;
            const bool known = at < value.size() &&
                               std::string_view(":\\=").find(value[at]) != std::string_view::npos;
            if (!known)
                refuse(flag, whole, "a backslash escapes only : = and itself; write \\\\ for one");
        }
        out += value[at];
    }
    return out;
}

std::string with_escapes(std::string_view value) {
    std::string out;
    for (const char character : value) {
        if (character == ':' || character == '\\') out += '\\';
        out += character;
    }
    return out;
}

std::optional<std::uint16_t> parse_port(std::string_view text) noexcept {
    const auto number = parse_count(text);
    if (!number || *number > std::numeric_limits<std::uint16_t>::max()) return std::nullopt;
    return static_cast<std::uint16_t>(*number);
}

Endpoint::Kind parse_kind(std::string_view word, std::string_view whole) {
    if (word == "tcp") return Endpoint::Kind::tcp;
    if (word == "tls") return Endpoint::Kind::tls;
    if (word == "unix") return Endpoint::Kind::unix_socket;
    if (word == "ssl")
        refuse(flag, whole, "unknown class 'ssl'; write tls:port=...:key=FILE:cert=FILE");
    refuse(flag, whole,
           "unknown class " + in_quotes(word) +
               "; an endpoint begins with tcp:, tls: or unix:, as in tcp:port=20000");
}

Endpoint::Allow parse_allow(std::string_view value, std::string_view whole) {
    if (value == "publish") return Endpoint::Allow::publish;
    if (value == "subscribe") return Endpoint::Allow::subscribe;
    refuse(flag, whole,
           "allow " + in_quotes(value) +
               " is neither publish nor subscribe; leave it out to allow both");
}

// "660" and "0660" are octal, as for chmod.
unsigned parse_mode(std::string_view value, std::string_view whole) {
    constexpr std::size_t digits_max = 4;
    constexpr unsigned mode_max = 0777;
    unsigned mode = 0;
    bool good = !value.empty() && value.size() <= digits_max;
    for (const char digit : value) {
        good = good && digit >= '0' && digit <= '7';
        mode = mode * 8 + static_cast<unsigned>(digit - '0');
    }
    if (!good || mode > mode_max)
        refuse(flag, whole,
               "mode " + in_quotes(value) +
                   " is not one of chmod's, in octal; write mode=660 for owner and group");
    return mode;
}

std::string mode_text(unsigned mode) {
    std::string text;
    for (int shift = 6; shift >= 0; shift -= 3)
        text += static_cast<char>('0' + (mode >> shift & 7U));
    return text;
}

std::string_view fields_of(Endpoint::Kind kind) {
    switch (kind) {
        case Endpoint::Kind::tls:
            return "tls endpoint has fd, port, interface, device, allow, proxy, trust, key, cert, "
                   "chain, "
                   "ca and ident";
        case Endpoint::Kind::unix_socket:
            return "unix endpoint has fd, path, mode, allow and proxy";
        default:
            return "tcp endpoint has fd, port, interface, device, allow, proxy and trust";
    }
}

std::string_view name_of(Endpoint::Kind kind) {
    switch (kind) {
        case Endpoint::Kind::tls:
            return "tls";
        case Endpoint::Kind::unix_socket:
            return "unix";
        default:
            return "tcp";
    }
}

// Collects the fields of one string; each may be given once.
class FieldReader {
public:
    FieldReader(Endpoint& endpoint, std::string_view whole) : endpoint_(endpoint), whole_(whole) {}

    void read(std::string_view part) {
        const std::size_t equals = part.find('=');
        if (equals == std::string_view::npos) refuse_lonely(part);
        const std::string_view key = part.substr(0, equals);
        if (has(key))
            refuse(flag, whole_, "field " + in_quotes(key) + " is given twice; keep one of them");
        seen_.push_back(key);
        store(key, without_escapes(part.substr(equals + 1), whole_));
    }

    void require_all() const {
        if (!endpoint_.trust.empty() && !endpoint_.proxy)
            refuse(flag, whole_, "trust says whose PROXY headers are believed; add proxy=v2");
        if (has("fd"))
            require_fd_alone();
        else if (endpoint_.kind == Endpoint::Kind::unix_socket)
            require_path();
        else if (!has("port"))
            refuse(flag, whole_, "no port; add port=20000");
        if (endpoint_.kind != Endpoint::Kind::tls) return;
        if (endpoint_.key.empty())
            refuse(flag, whole_, "no key; add key=FILE, the PEM private key");
        if (endpoint_.cert.empty())
            refuse(flag, whole_, "no cert; add cert=FILE, the PEM certificate");
        if (endpoint_.ident_is_cn && endpoint_.ca.empty())
            refuse(flag, whole_,
                   "ident=cn needs client certificates; add ca=FILE, the PEM certificates of who "
                   "may issue them");
    }

private:
    [[nodiscard]] bool has(std::string_view key) const {
        return std::find(seen_.begin(), seen_.end(), key) != seen_.end();
    }

    void require_fd_alone() const {
        for (const std::string_view key : {"port", "interface", "device", "path", "mode"})
            if (has(key))
                refuse(flag, whole_,
                       "fd is a socket that is bound already, so " + std::string(key) +
                           " says nothing; write it into the .socket unit, or leave fd out");
    }

    void require_path() const {
        if (endpoint_.path.empty())
            refuse(flag, whole_, "no path; add path=FILE, where the socket shall be");
    }

    void store_fd(std::string value) {
        const bool fits = !value.empty() && value.size() <= socket_name_bytes_max &&
                          std::all_of(value.begin(), value.end(), [](char character) {
                              return character > ' ' && character < '\x7f' && character != ':';
                          });
        if (!fits)
            refuse(flag, whole_,
                   "fd " + in_quotes(value) +
                       " cannot be a socket's name; write what FileDescriptorName= of the .socket "
                       "unit says: 1 to 255 printable characters, no space, no colon");
        endpoint_.fd = std::move(value);
    }

    [[noreturn]] void refuse_lonely(std::string_view part) const {
        if (parse_port(part) && seen_.empty())
            refuse(flag, whole_, "a port is a field; write port=" + std::string(part));
        refuse(flag, whole_,
               in_quotes(part) +
                   " is not a field=value; a colon inside a value is written \\:, as in "
                   "interface=\\:\\:1");
    }

    void store(std::string_view key, std::string value) {
        require_class(key);
        if (key == "port") {
            const auto port = parse_port(value);
            if (!port)
                refuse(flag, whole_,
                       "port " + in_quotes(value) + " is not a number from 0 to 65535");
            endpoint_.port = *port;
        } else if (key == "interface") {
            if (value.starts_with('['))
                refuse(flag, whole_,
                       "write the interface without brackets, as in interface=\\:\\:1");
            endpoint_.interface = std::move(value);
        } else if (key == "device") {
            if (value.size() > device_bytes_max)
                refuse(flag, whole_,
                       "device " + in_quotes(value) +
                           " is longer than a name of a network "
                           "device can be (15); ip link lists them");
            endpoint_.device = std::move(value);
        } else if (key == "path") {
            store_path(std::move(value));
        } else if (key == "mode") {
            endpoint_.mode = parse_mode(value, whole_);
        } else if (key == "allow") {
            endpoint_.allow = parse_allow(value, whole_);
        } else if (key == "fd") {
            store_fd(std::move(value));
        } else if (key == "proxy") {
            if (value != "v2")
                refuse(flag, whole_,
                       "proxy " + in_quotes(value) +
                           ": the broker reads version 2 of the PROXY protocol; write proxy=v2 "
                           "(haproxy: send-proxy-v2)");
            endpoint_.proxy = true;
        } else if (key == "trust") {
            store_trust(value);
        } else if (key == "ident") {
            if (value != "cn")
                refuse(flag, whole_,
                       "ident can only be bound to the name of a client certificate; write "
                       "ident=cn, or leave it out");
            endpoint_.ident_is_cn = true;
        } else {
            store_pem_file(key, std::move(value));
        }
    }

    // Every field has its classes.
    void require_class(std::string_view key) const {
        using Kind = Endpoint::Kind;
        const auto of = [this](auto... kinds) { return ((endpoint_.kind == kinds) || ...); };
        const auto is = [key](auto... names) { return ((key == names) || ...); };
        if (is("key", "cert", "chain", "ca", "ident")) {
            if (of(Kind::tcp))
                refuse(flag, whole_,
                       "field " + in_quotes(key) +
                           " is for TLS; write tls:... to encrypt, or leave it out");
            if (of(Kind::unix_socket))
                refuse(
                    flag, whole_,
                    "there is no TLS on a unix endpoint, which never leaves the machine; leave " +
                        in_quotes(key) + " out: the file's mode says who may connect");
            return;
        }
        if (is("trust") && of(Kind::unix_socket))
            refuse(
                flag, whole_,
                "trust names networks; who may connect to a unix endpoint is what its mode says");
        const bool known =
            is("allow", "proxy", "fd") ||
            (is("port", "interface", "device", "trust") && of(Kind::tcp, Kind::tls)) ||
            (is("path", "mode") && of(Kind::unix_socket));
        if (!known)
            refuse(flag, whole_,
                   "unknown field " + in_quotes(key) + "; a " +
                       std::string(fields_of(endpoint_.kind)));
    }

    void store_path(std::string value) {
        if (value.empty())
            refuse(flag, whole_,
                   "the path is empty; name the socket's file, as in path=/run/x.sock");
        if (value.size() > socket_path_bytes_max)
            refuse(flag, whole_,
                   "the path has " + std::to_string(value.size()) +
                       " bytes, and a socket's may have " + std::to_string(socket_path_bytes_max) +
                       "; choose a shorter one");
        if (value.find('\0') != std::string::npos)
            refuse(flag, whole_, "the path holds a zero byte; name a file");
        endpoint_.path = std::move(value);
    }

    void store_trust(std::string_view list) {
        for (std::size_t begin = 0; begin <= list.size();) {
            const std::size_t comma = std::min(list.find(',', begin), list.size());
            if (endpoint_.trust.size() == trusted_networks_max)
                refuse(flag, whole_,
                       "trust names too many networks; give at most " +
                           std::to_string(trusted_networks_max));
            endpoint_.trust.push_back(
                parse_network(list.substr(begin, comma - begin), flag, whole_));
            begin = comma + 1;
        }
    }

    void store_pem_file(std::string_view key, std::string value) {
        if (value.empty())
            refuse(flag, whole_,
                   "field " + in_quotes(key) + " is empty; name a PEM file, or leave it out");
        (key == "key"     ? endpoint_.key
         : key == "cert"  ? endpoint_.cert
         : key == "chain" ? endpoint_.chain
                          : endpoint_.ca) = std::move(value);
    }

    Endpoint& endpoint_;
    std::string_view whole_;
    std::vector<std::string_view> seen_;
};

std::string trust_text(const std::vector<Network>& networks) {
    std::string text;
    for (const Network& network : networks)
        text += (text.empty() ? "" : ",") + network.text();
    return text;
}

bool may_be_host(std::string_view host) noexcept {
    return std::all_of(host.begin(), host.end(), [](char character) {
        const bool letter =
            (character >= 'a' && character <= 'z') || (character >= 'A' && character <= 'Z');
        const bool digit = character >= '0' && character <= '9';
        return letter || digit ||
               std::string_view(".-_:%").find(character) != std::string_view::npos;
    });
}

}  // namespace

std::string Endpoint::text() const {
    std::string out(name_of(kind));
    const auto append = [&](std::string_view name, std::string_view value) {
        if (!value.empty()) out += ":" + std::string(name) + "=" + with_escapes(value);
    };
    append("fd", fd);
    append("path", path);
    if (kind == Kind::unix_socket && fd.empty()) append("mode", mode_text(mode));
    append("interface", interface);
    if (kind != Kind::unix_socket && fd.empty()) append("port", std::to_string(port));
    append("device", device);
    if (allow != Allow::both) append("allow", allow == Allow::publish ? "publish" : "subscribe");
    if (proxy) append("proxy", "v2");
    append("trust", trust_text(trust));
    append("key", key);
    append("cert", cert);
    append("chain", chain);
    append("ca", ca);
    if (ident_is_cn) append("ident", "cn");
    return out;
}

Endpoint parse_endpoint(std::string_view text) {
    const std::vector<std::string_view> parts = split_at_colons(text);
    Endpoint endpoint;
    endpoint.kind = parse_kind(parts.front(), text);
    FieldReader reader(endpoint, text);
    for (std::size_t index = 1; index < parts.size(); ++index)
        reader.read(parts[index]);
    reader.require_all();
    return endpoint;
}

HostPort parse_host_port(std::string_view text, std::string_view flag_name) {
    const std::size_t colon = text.rfind(':');
    if (colon == std::string_view::npos)
        refuse(flag_name, text, "no port; write HOST:PORT, as in 127.0.0.1:20000");
    std::string_view host = text.substr(0, colon);
    const std::string_view port_text = text.substr(colon + 1);

    const bool bracketed = host.size() >= 2 && host.front() == '[' && host.back() == ']';
    if (bracketed) host = host.substr(1, host.size() - 2);
    const bool has_colon = host.find(':') != std::string_view::npos;
    if (has_colon != bracketed || text.ends_with(']'))
        refuse(flag_name, text,
               "write an IPv6 address in brackets, and its port behind them: [::1]:20000");
    if (!may_be_host(host))
        refuse(flag_name, text,
               in_quotes(host) + " is neither an address nor a host name; write HOST:PORT");
    const auto port = parse_port(port_text);
    if (!port)
        refuse(flag_name, text,
               "port " + in_quotes(port_text) + " is not a number from 0 to 65535");
    return {std::string(host), *port};
}

}  // namespace hpfeeds::config
