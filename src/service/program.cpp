// SPDX-License-Identifier: Apache-2.0
#include "service/program.hpp"

#include <filesystem>
#include <string_view>
#include <system_error>

namespace hpfeeds::service {

Program this_program(int argc, const char* const* argv) {
    namespace fs = std::filesystem;
    Program program;
    program.arguments.assign(argv, argv + argc);
    std::error_code failed;
    const fs::path self = fs::read_symlink("/proc/self/exe", failed);
    program.path = self.string();
    if (argc == 0 || std::string_view(argv[0]).find('/') == std::string_view::npos) return program;
    const fs::path called = fs::absolute(argv[0], failed);
    if (!failed && fs::equivalent(called, self, failed) && !failed) program.path = called.string();
    return program;
}

}  // namespace hpfeeds::service
