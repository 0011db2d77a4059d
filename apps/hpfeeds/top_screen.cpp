// SPDX-License-Identifier: Apache-2.0
#include "top_screen.hpp"

#include "hpfeeds/text.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <utility>

namespace hpfeeds::cli::top_view {
namespace {

constexpr std::size_t number_width = 9;
constexpr std::size_t name_width_min = 8;
constexpr std::size_t width_min = 20;

bool begins_character(char byte) {
    return (static_cast<unsigned char>(byte) & 0xC0U) != 0x80U;
}

std::size_t width_of(std::string_view text) {
    return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), begins_character));
}

// The first `count` characters.
std::string_view first_of(std::string_view text, std::size_t count) {
    std::size_t bytes = 0;
    for (; bytes < text.size(); ++bytes)
        if (begins_character(text[bytes]) && count-- == 0) break;
    return text.substr(0, bytes);
}

std::string right(const std::string& text, std::size_t width = number_width) {
    const std::size_t own = width_of(text);
    return (own < width ? std::string(width - own, ' ') : " ") + text;
}

std::string count_text(std::int64_t count) {
    return short_number(static_cast<double>(count));
}

// What is left for names beside `numbers` columns of numbers.
std::size_t room_for_names(Screen screen, std::size_t numbers) {
    const std::size_t used = numbers * number_width;
    return screen.width > used + name_width_min ? screen.width - used : name_width_min;
}

std::string refusals_text(const Overview& overview) {
    std::vector<std::pair<std::string, std::uint64_t>> sorted(overview.refusals.begin(),
                                                              overview.refusals.end());
    std::stable_sort(sorted.begin(), sorted.end(), [](const auto& left, const auto& right_one) {
        return left.second > right_one.second;
    });
    std::string text;
    for (const auto& [reason, count] : sorted)
        text += (text.empty() ? "" : ", ") + one_line(reason) + " " +
                short_number(static_cast<double>(count));
    return text.empty() ? "none" : text;
}

std::vector<std::string> head_of(const View& view, const Circumstances& now) {
    const Overview& all = view.overview;
    std::vector<std::string> lines;
    lines.push_back(
        "hpfeeds top by " + std::string(word_of(now.order)) + (now.paused ? "   PAUSED" : "") +
        (now.keys ? "   q quit, s sort, p pause" : "") + "   up " + duration_text(all.seconds) +
        "   '" + one_line(all.name) + "' " + one_line(all.version) + " at " + now.exporter);
    if (!now.trouble.empty())
        lines.push_back("!! " + one_line(now.trouble));
    else if (view.restarted)
        lines.push_back("!! the broker was restarted: its counters began anew");
    lines.push_back("connections " + count_text(all.connections) +
                    " (in: " + count_text(all.logged_in) + ")   idents " + count_text(all.idents) +
                    "   channels " + count_text(all.channels) + "   subs " +
                    count_text(all.subscriptions) + "   new/s " + short_number(view.accepted));
    lines.push_back("messages/s " + short_number(view.messages) + "   in " +
                    short_number(view.received) + "   out " + short_number(view.sent) +
                    " B/s   queued " + count_text(all.queued_bytes) + "   memory " +
                    count_text(all.memory_bytes) + " of " + count_text(all.memory_bytes_max) +
                    "   dropped " + short_number(static_cast<double>(all.dropped)));
    lines.push_back("refusals (/s " + short_number(view.refused) + "): " + refusals_text(all));
    return lines;
}

std::vector<std::string> ident_lines(const View& view, Screen screen) {
    const std::size_t room = room_for_names(screen, 7);
    std::vector<std::string> lines{cell("IDENT", room) + right("CONNS") + right("MSG/S") +
                                   right("IN B/S") + right("OUT B/S") + right("QUEUED") +
                                   right("DROPPED") + right("REFUSED")};
    for (const IdentRow& row : view.idents)
        lines.push_back(cell(row.now.name.empty() ? "(nobody)" : row.now.name, room) +
                        right(count_text(row.now.connections)) + right(short_number(row.messages)) +
                        right(short_number(row.received)) + right(short_number(row.sent)) +
                        right(count_text(row.now.queued_bytes)) +
                        right(short_number(static_cast<double>(row.now.dropped))) +
                        right(short_number(static_cast<double>(row.now.refused))));
    return lines;
}

