// SPDX-License-Identifier: Apache-2.0
// lendable_memory.hpp: memory for slabs that is a file as well, so that a socket can take pages of
// it as they are, where otherwise the kernel would copy their bytes for each reader (sendfile(2)).
//
//   | … header | data, whole pages | … header | data, whole pages | …
//              ^ one place: a slab's header ends where its first page of data begins
//
// A page that was lent belongs to everybody who still has it to read: it may be a reader's
// receive buffer for as long as that reader likes, and nobody tells us when it is done. So a lent
// page is never written again: its place is given another page instead (renew), and the old one
// goes when its last reader has read it (docs/decisions/0024).
//
// Units      bytes; places are of one size, for a slab of slab_bytes.
// Threads    one owner; place_of() from any thread.
// Errors     nothing throws. Where the system has no such memory (memfd_create, pages of 4 KiB)
//            take() returns null: slabs are then ordinary memory, and sockets copy.
#pragma once

#include "bytes/limits.hpp"

#include <cstddef>
#include <cstdint>
#include <vector>

namespace hpfeeds::bytes {

class LendableMemory {
public:
    // Address space for so many slabs; memory only as they are taken.
    explicit LendableMemory(std::size_t slabs_max) noexcept;
    ~LendableMemory();
    LendableMemory(const LendableMemory&) = delete;
    LendableMemory& operator=(const LendableMemory&) = delete;

    // Where a slab's data is to begin, with room for slab_bytes, and for its header before it.
    // Null when all are taken, or the system has no memory.
    [[nodiscard]] std::byte* take() noexcept;
    // Its pages go back to the system.
    void give_back(std::byte* data) noexcept;
    // Gives it other pages, in place of those that were lent. False: it may still have them, and
    // must never be used again.
    [[nodiscard]] bool renew(std::byte* data) noexcept;

    // Where bytes of a slab are in the file.
    struct FilePlace {
        int file = -1;
        std::int64_t offset = 0;
    };
    [[nodiscard]] FilePlace place_of(const std::byte* bytes) const noexcept {
        return {file_, bytes - begin_};
    }

private:
    [[nodiscard]] bool open(std::size_t bytes) noexcept;
    [[nodiscard]] bool takes_pages_away() noexcept;
    void close() noexcept;

    int file_ = -1;
    std::byte* begin_ = nullptr;
    std::size_t size_ = 0;
    std::vector<std::byte*> free_;  // where data begins, the lowest last
};

}  // namespace hpfeeds::bytes
