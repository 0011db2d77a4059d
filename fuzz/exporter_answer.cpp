// SPDX-License-Identifier: Apache-2.0
// exporter_answer.cpp: what answers `hpfeeds top`, which need not be a broker's exporter.
//
// Input   a byte that chooses order and screen, then up to eight answers with 0x1E between them:
// overview, idents, channels and connections of one look, then those of the look before. One that
// begins with HTTP/ has a head.
// Holds   an answer is refused with an Error that is one harmless line, or is values; a rate is not
// known, or finite and not below 0; rows are sorted and none is lost; the screen has no more lines
// and characters than it may, none of which commands the terminal; the line of JSON is an object
// with all the rows.
#include "expect.hpp"
#include "hpfeeds/error.hpp"
#include "hpfeeds/text.hpp"
#include "top_exporter.hpp"
#include "top_rates.hpp"
#include "top_screen.hpp"
#include "top_snapshot.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace {

using hpfeeds::fuzz::expect;
using namespace hpfeeds::cli::top_view;

constexpr char between_answers = '\x1e';

class Answers {
public:
    explicit Answers(std::string_view text) : text_(text) {}
    std::string next() {
        const std::size_t end = std::min(text_.find(between_answers), text_.size());
        const std::string_view answer = text_.substr(0, end);
        text_.remove_prefix(std::min(end + 1, text_.size()));
        return answer.starts_with("HTTP/") ? body_of(std::string(answer), "/page?limit=1")
                                           : std::string(answer);
    }

private:
    std::string_view text_;
};

Snapshot look(Answers& answers) {
    Snapshot made;
    made.overview = parse_overview(answers.next());
    made.idents = parse_idents(answers.next());
    made.channels = parse_channels(answers.next());
    made.connections = parse_connections(answers.next());
    return made;
}

void check_rate(Rate rate) {
    expect(rate == unknown_rate || (std::isfinite(rate) && rate >= 0),
           "a rate is not known, or finite and not below 0");
}

void check_values(const View& view) {
    for (const Rate rate : {view.messages, view.received, view.sent, view.accepted, view.refused})
        check_rate(rate);
    for (const IdentRow& row : view.idents)
        for (const Rate rate : {row.messages, row.received, row.sent})
            check_rate(rate);
    for (const ChannelRow& row : view.channels)
        for (const Rate rate : {row.messages, row.bytes})
            check_rate(rate);
}

std::vector<std::string> names_of(const View& view) {
    std::vector<std::string> names;
    for (const IdentRow& row : view.idents)
        names.push_back(row.now.name);
    for (const ChannelRow& row : view.channels)
        names.push_back('#' + row.now.name);
    return names;
}

void check_order(View view, Order order) {
    std::vector<std::string> before = names_of(view);
    sort_rows(view, order);
    std::vector<std::string> after = names_of(view);
    const auto idents = static_cast<std::ptrdiff_t>(view.idents.size());
    if (order == Order::name)
        expect(std::is_sorted(after.begin(), after.begin() + idents), "names are in order");
    std::sort(before.begin(), before.end());
    std::sort(after.begin(), after.end());
    expect(before == after, "no row is lost");
}

std::size_t characters_in(std::string_view line) {
    return static_cast<std::size_t>(std::count_if(line.begin(), line.end(), [](char byte) {
        return (static_cast<unsigned char>(byte) & 0xC0U) != 0x80U;
    }));
}

void check_screen(const View& view, Order order, Screen screen) {
    const Circumstances now{.exporter = "localhost:9431", .order = order, .keys = true};
    const std::vector<std::string> lines = lines_of(view, now, screen);
    if (screen.height > 0) expect(lines.size() <= screen.height, "there are no more lines");
    for (const std::string& line : lines) {
        expect(characters_in(line) <= screen.width, "there are no more characters in a line");
        expect(hpfeeds::one_line(line) == line, "a line commands nothing");
    }
}

void check_json(const View& view) {
    const std::string text = json_of(view);
    expect(text.find('\n') == text.size() - 1, "it is one line");
    const auto json = nlohmann::json::parse(text, nullptr, false);
    expect(json.is_object(), "it is an object");
    expect(json["idents"].size() == view.idents.size(), "it has all idents");
    expect(json["channels"].size() == view.channels.size(), "it has all channels");
}

void check(unsigned choice, Answers answers) {
    const Snapshot now = look(answers);
    const Snapshot before = look(answers);
    const auto order = static_cast<Order>(choice % order_count);
    constexpr std::array screens{Screen{20, 5}, Screen{80, 24}, Screen{100, 0}, Screen{33, 9}};
    for (const Snapshot* past : {static_cast<const Snapshot*>(nullptr), &before}) {
        View view = view_of(past, now);
        check_values(view);
        check_order(view, order);
        sort_rows(view, order);
        check_screen(view, order, screens[choice / order_count % screens.size()]);
        check_json(view);
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
    if (size == 0) return 0;
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    try {
        check(data[0], Answers(text.substr(1)));
    } catch (const hpfeeds::Error& error) {
        const std::string_view words = error.what();
        expect(!words.empty() && hpfeeds::one_line(words) == words, "a refusal commands nothing");
    }
    return 0;
}
