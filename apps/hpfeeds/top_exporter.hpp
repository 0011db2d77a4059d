// SPDX-License-Identifier: Apache-2.0
// top_exporter.hpp: the pages of a broker's exporter, over HTTP.
//
// Threads  one owner.
// Errors   throws hpfeeds::Error: one line, with the remedy where there is one.
// Limits   answer_bytes_max a page, answer_patience for each.
#pragma once

#include "top_rates.hpp"
#include "top_snapshot.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>

namespace hpfeeds::cli::top_view {

inline constexpr std::size_t answer_bytes_max = std::size_t{16} << 20;
inline constexpr std::chrono::milliseconds answer_patience{5'000};

class Exporter {
public:
    // `stop` ends every wait when it becomes readable.
    Exporter(std::string host, std::uint16_t port, int stop);
    // All four pages; of the lists, what `order` puts first.
    [[nodiscard]] Snapshot look(Order order) const;
    [[nodiscard]] std::string text() const;  // "localhost:9431"

private:
    [[nodiscard]] std::string get(const std::string& target) const;
    std::string host_;
    std::uint16_t port_;
    int stop_;
};

// The body of an answer. Throws for any status but 200.
[[nodiscard]] std::string body_of(const std::string& answer, const std::string& target);

}  // namespace hpfeeds::cli::top_view
