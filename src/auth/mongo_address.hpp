// SPDX-License-Identifier: Apache-2.0
// mongo_address.hpp: what a `mongodb://…` or `mongodb+srv://…` URL says: which servers, which
// database and collection, and how to reach them.
//
//   mongodb://[USER:PASSWORD@]HOST[:PORT][,…]/DATABASE[?OPTION=VALUE&…]
//
// The database must be named: with a password, a driver would otherwise ask another one who that
// is. `collection` is an option of ours, `auth_key` when it is not given; the others are the
// driver's, and one that it does not know is refused.
//
// Threads  immutable after construction, so any thread may read.
// Errors   the constructor throws hpfeeds::Error: what is wrong, where, and what to write instead.
// It never repeats a user's name or password.
#pragma once

#include "auth/mongo_driver.hpp"
#include "auth/open_mongo_store.hpp"

#include <chrono>
#include <string>
#include <vector>

namespace hpfeeds::auth {

class MongoAddress {
public:
    // `timeouts` are for what the URL does not say itself.
    MongoAddress(const std::string& url, const MongoTimeouts& timeouts);

    [[nodiscard]] const mongoc_uri_t* uri() const noexcept { return uri_.get(); }
    [[nodiscard]] const std::string& database() const noexcept { return database_; }
    [[nodiscard]] const std::string& collection() const noexcept { return collection_; }
    // The URL without user, password and options, but with a collection that is not the usual one.
    [[nodiscard]] const std::string& name() const noexcept { return name_; }
    // Whether the servers are found by the name service, which the driver asks but once.
    [[nodiscard]] bool by_name_service() const noexcept { return by_name_service_; }
    // As the URL, or we, have set it.
    [[nodiscard]] std::chrono::milliseconds answer_timeout() const;

    // `text` of the driver, with every secret of the URL in it replaced.
    [[nodiscard]] std::string without_secrets(std::string text) const;

private:
    void set_usual_options(const MongoTimeouts& timeouts);
    void check_timeouts() const;
    void check_files() const;

    MongoPtr<mongoc_uri_t> uri_;
    std::string database_;
    std::string collection_;
    std::string name_;
    std::vector<std::string> secrets_;
    bool by_name_service_ = false;
};

}  // namespace hpfeeds::auth
