// SPDX-License-Identifier: Apache-2.0
// families.hpp: what a scrape tells, as plain values.
//
// Built anew for each scrape by whoever knows the counters; prometheus_text.hpp writes it down.
// Label values are raw bytes, as peers sent them. Labels must differ between the samples of one
// family.
//
// Threads  none: values.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace hpfeeds::metrics {

struct Label {
    std::string name;   // a word: letters, digits, underscores
    std::string value;  // raw bytes; escaped when written
};

// The labels of a sample, written down once: `ident="a",chan="b"`. A row of many families is told
// with one of these, and its copies share the text.
class Labels {
public:
    Labels() = default;
    Labels(std::initializer_list<Label> labels)
        : Labels(std::span(labels.begin(), labels.size())) {}
    Labels(const std::vector<Label>& labels) : Labels(std::span(labels)) {}

    [[nodiscard]] std::string_view text() const noexcept {
        return text_ ? std::string_view(*text_) : std::string_view();
    }
    bool operator==(const Labels& other) const noexcept { return text() == other.text(); }

private:
    explicit Labels(std::span<const Label> labels);

    std::shared_ptr<const std::string> text_;  // null: none
};

struct Sample {
    Labels labels;
    double value = 0;
};

// How many observations fell into each bucket, and their sum.
struct Histogram {
    Labels labels;
    std::vector<std::uint64_t>
        counts;  // one a bucket, not cumulative; the last is above all bounds
    double sum = 0;
};

struct Family {
    enum class Type : std::uint8_t { counter, gauge, histogram };

    std::string name;  // of a counter: without `_total`, which is added
    std::string help;
    Type type = Type::gauge;
    std::vector<Sample> samples = {};        // counter, gauge
    std::vector<double> upper_bounds = {};   // histogram: rising, +Inf left out
    std::vector<Histogram> histograms = {};  // histogram: counts has one more than upper_bounds
};

}  // namespace hpfeeds::metrics
