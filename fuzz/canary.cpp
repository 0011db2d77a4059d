// SPDX-License-Identifier: Apache-2.0
// canary.cpp: a target with a bug on purpose, deep enough that only a search which sees coverage
// gets there. The CTest fuzz.canary.is_found expects it to fail.
#include "expect.hpp"

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
    if (size > 2 && data[0] == 'h' && data[1] == 'p' && data[2] == 0xFE)
        hpfeeds::fuzz::expect(false, "the canary sings");
    return 0;
}
