// SPDX-License-Identifier: Apache-2.0
#include "auth/mongo_store.hpp"

#include "auth/account_rules.hpp"
#include "auth/mongo_documents.hpp"
#include "auth/names.hpp"
#include "hpfeeds/error.hpp"
#include "log/log.hpp"

#include <algorithm>
#include <cstdint>
#include <thread>
#include <unordered_set>
#include <utility>

namespace hpfeeds::auth {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::uint32_t server_says_unauthorized = 13;

// Counts a look-up while it is under way.
class UnderWay {
public:
    explicit UnderWay(std::atomic<int>& count) : count_(count), before_(count.fetch_add(1)) {}
    ~UnderWay() { count_.fetch_sub(1); }
    UnderWay(const UnderWay&) = delete;
    UnderWay& operator=(const UnderWay&) = delete;

    [[nodiscard]] bool others() const noexcept { return before_ > 0; }

private:
    std::atomic<int>& count_;
    const int before_;
};

// The store did not answer; a key that cannot be read is an answer.
bool failed(const Lookup& lookup) {
    return lookup.status == Lookup::Status::unavailable && lookup.failure != Failure::row;
}

// Whether another connection may do better: this one broke, or was not let in, which is also how
// the driver tells of one that broke in the middle of its login.
bool may_be_stale(const bson_error_t& error) {
    return error.domain == MONGOC_ERROR_STREAM || error.domain == MONGOC_ERROR_CLIENT ||
           error.domain == MONGOC_ERROR_SASL || error.domain == MONGOC_ERROR_SCRAM;
}

std::string id_of(const bson_t& document) {
    bson_iter_t at;
    if (!bson_iter_init_find(&at, &document, "_id") || !BSON_ITER_HOLDS_OID(&at)) return "_id ?";
    char text[25];
    bson_oid_to_string(bson_iter_oid(&at), text);
    return std::string("_id ") + text;
}

}  // namespace

// A connection of the pool, with the store's collection; given back at the end.
class MongoStore::Client {
public:
    explicit Client(MongoStore& store) : pool_(store.pool(fault_)) {
        if (!pool_) return;
        client_ = mongoc_client_pool_pop(pool_.get());
        if (client_ == nullptr) {
            fault_ = "all connections are busy; raise option maxPoolSize";
            return;
        }
        collection_.reset(mongoc_client_get_collection(client_, store.address_.database().c_str(),
                                                       store.address_.collection().c_str()));
    }
    Client(const Client&) = delete;
    Client& operator=(const Client&) = delete;
    ~Client() {
        collection_.reset();
        if (client_ != nullptr) mongoc_client_pool_push(pool_.get(), client_);
    }

    // Why there is no collection to ask; empty: there is.
    [[nodiscard]] const std::string& fault() const noexcept { return fault_; }
    [[nodiscard]] mongoc_collection_t* collection() const noexcept { return collection_.get(); }

private:
    std::string fault_;
    Pool pool_;
    mongoc_client_t* client_ = nullptr;
    MongoPtr<mongoc_collection_t> collection_;
};

MongoStore::MongoStore(const std::string& url, const MongoTimeouts& timeouts)
    : address_(url, timeouts), look_up_options_(mongo_look_up_options(address_.answer_timeout())) {}

MongoStore::~MongoStore() = default;

Lookup MongoStore::find(std::string_view ident) noexcept {
    if (ident.size() > ident_bytes_max || !is_utf8(ident)) return Lookup::absent();
    // The empty ident is nobody's, and how a lane asks whether the server is there.
    if (ident.empty()) {
        Lookup lookup = ask_server(ident);
        return failed(lookup) ? lookup : Lookup::absent();
    }
    const UnderWay counted(under_way_);
    if (slow_.load(std::memory_order_relaxed) && counted.others()) {
        // An ident that is not among them may have been added since.
        if (const auto keys = read_ahead_.keys([this] { return read_all(); }))
            if (const auto found = keys->find(std::string(ident)); found != keys->end())
                return found->second;
    }
    return ask_server(ident);
}

Lookup MongoStore::ask_server(std::string_view ident) {
    Reply reply = ask_again_if_stale(ident);
    note_outcome(reply);
    return std::move(reply.lookup);
}

// A connection that has rested may have died meanwhile, with its server's last life; and the one
// made instead may meet that server's end or the next one's beginning. What failed in no time costs
// no patience, and another connection tells.
MongoStore::Reply MongoStore::ask_again_if_stale(std::string_view ident) {
    const auto began = Clock::now();
    Reply reply = ask(ident);
    for (int again = 0; again < mongo_asks_again_max && reply.stale &&
                        Clock::now() - began < address_.answer_timeout() / 2;
         ++again) {
        std::this_thread::sleep_for(again * mongo_asks_again_pause);  // the first one at once
        reply = ask(ident);
    }
    return reply;
}

