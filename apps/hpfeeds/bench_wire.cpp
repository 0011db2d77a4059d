// SPDX-License-Identifier: Apache-2.0
#include "bench_wire.hpp"

#include <sys/socket.h>
#include <unistd.h>
#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

namespace hpfeeds::cli::bench {
namespace {

using TlsStep = client::TlsSession::Step;

constexpr std::size_t record_bytes_max = 16 * 1024;  // of plaintext

bool waits(TlsStep step) {
    return step == TlsStep::wants_read || step == TlsStep::wants_write;
}

}  // namespace

void Wire::close() noexcept {
    if (descriptor_ < 0) return;
    if (tls_ && why_.empty() && owed_.empty()) static_cast<void>(tls_->close_notify());
    tls_.reset();
    ::close(std::exchange(descriptor_, -1));
}

void Wire::encrypt(const std::string& host, std::shared_ptr<const client::TlsContext> context) {
    tls_ = std::make_unique<client::TlsSession>(descriptor_, host, std::move(context));
}

Wire::Step Wire::handshake() {
    const TlsStep step = tls_->handshake();
    wants_room_ = step == TlsStep::wants_write;
    if (step == TlsStep::done) return Step::moved;
    if (waits(step)) return Step::waits;
    if (step == TlsStep::closed) why_ = "the broker closed the connection in the TLS handshake";
    return tls_failed();
}

Wire::Step Wire::read(std::span<char> room, std::size_t& taken) {
    taken = 0;
    if (!tls_) {
        const ssize_t count = recv(descriptor_, room.data(), room.size(), 0);
        if (count < 0) return system_failed();
        taken = static_cast<std::size_t>(count);
        return count > 0 ? Step::moved : Step::ended;
    }
    // A record at a time, until nothing is left: of what OpenSSL has read ahead the system is
    // silent.
    auto step = TlsStep::done;
    while (taken < room.size() && step == TlsStep::done) {
        std::size_t count = 0;
        step = tls_->read(std::as_writable_bytes(room.subspan(taken)), count);
        taken += count;
    }
    has_more_ = !waits(step);  // an end, too, is told by the next read
    wants_room_ = step == TlsStep::wants_write;
    if (step == TlsStep::done) return Step::moved;  // the room is full
    const Step last = waits(step) ? Step::waits : tls_failed();
    return taken > 0 ? Step::moved : last;
}

Wire::Step Wire::write(std::string_view bytes, std::size_t& taken) {
    taken = 0;
    if (!tls_) {
        const ssize_t count = send(descriptor_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (count < 0) return system_failed();
        taken = static_cast<std::size_t>(count);
        return Step::moved;
    }
    if (const Step step = write_owed(); step != Step::moved) return step;
    while (taken < bytes.size()) {
        const std::string_view rest = bytes.substr(taken);
        std::size_t count = 0;
        const TlsStep step = tls_->write(std::as_bytes(std::span(rest)), count);
        taken += count;
        if (step == TlsStep::done) continue;
        if (!waits(step)) return tls_failed();
        // The record is made, and must be offered again as it is: the caller may forget it.
        owed_ = rest.substr(0, record_bytes_max);
        taken += owed_.size();
        break;
    }
    return Step::moved;
}

Wire::Step Wire::write_owed() {
    while (!owed_.empty()) {
        std::size_t count = 0;
        const TlsStep step = tls_->write(std::as_bytes(std::span(owed_)), count);
        owed_.erase(0, count);
        if (step == TlsStep::done) continue;
        return waits(step) ? Step::waits : tls_failed();
    }
    return Step::moved;
}

Wire::Step Wire::system_failed() {
    if (errno == EAGAIN || errno == EINTR) return Step::waits;
    why_ = std::strerror(errno);
    return Step::ended;
}

Wire::Step Wire::tls_failed() {
    if (why_.empty() && tls_->error()) why_ = tls_->explanation();
    return Step::ended;
}

}  // namespace hpfeeds::cli::bench
