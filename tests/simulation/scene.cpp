// SPDX-License-Identifier: Apache-2.0
#include "simulation/scene.hpp"

#include "support/loopback_engine.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstring>
#include <string_view>
#include <utility>

namespace hpfeeds::simulation {
namespace {

using core::AccountAnswer;
using core::SlowPolicy;
using std::chrono::milliseconds;

constexpr std::array<std::string_view, 8> channel_names{
    "a", "a.b", "a channel with a longer name", "", "a.b.c", "*", "a.*", "a.b.*"};
constexpr std::array<std::string_view, 5> idents{"alpha", "beta", "gamma", "delta", ""};
constexpr std::size_t all_at_once = std::numeric_limits<std::size_t>::max();

std::size_t whole_scene_number = 1U << 30;  // of the source that a scene's settings come from

std::set<std::string> some_channels(Random& random) {
    std::set<std::string> some;
    for (const std::string_view name : channel_names)
        if (!random.one_in(3)) some.emplace(name);
    return some;
}

std::shared_ptr<const core::Account> account_of(const Key& key) {
    auto made = std::make_shared<core::Account>();
    made->ident = key.ident;
    made->secret = key.secret;
    made->owner = key.owner;
    made->pubchans = core::ChannelList({key.publishes.begin(), key.publishes.end()});
    made->subchans = core::ChannelList({key.subscribes.begin(), key.subscribes.end()});
    return made;
}

// A frame's header and body as they are, however wrong.
std::string raw_frame(std::uint32_t length, std::uint8_t opcode, std::string_view body = {}) {
    std::string frame;
    for (const unsigned shift : {24U, 16U, 8U, 0U})
        frame.push_back(static_cast<char>(length >> shift & 0xFF));
    frame.push_back(static_cast<char>(opcode));
    frame.append(body);
    return frame;
}

}  // namespace

// ---- settings

Scene::Scene(std::uint64_t seed) : seed_(seed) {
    Random random(seed, whole_scene_number);
    core::Limits& limits = options_.limits;
    memory_is_scarce_ = random.one_in(24);
    const bool large = memory_is_scarce_ || random.one_in(24);
    options_.shard_count = random.one_in(3) ? 2 : 1;
    options_.wildcards = random.one_in(2);
    options_.live_permissions = !random.one_in(6);
    options_.recheck_interval = milliseconds(random.one_in(2) ? random.between(5, 20'000) : 0);
    options_.broker_name = random.one_in(4) ? "" : "a simulated broker";
    limits.slow_policy =
        random.any_of(std::array{SlowPolicy::disconnect, SlowPolicy::disconnect,
                                 SlowPolicy::drop_newest, SlowPolicy::drop_oldest});
    // What a policy that drops would drop depends on slabs, of which the model knows nothing.
    if (memory_is_scarce_) limits.slow_policy = SlowPolicy::disconnect;
    payload_bytes_max_ = large ? (memory_is_scarce_ ? 40'000 : 200'000) : 900;
    limits.publish_frame_bytes_max = payload_bytes_max_ + 600;
    limits.slow_high_bytes = large ? 300'000 : random.between(200, 3'000);
    limits.subscriber_bytes_max = limits.slow_high_bytes * random.between(1, 3) + (large ? 0 : 300);
    if (memory_is_scarce_) limits.subscriber_bytes_max = 4'000'000;
    limits.slow_deadline = milliseconds(random.between(1, 60'000));
    limits.login_deadline = milliseconds(random.between(20, 10'000));
    limits.refusal_delay = milliseconds(random.one_in(4) ? 0 : random.between(1, 1'000));
    limits.refusal_delay_max = milliseconds(random.between(1, 10'000));
    peers_max_ = random.between(2, 24);
    bound_together(random);
    budget_ = std::make_unique<bytes::MemoryBudget>(memory_is_scarce_ ? 1'000'000 : 512U << 20);
    setting_text_ =
        std::to_string(options_.shard_count) + " shards, " +
        (options_.wildcards ? "wildcards, " : "") + (memory_is_scarce_ ? "scarce memory, " : "") +
        std::string(limits.slow_policy == SlowPolicy::disconnect    ? "disconnect"
                    : limits.slow_policy == SlowPolicy::drop_newest ? "drop-newest"
                                                                    : "drop-oldest") +
        ", high mark " + std::to_string(limits.slow_high_bytes) + ", cap " +
        std::to_string(limits.subscriber_bytes_max) + ", " + std::to_string(peers_max_) + " peers" +
        (common_.places_max ? ", places " + std::to_string(*common_.places_max) : "") +
        (common_.rated() ? ", messages/s " + std::to_string(common_.rates[0]) + ", bytes/s " +
                               std::to_string(common_.rates[1])
                         : "");
    for (unsigned i = 0; i < options_.shard_count; ++i) {
        options_.shard = i;
        Side side;
        side.pool = std::make_unique<bytes::SlabPool>(*budget_);
        side.shard = std::make_unique<core::Shard>(options_, *side.pool);
        side.model = std::make_unique<Model>(Model::Setting{options_, memory_is_scarce_, &common_});
        sides_.push_back(std::move(side));
    }
    for (const std::string_view ident : idents)
        store_[std::string(ident)] = new_key(random, std::string(ident));
}

// What the shards share: places and rates of idents, and what addresses owe.
void Scene::bound_together(Random& random) {
    // So large that no two idents meet in it.
    constexpr std::size_t keys_max = 4'096;
    common_.addresses_pause = !random.one_in(3);
    if (common_.addresses_pause) {
        failed_logins_ = std::make_unique<core::FailedLogins>(64);
        options_.failed_logins = failed_logins_.get();
    }
    const bool rated = random.one_in(4);
    if (!rated && !random.one_in(3)) return;
    common_.places_max = random.one_in(4) ? 0 : random.between(1, 5);
    places_ = std::make_unique<core::PlaceTable>(keys_max, *common_.places_max);
    options_.ident_places = places_.get();
    if (!rated) return;
    if (!random.one_in(3)) common_.rates[0] = static_cast<std::int64_t>(random.between(1, 300));
    if (common_.rates[0] == 0 || random.one_in(2))
        common_.rates[1] =
            static_cast<std::int64_t>(random.between(payload_bytes_max_, 20 * payload_bytes_max_));
    rates_ = std::make_unique<core::PublishRates>(places_->entry_count(),
                                                  static_cast<std::uint64_t>(common_.rates[0]),
                                                  static_cast<std::uint64_t>(common_.rates[1]));
    options_.publish_rates = rates_.get();
}

// Mail holds slabs of both pools: it goes before them, and the shards do, too.
Scene::~Scene() {
    for (Side& side : sides_)
        side.mailbox.clear();
    for (Side& side : sides_)
        side.shard->effects().forwards.clear();
    for (Side& side : sides_)
        side.shard.reset();
}

Key Scene::new_key(Random& random, const std::string& ident) {
    Key key;
    key.ident = ident;
    key.secret = "secret" + std::to_string(random.below(2));
    key.owner = random.one_in(4) ? "somebody" : "owner";
    key.publishes = some_channels(random);
    key.subscribes = some_channels(random);
    return key;
}

// ---- events

void Scene::play_event(std::size_t number, bool lightly) {
    Random random(seed_, number);
    ticked_ = false;
    const std::size_t what = random.below(100);
    if (what < 6)
        arrive(random);
    else if (what < 46)
        talk(random);
    else if (what < 56)
        read_some(random);
    else if (what < 66)
        open_window(random);
    else if (what < 71)
        stall(random);
    else if (what < 72)
        hang_up(random);
    else if (what < 73)
        break_output(random);
    else if (what < 80)
        pass_time(random);
    else if (what < 84)
        change_key(random);
    else if (what < 93)
        answer_some(random);
    else if (what < 97)
        take_mail(random);
    else
        keep_house(random);
    settle();
    compare(lightly);
}

Scene::Socket* Scene::any_socket(Random& random) {
    return sockets_.empty() ? nullptr : sockets_[random.below(sockets_.size())].get();
}

Scene::Socket* Scene::socket_of(unsigned shard, SessionId id) {
    for (const auto& socket : sockets_)
        if (socket->shard == shard && socket->id == id) return socket.get();
    return nullptr;
}

ModelSession& Scene::model_of(const Socket& socket) {
    ModelSession* session = sides_[socket.shard].model->find(socket.id);
    expect(session != nullptr, "the model knows every socket");
    return *session;
}

void Scene::arrive(Random& random) {
    last_event_ = "a peer arrives";
    if (sockets_.size() >= peers_max_) return talk(random);
    auto socket = std::make_unique<Socket>();
    socket->shard = static_cast<unsigned>(random.below(sides_.size()));
    for (std::byte& byte : socket->nonce)
        byte = static_cast<std::byte>(random.below(256));
    // Through the TLS door it may have come a while ago.
    const Instant since = now_ - milliseconds(random.one_in(4) ? random.below(15) : 0);
    Side& side = sides_[socket->shard];
    core::EndpointRights endpoint;
    if (random.one_in(10)) (random.one_in(2) ? endpoint.publish : endpoint.subscribe) = false;
    // A few addresses, or one that is not known.
    const std::uint64_t address = random.below(4);
    const std::uint64_t origin = address << 44 | address;
    socket->id = side.shard->open(socket->nonce, since, endpoint);
    if (origin != 0) side.shard->set_origin(socket->id, origin);
    side.model->open(socket->id, socket->nonce, since, endpoint, origin);
    last_event_ += " on shard " + std::to_string(socket->shard) + " as session " +
                   std::to_string(socket->id.index);
    sockets_.push_back(std::move(socket));
    Socket& here = *sockets_.back();
    if (random.one_in(8)) return;
    say(here, said_auth(random, here));
    if (random.one_in(4)) return;
    read_all(here, all_at_once);
    settle();
    // Most stores answer at once.
    if (!asked_.empty() && !random.one_in(3))
        answer(asked_.size() - 1, false, AccountAnswer::Status::found, false);
}

void Scene::talk(Random& random) {
    Socket* socket = any_socket(random);
    if (!socket) return;
    last_event_ = "session " + std::to_string(socket->id.index) + " of shard " +
                  std::to_string(socket->shard) + " says";
    const std::size_t frames = random.one_in(3) ? random.between(2, 6) : 1;
    const Said repeated = said_publish(random, *socket);
    for (std::size_t i = 0; i < frames && !socket->over; ++i) {
        const std::size_t kind = random.below(64);
        Said said;
        if (kind < 22)
            said = repeated;  // one channel again: a run
        else if (kind < 44)
            said = said_publish(random, *socket);
        else if (kind < 56)
            said = said_subscription(random, *socket, Said::Kind::subscribe);
        else if (kind < 61)
            said = said_subscription(random, *socket, Said::Kind::unsubscribe);
        else if (kind < 63)
            said = said_auth(random, *socket);
        else if (random.one_in(2))
            said = said_garbage(random);
        else
            continue;
        last_event_ += " " + std::to_string(static_cast<int>(said.kind)) + ":" + said.channel +
                       "(" + std::to_string(said.bytes->size()) + ")";
        say(*socket, std::move(said));
    }
    const std::size_t how = random.below(8);
    if (how < 5) return read_all(*socket, all_at_once);
    if (how < 7) return read_all(*socket, random.between(1, 200));
    feed(*socket, random.between(1, 40));  // torn
}

void Scene::read_some(Random& random) {
    Socket* socket = any_socket(random);
    if (!socket) return;
    last_event_ = "session " + std::to_string(socket->id.index) + " of shard " +
                  std::to_string(socket->shard) + " is read";
    feed(*socket, random.one_in(3) ? all_at_once : random.between(1, 300));
}

void Scene::open_window(Random& random) {
    Socket* socket = any_socket(random);
    if (!socket) return;
    socket->reads_all = random.one_in(3);
    socket->window_bytes = random.one_in(3) ? random.below(60) : random.below(6'000);
    last_event_ = "session " + std::to_string(socket->id.index) + " takes " +
                  (socket->reads_all ? "everything" : std::to_string(socket->window_bytes));
    if (!socket->late) return;
    socket->late = false;
    sides_[socket->shard].shard->set_late(socket->id, false);
    flush(*socket);
}

void Scene::stall(Random& random) {
    Socket* socket = any_socket(random);
    if (!socket) return;
    last_event_ = "session " + std::to_string(socket->id.index) + " stops reading";
    socket->reads_all = false;
    socket->window_bytes = random.one_in(2) ? 0 : random.below(300);
}

void Scene::hang_up(Random& random) {
    Socket* socket = any_socket(random);
    if (!socket) return;
    last_event_ = "session " + std::to_string(socket->id.index) + " hangs up";
    socket->hangs_up = true;
    if (random.one_in(2)) read_all(*socket, all_at_once);
}

void Scene::break_output(Random& random) {
    Socket* socket = any_socket(random);
    if (!socket || socket->broken) return;
    last_event_ = "the output of session " + std::to_string(socket->id.index) + " breaks";
    socket->broken = true;
    Side& side = sides_[socket->shard];
    side.shard->output_broken(socket->id, now_);
    side.model->output_broken(socket->id);
}

void Scene::advance(milliseconds by) {
    now_ += by;
    ticked_ = true;
    const bool crowded = std::any_of(sides_.begin(), sides_.end(),
                                     [](const Side& side) { return side.shard->crowded(); });
    const bool others = sides_.size() > 1 && crowded;
    for (Side& side : sides_) {
        side.shard->others_crowded(others);
        side.shard->tick(now_);
        side.model->tick(now_);
        for (const auto& session : side.model->sessions()) {
            if (!session || !session->deferred) continue;
            if (session->deferred_until <= now_ || !(others || side.shard->crowded()))
                session->deferred = false;
        }
    }
    settle();
}

void Scene::pass_time(Random& random) {
    const std::size_t how = random.below(10);
    milliseconds by{random.below(30)};
    if (how == 0 && random.one_in(4)) by = milliseconds(random.below(20'000));
    if (how == 1) by = milliseconds(random.below(2'000));
    // To the very moment when something is due.
    if (how > 6)
        if (const auto due = sides_[0].shard->next_due(); due && *due > now_)
            by = std::chrono::ceil<milliseconds>(*due - now_);
    last_event_ = std::to_string(by.count()) + " ms pass";
    advance(by);
}

void Scene::change_key(Random& random) {
    const std::string ident(random.any_of(idents));
    last_event_ = "the key of '" + ident + "' changes";
    const std::size_t what = random.below(16);
    if (what == 0 && random.one_in(2))
        store_.erase(ident);
    else if (what == 1 || !store_.contains(ident))
        store_[ident] = new_key(random, ident);
    else if (what == 2)
        store_[ident].owner += "'";
    else if (what < 9)
        store_[ident].subscribes = some_channels(random);
    else if (what < 14)
        store_[ident].publishes = some_channels(random);
    if (store_.contains(ident) && store_[ident].owner.size() > 9) store_[ident].owner = "owner";
    if (random.one_in(3)) return;  // not told
    const bool any = random.one_in(4);
    for (Side& side : sides_) {
        const std::vector<std::string> told{"nobody", ident};
        if (any) {
            side.shard->any_key_changed(now_);
            side.model->any_key_changed();
        } else {
            side.shard->keys_changed(told, now_);
            side.model->keys_changed(told);
        }
    }
}

void Scene::answer_some(Random& random) {
    last_event_ = "a store answers";
    for (std::size_t i = random.between(1, 4); i > 0 && !asked_.empty(); --i) {
        using Status = AccountAnswer::Status;
        Status status = Status::found;
        if (random.one_in(12))
            status = random.any_of(std::array{Status::unavailable, Status::unavailable,
                                              Status::refused_full, Status::refused_certificate});
        const std::size_t which = random.one_in(3) ? random.below(asked_.size()) : 0;
        answer(which, random.one_in(6), status, random.one_in(12));
        settle();
    }
}

void Scene::answer(std::size_t which, bool stale, AccountAnswer::Status status, bool degraded) {
    Asked asked = std::move(asked_[which]);
    asked_.erase(asked_.begin() + static_cast<std::ptrdiff_t>(which));
    using Status = AccountAnswer::Status;
    std::optional<Key> key;
    if (status == Status::found) {
        const auto known = store_.find(asked.request.ident);
        if (stale)
            key = asked.then;
        else if (known != store_.end())
            key = known->second;
        // A store that compares without case finds another one.
        if (key && asked.request.ident == "delta" && now_.time_since_epoch().count() % 5 == 0)
            key->ident = "DELTA";
        if (!key) status = Status::absent;
    }
    last_event_ += " '" + asked.request.ident + "'" +
                   (status == Status::found ? "" : " " + std::to_string(static_cast<int>(status)));
    AccountAnswer told;
    told.asker = asked.request.asker;
    told.status = status;
    if (key) told.account = account_of(*key);
    told.purpose = asked.request.purpose;
    told.degraded = degraded;
    Side& side = sides_[asked.shard];
    side.shard->account_found(told, now_);
    side.model->answered(told.asker, status, key, told.purpose, degraded, now_);
}

void Scene::take_mail(Random& random) {
    const auto index = static_cast<unsigned>(random.below(sides_.size()));
    Side& side = sides_[index];
    last_event_ = "shard " + std::to_string(index) + " takes its mail";
    for (std::size_t left = random.one_in(2) ? side.mailbox.size() : 1;
         left > 0 && !side.mailbox.empty(); --left) {
        Mail mail = std::move(side.mailbox.front());
        side.mailbox.pop_front();
        if (const auto* announced = std::get_if<Announced>(&mail)) {
            side.shard->announced(announced->from, {announced->channel, announced->listening});
            side.model->announced(announced->from, announced->channel, announced->listening);
        } else {
            const auto& run = std::get<Forwarded>(mail);
            side.shard->deliver(run.run, run.frames, run.payload_bytes, now_);
            side.model->deliver(run.should_be, now_);
        }
    }
}

void Scene::keep_house(Random& random) {
    last_event_ = "the house is kept";
    for (Side& side : sides_) {
        (void)side.shard->sweep_torn_tails();
        if (random.one_in(2)) (void)side.shard->trim();
        if (random.one_in(2)) (void)side.pool->trim();
    }
}

// ---- what peers say

void Scene::say(Socket& socket, Said said) {
    if (socket.hangs_up) return;
    socket.said += *said.bytes;
    sides_[socket.shard].model->say(socket.id, std::move(said));
}

Said Scene::said_auth(Random& random, Socket& socket) {
    Said said;
    said.kind = Said::Kind::auth;
    // Often the ident that it has already.
    const bool again = !socket.ident.empty() && !random.one_in(4);
    said.ident = again ? socket.ident : std::string(random.any_of(idents));
    if (random.one_in(16)) said.ident = "stranger";
    socket.ident = said.ident;
    const auto known = store_.find(said.ident);
    said.secret = known == store_.end() || random.one_in(12) ? "wrong" : known->second.secret;
    said.bytes =
        std::make_shared<const std::string>(testing::auth(said.ident, said.secret, socket.nonce));
    return said;
}

std::string Scene::payload(Random& random) {
    std::size_t bytes = random.below(60);
    if (random.one_in(6)) bytes = random.below(payload_bytes_max_);
    if (memory_is_scarce_ && random.one_in(2)) bytes = random.below(payload_bytes_max_);
    std::string text = std::to_string(++frames_said_) + ":";
    text.resize(text.size() + bytes, static_cast<char>('a' + frames_said_ % 26));
    return text;
}

Said Scene::said_publish(Random& random, const Socket& socket) {
    Said said;
    said.kind = Said::Kind::publish;
    said.ident = random.one_in(128) ? "somebody else" : socket.ident;
    said.channel = random.any_of(channel_names);
    // Seldom one that it may not publish to: that ends it.
    const auto known = store_.find(socket.ident);
    if (known != store_.end() && !known->second.publishes.empty() && !random.one_in(64)) {
        auto chosen = known->second.publishes.begin();
        std::advance(chosen, random.below(known->second.publishes.size()));
        said.channel = *chosen;
    }
    const std::string text = payload(random);
    said.payload_bytes = text.size();
    said.bytes =
        std::make_shared<const std::string>(testing::publish(said.ident, said.channel, text));
    return said;
}

Said Scene::said_subscription(Random& random, const Socket& socket, Said::Kind kind) {
    Said said;
    said.kind = kind;
    said.ident = random.one_in(8) ? "whoever" : socket.ident;
    said.channel = random.any_of(channel_names);
    const auto known = store_.find(socket.ident);
    if (kind == Said::Kind::subscribe && known != store_.end() &&
        !known->second.subscribes.empty() && !random.one_in(24)) {
        auto chosen = known->second.subscribes.begin();
        std::advance(chosen, random.below(known->second.subscribes.size()));
        said.channel = *chosen;
    }
    said.bytes = std::make_shared<const std::string>(
        kind == Said::Kind::subscribe ? testing::subscribe(said.ident, said.channel)
                                      : testing::unsubscribe(said.ident, said.channel));
    return said;
}

Said Scene::said_garbage(Random& random) {
    using wire::Refusal;
    Said said;
    std::string bytes;
    const std::string filling(random.below(100), 'x');
    const auto is = [&](Refusal before, Refusal after, std::string made) {
        said.before_login = before;
        said.after_login = after;
        bytes = std::move(made);
        said.judged_at_bytes = wire::header_bytes;
    };
    switch (random.below(8)) {
        case 0:
            is(Refusal::length_below_header, Refusal::length_below_header,
               raw_frame(static_cast<std::uint32_t>(random.below(5)), 3, filling));
            break;
        case 1:
            is(Refusal::unknown_opcode, Refusal::unknown_opcode,
               raw_frame(20, static_cast<std::uint8_t>(random.between(6, 255)), filling));
            break;
        case 2:
            is(Refusal::from_wrong_side, Refusal::from_wrong_side,
               raw_frame(20, static_cast<std::uint8_t>(random.below(2)), filling));
            break;
        case 3:
            is(Refusal::empty_body, Refusal::empty_body, raw_frame(5, 3, filling));
            break;
        case 4:
            is(Refusal::longer_than_auth, Refusal::length_above_limit,
               raw_frame(0x7FFF'FFFF, 3, filling));
            break;
        case 5:
            is(Refusal::tls_handshake, Refusal::from_wrong_side,
               raw_frame(0x1603'0102, 0, filling));
            break;
        case 6:
            is(Refusal::proxy_header, Refusal::from_wrong_side, raw_frame(0x0D0A'0D0A, 0, filling));
            break;
        default:
            is(Refusal::string_past_frame, Refusal::string_past_frame,
               raw_frame(9, 3,
                         "\xFF"
                         "abc" +
                             filling));
            said.judged_at_bytes = 9;
    }
    said.bytes = std::make_shared<const std::string>(std::move(bytes));
    return said;
}

// ---- the engine

bool Scene::feed(Socket& socket, std::size_t bytes_max) {
    Side& side = sides_[socket.shard];
    ModelSession& should = model_of(socket);
    if (!side.shard->wants_reading(socket.id)) return false;
    if (socket.said.empty()) {
        if (!socket.hangs_up || should.peer_gone) return false;
        side.shard->peer_closed(socket.id, now_);
        side.model->peer_closed(socket.id, now_);
        return true;
    }
    if (!side.shard->admits(socket.id, now_)) {
        expect(should.state == State::ready, "only who is logged in waits for readers");
        expect(side.shard->crowded() || sides_.size() > 1, "nobody waits while nobody is late");
        should.deferred = true;
        should.deferred_until = now_ + core::deferral;
        return false;
    }
    const auto room = side.shard->read_room(socket.id);
    expect(!room.empty(), "there is always room to read into");
    expect(should.state != State::greeted || room.size() <= core::read_before_login_bytes_max,
           "strangers get little room");
    const std::size_t count = std::min({room.size(), socket.said.size(), bytes_max});
    std::memcpy(room.data(), socket.said.data(), count);
    socket.said.erase(0, count);
    side.shard->received(socket.id, count, now_);
    side.model->received(socket.id, count, now_);
    follow_drops();
    relieve(socket.shard);
    return true;
}

void Scene::read_all(Socket& socket, std::size_t segment_bytes) {
    const unsigned shard = socket.shard;
    const SessionId id = socket.id;
    for (Socket* here = &socket; here && feed(*here, segment_bytes); here = socket_of(shard, id))
        settle();
}

void Scene::flush(Socket& socket) {
    Side& side = sides_[socket.shard];
    std::string took;
    for (const bytes::SendQueue* queue = side.shard->output(socket.id); queue && !queue->empty();
         queue = side.shard->output(socket.id)) {
        std::array<std::span<const std::byte>, 4> pieces;
        const std::size_t used = queue->gather(pieces);
        took.clear();
        std::size_t gathered = 0;
        for (const auto piece : std::span(pieces).first(used)) {
            gathered += piece.size();
            const std::size_t room = socket.reads_all ? all_at_once : socket.window_bytes;
            const auto taken = wire::as_text(piece).substr(0, room);
            if (!socket.reads_all) socket.window_bytes -= taken.size();
            took += taken;
            if (taken.size() < piece.size()) break;
        }
        side.shard->sent(socket.id, took.size());
        side.model->sent(socket.id, took);
        if (took.size() < gathered) {
            socket.late = true;
            side.shard->set_late(socket.id, true);
            return;
        }
    }
}

// While memory is scarce the shard alone knows how much it holds: the model follows its drops, and
// judges whether they may be.
void Scene::follow_drops() {
    if (!memory_is_scarce_) return;
    for (Side& side : sides_)
        for (const auto& session : side.model->sessions()) {
            if (!session || session->state == State::closing) continue;
            const bytes::SendQueue* queue = side.shard->output(session->id);
            if (queue && queue->pending_bytes() < session->pending_bytes) {
                expect(budget_->in_use_bytes() * 2 > budget_->bytes_max(),
                       "nothing is dropped while there is memory");
                side.model->dropped_for_memory(session->id, queue->pending_bytes());
            }
        }
}

void Scene::relieve(unsigned index) {
    if (!memory_is_scarce_) return;
    Side& side = sides_[index];
    const bool exceeded = budget_->exceeded();
    const std::size_t told_before = side.shard->effects().incidents.size();
    const std::size_t ended_before = side.shard->effects().ended.size();
    side.shard->relieve_memory(now_);
    std::vector<SessionId> cut;
    const core::Effects& effects = side.shard->effects();
    for (std::size_t i = told_before; i < effects.incidents.size(); ++i)
        if (effects.incidents[i].reason == CloseReason::memory)
            cut.push_back(effects.incidents[i].session);
    for (std::size_t i = ended_before; i < effects.ended.size(); ++i)
        if (ModelSession* session = side.model->find(effects.ended[i]);
            session && session->state == State::closing)
            cut.push_back(effects.ended[i]);
    expect(exceeded || cut.empty(), "nobody is cut while there is memory");
    for (const SessionId id : cut) {
        ModelSession& session = *side.model->find(id);
        std::size_t most = 0;
        for (const auto& other : side.model->sessions())
            if (other && std::find(cut.begin(), cut.end(), other->id) == cut.end())
                most = std::max(most, other->pending_bytes);
        if (options_.limits.slow_policy == SlowPolicy::disconnect)
            expect(session.pending_bytes >= most, "who holds the most is cut first");
        expect(session.pending_bytes > bytes::slab_bytes, "nobody is cut for less than a slab");
        side.model->cut_for_memory(id, now_);
    }
    follow_drops();
    if (!budget_->exceeded()) return;
    for (const auto& session : side.model->sessions())
        expect(!session || session->pending_bytes <= bytes::slab_bytes,
               "while memory is lacking, who holds much gives it up");
}

void Scene::settle() {
    for (bool more = true; more;) {
        more = false;
        for (unsigned i = 0; i < sides_.size(); ++i)
            more = carry_out(i) || more;
    }
}

namespace {

bool in_order(SessionId one, SessionId other) {
    return std::pair{one.index, one.generation} < std::pair{other.index, other.generation};
}
void expect_same(std::vector<SessionId> is, std::vector<SessionId> should_be, const char* what) {
    std::sort(is.begin(), is.end(), in_order);
    std::sort(should_be.begin(), should_be.end(), in_order);
    expect(is == should_be, what);
}

std::string text_of(const std::vector<Told>& told) {
    std::string text;
    for (const Told& each : told)
        text += " [session " + std::to_string(each.session.index) + ", kind " +
                std::to_string(static_cast<int>(each.kind)) + ", " +
                std::string(core::label(each.reason)) + "]";
    return text;
}

}  // namespace

bool Scene::carry_out(unsigned index) {
    follow_drops();
    Side& side = sides_[index];
    core::Effects& effects = side.shard->effects();
    Model& model = *side.model;
    bool more = false;

    std::vector<std::pair<SessionId, std::string>> logins;
    for (core::LookupRequest& request : effects.lookups) {
        if (request.purpose == core::Purpose::login)
            logins.emplace_back(request.asker, request.ident);
        else
            model.asked_again(request.asker, request.ident);
        const auto known = store_.find(request.ident);
        asked_.push_back(
            {index, request, known == store_.end() ? std::nullopt : std::optional(known->second)});
    }
    effects.lookups.clear();
    expect(logins == model.lookups, "each AUTH is looked up, and nothing else");
    model.lookups.clear();

    // Which of several channels is announced first does not matter.
    const auto by_channel = [](const auto& one, const auto& other) {
        return one.first < other.first;
    };
    std::vector<std::pair<std::string, bool>> announced;
    for (const core::Announcement& each : effects.announcements) {
        announced.emplace_back(each.channel, each.listening);
        for (unsigned other = 0; other < sides_.size(); ++other)
            if (other != index)
                sides_[other].mailbox.emplace_back(Announced{index, each.channel, each.listening});
    }
    effects.announcements.clear();
    std::stable_sort(announced.begin(), announced.end(), by_channel);
    std::stable_sort(model.announcements.begin(), model.announcements.end(), by_channel);
    expect(announced == model.announcements, "first and last listeners are announced");
    model.announcements.clear();

    expect(effects.forwards.size() == model.forwards.size(), "each run is forwarded once");
    for (std::size_t i = 0; i < model.forwards.size(); ++i) {
        const core::Forward& is = effects.forwards[i];
        auto& [shards, run] = model.forwards[i];
        expect(is.shards == shards, "a run goes to the shards that listen");
        expect(is.frames == run.frames.size() && is.payload_bytes == run.payload_bytes &&
                   is.run.bytes().size() == run.bytes,
               "a run is forwarded as it came");
        for (unsigned other = 0; other < sides_.size(); ++other)
            if (shards >> other & 1U)
                sides_[other].mailbox.emplace_back(Forwarded{bytes::FrameRef::share(is.run.piece()),
                                                             is.frames, is.payload_bytes, run});
    }
    effects.forwards.clear();
    model.forwards.clear();

    std::vector<SessionId> ids;
    ids.swap(effects.dirty);
    for (const SessionId id : ids)
        if (Socket* socket = socket_of(index, id)) {
            more = true;
            flush(*socket);
        }
    expect_same(std::exchange(effects.half_close, {}), std::exchange(model.half_closed, {}),
                "goodbyes are said");
    effects.reading.clear();

    std::vector<Told> told;
    for (const core::Incident& incident : effects.incidents)
        told.push_back({incident.kind, incident.reason, incident.session});
    effects.incidents.clear();
    const auto by_session = [](const Told& one, const Told& other) {
        return in_order(one.session, other.session);
    };
    std::stable_sort(told.begin(), told.end(), by_session);
    std::stable_sort(model.told.begin(), model.told.end(), by_session);
    if (told != model.told)
        throw Failure("what happened is told, once: told is" + text_of(told) + "; it should be" +
                      text_of(model.told));
    model.told.clear();

    ids.clear();
    ids.swap(effects.ended);
    expect_same(ids, std::exchange(model.ended, {}), "sessions end when they should");
    for (const SessionId id : ids) {
        more = true;
        side.shard->forget(id);
        model.forget(id);
        std::erase_if(sockets_, [&](const auto& socket) {
            return socket->shard == index && socket->id == id;
        });
    }
    relieve(index);
    return more;
}

void Scene::compare(bool lightly) {
    for (Side& side : sides_) {
        std::size_t sessions = 0;
        for (const auto& session : side.model->sessions()) {
            if (!session) continue;
            ++sessions;
            const bytes::SendQueue* queue = side.shard->output(session->id);
            expect(queue != nullptr, "a session is there until it is forgotten");
            expect(queue->pending_bytes() == session->pending_bytes,
                   "what is queued is what should be");
            const bool wants = side.shard->wants_reading(session->id);
            // It may be let in early, when nobody is waited for any more.
            if (wants && session->deferred) session->deferred = false;
            expect(wants == side.model->wants_reading(*session),
                   "who may speak is read from, and nobody else");
        }
        expect(side.shard->session_count() == sessions, "there are as many sessions as should be");
        const auto due = side.shard->next_due();
        const auto should = side.model->next_due();
        expect(!should || (due && *due <= *should), "no deadline is forgotten");
        side.model->check_asked(now_, ticked_);
        lightly ? side.model->compare_shard(side.shard->counters())
                : side.model->compare(side.shard->counters());
    }
    for (const auto& socket : sockets_)
        expect(socket->late || model_of(*socket).pending_bytes == 0,
               "who can take more is sent everything");
}

// ---- the end

void Scene::shut_down() {
    for (Side& side : sides_) {
        side.shard->close_all(now_);
        side.model->close_all(now_);
    }
    settle();
}

void Scene::play_end() {
    Random random(seed_, whole_scene_number + 1);
    last_event_ = "the end";
    const bool stores_answer = !random.one_in(8);
    const auto answer_all = [&] {
        for (; stores_answer && !asked_.empty(); settle())
            answer(0, false, AccountAnswer::Status::found, false);
    };
    answer_all();
    for (Side& side : sides_)
        while (!side.mailbox.empty())
            take_mail(random);
    settle();
    const bool stops = random.one_in(3);
    if (stops) shut_down();
    for (std::size_t i = 0; i < sockets_.size(); ++i) {
        Socket& socket = *sockets_[i];
        socket.reads_all = true;
        if (!std::exchange(socket.late, false)) continue;
        sides_[socket.shard].shard->set_late(socket.id, false);
        flush(socket);
    }
    settle();
    compare(false);
    for (const auto& socket : sockets_)
        socket->hangs_up = true;
    // Who is only let in late, or logs in once more, needs some rounds.
    const int rounds_max = common_.rated() ? 4'000 : 40;
    for (int round = 0; round < 4 || (round < rounds_max && !sockets_.empty()); ++round) {
        answer_all();
        for (std::size_t i = 0; i < sockets_.size(); ++i)
            while (i < sockets_.size() && feed(*sockets_[i], all_at_once))
                settle();
        advance(std::chrono::seconds(70));
        for (Side& side : sides_)
            while (!side.mailbox.empty())
                take_mail(random);
        settle();
        compare(false);
    }
    expect(sockets_.empty(), "everybody is gone");
    for (const auto& [ident, taken] : common_.places)
        expect(taken == 0, "no place is taken");
    for (Side& side : sides_) {
        expect(side.shard->session_count() == 0, "no session is left");
        expect(side.shard->channels().count() == 0, "no channel is left");
        expect(side.shard->channels().pattern_count() == 0, "no pattern is left");
        expect(side.shard->live_keys().count() == 0, "no key is in use");
        expect(!side.shard->crowded(), "nobody is waited for");
    }
    expect(budget_->in_use_bytes() <= 2 * sides_.size() * bytes::slab_bytes,
           "no message memory is left");
}

void Scene::add_to(std::map<std::string, std::uint64_t>& reached) const {
    const auto add = [&](std::string what, std::int64_t count) {
        reached[std::move(what)] += static_cast<std::uint64_t>(count);
    };
    for (const Side& side : sides_) {
        const ShardTally& tally = side.model->tally();
        add("frames published", tally.published_frames);
        add("bytes delivered", tally.delivered_bytes);
        add("runs forwarded", tally.forwarded_runs);
        add("keys asked for again", tally.rechecks);
        add("failed logins slowed", tally.failed_logins_slowed);
        for (std::size_t i = 0; i < core::close_reason_count; ++i)
            add("closed: " + std::string(core::label(static_cast<CloseReason>(i))),
                tally.closed[i]);
        for (std::size_t i = 1; i < wire::refusal_count; ++i)
            add("refused: " + std::string(wire::label(static_cast<wire::Refusal>(i))),
                tally.refused[i]);
        for (std::size_t i = 0; i < core::live_change_count; ++i)
            add("live change " + std::to_string(i), tally.live_changes[i]);
        for (const auto* ident = side.shard->counters().first_ident(); ident; ident = ident->next) {
            add("publishers paused", static_cast<std::int64_t>(ident->publish_pauses.value()));
            add("frames dropped", static_cast<std::int64_t>(ident->dropped_frames.value()));
            add("frames discarded", static_cast<std::int64_t>(ident->discarded_frames.value()));
            add("slow deadlines begun", static_cast<std::int64_t>(ident->deadline_start.value()));
            add("slow deadlines over", static_cast<std::int64_t>(ident->deadline_recover.value()));
        }
    }
}

}  // namespace hpfeeds::simulation
