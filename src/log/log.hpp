// SPDX-License-Identifier: Apache-2.0
// log.hpp: one line per event, as `key=value` text or as JSON, on stderr.
//
// A line is built by the caller and handed to one writer thread through a bounded queue: no I/O
// thread ever waits for a disk or a terminal. When the queue is full the oldest lines go, and are
// counted. Values come from peers: control bytes, quotes and everything that is not UTF-8 are
// escaped, so a line is always one line.
//
// Threads  every function may be called by any thread after start().
// Limits   limits.hpp bounds the queue and a value's length. RateLimit passes `burst` lines per
// kind and second; what it
//          held back is told with the next line.
#pragma once

#include <cstdint>
#include <functional>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace hpfeeds::log {

enum class Level : std::uint8_t { debug, info, warning, error };
enum class Format : std::uint8_t { text, json };

struct Field {
    std::string_view key;  // a word: letters, digits, underscores
    std::string value;     // raw bytes; escaped when written

    Field(std::string_view k, std::string v) : key(k), value(std::move(v)) {}
    Field(std::string_view k, std::string_view v) : key(k), value(v) {}
    Field(std::string_view k, const char* v) : key(k), value(v) {}
    Field(std::string_view k, std::uint64_t v) : key(k), value(std::to_string(v)) {}
    Field(std::string_view k, std::int64_t v) : key(k), value(std::to_string(v)) {}
    Field(std::string_view k, int v) : key(k), value(std::to_string(v)) {}
    Field(std::string_view k, unsigned v) : key(k), value(std::to_string(v)) {}
};

// Where finished lines go, without their line end; called by the writer thread alone. It must not
// write to the log.
using Output = std::function<void(std::string_view line)>;

// Until start() is called, lines are dropped: unit tests stay quiet. Starting again ends what was
// started before.
void start(Level least, Format format);
// The same, into `output` instead of stderr; for tests, mostly.
void start(Level least, Format format, Output output);
// Writes what is queued, then ends the writer thread.
void stop();
// Another least level from now on. Requires: start().
void set_least(Level least) noexcept;
[[nodiscard]] bool enabled(Level level) noexcept;

// `event` is a short constant sentence ("authentication refused"); facts go into fields.
void write(Level level, std::string_view event, std::span<const Field> fields);
inline void write(Level level, std::string_view event, std::initializer_list<Field> fields = {}) {
    write(level, event, std::span<const Field>(fields.begin(), fields.size()));
}

inline void debug(std::string_view event, std::initializer_list<Field> fields = {}) {
    if (enabled(Level::debug)) write(Level::debug, event, fields);
}
inline void info(std::string_view event, std::initializer_list<Field> fields = {}) {
    if (enabled(Level::info)) write(Level::info, event, fields);
}
inline void warning(std::string_view event, std::initializer_list<Field> fields = {}) {
    if (enabled(Level::warning)) write(Level::warning, event, fields);
}
inline void error(std::string_view event, std::initializer_list<Field> fields = {}) {
    if (enabled(Level::error)) write(Level::error, event, fields);
}

// How many lines of one kind may pass in one second; one per call site and thread.
class RateLimit {
public:
    explicit RateLimit(unsigned burst = 20) noexcept : burst_(burst) {}
    // Whether a line may be written at `now_seconds` (any monotonic clock); held_back() then says
    // how many were not.
    [[nodiscard]] bool admit(std::uint64_t now_seconds) noexcept;
    // Lines refused since the last admitted one; reading it resets it.
    [[nodiscard]] std::uint64_t take_held_back() noexcept;

private:
    unsigned burst_;
    unsigned used_ = 0;
    std::uint64_t second_ = 0;
    std::uint64_t held_back_ = 0;
};

}  // namespace hpfeeds::log
