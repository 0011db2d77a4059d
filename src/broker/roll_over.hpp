// SPDX-License-Identifier: Apache-2.0
// roll_over.hpp: the key and certificate files of one TLS endpoint, which may change while it
// serves.
//
// A change takes effect when the files together make sense: the key belongs to the certificate, all
// of it is whole, and it is valid. Until then the old pair serves, and a line says what is missing.
// Key and certificate may therefore be replaced one after the other, in any order and way. Live
// sessions go on; who comes anew sees the new certificate.
//
// Threads    each file's watch has its own, and they take turns here; the counters may be read by
// any.
// Errors     the constructor throws hpfeeds::Error; a change that cannot be taken over is logged
// and counted. A certificate that has expired, or is not valid yet, is served at the start all the
// same, with a warning: a broker that must be started again shall not stay down with all its other
// endpoints. It does not take the place of one that is valid.
#pragma once

#include "auth/file_watch.hpp"
#include "metrics/counter.hpp"
#include "net/pem_files.hpp"
#include "net/tls_context.hpp"

#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <string>

namespace hpfeeds::broker {

class RollOver {
public:
    using Serve = std::function<void(std::shared_ptr<const net::TlsContext>)>;

    RollOver(net::TlsFiles files, std::string endpoint);
    RollOver(const RollOver&) = delete;
    RollOver& operator=(const RollOver&) = delete;

    // From here on `serve` gets each new state of the files, on a thread of the watch.
    void watch(Serve serve);

    // Reads the files again, although nobody told of a change. Returns what takes them over, or
    // nothing if they are what is served. Throws hpfeeds::Error; then nothing has changed.
    [[nodiscard]] std::function<void()> read_again();

    [[nodiscard]] std::shared_ptr<const net::TlsContext> context() const;
    [[nodiscard]] const std::string& endpoint() const noexcept { return endpoint_; }

    [[nodiscard]] const metrics::Counter& done() const noexcept { return done_; }
    [[nodiscard]] const metrics::Counter& refused() const noexcept { return refused_; }
    // Seconds since 1970 at which the certificate that is served expires.
    [[nodiscard]] const metrics::Gauge& expires_at() const noexcept { return expires_at_; }

private:
    void look();
    void judge(const net::PemFiles& files);
    [[nodiscard]] std::shared_ptr<const net::TlsContext> loaded(const net::PemFiles& files) const;
    void serve(std::shared_ptr<const net::TlsContext> next);
    void take(std::shared_ptr<const net::TlsContext> next);

    const net::TlsFiles files_;
    const std::string endpoint_;
    mutable std::mutex mutex_;
    std::shared_ptr<const net::TlsContext> context_;  // guarded by mutex_, as all below
    std::string judged_;  // digest of the content that was judged last, or why it could not be read
    std::string served_;  // digest of what is served
    Serve serve_;
    metrics::Counter done_;
    metrics::Counter refused_;
    metrics::Gauge expires_at_;
    std::list<auth::FileWatch> watches_;  // last: their threads use all of the above
};

}  // namespace hpfeeds::broker
