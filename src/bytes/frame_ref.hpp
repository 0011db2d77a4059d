// SPDX-License-Identifier: Apache-2.0
// frame_ref.hpp: a shared piece of a slab: a run of whole frames, or the part of one that has come
// so far.
//
// Piece borrows; FrameRef holds one reference to its slab and gives it back when it dies.
// Threads  a FrameRef may be moved to another thread; its bytes may be read there.
#pragma once

#include "bytes/slab.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>

namespace hpfeeds::bytes {

struct Piece {
    Slab* slab = nullptr;
    std::uint32_t offset = 0;
    std::uint32_t length = 0;

    [[nodiscard]] std::span<const std::byte> bytes() const noexcept {
        return {slab->data() + offset, length};
    }
    [[nodiscard]] std::uint32_t end() const noexcept { return offset + length; }
};

class FrameRef {
public:
    FrameRef() noexcept = default;
    // Takes one more reference to the piece's slab.
    [[nodiscard]] static FrameRef share(Piece piece) noexcept {
        piece.slab->add_references(1);
        return FrameRef(piece);
    }
    // Takes over a reference that the caller has.
    [[nodiscard]] static FrameRef adopt(Piece piece) noexcept { return FrameRef(piece); }

    FrameRef(FrameRef&& other) noexcept : piece_(std::exchange(other.piece_, {})) {}
    FrameRef& operator=(FrameRef&& other) noexcept {
        if (this != &other) {
            reset();
            piece_ = std::exchange(other.piece_, {});
        }
        return *this;
    }
    ~FrameRef() { reset(); }

    void reset() noexcept {
        if (piece_.slab) std::exchange(piece_, {}).slab->release();
    }
    [[nodiscard]] bool empty() const noexcept { return piece_.slab == nullptr; }
    [[nodiscard]] const Piece& piece() const noexcept { return piece_; }
    [[nodiscard]] std::span<const std::byte> bytes() const noexcept {
        return empty() ? std::span<const std::byte>{} : piece_.bytes();
    }
    // Another view of the same slab, with the reference that is held already.
    void narrow(std::uint32_t offset, std::uint32_t length) noexcept {
        piece_.offset = offset;
        piece_.length = length;
    }

private:
    explicit FrameRef(Piece piece) noexcept : piece_(piece) {}
    Piece piece_;
};

}  // namespace hpfeeds::bytes
