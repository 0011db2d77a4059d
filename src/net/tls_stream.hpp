// SPDX-License-Identifier: Apache-2.0
// tls_stream.hpp: one TLS connection whose handshake is done: the calls of net/transport.hpp, with
// records.
//
//   receive:  socket ─> OpenSSL's buffer ─> plaintext, in the room it was given
//   send:     pieces ─> records of 16 KiB in the shard's scratch ─> socket
//                                        └─ what it does not take is kept here, and goes first
//
// A record cannot be taken back: what was encrypted is *sent* as far as the queue is concerned, be
// it that the socket has yet to take it, for drop-oldest must not drop what a record covers
// already. So that a queue is not empty before its last byte is on the way, the last one is owed:
// send() tells of it when the socket has taken the whole record.
//
// Two things epoll does not know: records that OpenSSL has read and nobody has asked for
// (has_more), and that TLS may want to write in order to read (a key update; receive() then says
// `later` until send() has got rid of what was kept).
//
// When the kernel encrypts (kernel TLS), send() is that of net/transport.hpp.
//
// Memory     idle: this object, OpenSSL's, and no buffer. Late: one slab.
// Threads    born in the door, then owned by one shard.
// Errors     nothing throws; a record that does not decrypt is `broken`.
#pragma once

#include "bytes/frame_ref.hpp"
#include "bytes/slab_pool.hpp"
#include "net/limits.hpp"
#include "net/openssl_ref.hpp"
#include "net/transport.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace hpfeeds::net {

// What all TLS connections of one shard share: each uses it for the length of one call.
class TlsScratch {
public:
    TlsScratch();  // throws hpfeeds::Error
    TlsScratch(const TlsScratch&) = delete;
    TlsScratch& operator=(const TlsScratch&) = delete;

private:
    friend class TlsStream;

    // Whose turn it is, and how much OpenSSL may write for it.
    void aim(int fd, std::size_t room) noexcept;
    [[nodiscard]] std::span<const std::byte> written() const noexcept {
        return std::span(ciphertext_).first(written_);
    }
    int read(char* room, int count) noexcept;
    int write(const char* bytes, int count) noexcept;

    BioMethodRef method_;
    BioRef bio_;  // one for all: OpenSSL reads from and writes to whoever is aimed at
    int fd_ = -1;
    std::size_t room_ = 0;     // of ciphertext_, for now
    std::size_t written_ = 0;  // into ciphertext_
    std::size_t budget_ = 0;   // bytes that may still be read from the socket
    bool drained_ = false;     // the socket had less than it was asked for
    bool ended_ = false;       // the peer's end of the TCP connection
    std::array<std::byte, ciphertext_bytes_max> ciphertext_;
    std::array<std::byte, record_bytes_max> plaintext_;
};

class TlsStream {
public:
    // `ssl` has done its handshake. `bound_ident`: who the client's certificate says it is, if that
    // counts.
    TlsStream(SslRef ssl, bool ident_is_bound, std::string bound_ident,
              std::uint64_t records_per_key = records_per_key_max);
    ~TlsStream();
    TlsStream(const TlsStream&) = delete;
    TlsStream& operator=(const TlsStream&) = delete;

    // From here on it belongs to the shard whose scratch this is.
    void move_in(TlsScratch& scratch) noexcept;

    [[nodiscard]] Transfer receive(int fd, std::span<std::byte> room, TlsScratch& scratch,
                                   bytes::SlabPool& pool) noexcept;
    // Whether receive() would bring something although the socket may have nothing.
    [[nodiscard]] bool has_more() const noexcept { return has_more_; }

    // `queued_bytes`: what the queue holds, of which the pieces are the beginning. With a `later`,
    // bytes may have been taken all the same.
    [[nodiscard]] Transfer send(int fd, std::span<const std::span<const std::byte>> pieces,
                                std::size_t queued_bytes, TlsScratch& scratch,
                                bytes::SlabPool& pool) noexcept;
    [[nodiscard]] bool holds_unsent() const noexcept { return !unsent_.empty(); }

    // Says goodbye (close_notify). It may have to wait behind what is unsent.
    void say_goodbye(int fd, TlsScratch& scratch, bytes::SlabPool& pool) noexcept;
    [[nodiscard]] bool said_goodbye() const noexcept { return said_goodbye_; }

    // Whether the client's certificate, if it counts, lets it log in as `ident`.
    [[nodiscard]] bool may_be(std::string_view ident) const noexcept {
        return !ident_is_bound_ || ident == bound_ident_;
    }
    [[nodiscard]] const std::string& bound_ident() const noexcept { return bound_ident_; }
    [[nodiscard]] bool kernel_sends() const noexcept { return kernel_sends_; }
    // Whether it ended for what came over it: a record that does not decrypt, or an alert.
    [[nodiscard]] bool was_violated() const noexcept { return was_violated_; }

private:
    [[nodiscard]] Transfer::Status why_not() noexcept;
    [[nodiscard]] std::size_t encrypt(std::span<const std::span<const std::byte>> pieces,
                                      TlsScratch& scratch) noexcept;
    bool write_record(std::span<const std::byte> plaintext) noexcept;
    // Sends what OpenSSL wrote into the scratch, or keeps it. False: the connection is gone.
    bool pass_on(int fd, TlsScratch& scratch, bytes::SlabPool& pool) noexcept;
    void keep(std::span<const std::byte> rest, bytes::SlabPool& pool) noexcept;
    [[nodiscard]] std::size_t room_for_answers() const noexcept;

    SslRef ssl_;
    bytes::FrameRef unsent_;  // ciphertext that the socket has yet to take; its slab is ours alone
    std::string bound_ident_;
    std::uint64_t records_per_key_;
    std::uint64_t records_ = 0;                      // written under the present key
    Transfer::Status end_ = Transfer::Status::done;  // closed or broken once it is
    bool ident_is_bound_;
    bool kernel_sends_ = false;
    bool has_more_ = true;         // OpenSSL may have read on behind the handshake
    bool wants_to_write_ = false;  // before it can read on
    bool owes_a_byte_ = false;
    bool said_goodbye_ = false;
    bool was_violated_ = false;
};

}  // namespace hpfeeds::net
