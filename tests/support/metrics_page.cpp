// SPDX-License-Identifier: Apache-2.0
#include "support/metrics_page.hpp"

#include <sys/socket.h>

#include <array>
#include <sstream>
#include <stdexcept>

namespace hpfeeds::support {

MetricsPage::MetricsPage(const BrokerProcess& broker) {
    const LogLine line = broker.wait_for_log({"exporter listening"});
    exporter_ = {line.field("address"), static_cast<std::uint16_t>(std::stoul(line.field("port")))};
}

std::string MetricsPage::text() const {
    WireClient connection(exporter_);
    connection.send("GET /metrics HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n");
    std::string text;
    std::array<char, 65536> chunk{};
    for (ssize_t count;
         (count = ::recv(connection.descriptor(), chunk.data(), chunk.size(), 0)) > 0;)
        text.append(chunk.data(), static_cast<std::size_t>(count));
    return text;
}

double MetricsPage::value(const std::string& sample) const {
    std::istringstream lines(text());
    for (std::string line; std::getline(lines, line);)
        if (line.starts_with(sample + " ")) return std::stod(line.substr(sample.size() + 1));
    return 0;
}

double MetricsPage::wait_for(const std::string& sample,
                             const std::function<bool(double)>& wanted) const {
    const Deadline deadline;
    for (;;) {
        const double found = value(sample);
        if (wanted(found)) return found;
        if (deadline.passed())
            throw std::runtime_error(sample + " stays at " + std::to_string(found));
    }
}

}  // namespace hpfeeds::support