MongoStore::Reply MongoStore::ask(std::string_view ident) {
    const Client client(*this);
    if (!client.fault().empty()) return {unavailable(client.fault(), Failure::connection)};

    const auto began = Clock::now();
    const BsonPtr filter = mongo_filter(ident);
    const MongoPtr<mongoc_cursor_t> cursor(mongoc_collection_find_with_opts(
        client.collection(), filter.get(), look_up_options_.get(), nullptr));
    const bson_t* document = nullptr;
    const bool some = mongoc_cursor_next(cursor.get(), &document);
    slow_.store(Clock::now() - began > mongo_slow_lookup, std::memory_order_relaxed);
    if (some) {
        seen_keys_.store(true, std::memory_order_relaxed);
        return {lookup_in(*document, ident)};
    }
    bson_error_t error{};
    if (mongoc_cursor_error(cursor.get(), &error)) {
        const bool broke = error.domain == MONGOC_ERROR_STREAM;
        const bool late = broke && Clock::now() - began >= address_.answer_timeout();
        return {unavailable(explain(error), late ? Failure::timeout
                                            : error.domain == MONGOC_ERROR_SERVER
                                                ? Failure::store
                                                : Failure::connection),
                may_be_stale(error) && !late};
    }
    if (!seen_keys_.load(std::memory_order_relaxed)) warn_if_empty(client);
    return {Lookup::absent()};
}

// Nothing when the server fails or has too many keys: then everybody asks for himself.
MongoReadAhead::KeysRef MongoStore::read_all() {
    const Client client(*this);
    if (!client.fault().empty()) return nullptr;
    const BsonPtr all = make_bson();
    const BsonPtr options = mongo_list_options(mongo_read_ahead_max + 1);
    const MongoPtr<mongoc_cursor_t> cursor(
        mongoc_collection_find_with_opts(client.collection(), all.get(), options.get(), nullptr));
    auto keys = std::make_shared<MongoReadAhead::Keys>();
    const bson_t* document = nullptr;
    while (mongoc_cursor_next(cursor.get(), &document)) {
        core::Account account;
        static_cast<void>(read_mongo_document(*document, account));
        if (account.ident.empty() || keys->contains(account.ident)) continue;  // the first decides
        if (keys->size() == mongo_read_ahead_max) return nullptr;
        keys->emplace(account.ident, lookup_in(*document, account.ident));
    }
    bson_error_t error{};
    if (mongoc_cursor_error(cursor.get(), &error)) return nullptr;
    return keys;
}

Lookup MongoStore::lookup_in(const bson_t& document, std::string_view ident) const {
    auto account = std::make_shared<core::Account>();
    if (std::string fault = read_mongo_document(document, *account); !fault.empty())
        return unavailable("collection " + address_.collection() + ", identifier " +
                               in_quotes(ident) + ": " + fault,
                           Failure::row);
    // A collation may call more the same than we do.
    if (account->ident != ident) return Lookup::absent();
    return Lookup::found(std::move(account));
}

Lookup MongoStore::unavailable(const std::string& why, Failure failure) const {
    return Lookup::unavailable(address_.name() + ": " + why, failure);
}

// A collection without any document is more often a wrong name than a beginning.
void MongoStore::warn_if_empty(const Client& client) {
    const BsonPtr all = make_bson();
    const MongoPtr<mongoc_cursor_t> cursor(mongoc_collection_find_with_opts(
        client.collection(), all.get(), look_up_options_.get(), nullptr));
    const bson_t* document = nullptr;
    if (mongoc_cursor_next(cursor.get(), &document)) {
        seen_keys_.store(true, std::memory_order_relaxed);
        return;
    }
    bson_error_t error{};
    if (mongoc_cursor_error(cursor.get(), &error)) return;
    thread_local log::RateLimit limit{1};
    const auto now =
        std::chrono::duration_cast<std::chrono::minutes>(Clock::now().time_since_epoch());
    if (limit.admit(static_cast<std::uint64_t>(now.count())))
        log::warning("a key store holds no keys",
                     {{"store", address_.name()},
                      {"collection", address_.collection()},
                      {"remedy", "add one, or name another with ?collection="}});
}

