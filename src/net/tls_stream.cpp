// SPDX-License-Identifier: Apache-2.0
#include "net/tls_stream.hpp"

#include "hpfeeds/error.hpp"

#include <openssl/err.h>
#include <sys/socket.h>
#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

namespace hpfeeds::net {

// ---- what a shard's connections share

TlsScratch::TlsScratch()
    : method_(BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "shard")) {
    BIO_meth_set_read(method_.get(), [](BIO* bio, char* room, int count) {
        return static_cast<TlsScratch*>(BIO_get_data(bio))->read(room, count);
    });
    BIO_meth_set_write(method_.get(), [](BIO* bio, const char* bytes, int count) {
        return static_cast<TlsScratch*>(BIO_get_data(bio))->write(bytes, count);
    });
    BIO_meth_set_ctrl(method_.get(), [](BIO* bio, int command, long, void*) -> long {
        if (command == BIO_CTRL_FLUSH) return 1;
        if (command == BIO_CTRL_EOF)
            return static_cast<TlsScratch*>(BIO_get_data(bio))->ended_ ? 1 : 0;
        return 0;
    });
    bio_.reset(BIO_new(method_.get()));
    if (!bio_) throw Error("TLS cannot be set up: " + take_openssl_reason());
    BIO_set_data(bio_.get(), this);
    BIO_set_init(bio_.get(), 1);
}

void TlsScratch::aim(int fd, std::size_t room) noexcept {
    fd_ = fd;
    room_ = room;
    written_ = 0;
    budget_ = ciphertext_per_read_bytes_max;
    drained_ = false;
    ended_ = false;
}

int TlsScratch::read(char* room, int count) noexcept {
    BIO_clear_retry_flags(bio_.get());
    // A socket that had little has nothing: asking it would cost a system call. Should something
    // have come meanwhile, epoll tells.
    if (drained_ || budget_ == 0) {
        BIO_set_retry_read(bio_.get());
        return -1;
    }
    const std::size_t asked = std::min(static_cast<std::size_t>(count), budget_);
    const ssize_t got = recv(fd_, room, asked, 0);
    if (got < 0) {
        if (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)
            BIO_set_retry_read(bio_.get());
        return -1;
    }
    ended_ = got == 0;
    drained_ = static_cast<std::size_t>(got) < asked && !ended_;
    budget_ -= static_cast<std::size_t>(got);
    return static_cast<int>(got);
}

int TlsScratch::write(const char* bytes, int count) noexcept {
    BIO_clear_retry_flags(bio_.get());
    const auto size = static_cast<std::size_t>(count);
    if (size > room_ - written_) {
        BIO_set_retry_write(bio_.get());
        return -1;
    }
    std::memcpy(ciphertext_.data() + written_, bytes, size);
    written_ += size;
    return count;
}

// ---- one connection

TlsStream::TlsStream(SslRef ssl, bool ident_is_bound, std::string bound_ident,
                     std::uint64_t records_per_key)
    : ssl_(std::move(ssl)),
      bound_ident_(std::move(bound_ident)),
      records_per_key_(records_per_key),
      ident_is_bound_(ident_is_bound),
      kernel_sends_(BIO_get_ktls_send(SSL_get_wbio(ssl_.get()))) {}

