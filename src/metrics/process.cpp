// SPDX-License-Identifier: Apache-2.0
#include "metrics/process.hpp"

#include <sys/resource.h>
#include <unistd.h>

#include <fstream>
#include <iterator>
#include <optional>
#include <sstream>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

namespace hpfeeds::metrics {
namespace {

namespace fs = std::filesystem;

// The fields of /proc/self/stat that are told, by their number in proc(5).
struct Stat {
    double user_ticks = 0;      // 14
    double system_ticks = 0;    // 15
    double start_ticks = 0;     // 22, after boot
    double virtual_bytes = 0;   // 23
    double resident_pages = 0;  // 24
};

std::optional<Stat> read_stat(const fs::path& path) {
    std::ifstream file(path);
    const std::string text{std::istreambuf_iterator<char>(file), {}};
    // Field 2 is the program's name in parentheses, and may hold blanks and parentheses itself.
    const std::size_t name_end = text.rfind(')');
    if (name_end == std::string::npos) return std::nullopt;
    std::istringstream fields(text.substr(name_end + 1));
    std::string skipped;
    Stat stat;
    for (int field = 3; field < 14; ++field)
        fields >> skipped;
    fields >> stat.user_ticks >> stat.system_ticks;
    for (int field = 16; field < 22; ++field)
        fields >> skipped;
    fields >> stat.start_ticks >> stat.virtual_bytes >> stat.resident_pages;
    if (!fields) return std::nullopt;
    return stat;
}

// The line `btime SECONDS` of /proc/stat.
std::optional<double> read_boot_time(const fs::path& path) {
    std::ifstream file(path);
    for (std::string line; std::getline(file, line);) {
        if (!line.starts_with("btime ")) continue;
        std::istringstream number(line.substr(6));
        double seconds = 0;
        if (number >> seconds) return seconds;
    }
    return std::nullopt;
}

std::optional<double> count_descriptors(const fs::path& folder) {
    std::error_code error;
    fs::directory_iterator entry(folder, error);
    if (error) return std::nullopt;
    double count = 0;
    for (; entry != fs::directory_iterator(); entry.increment(error))
        ++count;
    if (error) return std::nullopt;
    return count - 1;  // the one that reads the folder
}

void add(std::vector<Family>& families, Family::Type type, std::string name, std::string help,
         std::optional<double> value) {
    if (!value) return;
    families.push_back({std::move(name), std::move(help), type, {{{}, *value}}});
}

}  // namespace

std::vector<Family> process_families(const fs::path& proc) {
    std::vector<Family> families;
    const auto gauge = Family::Type::gauge;
    if (const auto stat = read_stat(proc / "self" / "stat")) {
        const auto ticks_per_second = static_cast<double>(::sysconf(_SC_CLK_TCK));
        const auto page_bytes = static_cast<double>(::sysconf(_SC_PAGESIZE));
        add(families, gauge, "process_virtual_memory_bytes", "Virtual memory size in bytes.",
            stat->virtual_bytes);
        add(families, gauge, "process_resident_memory_bytes", "Resident memory size in bytes.",
            stat->resident_pages * page_bytes);
        add(families, Family::Type::counter, "process_cpu_seconds_total",
            "User and system CPU time spent, in seconds.",
            (stat->user_ticks + stat->system_ticks) / ticks_per_second);
        if (const auto boot_time = read_boot_time(proc / "stat"))
            add(families, gauge, "process_start_time_seconds",
                "When the process started, in seconds since 1970.",
                *boot_time + stat->start_ticks / ticks_per_second);
    }
    add(families, gauge, "process_open_fds", "Open file descriptors.",
        count_descriptors(proc / "self" / "fd"));
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) == 0)
        add(families, gauge, "process_max_fds", "File descriptors that may be open.",
            static_cast<double>(limit.rlim_cur));
    return families;
}

}  // namespace hpfeeds::metrics
