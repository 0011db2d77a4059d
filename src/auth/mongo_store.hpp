// SPDX-License-Identifier: Apache-2.0
// mongo_store.hpp: keys in a collection of a MongoDB server, or of one that speaks its protocol.
//
// Looked up at every login, so that no change needs a restart. mongo_address.hpp has the URL,
// mongo_documents.hpp the form of a document; of several with one identifier the server's first
// decides. An ident that is not UTF-8 cannot stand in a document, so nobody is asked about it.
//
// Only where a look-up takes long and several are under way, the collection is read whole and known
// for a second (mongo_read_ahead.hpp); who is not in it is looked up all the same.
//
// A server that is away when the broker starts, goes away, hangs or comes back needs no help: every
// step of a look-up has a bound. What rests in the pool
// from a server's last life is noticed and replaced.
//
// Threads  find() by any number of threads: each borrows a connection from the driver's pool, whose
//          own threads watch the servers.
// Errors   as in account_source.hpp and account_store.hpp; the constructor throws hpfeeds::Error
// for a URL that cannot be meant, and never waits for a server.
#pragma once

#include "auth/account_store.hpp"
#include "auth/limits.hpp"
#include "auth/mongo_address.hpp"
#include "auth/mongo_driver.hpp"
#include "auth/mongo_read_ahead.hpp"

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace hpfeeds::auth {

class MongoStore final : public AccountStore {
public:
    MongoStore(const std::string& url, const MongoTimeouts& timeouts);
    ~MongoStore() override;

    [[nodiscard]] Lookup find(std::string_view ident) noexcept override;
    [[nodiscard]] std::string name() const override { return address_.name(); }
    [[nodiscard]] std::vector<core::Account> list() override;
    [[nodiscard]] std::string fault_in(const core::Account& account) const override;
    void put(const core::Account& account) override;
    bool remove(std::string_view ident) override;

private:
    class Client;
    using Pool = std::shared_ptr<mongoc_client_pool_t>;

    // What came of asking once. A connection that is stale, since it rested for too long or was
    // made at a bad moment, says nothing of the server.
    struct Reply {
        Lookup lookup;
        bool stale = false;
    };

    [[nodiscard]] Pool pool(std::string& fault);
    [[nodiscard]] Lookup ask_server(std::string_view ident);
    [[nodiscard]] Reply ask(std::string_view ident);
    [[nodiscard]] Lookup lookup_in(const bson_t& document, std::string_view ident) const;
    [[nodiscard]] Lookup unavailable(const std::string& why, Failure failure) const;
    [[nodiscard]] Reply ask_again_if_stale(std::string_view ident);
    void note_outcome(const Reply& reply);
    [[nodiscard]] MongoReadAhead::KeysRef read_all();
    void warn_if_empty(const Client& client);
    [[nodiscard]] std::string explain(const bson_error_t& error) const;
    [[noreturn]] void fail(const std::string& what) const;

    const MongoAddress address_;
    const BsonPtr look_up_options_;
    std::atomic<int> under_way_{0};
    std::atomic<bool> slow_{false};  // the last look-up took longer than an index would
    MongoReadAhead read_ahead_;
    std::atomic<bool> seen_keys_{false};  // the collection is not empty, so it is the right one

    // For what follows. Held for moments, but for a name service that is asked at the beginning.
    std::mutex mutex_;
    Pool pool_;
    bool has_worked_ = false;
};

}  // namespace hpfeeds::auth
