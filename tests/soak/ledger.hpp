// SPDX-License-Identifier: Apache-2.0
// ledger.hpp: the account of a soak: what each publisher has sent, and what each subscriber has
// heard.
//
// A message is a line (who published it, on which channel) and its number in that line, from 1 on.
// Number 0 is a probe: it may come any number of times, and counts for nothing.
//
// Threads    Published is shared; a Heard belongs to one subscriber.
// Errors     throws Wrong where a promise is broken.
#pragma once

#include "support/frames.hpp"

#include <array>
#include <atomic>
#include <charconv>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>

namespace hpfeeds::soak {

struct Wrong : std::runtime_error {
    using std::runtime_error::runtime_error;
};

inline constexpr std::size_t publishers = 4;
inline constexpr std::size_t channels = 3;
inline constexpr std::size_t lines = publishers * channels;

inline std::string publisher_name(std::size_t publisher) {
    return "publisher" + std::to_string(publisher);
}
inline std::string channel_name(std::size_t channel) {
    return "feed." + std::to_string(channel);
}

// The last number that was sent whole, line by line.
struct Published {
    std::array<std::atomic<std::uint64_t>, lines> last{};
    std::array<std::atomic<std::uint64_t>, lines> probes{};

    [[nodiscard]] std::array<std::uint64_t, lines> now() const {
        std::array<std::uint64_t, lines> copy{};
        for (std::size_t line = 0; line < lines; ++line)
            copy[line] = last[line].load();
        return copy;
    }
};

class Heard {
public:
    explicit Heard(std::string who) : who_(std::move(who)) {}

    void take(const support::Message& message) {
        const std::size_t line = line_of(message);
        std::uint64_t number = 0;
        const auto& text = message.payload;
        if (std::from_chars(text.data(), text.data() + text.size(), number).ec != std::errc())
            throw Wrong(who_ + " heard a message without a number");
        probed_[line] = true;
        if (number == 0) return;
        std::uint64_t& last = last_[line];
        if (last != 0 && number <= last)
            throw Wrong(who_ + " heard number " + std::to_string(number) + " of " + message.ident +
                        " on " + message.channel + " after " + std::to_string(last));
        if (last != 0) missing_ += number - last - 1;
        if (first_[line] == 0) first_[line] = number;
        last = number;
        ++count_;
    }
    [[nodiscard]] bool every_line_began() const {
        for (const std::uint64_t first : first_)
            if (first == 0) return false;
        return true;
    }
    [[nodiscard]] bool every_line_probed() const {
        for (const bool probed : probed_)
            if (!probed) return false;
        return true;
    }
    // Whether it has heard all that it began to hear up to these numbers.
    [[nodiscard]] bool has_reached(const std::array<std::uint64_t, lines>& numbers) const {
        for (std::size_t line = 0; line < lines; ++line)
            if (first_[line] != 0 && last_[line] < numbers[line]) return false;
        return true;
    }
    // What it lacks of these, for whoever reads of a broken promise.
    [[nodiscard]] std::string short_of(const std::array<std::uint64_t, lines>& numbers) const {
        std::string list;
        for (std::size_t line = 0; line < lines; ++line)
            if (first_[line] != 0 && last_[line] < numbers[line])
                list += (list.empty() ? "" : ", ") + publisher_name(line / channels) + " on " +
                        channel_name(line % channels) + " from " + std::to_string(last_[line] + 1) +
                        " to " + std::to_string(numbers[line]);
        return list;
    }
    [[nodiscard]] std::uint64_t first(std::size_t line) const { return first_[line]; }
    [[nodiscard]] std::uint64_t last(std::size_t line) const { return last_[line]; }
    [[nodiscard]] std::uint64_t count() const { return count_; }
    [[nodiscard]] std::uint64_t missing() const { return missing_; }

private:
    [[nodiscard]] std::size_t line_of(const support::Message& message) const {
        for (std::size_t publisher = 0; publisher < publishers; ++publisher)
            for (std::size_t channel = 0; channel < channels; ++channel)
                if (message.ident == publisher_name(publisher) &&
                    message.channel == channel_name(channel))
                    return publisher * channels + channel;
        throw Wrong(who_ + " heard " + message.ident + " on " + message.channel +
                    ", where nobody publishes");
    }

    std::string who_;
    std::array<std::uint64_t, lines> first_{};
    std::array<std::uint64_t, lines> last_{};
    std::array<bool, lines> probed_{};
    std::uint64_t count_ = 0;
    std::uint64_t missing_ = 0;
};

}  // namespace hpfeeds::soak
