// SPDX-License-Identifier: Apache-2.0
// bench_stamp.hpp: what every payload of a bench begins with, in the byte order of the machine: who
// reads it is the process that wrote it.
#pragma once

#include <chrono>
#include <cstdint>
#include <cstring>

namespace hpfeeds::cli::bench {

struct Stamp {
    std::uint32_t run = 0;  // tells this run's messages from anybody else's
    std::uint32_t publisher = 0;
    std::uint64_t sequence = 0;  // 1, 2, 3 … per publisher; 0 marks a probe
    std::uint64_t due_ns = 0;    // when it was to be sent, by now_ns()

    static Stamp read(const char* payload) noexcept {
        Stamp stamp;
        std::memcpy(&stamp, payload, sizeof stamp);
        return stamp;
    }
    void write(char* payload) const noexcept { std::memcpy(payload, this, sizeof *this); }
};
static_assert(sizeof(Stamp) == 24);

[[nodiscard]] inline std::uint64_t now_ns() noexcept {
    return static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::nanoseconds>(
                                          std::chrono::steady_clock::now().time_since_epoch())
                                          .count());
}

}  // namespace hpfeeds::cli::bench
