// SPDX-License-Identifier: Apache-2.0
// scene.hpp: some hundred random events for one or two shards, each told to a model as well, and
// everything compared after each.
//
// A scene is its seed: settings, peers, faults and times come from it. An event draws from a source
// of its own, so a scene may be played without some of its events.
//
// Errors  throws Failure as soon as shard and model differ.
#pragma once

#include "simulation/model.hpp"
#include "simulation/random.hpp"

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace hpfeeds::simulation {

class Scene {
public:
    explicit Scene(std::uint64_t seed);
    ~Scene();
    Scene(const Scene&) = delete;
    Scene& operator=(const Scene&) = delete;

    // Requires: numbers rise. Compares counters too, unless `lightly`.
    void play_event(std::size_t number, bool lightly);
    // Everybody reads, leaves and is forgotten; then nothing may be left.
    void play_end();

    // What the last event was, for people.
    [[nodiscard]] const std::string& last_event() const noexcept { return last_event_; }
    [[nodiscard]] const std::string& setting() const noexcept { return setting_text_; }
    // How often each thing happened in the end: the proof that the scenes reach it.
    void add_to(std::map<std::string, std::uint64_t>& reached) const;

private:
    struct Socket {
        unsigned shard = 0;
        SessionId id;
        wire::Nonce nonce{};
        std::string said;              // and not yet read by the broker
        std::size_t window_bytes = 0;  // what it still takes
        bool reads_all = true;
        bool late = false;
        bool hangs_up = false;  // when all it said is read
        bool broken = false;
        bool over = false;  // said something that ends the session
        std::string ident;  // of its last AUTH
    };
    struct Announced {
        unsigned from;
        std::string channel;
        bool listening;
    };
    struct Forwarded {
        bytes::FrameRef run;
        std::uint32_t frames;
        std::uint64_t payload_bytes;
        ModelRun should_be;
    };
    using Mail = std::variant<Announced, Forwarded>;
    struct Side {
        std::unique_ptr<bytes::SlabPool> pool;
        std::unique_ptr<core::Shard> shard;
        std::unique_ptr<Model> model;
        std::deque<Mail> mailbox;
    };
    struct Asked {
        unsigned shard;
        core::LookupRequest request;
        std::optional<Key> then;  // what the store had when it was asked
    };

    void bound_together(Random& random);

    // ---- events
    void arrive(Random& random);
    void talk(Random& random);
    void read_some(Random& random);
    void read_all(Socket& socket, std::size_t segment_bytes);
    void open_window(Random& random);
    void stall(Random& random);
    void hang_up(Random& random);
    void break_output(Random& random);
    void pass_time(Random& random);
    void change_key(Random& random);
    void answer_some(Random& random);
    void take_mail(Random& random);
    void keep_house(Random& random);
    void shut_down();

    // ---- what peers say
    Said said_auth(Random& random, Socket& socket);
    Said said_publish(Random& random, const Socket& socket);
    Said said_subscription(Random& random, const Socket& socket, Said::Kind kind);
    static Said said_garbage(Random& random);
    void say(Socket& socket, Said said);
    std::string payload(Random& random);

    // ---- the engine
    bool feed(Socket& socket, std::size_t bytes_max);
    void flush(Socket& socket);
    void settle();
    bool carry_out(unsigned shard);
    void relieve(unsigned shard);
    void follow_drops();
    void answer(std::size_t asked, bool stale, core::AccountAnswer::Status status, bool degraded);
    void advance(std::chrono::milliseconds by);
    void compare(bool lightly);
    [[nodiscard]] Socket* any_socket(Random& random);
    [[nodiscard]] Socket* socket_of(unsigned shard, SessionId id);
    [[nodiscard]] ModelSession& model_of(const Socket& socket);
    [[nodiscard]] Key new_key(Random& random, const std::string& ident);

    std::uint64_t seed_;
    std::string setting_text_;
    std::string last_event_;
    core::ShardOptions options_;
    bool memory_is_scarce_ = false;
    bool ticked_ = false;
    std::size_t payload_bytes_max_ = 0;
    std::size_t peers_max_ = 0;
    std::unique_ptr<bytes::MemoryBudget> budget_;
    Common common_;
    std::unique_ptr<core::PlaceTable> places_;
    std::unique_ptr<core::PublishRates> rates_;
    std::unique_ptr<core::FailedLogins> failed_logins_;
    std::vector<Side> sides_;
    std::vector<std::unique_ptr<Socket>> sockets_;
    std::vector<Asked> asked_;
    std::map<std::string, Key> store_;
    Instant now_{std::chrono::hours(1)};
    std::uint64_t frames_said_ = 0;
    bool shutting_down_ = false;
};

}  // namespace hpfeeds::simulation
