// SPDX-License-Identifier: Apache-2.0
#include "bytes/lendable_memory.hpp"

#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>
#include <cerrno>
#include <utility>

namespace hpfeeds::bytes {
namespace {

constexpr std::size_t page_bytes = 4096;
constexpr std::size_t place_bytes = page_bytes + slab_bytes;
static_assert(slab_bytes % page_bytes == 0);

// A longer one would raise SIGXFSZ.
std::size_t longest_file() noexcept {
    rlimit limit{};
    return getrlimit(RLIMIT_FSIZE, &limit) == 0 ? limit.rlim_cur : 0;
}

// Linux from 6.3 on complains of a file that could be executed, and may be told to refuse it.
int memory_file() noexcept {
    constexpr unsigned noexec_seal = 0x0008U;  // MFD_NOEXEC_SEAL, which older headers lack
    const int file = memfd_create("hpfeeds slabs", MFD_CLOEXEC | noexec_seal);
    return file >= 0 ? file : memfd_create("hpfeeds slabs", MFD_CLOEXEC);
}

bool remove_pages(std::byte* begin, std::size_t bytes) noexcept {
    return madvise(begin, bytes, MADV_REMOVE) == 0;
}

// One call for all pages of a place. False: there is no memory for them. Linux before 5.14 does not
// know the call: each page then comes when it is first written to.
bool bring_pages(std::byte* data) noexcept {
#ifdef MADV_POPULATE_WRITE
    return madvise(data, slab_bytes, MADV_POPULATE_WRITE) == 0 || errno == EINVAL;
#else
    (void)data;
    return true;
#endif
}

}  // namespace

LendableMemory::LendableMemory(std::size_t slabs_max) noexcept {
    if (slabs_max == 0 || sysconf(_SC_PAGESIZE) != static_cast<long>(page_bytes)) return;
    if (!open(slabs_max * place_bytes)) {
        close();
        return;
    }
    free_.reserve(slabs_max);
    for (std::size_t place = slabs_max; place-- > 0;)
        free_.push_back(begin_ + place * place_bytes + page_bytes);
}

bool LendableMemory::open(std::size_t bytes) noexcept {
    if (longest_file() < bytes) return false;
    file_ = memory_file();
    if (file_ < 0 || ftruncate(file_, static_cast<off_t>(bytes)) != 0) return false;
    void* memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, file_, 0);
    if (memory == MAP_FAILED) return false;
    begin_ = static_cast<std::byte*>(memory);
    size_ = bytes;
    // A part of a huge page that somebody still has cannot be taken out of the file: the kernel
    // would clear it, under the reader's eyes.
    (void)madvise(begin_, size_, MADV_NOHUGEPAGE);
    return remove_pages(begin_, size_) && takes_pages_away();
}

// Not every system that says so does.
bool LendableMemory::takes_pages_away() noexcept {
    volatile std::byte& first = *begin_;
    first = std::byte{1};
    const bool removed = remove_pages(begin_, page_bytes) && first == std::byte{0};
    return remove_pages(begin_, page_bytes) && removed;
}

LendableMemory::~LendableMemory() {
    close();
}

void LendableMemory::close() noexcept {
    if (begin_) munmap(std::exchange(begin_, nullptr), size_);
    if (file_ >= 0) ::close(std::exchange(file_, -1));
}

std::byte* LendableMemory::take() noexcept {
    if (free_.empty()) return nullptr;
    std::byte* data = free_.back();
    if (!bring_pages(data)) return nullptr;
    free_.pop_back();
    return data;
}

void LendableMemory::give_back(std::byte* data) noexcept {
    if (remove_pages(data - page_bytes, place_bytes)) free_.push_back(data);
}

bool LendableMemory::renew(std::byte* data) noexcept {
    return remove_pages(data, slab_bytes) && bring_pages(data);
}

}  // namespace hpfeeds::bytes
