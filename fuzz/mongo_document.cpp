// SPDX-License-Identifier: Apache-2.0
// mongo_document.cpp: a document as a MongoDB server sends it.
//
// Input   BSON. Holds   what is wrong is said in one line that repeats nothing of the document; or
// the account has an ident, a secret and bounded lists, and the document that we would write for it
// says the same.
#include "auth/mongo_documents.hpp"

#include "auth/limits.hpp"
#include "expect.hpp"
#include "hidden.hpp"

#include <cstddef>
#include <string>
#include <string_view>

namespace {

using hpfeeds::fuzz::expect;
namespace auth = hpfeeds::auth;
using hpfeeds::core::Account;

// The document after the update, as a server makes it.
auth::BsonPtr document_of(const Account& account) {
    auth::BsonPtr document = auth::make_bson();
    auth::append_text(*document.get(), "identifier", account.ident);
    const auth::BsonPtr update = auth::mongo_update(account);
    bson_iter_t at;
    bson_iter_t field;
    expect(bson_iter_init_find(&at, update.get(), "$set") && bson_iter_recurse(&at, &field),
           "an update sets something");
    while (bson_iter_next(&field))
        bson_append_iter(document.get(), nullptr, 0, &field);
    return document;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
    bson_t document;
    if (!bson_init_static(&document, data, size)) return 0;
    Account account;
    const std::string fault = auth::read_mongo_document(document, account);
    if (!fault.empty()) {
        expect(fault.find('\n') == std::string::npos, "a fault is one line");
        expect(!hpfeeds::fuzz::tells(fault), "a fault repeats nothing of the document");
        return 0;
    }
    expect(!account.secret.empty(), "a key has a secret");
    for (const auto* channels : {&account.pubchans, &account.subchans})
        expect(channels->names().size() <= auth::channels_max, "lists are bounded");
    if (!auth::fault_of_mongo_text(account).empty()) return 0;  // is never written
    Account again;
    expect(
        auth::read_mongo_document(*document_of(account).get(), again).empty() && again == account,
        "the document of an account says what the account says");
    return 0;
}
