// SPDX-License-Identifier: Apache-2.0
#include "auth/mongo_driver.hpp"

#include "log/log.hpp"

#include <sys/mman.h>
#include <unistd.h>
#include <chrono>
#include <cstdint>
#include <string>

namespace hpfeeds::auth {
namespace {

thread_local bool silent = false;

// libmongoc makes a file of counters in /dev/shm when it is loaded, before main(), whether it will
// be used or not; whoever is killed leaves it there, and the next process with its number is told
// of it. Nobody reads ours: its name goes at once, its memory with the process.
[[maybe_unused]] const int nameless_counters =
    shm_unlink(("/mongoc-" + std::to_string(getpid())).c_str());

void tell(mongoc_log_level_t level, const char*, const char* message, void*) {
    if (silent || level > MONGOC_LOG_LEVEL_WARNING) return;
    using std::chrono::duration_cast;
    using std::chrono::seconds;
    thread_local log::RateLimit limit{2};
    const auto now = std::chrono::steady_clock::now().time_since_epoch();
    if (!limit.admit(static_cast<std::uint64_t>(duration_cast<seconds>(now).count()))) return;
    log::warning("the MongoDB driver warns",
                 {{"text", message}, {"held_back", limit.take_held_back()}});
}

// Never ended: the driver's memory is one piece per process, and its threads end with their pools.
bool start() noexcept {
    mongoc_init();
    mongoc_log_set_handler(tell, nullptr);
    return true;
}

}  // namespace

void start_mongo_driver() noexcept {
    [[maybe_unused]] static const bool started = start();
}

MongoSilence::MongoSilence() noexcept {
    silent = true;
}

MongoSilence::~MongoSilence() {
    silent = false;
}

void append_text(bson_t& document, std::string_view key, std::string_view text) noexcept {
    bson_append_utf8(&document, key.data(), static_cast<int>(key.size()),
                     text.empty() ? "" : text.data(), static_cast<int>(text.size()));
}

}  // namespace hpfeeds::auth
