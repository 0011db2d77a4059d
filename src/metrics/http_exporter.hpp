// SPDX-License-Identifier: Apache-2.0
// http_exporter.hpp: /metrics and /healthz over HTTP, on a thread of their own.
//
// GET /metrics answers what `render` returns, GET /healthz answers {}. Other paths are 404, other
// methods 405. One thread serves everybody with non-blocking sockets: a peer that neither sends nor
// reads holds one of a few places until its deadline, and nobody up. No library does this here:
// Debian's CivetWeb is built without IPv6, and needs up to two seconds to stop.
//
// Threads    `render` is called by the exporter's thread, and must be fit for that.
// Ownership  the socket and the thread live as long as the object; the destructor ends them at
// once. Errors     the constructor throws hpfeeds::Error; later, a failing client is closed. When
// `render`
//            throws, the answer is 500.
// Limits     limits.hpp.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

namespace hpfeeds::metrics {

class HttpExporter {
public:
    using Render = std::function<std::string()>;

    // `host` is an address (IPv6 without brackets) or a name; empty: all addresses. Port 0: the
    // system chooses.
    HttpExporter(const std::string& host, std::uint16_t port, Render render);
    ~HttpExporter();
    HttpExporter(const HttpExporter&) = delete;
    HttpExporter& operator=(const HttpExporter&) = delete;

    // The port that is listened on.
    [[nodiscard]] std::uint16_t port() const noexcept { return port_; }

private:
    class Server;
    std::unique_ptr<Server> server_;
    std::uint16_t port_ = 0;
};

}  // namespace hpfeeds::metrics
