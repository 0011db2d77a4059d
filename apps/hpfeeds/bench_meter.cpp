// SPDX-License-Identifier: Apache-2.0
#include "bench_meter.hpp"

#include <unistd.h>
#include <ctime>
#include <fstream>
#include <string>

namespace hpfeeds::cli::bench {
namespace {

double cpu_of(clockid_t clock) {
    timespec time{};
    if (clock_gettime(clock, &time) != 0) return 0;
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) / 1e9;
}

double cpu_of_machine() {
    std::ifstream file("/proc/stat");
    std::string word;
    file >> word;  // "cpu": user nice system idle iowait irq softirq steal
    double busy = 0;
    double ticks = 0;
    for (int column = 0; column < 8 && file >> ticks; ++column)
        if (column != 3 && column != 4) busy += ticks;
    return busy / static_cast<double>(sysconf(_SC_CLK_TCK));
}

std::size_t resident_bytes_of(pid_t process) {
    std::ifstream file("/proc/" + std::to_string(process) + "/statm");
    std::size_t all_pages = 0;
    std::size_t resident_pages = 0;
    if (!(file >> all_pages >> resident_pages)) return 0;
    return resident_pages * static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
}

}  // namespace

Reading read_meter(pid_t broker) {
    Reading reading;
    reading.own_cpu = cpu_of(CLOCK_PROCESS_CPUTIME_ID);
    reading.machine_cpu = cpu_of_machine();
    if (broker == 0) return reading;
    clockid_t clock{};
    if (clock_getcpuclockid(broker, &clock) == 0) reading.broker_cpu = cpu_of(clock);
    reading.broker_resident_bytes = resident_bytes_of(broker);
    return reading;
}

bool can_be_metered(pid_t broker) {
    clockid_t clock{};
    return clock_getcpuclockid(broker, &clock) == 0 && resident_bytes_of(broker) != 0;
}

}  // namespace hpfeeds::cli::bench
