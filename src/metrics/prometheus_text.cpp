// SPDX-License-Identifier: Apache-2.0
#include "metrics/prometheus_text.hpp"

#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

#include <cstddef>
#include <cstdint>
#include <limits>
#include <utility>

namespace hpfeeds::metrics {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;

constexpr std::string_view total = "_total";

// The bytes of the valid UTF-8 character that `text` begins with, or 0. The table of well-formed
// sequences is the Unicode standard's (3.9, table 3-7): only the second byte's range varies.
std::size_t character_bytes(std::string_view text) noexcept {
    const auto within = [&](std::size_t at, unsigned least, unsigned most) {
        if (at >= text.size()) return false;
        const auto byte = static_cast<unsigned char>(text[at]);
        return byte >= least && byte <= most;
    };
    const auto lead = static_cast<unsigned char>(text[0]);
    if (lead < 0x80) return 1;
    if (lead >= 0xC2 && lead <= 0xDF) return within(1, 0x80, 0xBF) ? 2 : 0;
    if (lead >= 0xE0 && lead <= 0xEF) {
        const unsigned least = lead == 0xE0 ? 0xA0 : 0x80;  // no overlong forms
        const unsigned most = lead == 0xED ? 0x9F : 0xBF;   // no surrogates
        return within(1, least, most) && within(2, 0x80, 0xBF) ? 3 : 0;
    }
    if (lead >= 0xF0 && lead <= 0xF4) {
        const unsigned least = lead == 0xF0 ? 0x90 : 0x80;
        const unsigned most = lead == 0xF4 ? 0x8F : 0xBF;  // nothing above U+10FFFF
        return within(1, least, most) && within(2, 0x80, 0xBF) && within(3, 0x80, 0xBF) ? 4 : 0;
    }
    return 0;
}

void append_escaped(std::string& out, char byte) {
    constexpr std::string_view digits = "0123456789abcdef";
    const auto value = static_cast<unsigned char>(byte);
    out += "\\x";
    out += digits[value >> 4];
    out += digits[value & 0xF];
}

std::vector<ClientMetric::Label> labels_of(const std::vector<Label>& labels) {
    std::vector<ClientMetric::Label> out;
    out.reserve(labels.size());
    for (const Label& label : labels)
        out.push_back({label.name, label_text(label.value)});
    return out;
}

ClientMetric metric_of(const Sample& sample) {
    ClientMetric metric;
    metric.label = labels_of(sample.labels);
    // The serializer reads the one that fits the family's type.
    metric.counter.value = sample.value;
    metric.gauge.value = sample.value;
    metric.untyped.value = sample.value;
    return metric;
}

ClientMetric metric_of(const Histogram& histogram, const std::vector<double>& upper_bounds) {
    ClientMetric metric;
    metric.label = labels_of(histogram.labels);
    std::uint64_t count = 0;
    for (std::size_t index = 0; index < histogram.counts.size(); ++index) {
        count += histogram.counts[index];
        const double bound = index < upper_bounds.size() ? upper_bounds[index]
                                                         : std::numeric_limits<double>::infinity();
        metric.histogram.bucket.push_back({count, bound});
    }
    metric.histogram.sample_count = count;
    metric.histogram.sample_sum = histogram.sum;
    return metric;
}

MetricFamily family_of(const Family& family, std::string name, MetricType type) {
    MetricFamily out{std::move(name), family.help, type, {}};
    for (const Sample& sample : family.samples)
        out.metric.push_back(metric_of(sample));
    for (const Histogram& histogram : family.histograms)
        out.metric.push_back(metric_of(histogram, family.upper_bounds));
    return out;
}

void append(std::vector<MetricFamily>& out, const Family& family) {
    switch (family.type) {
        case Family::Type::gauge:
            out.push_back(family_of(family, family.name, MetricType::Gauge));
            return;
        case Family::Type::histogram:
            out.push_back(family_of(family, family.name, MetricType::Histogram));
            return;
        case Family::Type::counter:
            if (family.name.ends_with(total)) {
                out.push_back(family_of(family, family.name, MetricType::Counter));
                return;
            }
            out.push_back(family_of(family, family.name, MetricType::Untyped));
            out.push_back(family_of(family, family.name + std::string(total), MetricType::Counter));
            return;
    }
}

}  // namespace

std::string label_text(std::string_view bytes) {
    std::string out;
    out.reserve(bytes.size());
    while (!bytes.empty()) {
        const std::size_t size = character_bytes(bytes);
        if (size == 0 || bytes.starts_with("\\x")) {
            append_escaped(out, bytes[0]);
            bytes.remove_prefix(1);
        } else {
            out += bytes.substr(0, size);
            bytes.remove_prefix(size);
        }
    }
    return out;
}

std::string prometheus_text(std::span<const Family> families) {
    std::vector<MetricFamily> out;
    for (const Family& family : families)
        append(out, family);
    return prometheus::TextSerializer().Serialize(out);
}

}  // namespace hpfeeds::metrics
