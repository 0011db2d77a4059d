// SPDX-License-Identifier: Apache-2.0
// simulate.cpp: plays scenes until so many events have happened, or shard and model differ.
//
//   simulate [--seed N] [--events M] [--scene K] [--report] [--brief]
//
// A run is its seed. When something differs it says what, looks for the shortest beginning of that
// scene that still shows it, leaves out what does not matter, prints the rest and how to see it
// again, and ends with 1. An assert of the broker ends it at once, and says where it was, too.
#include "simulation/scene.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace {

using hpfeeds::simulation::Failure;
using hpfeeds::simulation::Random;
using hpfeeds::simulation::Scene;

constexpr std::size_t events_in_scene = 2'000;
constexpr std::size_t compare_all_every = 64;

struct Options {
    std::uint64_t seed = 1;
    std::uint64_t events = 1'000'000;
    std::optional<std::uint64_t> scene;  // this one alone
    bool report = false;
    bool brief = false;  // the first difference, and no search for the least
};

struct Difference {
    std::size_t event = 0;  // events_in_scene: at the end
    std::string what;
};

// Where we are, for a crash.
struct Place {
    std::uint64_t seed = 0, scene = 0, event = 0;
} place;

void tell_place(int signal) {
    std::array<char, 160> text;
    const int bytes = std::snprintf(
        text.data(), text.size(),
        "simulate: died in event %llu; again: --seed %llu --scene %llu --events %llu\n",
        static_cast<unsigned long long>(place.event), static_cast<unsigned long long>(place.seed),
        static_cast<unsigned long long>(place.scene),
        static_cast<unsigned long long>(place.event + 1));
    [[maybe_unused]] const auto written =
        ::write(STDERR_FILENO, text.data(), static_cast<std::size_t>(bytes));
    std::signal(signal, SIG_DFL);
    std::raise(signal);
}

std::uint64_t scene_seed(std::uint64_t seed, std::uint64_t scene) {
    return Random(seed, scene).next();
}

// Plays the chosen events of a scene, and its end; what differed, if anything.
std::optional<Difference> play(Scene& scene, const std::vector<std::size_t>& events, bool thorough,
                               std::vector<std::string>* trace = nullptr) {
    std::size_t number = 0;
    try {
        for (const std::size_t event : events) {
            number = place.event = event;
            scene.play_event(event, !thorough && event % compare_all_every != 0);
            if (trace) trace->push_back(std::to_string(event) + ": " + scene.last_event());
        }
        number = place.event = events_in_scene;
        scene.play_end();
    } catch (const Failure& failure) {
        if (trace) trace->push_back(std::to_string(number) + ": " + scene.last_event());
        return Difference{number, failure.what()};
    }
    return std::nullopt;
}

// What is left of a failing scene when everything goes that is not needed for it to fail.
std::vector<std::size_t> shrink(std::uint64_t seed, std::vector<std::size_t> events) {
    std::size_t tries = 500;
    for (std::size_t chunk = std::max<std::size_t>(events.size() / 2, 1); chunk > 0; chunk /= 2)
        for (std::size_t begin = 0; begin < events.size() && tries > 0;) {
            std::vector<std::size_t> fewer = events;
            const auto from = fewer.begin() + static_cast<std::ptrdiff_t>(begin);
            fewer.erase(from,
                        from + static_cast<std::ptrdiff_t>(std::min(chunk, fewer.size() - begin)));
            Scene scene(seed);
            --tries;
            if (play(scene, fewer, true))
                events = std::move(fewer);
            else
                begin += chunk;
        }
    return events;
}

std::vector<std::size_t> first_events(std::size_t count) {
    std::vector<std::size_t> events(count);
    for (std::size_t i = 0; i < count; ++i)
        events[i] = i;
    return events;
}