std::vector<std::string> channel_lines(const View& view, Screen screen) {
    const std::size_t room = room_for_names(screen, 4);
    std::vector<std::string> lines{cell("CHANNEL", room) + right("SUBS") + right("SENDERS") +
                                   right("MSG/S") + right("B/S")};
    for (const ChannelRow& row : view.channels)
        lines.push_back(cell(row.now.name, room) + right(count_text(row.now.subscriptions)) +
                        right(short_number(static_cast<double>(row.now.publishers))) +
                        right(short_number(row.messages)) + right(short_number(row.bytes)));
    return lines;
}

// Those for whom something is queued.
std::vector<std::string> queue_lines(const View& view, Screen screen) {
    const std::size_t room = room_for_names(screen, 3) / 2;
    std::vector<std::string> lines{cell("QUEUED FOR", room) + cell("ADDRESS", room) +
                                   right("BYTES") + right("AGE") + right("STATE")};
    for (const Connection& each : view.connections) {
        if (each.queued_bytes == 0 && !each.slow) continue;
        const char* state = each.dropping ? "dropping" : each.slow ? "slow" : "ok";
        lines.push_back(cell(each.ident.empty() ? "(nobody)" : each.ident, room) +
                        cell(each.address, room) + right(count_text(each.queued_bytes)) +
                        right(duration_text(each.seconds)) + right(state));
    }
    return lines;
}

// Takes lines from the longest part until all fit.
void fit(std::array<std::vector<std::string>, 3>& parts, std::size_t room) {
    const auto total = [&] { return parts[0].size() + parts[1].size() + parts[2].size(); };
    while (total() > room) {
        auto longest = std::max_element(
            parts.begin(), parts.end(),
            [](const auto& left, const auto& other) { return left.size() < other.size(); });
        longest->pop_back();
    }
}

}  // namespace

std::string short_number(double number) {
    if (number < 0) return "-";
    constexpr std::array units{"", "k", "M", "G", "T", "P", "E"};
    std::size_t unit = 0;
    while (number >= 999.5 && unit + 1 < units.size()) {
        number /= 1000;
        ++unit;
    }
    const bool whole = number >= 9.95 || std::abs(number - std::round(number)) < 0.05;
    std::array<char, 32> text{};
    std::snprintf(text.data(), text.size(), whole ? "%.0f%s" : "%.1f%s", number, units[unit]);
    return text.data();
}

std::string cell(std::string_view text, std::size_t width) {
    std::string shown = one_line(text);
    const std::size_t own = width_of(shown);
    if (own < width) return shown + std::string(width - own, ' ');
    if (own == width || width == 0) return std::string(first_of(shown, width));
    return std::string(first_of(shown, width - 1)) + "…";
}

std::string duration_text(double seconds) {
    const auto whole = static_cast<long long>(std::max(seconds, 0.0));
    std::array<char, 48> text{};
    if (whole < 60)
        std::snprintf(text.data(), text.size(), "%llds", whole);
    else if (whole < 3'600)
        std::snprintf(text.data(), text.size(), "%lldm%02llds", whole / 60, whole % 60);
    else if (whole < 86'400)
        std::snprintf(text.data(), text.size(), "%lldh%02lldm", whole / 3'600, whole / 60 % 60);
    else
        std::snprintf(text.data(), text.size(), "%lldd%02lldh", whole / 86'400, whole / 3'600 % 24);
    return text.data();
}

std::vector<std::string> lines_of(const View& view, const Circumstances& now, Screen screen) {
    screen.width = std::max(screen.width, width_min);
    std::vector<std::string> lines = head_of(view, now);
    std::array parts{ident_lines(view, screen), channel_lines(view, screen),
                     queue_lines(view, screen)};
    if (screen.height > 0) {
        const std::size_t taken = lines.size() + parts.size();  // a blank line before each part
        fit(parts, screen.height > taken ? screen.height - taken : 0);
    }
    for (std::vector<std::string>& part : parts) {
        if (part.empty()) continue;
        lines.emplace_back();
        for (std::string& line : part)
            lines.push_back(std::move(line));
    }
    if (screen.height > 0 && lines.size() > screen.height) lines.resize(screen.height);
    for (std::string& line : lines)
        if (width_of(line) > screen.width) line = cell(line, screen.width);
    return lines;
}

}  // namespace hpfeeds::cli::top_view