std::vector<core::Account> MongoStore::list() {
    const Client client(*this);
    if (!client.fault().empty()) fail(client.fault());
    const BsonPtr all = make_bson();
    const MongoPtr<mongoc_cursor_t> cursor(
        mongoc_collection_find_with_opts(client.collection(), all.get(), nullptr, nullptr));
    std::vector<core::Account> accounts;
    std::unordered_set<std::string> seen;
    const bson_t* document = nullptr;
    while (mongoc_cursor_next(cursor.get(), &document)) {
        core::Account account;
        const std::string fault = read_mongo_document(*document, account);
        if (!account.ident.empty() && !seen.insert(account.ident).second) continue;
        if (!fault.empty())
            fail("collection " + address_.collection() + ", " +
                 (account.ident.empty() ? id_of(*document)
                                        : "identifier " + in_quotes(account.ident)) +
                 ": " + fault + "; correct the document, or remove it and add the key again");
        accounts.push_back(std::move(account));
    }
    bson_error_t error{};
    if (mongoc_cursor_error(cursor.get(), &error)) fail(explain(error));
    std::sort(accounts.begin(), accounts.end(),
              [](const auto& left, const auto& right) { return left.ident < right.ident; });
    return accounts;
}

std::string MongoStore::fault_in(const core::Account& account) const {
    std::string fault = fault_of(account);
    return fault.empty() ? fault_of_mongo_text(account) : fault;
}

void MongoStore::put(const core::Account& account) {
    if (std::string fault = fault_in(account); !fault.empty())
        fail(in_quotes(account.ident) + ": " + fault);
    const Client client(*this);
    if (!client.fault().empty()) fail(client.fault());
    const BsonPtr filter = mongo_filter(account.ident);
    const BsonPtr update = mongo_update(account);
    const BsonPtr options = make_bson();
    bson_append_bool(options.get(), "upsert", -1, true);
    bson_error_t error{};
    if (!mongoc_collection_update_one(client.collection(), filter.get(), update.get(),
                                      options.get(), nullptr, &error))
        fail(explain(error));
}

bool MongoStore::remove(std::string_view ident) {
    if (!is_utf8(ident)) return false;
    const Client client(*this);
    if (!client.fault().empty()) fail(client.fault());
    const BsonPtr filter = mongo_filter(ident);
    bson_t reply;
    bson_error_t error{};
    const bool done =
        mongoc_collection_delete_many(client.collection(), filter.get(), nullptr, &reply, &error);
    bson_iter_t at;
    const bool some =
        done && bson_iter_init_find(&at, &reply, "deletedCount") && bson_iter_as_int64(&at) > 0;
    bson_destroy(&reply);
    if (!done) fail(explain(error));
    return some;
}

// Nothing is connected yet, but the driver resolves a `mongodb+srv` name here, and only here: when
// that failed, the next one to ask makes a new pool.
MongoStore::Pool MongoStore::pool(std::string& fault) {
    const std::lock_guard lock(mutex_);
    if (pool_) return pool_;
    const MongoSilence silence;
    bson_error_t error{};
    mongoc_client_pool_t* made = mongoc_client_pool_new_with_error(address_.uri(), &error);
    if (made == nullptr) {
        fault = address_.without_secrets(error.message);
        return nullptr;
    }
    mongoc_client_pool_set_error_api(made, MONGOC_ERROR_API_VERSION_2);
    pool_ = Pool(made, MongoDelete{});
    return pool_;
}

void MongoStore::note_outcome(const Reply& reply) {
    if (!address_.by_name_service()) return;
    Pool unusable;  // given up outside the lock: its threads are waited for
    const std::lock_guard lock(mutex_);
    if (!failed(reply.lookup))
        has_worked_ = true;
    else if (!has_worked_)
        unusable = std::move(pool_);
}

// The driver's words, and what to do.
std::string MongoStore::explain(const bson_error_t& error) const {
    std::string text = address_.without_secrets(error.message);
    switch (error.domain) {
        case MONGOC_ERROR_SERVER_SELECTION:
            return "no server answers: " + text + "; is it running, and is the address right?";
        case MONGOC_ERROR_STREAM:
            return "no answer in " + std::to_string(address_.answer_timeout().count()) +
                   " ms, or the connection broke: " + text;
        case MONGOC_ERROR_CLIENT:
        case MONGOC_ERROR_SASL:
        case MONGOC_ERROR_SCRAM:
            return "the login failed: " + text + "; check user and password, and add " +
                   "?authSource=admin if the user belongs to that database";
        case MONGOC_ERROR_SERVER:
            if (error.code == server_says_unauthorized)
                return "the server forbids it: " + text +
                       "; grant the user the role readWrite on " + address_.database();
            return "the server refuses: " + text;
        default:
            return text;
    }
}

void MongoStore::fail(const std::string& what) const {
    throw Error(address_.name() + ": " + what);
}

}  // namespace hpfeeds::auth
