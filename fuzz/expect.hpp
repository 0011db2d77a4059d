// SPDX-License-Identifier: Apache-2.0
// expect.hpp: what a fuzz target does when something that must hold does not: it says so, and ends.
#pragma once

#include <cstddef>
#include <cstdio>
#include <cstdlib>

namespace hpfeeds::fuzz {

inline void expect(bool holds, const char* what) {
    if (holds) return;
    std::fprintf(stderr, "this does not hold: %s\n", what);
    std::abort();
}

}  // namespace hpfeeds::fuzz

// Called by libFuzzer, or by replay_main.cpp, once per input.
extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size);
