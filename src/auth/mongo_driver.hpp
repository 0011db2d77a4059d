// SPDX-License-Identifier: Apache-2.0
// mongo_driver.hpp: libmongoc, started once, with its objects owned and its lines in our log.
//
// Threads  any.    Errors  nothing throws.
#pragma once

#include <mongoc/mongoc.h>

#include <memory>
#include <string_view>

namespace hpfeeds::auth {

struct MongoDelete {
    void operator()(mongoc_uri_t* object) const noexcept { mongoc_uri_destroy(object); }
    void operator()(mongoc_client_pool_t* object) const noexcept {
        mongoc_client_pool_destroy(object);
    }
    void operator()(mongoc_collection_t* object) const noexcept {
        mongoc_collection_destroy(object);
    }
    void operator()(mongoc_cursor_t* object) const noexcept { mongoc_cursor_destroy(object); }
};
template <typename Object>
using MongoPtr = std::unique_ptr<Object, MongoDelete>;

// A document. bson_t itself is aligned in a way that templates may not know.
struct BsonDelete {
    using pointer = bson_t*;
    void operator()(bson_t* document) const noexcept { bson_destroy(document); }
};
using BsonPtr = std::unique_ptr<struct BsonDocument, BsonDelete>;
[[nodiscard]] inline BsonPtr make_bson() noexcept {
    return BsonPtr(bson_new());
}

// Before anything else of the library is called; again and again if that is easier. Warnings of the
// driver then go to our log, a few a second, and the rest nowhere.
void start_mongo_driver() noexcept;

// While it lives, what the driver has to say on this thread goes nowhere: it repeats pieces of the
// URL that it is given to read, and there may be a password in it.
class MongoSilence {
public:
    MongoSilence() noexcept;
    ~MongoSilence();
    MongoSilence(const MongoSilence&) = delete;
    MongoSilence& operator=(const MongoSilence&) = delete;
};

// Appends `key`: `text`. Requires: both are UTF-8. The bytes are copied.
void append_text(bson_t& document, std::string_view key, std::string_view text) noexcept;

}  // namespace hpfeeds::auth
