// SPDX-License-Identifier: Apache-2.0
// json_source.hpp: keys in a JSON file, which is read again whenever it changes.
//
// All keys live in an immutable snapshot; a complete, valid file makes the next one, and whoever
// wants to know is told what differs. A file that is
// missing, torn or wrong in any entry changes nothing: the old keys stay, an error line says what
// is wrong, and it is counted. Until the file has been valid once there are no keys, and the answer
// is "cannot tell".
//
// Threads  find() copies one pointer under a lock that is never held for longer
// (std::atomic<std::shared_ptr> of
//          GCC 12 is a lock as well, and one that races by the letter). Reading and parsing happen
//          on the watch's thread.
// Errors   the constructor throws hpfeeds::Error when there is no file: `Cannot find 'PATH'`.
#pragma once

#include "auth/account_source.hpp"
#include "auth/file_watch.hpp"
#include "auth/json_keys.hpp"
#include "metrics/counter.hpp"

#include <cstddef>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace hpfeeds::auth {

class JsonSource final : public AccountSource {
public:
    struct Options {
        FileWatch::Options watch{};
        // Called on the watch's thread each time the file has been looked at.
        std::function<void()> looked_at{};
    };

    explicit JsonSource(std::string path) : JsonSource(std::move(path), Options{}) {}
    JsonSource(std::string path, Options options);

    [[nodiscard]] Lookup find(std::string_view ident) noexcept override;
    [[nodiscard]] bool tells_changes() const noexcept override { return true; }
    void tell_changes_to(TellChanges tell) override;
    [[nodiscard]] std::function<void()> read_again() override;
    [[nodiscard]] bool answers_from_memory() const noexcept override { return true; }
    [[nodiscard]] std::string name() const override { return path_; }

    // Changes of the file that were taken over, and those that were refused.
    [[nodiscard]] const metrics::Counter& reload_ok() const noexcept { return reload_ok_; }
    [[nodiscard]] const metrics::Counter& reload_failed() const noexcept { return reload_failed_; }

private:
    struct Snapshot {
        Snapshot() = default;
        explicit Snapshot(std::string text) : keys(std::move(text)) {}
        JsonKeys keys;
        std::string invalid;  // why there never were any
    };

    // What tells contents apart without keeping them, so that only a change is judged and told.
    struct Content {
        std::size_t bytes = 0;
        std::size_t hash = 0;
        std::string fault;  // why the file could not be read
        friend bool operator==(const Content&, const Content&) = default;
    };
    struct Seen {
        Content content;
        std::string text;
    };

    void read_first();
    [[nodiscard]] std::string read_whole() const;
    void reload();
    [[nodiscard]] std::optional<Seen> look() const;
    [[nodiscard]] static Content content_of(std::string_view text);
    [[nodiscard]] static std::shared_ptr<Snapshot> parsed(std::string text);
    void take_over(std::shared_ptr<Snapshot> next);
    void publish(std::shared_ptr<const Snapshot> next);
    void tell(KeyChanges changes);
    [[nodiscard]] std::shared_ptr<const Snapshot> snapshot() const;

    const std::string path_;
    const std::function<void()> looked_at_;
    std::mutex judging_mutex_;     // the watch and read_again() take turns
    std::optional<Content> last_;  // what was judged last; guarded by it
    bool last_was_valid_ = false;  // guarded by it
    metrics::Counter reload_ok_;
    metrics::Counter reload_failed_;
    std::mutex tell_mutex_;  // held while somebody is told
    TellChanges tell_;       // guarded by it
    mutable std::mutex mutex_;
    std::shared_ptr<const Snapshot> snapshot_;  // guarded by mutex_, never null after construction
    std::optional<FileWatch> watch_;            // last: its thread uses all of the above
};

}  // namespace hpfeeds::auth