TlsStream::~TlsStream() {
    // Otherwise OpenSSL would think the session spoilt, and forget it.
    if (ssl_) SSL_set_shutdown(ssl_.get(), SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
}

void TlsStream::move_in(TlsScratch& scratch) noexcept {
    if (kernel_sends_) return;  // the kernel's part hangs on OpenSSL's own socket BIO
    BIO_up_ref(scratch.bio_.get());
    SSL_set_bio(ssl_.get(), scratch.bio_.get(), scratch.bio_.get());
}

Transfer::Status TlsStream::why_not() noexcept {
    const int system_error = errno;
    switch (SSL_get_error(ssl_.get(), 0)) {
        case SSL_ERROR_WANT_READ:
            return Transfer::Status::later;
        case SSL_ERROR_WANT_WRITE:
            wants_to_write_ = true;
            return Transfer::Status::later;
        case SSL_ERROR_ZERO_RETURN:
            return end_ = Transfer::Status::closed;
        case SSL_ERROR_SYSCALL:
            ERR_clear_error();
            return end_ = system_error == 0 ? Transfer::Status::closed : Transfer::Status::broken;
        default:
            was_violated_ = true;
            ERR_clear_error();
            return end_ = Transfer::Status::broken;
    }
}

std::size_t TlsStream::room_for_answers() const noexcept {
    return unsent_.empty() ? tls_answers_bytes_max : unsent_.piece().slab->room();
}

Transfer TlsStream::receive(int fd, std::span<std::byte> room, TlsScratch& scratch,
                            bytes::SlabPool& pool) noexcept {
    if (end_ != Transfer::Status::done) return {end_, 0};
    scratch.aim(fd, room_for_answers());
    std::size_t total = 0;
    Transfer::Status status = Transfer::Status::done;
    while (total < room.size() && status == Transfer::Status::done) {
        std::size_t count = 0;
        errno = 0;
        if (SSL_read_ex(ssl_.get(), room.data() + total, room.size() - total, &count) == 1)
            total += count;
        else
            status = why_not();
    }
    // An end is told by the next call, when something came before it.
    const bool ended = end_ != Transfer::Status::done;
    has_more_ =
        ended ? total > 0 : status == Transfer::Status::done && SSL_has_pending(ssl_.get()) == 1;
    if (!scratch.written().empty() && !pass_on(fd, scratch, pool) && !ended)
        end_ = Transfer::Status::broken;
    if (unsent_.empty() && std::exchange(wants_to_write_, false)) has_more_ = true;
    if (total > 0) return {Transfer::Status::done, total};
    return {status, 0};
}

bool TlsStream::write_record(std::span<const std::byte> plaintext) noexcept {
    std::size_t count = 0;
    errno = 0;
    if (SSL_write_ex(ssl_.get(), plaintext.data(), plaintext.size(), &count) != 1) return false;
    records_ += (plaintext.size() + record_bytes_max - 1) / record_bytes_max;
    return true;
}

// Full records, as far as there is enough: short pieces are first put together.
std::size_t TlsStream::encrypt(std::span<const std::span<const std::byte>> pieces,
                               TlsScratch& scratch) noexcept {
    if (records_ >= records_per_key_ && SSL_version(ssl_.get()) == TLS1_3_VERSION &&
        SSL_key_update(ssl_.get(), SSL_KEY_UPDATE_NOT_REQUESTED) == 1)
        records_ = 0;
    std::size_t taken = 0;
    std::size_t index = 0;
    std::size_t offset = 0;  // in pieces[index]
    for (std::size_t records = 0; records < records_per_send && index < pieces.size(); ++records) {
        std::span<const std::byte> plaintext = pieces[index].subspan(offset);
        if (plaintext.size() >= record_bytes_max) {
            plaintext = plaintext.first(record_bytes_max);
            offset += record_bytes_max;
        } else {
            std::size_t filled = 0;
            while (index < pieces.size() && filled < record_bytes_max) {
                const auto rest = pieces[index].subspan(offset);
                const std::size_t count = std::min(rest.size(), record_bytes_max - filled);
                std::memcpy(scratch.plaintext_.data() + filled, rest.data(), count);
                filled += count;
                offset += count;
                if (offset < pieces[index].size()) break;
                ++index;
                offset = 0;
            }
            plaintext = std::span(scratch.plaintext_).first(filled);
        }
        if (index < pieces.size() && offset == pieces[index].size()) {
            ++index;
            offset = 0;
        }
        if (!write_record(plaintext)) {
            // There was room for it, so nothing of it can have been written, or all is lost.
            (void)why_not();
            break;
        }
        taken += plaintext.size();
    }
    return taken;
}

Transfer TlsStream::send(int fd, std::span<const std::span<const std::byte>> pieces,
                         std::size_t queued_bytes, TlsScratch& scratch,
                         bytes::SlabPool& pool) noexcept {
    if (kernel_sends_) return net::send(fd, pieces);
    if (!unsent_.empty()) {
        scratch.aim(fd, 0);
        if (!pass_on(fd, scratch, pool)) return {end_ = Transfer::Status::broken, 0};
        if (!unsent_.empty()) return {Transfer::Status::later, 0};
    }
    if (std::exchange(wants_to_write_, false)) has_more_ = true;
    if (std::exchange(owes_a_byte_, false)) return {Transfer::Status::done, 1};
    if (end_ == Transfer::Status::broken) return {end_, 0};
    if (pieces.empty()) return {Transfer::Status::done, 0};
    scratch.aim(fd, scratch.ciphertext_.size());
    std::size_t taken = encrypt(pieces, scratch);
    if (!pass_on(fd, scratch, pool) || end_ == Transfer::Status::broken)
        return {end_ = Transfer::Status::broken, 0};
    if (unsent_.empty()) return {taken ? Transfer::Status::done : Transfer::Status::later, taken};
    if (taken == queued_bytes) {
        owes_a_byte_ = true;
        --taken;
    }
    return {Transfer::Status::later, taken};
}

bool TlsStream::pass_on(int fd, TlsScratch& scratch, bytes::SlabPool& pool) noexcept {
    const std::span<const std::byte> fresh = scratch.written();
    if (!unsent_.empty()) {
        keep(fresh, pool);
        const std::array<std::span<const std::byte>, 1> oldest{unsent_.bytes()};
        const Transfer transfer = net::send(fd, oldest);
        if (transfer.status == Transfer::Status::broken) return false;
        const bytes::Piece piece = unsent_.piece();
        const auto sent = static_cast<std::uint32_t>(transfer.bytes);
        if (sent == piece.length)
            unsent_.reset();
        else
            unsent_.narrow(piece.offset + sent, piece.length - sent);
        return true;
    }
    if (fresh.empty()) return true;
    const std::array<std::span<const std::byte>, 1> all{fresh};
    const Transfer transfer = net::send(fd, all);
    if (transfer.status == Transfer::Status::broken) return false;
    keep(fresh.subspan(transfer.bytes), pool);
    return true;
}

void TlsStream::keep(std::span<const std::byte> rest, bytes::SlabPool& pool) noexcept {
    if (rest.empty()) return;
    if (unsent_.empty()) {
        bytes::Slab* own = pool.take(rest.size() + tls_answers_bytes_max);
        unsent_ = bytes::FrameRef::adopt({own, 0, 0});
    }
    const bytes::Piece piece = unsent_.piece();
    std::memcpy(piece.slab->data() + piece.end(), rest.data(), rest.size());
    piece.slab->used = piece.end() + static_cast<std::uint32_t>(rest.size());
    unsent_.narrow(piece.offset, piece.length + static_cast<std::uint32_t>(rest.size()));
}

void TlsStream::say_goodbye(int fd, TlsScratch& scratch, bytes::SlabPool& pool) noexcept {
    if (said_goodbye_ || end_ == Transfer::Status::broken) return;
    said_goodbye_ = true;
    scratch.aim(fd, room_for_answers());
    if (SSL_shutdown(ssl_.get()) < 0) ERR_clear_error();
    if (!kernel_sends_) (void)pass_on(fd, scratch, pool);
}

}  // namespace hpfeeds::net
