// SPDX-License-Identifier: Apache-2.0
// http_exporter.hpp: a few pages over HTTP, on a thread of their own.
//
// GET of a page's path answers what the page returns. Other paths are 404, other methods 405. One
// thread serves everybody with non-blocking sockets: a peer that neither sends nor reads holds one
// of a few places until its deadline, or until somebody else needs it. No library does this here:
// Debian's CivetWeb is built without IPv6, and needs up to two seconds to stop.
//
// Threads    pages are made by the exporter's thread, one at a time, and must be fit for that.
// Ownership  the socket and the thread live as long as the object; the destructor ends them at
//            once.
// Errors     the constructor throws hpfeeds::Error; later, a failing client is closed. When a page
//            throws, the answer is 500.
// Limits     limits.hpp.
#pragma once

#include "metrics/counter.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace hpfeeds::metrics {

inline constexpr std::string_view plain_text = "text/plain; charset=utf-8";
inline constexpr std::string_view json_text = "application/json; charset=utf-8";

struct Response {
    enum class Status : std::uint8_t { ok, bad_request, not_found, unavailable };

    Status status = Status::ok;
    std::string_view type = plain_text;  // of static storage
    std::string body;
};

struct Page {
    std::string path;  // "/metrics"
    // `query` is what stands behind the question mark, as it came; valid during the call.
    std::function<Response(std::string_view query)> answer;
};

// Connections that were closed before they were over.
struct ExporterCounters {
    Counter crowded_out;  // for others
    Counter too_slow;     // at their deadline
};

class HttpExporter {
public:
    // `host` is an address (IPv6 without brackets) or a name; empty: all addresses. Port 0: the
    // system chooses. The counters, if anybody wants them, outlive it.
    HttpExporter(const std::string& host, std::uint16_t port, std::vector<Page> pages,
                 ExporterCounters* counters = nullptr);
    // `listener` listens already, and is the exporter's from here on.
    HttpExporter(int listener, std::vector<Page> pages, ExporterCounters* counters = nullptr);
    ~HttpExporter();
    HttpExporter(const HttpExporter&) = delete;
    HttpExporter& operator=(const HttpExporter&) = delete;

    // The port that is listened on.
    [[nodiscard]] std::uint16_t port() const noexcept { return port_; }
    // The socket that listens, for those who hand a copy of it to another process.
    [[nodiscard]] int listener() const noexcept;

private:
    class Server;
    std::unique_ptr<Server> server_;
    std::uint16_t port_ = 0;
};

}  // namespace hpfeeds::metrics
