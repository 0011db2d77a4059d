// SPDX-License-Identifier: Apache-2.0
// mongo_documents.hpp: a key as MongoDB holds it, `{identifier, secret, publish, subscribe}`, and
// the questions about it.
//
// The owner is the identifier, unless the document has an `owner`. Lists that are missing or null
// are empty. Everything is a value with a type: no ident can become an operator of a query.
//
// Threads  any.    Errors  values: an empty text means that nothing is wrong. Never tells a secret.
#pragma once

#include "auth/mongo_driver.hpp"
#include "core/account.hpp"

#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>

namespace hpfeeds::auth {

// What is wrong with the document, if anything: `field "publish" is a string, not a list`. What it
// says goes into `account`, whose ident is set whenever there is one.
[[nodiscard]] std::string read_mongo_document(const bson_t& document, core::Account& account);

// What a document cannot hold: all its text is UTF-8.
[[nodiscard]] std::string fault_of_mongo_text(const core::Account& account);

// The documents of this ident. Requires: it is UTF-8.
[[nodiscard]] BsonPtr mongo_filter(std::string_view ident);
// One document, of which nothing but what we read.
[[nodiscard]] BsonPtr mongo_look_up_options(std::chrono::milliseconds server_timeout);
// At most so many documents, of each of which nothing but what we read.
[[nodiscard]] BsonPtr mongo_list_options(std::size_t documents_max);
// What makes a document say what the account says. Fields that we do not know stay.
[[nodiscard]] BsonPtr mongo_update(const core::Account& account);

}  // namespace hpfeeds::auth