void explain(const Options& options, std::uint64_t number, const Difference& found) {
    if (options.brief) {
        std::fprintf(stderr, "simulate: scene %llu, event %zu: this does not hold: %s\n",
                     static_cast<unsigned long long>(number), found.event, found.what.c_str());
        return;
    }
    const std::uint64_t seed = scene_seed(options.seed, number);
    // Compared in full after each event, it may be seen earlier.
    auto events = first_events(std::min(found.event + 1, events_in_scene));
    Scene again(seed);
    const auto earlier = play(again, events, true);
    const Difference& first = earlier ? *earlier : found;
    events.resize(std::min(first.event + 1, events.size()));
    std::fprintf(stderr, "simulate: seed %llu, scene %llu, event %zu: this does not hold: %s\n",
                 static_cast<unsigned long long>(options.seed),
                 static_cast<unsigned long long>(number), first.event, first.what.c_str());
    std::fprintf(stderr, "again: scripts/simulate --seed %llu --scene %llu --events %zu\n",
                 static_cast<unsigned long long>(options.seed),
                 static_cast<unsigned long long>(number), events.size());
    events = shrink(seed, events);
    std::vector<std::string> trace;
    Scene least(seed);
    const auto last = play(least, events, true, &trace);
    std::fprintf(stderr, "%s\nthe events that are needed for it to fail%s%s:\n",
                 least.setting().c_str(), last ? ", by " : "", last ? last->what.c_str() : "");
    for (const std::string& line : trace)
        std::fprintf(stderr, "  %s\n", line.c_str());
}

bool to_number(std::string_view text, std::uint64_t& number) {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    return error == std::errc() && end == text.data() + text.size();
}

std::optional<Options> read_options(int argc, char** argv) {
    Options options;
    for (int i = 1; i < argc; ++i) {
        const std::string_view name = argv[i];
        if (name == "--report") {
            options.report = true;
            continue;
        }
        if (name == "--brief") {
            options.brief = true;
            continue;
        }
        std::uint64_t number = 0;
        if (i + 1 == argc || !to_number(argv[++i], number)) return std::nullopt;
        if (name == "--seed")
            options.seed = number;
        else if (name == "--events" && number > 0)
            options.events = number;
        else if (name == "--scene")
            options.scene = number;
        else
            return std::nullopt;
    }
    return options;
}

// Needs more than 1,024 names; the engine's to say.
bool not_played(std::string_view what) {
    return what == "closed: too-many-subscriptions";
}

// Every reason and fault that a shard can bring about by itself. A long run that misses one does
// not show what it should.
bool reached_everything(const std::map<std::string, std::uint64_t>& reached) {
    bool everything = true;
    for (const auto& [what, count] : reached) {
        if (count > 0 || not_played(what)) continue;
        std::fprintf(stderr, "simulate: %s never happened in the whole run\n", what.c_str());
        everything = false;
    }
    return everything;
}

}  // namespace

int main(int argc, char** argv) {
    const auto options = read_options(argc, argv);
    if (!options) {
        std::fputs("usage: simulate [--seed N] [--events M] [--scene K] [--report] [--brief]\n",
                   stderr);
        return 2;
    }
    for (const int signal : {SIGABRT, SIGSEGV})
        std::signal(signal, tell_place);
    std::map<std::string, std::uint64_t> reached;
    std::uint64_t left = options->events;
    for (std::uint64_t number = options->scene.value_or(0); left > 0; ++number) {
        place = {options->seed, number, 0};
        const auto events = first_events(std::min<std::uint64_t>(left, events_in_scene));
        left = options->scene ? 0 : left - events.size();
        Scene scene(scene_seed(options->seed, number));
        if (const auto difference = play(scene, events, options->scene.has_value())) {
            explain(*options, number, *difference);
            return 1;
        }
        scene.add_to(reached);
    }
    if (options->report)
        for (const auto& [what, count] : reached)
            std::printf("%12llu  %s\n", static_cast<unsigned long long>(count), what.c_str());
    if (options->events >= 500'000 && !options->scene && !reached_everything(reached)) return 1;
    std::printf("simulate: %llu events from seed %llu: shard and model agree\n",
                static_cast<unsigned long long>(options->events),
                static_cast<unsigned long long>(options->seed));
    return 0;
}
