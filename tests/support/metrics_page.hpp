// SPDX-License-Identifier: Apache-2.0
// metrics_page.hpp: what a running broker's exporter says. Needs `--exporter 127.0.0.1:0`.
//
// Numbers are counted by other threads than the one that tells them, so a test asks until they are
// what it waits for.
#pragma once

#include "support/broker_process.hpp"

#include <functional>
#include <string>

namespace hpfeeds::support {

class MetricsPage {
public:
    explicit MetricsPage(const BrokerProcess& broker);

    // The value of a sample, as it is written: `name{label="value"}`; 0 when there is none yet.
    [[nodiscard]] double value(const std::string& sample) const;
    // Asks until the value is as wanted; throws when the deadline passes before.
    double wait_for(const std::string& sample, const std::function<bool(double)>& wanted) const;
    double wait_for(const std::string& sample, double wanted) const {
        return wait_for(sample, [=](double value) { return value == wanted; });
    }

private:
    [[nodiscard]] std::string text() const;

    Address exporter_;
};

}  // namespace hpfeeds::support
