// SPDX-License-Identifier: Apache-2.0
#include "metrics/page_query.hpp"

#include <algorithm>
#include <charconv>
#include <system_error>

namespace hpfeeds::metrics {
namespace {

// A request is shown to whoever made it; nobody needs more of it.
constexpr std::size_t shown_bytes_max = 40;

std::string quoted(std::string_view text) {
    std::string out = "'";
    for (const char byte : text.substr(0, shown_bytes_max))
        out += byte >= ' ' && byte <= '~' ? byte : '?';
    return out + "'";
}

std::string read_number(std::size_t& number, std::string_view name, std::string_view value,
                        std::size_t least, std::size_t most) {
    std::size_t read = 0;
    const char* end = value.data() + value.size();
    const auto [stopped, error] = std::from_chars(value.data(), end, read);
    if (error != std::errc{} || stopped != end || read < least || read > most)
        return std::string(name) + " " + quoted(value) + ": give a number from " +
               std::to_string(least) + " to " + std::to_string(most);
    number = read;
    return {};
}

std::string read_sort(std::string_view& sort, std::string_view value,
                      std::span<const std::string_view> sorts) {
    const auto found = std::find(sorts.begin(), sorts.end(), value);
    if (found != sorts.end()) {
        sort = *found;
        return {};
    }
    std::string all;
    for (const std::string_view word : sorts)
        all.append(all.empty() ? "" : ", ").append(word);
    return "sort " + quoted(value) + ": give one of " + all;
}

}  // namespace

PageQuery parse_page_query(std::string_view query, std::span<const std::string_view> sorts) {
    PageQuery result;
    result.sort = sorts.front();
    while (!query.empty() && result.refusal.empty()) {
        const std::string_view part = query.substr(0, query.find('&'));
        query.remove_prefix(std::min(part.size() + 1, query.size()));
        const std::size_t equals = std::min(part.find('='), part.size());
        const std::string_view name = part.substr(0, equals);
        const std::string_view value = part.substr(std::min(equals + 1, part.size()));
        if (name == "limit")
            result.refusal = read_number(result.limit, name, value, 1, page_rows_max);
        else if (name == "offset")
            result.refusal = read_number(result.offset, name, value, 0, page_offset_max);
        else if (name == "sort")
            result.refusal = read_sort(result.sort, value, sorts);
        else if (!part.empty())
            result.refusal = quoted(name) + " is not known here: there are limit, offset and sort";
    }
    return result;
}

}  // namespace hpfeeds::metrics
