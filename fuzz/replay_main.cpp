// SPDX-License-Identifier: Apache-2.0
// replay_main.cpp: plays files to a fuzz target, for compilers without libFuzzer.
//
//   replay_TARGET FILE_OR_FOLDER …    exit status 1 when a target fails, 2 when there is nothing to
//   play
#include "expect.hpp"

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <vector>

namespace {

namespace fs = std::filesystem;

void play(const fs::path& file) {
    std::ifstream in(file, std::ios::binary);
    const std::string text{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
    // Memory of exactly this size, so that a sanitizer sees every byte read too many.
    const auto bytes = std::make_unique<unsigned char[]>(text.size());
    std::copy(text.begin(), text.end(), bytes.get());
    std::fprintf(stderr, "%s, %zu bytes\n", file.c_str(), text.size());
    LLVMFuzzerTestOneInput(bytes.get(), text.size());
}

}  // namespace

int main(int argc, char** argv) {
    // An expectation that does not hold is an exit status here, not a core file.
    std::signal(SIGABRT, [](int) { std::_Exit(1); });
    std::size_t played = 0;
    for (int index = 1; index < argc; ++index) {
        std::vector<fs::path> files;
        if (fs::is_directory(argv[index])) {
            for (const auto& entry : fs::directory_iterator(argv[index]))
                files.push_back(entry.path());
        } else if (fs::exists(argv[index])) {
            files.emplace_back(argv[index]);
        }
        for (const fs::path& file : files) {
            play(file);
            ++played;
        }
    }
    if (played == 0) {
        std::fprintf(stderr, "%s: no files to replay\n", argv[0]);
        return 2;
    }
    std::fprintf(stderr, "%zu files replayed\n", played);
    return 0;
}
