// SPDX-License-Identifier: Apache-2.0
#include "log/log.hpp"

#include "log/limits.hpp"
#include "log/line.hpp"

#include <spdlog/async_logger.h>
#include <spdlog/details/null_mutex.h>
#include <spdlog/details/thread_pool.h>
#include <spdlog/sinks/base_sink.h>

#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <memory>
#include <mutex>
#include <shared_mutex>
#include <span>
#include <utility>

namespace hpfeeds::log {
namespace {

constexpr std::uint8_t nothing_enabled = 0xFF;  // above every level

std::string format_line(Format format, Level level, std::string_view event,
                        std::span<const Field> fields) {
    const Moment now = std::chrono::system_clock::now();
    return format == Format::json ? format_json(now, level, event, fields)
                                  : format_text(now, level, event, fields);
}

// The end of the queue, on the writer thread alone. Before a line it says how many were lost in
// front of it: the queue drops its oldest, so this is the place in the order where they are
// missing.
class LineSink final : public spdlog::sinks::base_sink<spdlog::details::null_mutex> {
public:
    LineSink(Format format, Output output) : format_(format), output_(std::move(output)) {}

    // Requires: called before the first line; `pool` outlives the last one.
    void watch(spdlog::details::thread_pool& pool) noexcept { pool_ = &pool; }

private:
    void sink_it_(const spdlog::details::log_msg& message) override {
        tell_lost_lines();
        output_(std::string_view(message.payload.data(), message.payload.size()));
    }
    void flush_() override {}

    void tell_lost_lines() {
        const std::size_t lost = pool_->overrun_counter();
        if (lost == told_) return;
        const Field count{"lines", static_cast<std::uint64_t>(lost - told_)};
        told_ = lost;
        output_(format_line(format_, Level::warning, "log lines lost, the queue was full",
                            std::span(&count, 1)));
    }

    Format format_;
    Output output_;
    spdlog::details::thread_pool* pool_ = nullptr;
    std::size_t told_ = 0;
};

// SIGTERM and the like are for the main thread, so the writer thread is born with every signal
// blocked.
class SignalsBlocked {
public:
    SignalsBlocked() {
        sigset_t all;
        sigfillset(&all);
        pthread_sigmask(SIG_SETMASK, &all, &before_);
    }
    ~SignalsBlocked() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
    SignalsBlocked(const SignalsBlocked&) = delete;
    SignalsBlocked& operator=(const SignalsBlocked&) = delete;

private:
    sigset_t before_;
};

// One writer thread, its queue and where its lines go. Destroying it writes what is queued.
class Writer {
public:
    Writer(Format format, Output output)
        : format_(format), sink_(std::make_shared<LineSink>(format, std::move(output))) {
        const SignalsBlocked blocked;
        pool_ = std::make_shared<spdlog::details::thread_pool>(queue_lines_max, 1);
        sink_->watch(*pool_);
        logger_ = std::make_shared<spdlog::async_logger>(
            "hpfeeds", sink_, pool_, spdlog::async_overflow_policy::overrun_oldest);
        logger_->set_level(spdlog::level::trace);  // enabled() has decided already
    }

    void write(Level level, std::string_view event, std::span<const Field> fields) {
        const std::string line = format_line(format_, level, event, fields);
        logger_->log(spdlog::level::info, spdlog::string_view_t(line.data(), line.size()));
    }

private:
    Format format_;
    std::shared_ptr<LineSink> sink_;
    std::shared_ptr<spdlog::async_logger> logger_;
    std::shared_ptr<spdlog::details::thread_pool> pool_;  // last: it joins while the others live
};

// write() shares the lock, so that stop() finds nobody between the look at the writer and the push
// into its queue.
std::shared_mutex writer_lock;
std::unique_ptr<Writer> writer;
std::atomic<std::uint8_t> least_enabled{nothing_enabled};

void write_to_stderr(std::string_view line) {
    std::string whole(line);
    whole += '\n';
    std::fwrite(whole.data(), 1, whole.size(), stderr);  // one call, one write: lines never mix
    std::fflush(stderr);
}

}  // namespace

void start(Level least, Format format, Output output) {
    stop();
    const std::unique_lock held(writer_lock);
    writer = std::make_unique<Writer>(format, std::move(output));
    least_enabled.store(static_cast<std::uint8_t>(least), std::memory_order_relaxed);
}

void start(Level least, Format format) {
    start(least, format, write_to_stderr);
}

void stop() {
    std::unique_ptr<Writer> ended;
    {
        const std::unique_lock held(writer_lock);
        least_enabled.store(nothing_enabled, std::memory_order_relaxed);
        ended = std::move(writer);
    }
}

void set_least(Level least) noexcept {
    least_enabled.store(static_cast<std::uint8_t>(least), std::memory_order_relaxed);
}

bool enabled(Level level) noexcept {
    return static_cast<std::uint8_t>(level) >= least_enabled.load(std::memory_order_relaxed);
}

void write(Level level, std::string_view event, std::span<const Field> fields) {
    if (!enabled(level)) return;
    const std::shared_lock held(writer_lock);
    if (writer) writer->write(level, event, fields);
}

bool RateLimit::admit(std::uint64_t now_seconds) noexcept {
    if (now_seconds != second_) {
        second_ = now_seconds;
        used_ = 0;
    }
    if (used_ < burst_) {
        ++used_;
        return true;
    }
    ++held_back_;
    return false;
}

std::uint64_t RateLimit::take_held_back() noexcept {
    return std::exchange(held_back_, 0);
}

}  // namespace hpfeeds::log
