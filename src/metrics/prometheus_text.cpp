// SPDX-License-Identifier: Apache-2.0
#include "metrics/prometheus_text.hpp"

#include <array>
#include <charconv>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <utility>

namespace hpfeeds::metrics {
namespace {

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

void append_number(std::string& out, std::uint64_t value) {
    std::array<char, 20> digits;  // those of 2^64
    const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr;
    out.append(digits.data(), end);
}

// Whole numbers without exponent, as everybody writes counters; others as short as they can be told
// from their neighbours.
void append_number(std::string& out, double value) {
    constexpr double whole_max = 1e18;
    if (std::isnan(value)) {
        out += "NaN";
    } else if (std::isinf(value)) {
        out += value > 0 ? "+Inf" : "-Inf";
    } else if (std::abs(value) < whole_max && value == std::trunc(value)) {
        if (value < 0) out += '-';
        append_number(out, static_cast<std::uint64_t>(std::abs(value)));
    } else {
        std::array<char, 32> digits;  // 17 significant ones, sign, point and exponent
        const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr;
        out.append(digits.data(), end);
    }
}

// The text between the quotes.
void append_label_value(std::string& out, std::string_view bytes) {
    for (const char byte : label_text(bytes)) {
        if (byte == '\\' || byte == '"') out += '\\';
        if (byte == '\n')
            out += "\\n";
        else
            out += byte;
    }
}

void append_head(std::string& out, std::string_view name, std::string_view help,
                 std::string_view type) {
    out.append("# HELP ").append(name).append(" ");
    for (const char byte : help) {
        if (byte == '\\' || byte == '\n') out += '\\';
        out += byte == '\n' ? 'n' : byte;
    }
    out.append("\n# TYPE ").append(name).append(" ").append(type).append("\n");
}

void append_samples(std::string& out, const Family& family, std::string_view name) {
    for (const Sample& sample : family.samples) {
        out.append(name);
        if (const std::string_view labels = sample.labels.text(); !labels.empty())
            out.append("{").append(labels).append("}");
        out += ' ';
        append_number(out, sample.value);
        out += '\n';
    }
}

// What is the same in every histogram of a family, and in most lines of a page: written once.
struct HistogramPieces {
    std::string count;                // `name_count`
    std::string sum;                  // `name_sum`
    std::string bucket;               // `name_bucket{`
    std::vector<std::string> bounds;  // `le="1024"} `, the last is +Inf
};

HistogramPieces pieces_of(const Family& family) {
    HistogramPieces pieces{
        family.name + "_count", family.name + "_sum", family.name + "_bucket{", {}};
    const auto add = [&](double bound) {
        std::string text = "le=\"";
        append_number(text, bound);
        pieces.bounds.push_back(text + "\"} ");
    };
    for (const double bound : family.upper_bounds)
        add(bound);
    add(std::numeric_limits<double>::infinity());
    return pieces;
}

void append_histogram(std::string& out, const Histogram& histogram, const HistogramPieces& pieces) {
    std::string labels(histogram.labels.text());
    const std::string braced = labels.empty() ? " " : "{" + labels + "} ";
    if (!labels.empty()) labels += ',';
    std::uint64_t count = 0;
    for (const std::uint64_t bucket : histogram.counts)
        count += bucket;
    out.append(pieces.count).append(braced);
    append_number(out, count);
    out.append("\n").append(pieces.sum).append(braced);
    append_number(out, histogram.sum);
    out += '\n';
    count = 0;
    for (std::size_t i = 0; i < histogram.counts.size(); ++i) {
        count += histogram.counts[i];
        out.append(pieces.bucket).append(labels).append(pieces.bounds[i]);
        append_number(out, count);
        out += '\n';
    }
}

void append(std::string& out, const Family& family) {
    switch (family.type) {
        case Family::Type::gauge:
            append_head(out, family.name, family.help, "gauge");
            return append_samples(out, family, family.name);
        case Family::Type::histogram: {
            append_head(out, family.name, family.help, "histogram");
            const HistogramPieces pieces = pieces_of(family);
            for (const Histogram& histogram : family.histograms)
                append_histogram(out, histogram, pieces);
            return;
        }
        case Family::Type::counter:
            if (family.name.ends_with(total)) {
                append_head(out, family.name, family.help, "counter");
                return append_samples(out, family, family.name);
            }
            append_head(out, family.name, family.help, "untyped");
            append_samples(out, family, family.name);
            const std::string name = family.name + std::string(total);
            append_head(out, name, family.help, "counter");
            return append_samples(out, family, name);
    }
}

// A little more than append() will write, so that a large page grows but once.
std::size_t bytes_of(const Family& family) noexcept {
    constexpr std::size_t number_and_punctuation = 28;
    const std::size_t head = 2 * family.name.size() + family.help.size() + 40;
    std::size_t bytes = head;
    for (const Sample& sample : family.samples)
        bytes += family.name.size() + sample.labels.text().size() + number_and_punctuation;
    const std::size_t lines = family.upper_bounds.size() + 3;
    for (const Histogram& histogram : family.histograms)
        bytes += lines * (family.name.size() + histogram.labels.text().size() +
                          std::string_view("_bucket,le=").size() + number_and_punctuation);
    return family.type == Family::Type::counter ? 2 * (bytes + total.size()) : bytes;
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

Labels::Labels(std::span<const Label> labels) {
    if (labels.empty()) return;
    std::string text;
    for (const Label& label : labels) {
        if (!text.empty()) text += ',';
        text.append(label.name).append("=\"");
        append_label_value(text, label.value);
        text += '"';
    }
    text_ = std::make_shared<const std::string>(std::move(text));
}

std::string prometheus_text(std::span<const Family> families) {
    std::size_t bytes = 0;
    for (const Family& family : families)
        bytes += bytes_of(family);
    std::string out;
    out.reserve(bytes);
    for (const Family& family : families)
        append(out, family);
    return out;
}

}  // namespace hpfeeds::metrics
