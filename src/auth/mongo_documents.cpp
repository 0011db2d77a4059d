// SPDX-License-Identifier: Apache-2.0
#include "auth/mongo_documents.hpp"

#include "auth/account_rules.hpp"
#include "auth/limits.hpp"
#include "auth/names.hpp"

#include <cstdint>
#include <utility>
#include <vector>

namespace hpfeeds::auth {
namespace {

constexpr const char* fields[] = {"identifier", "secret", "owner", "publish", "subscribe"};

const char* words_for(bson_type_t type) {
    switch (type) {
        case BSON_TYPE_UTF8:
            return "a string";
        case BSON_TYPE_ARRAY:
            return "a list";
        case BSON_TYPE_DOCUMENT:
            return "a document";
        case BSON_TYPE_INT32:
        case BSON_TYPE_INT64:
        case BSON_TYPE_DOUBLE:
        case BSON_TYPE_DECIMAL128:
            return "a number";
        case BSON_TYPE_BOOL:
            return "a boolean";
        case BSON_TYPE_NULL:
        case BSON_TYPE_UNDEFINED:
            return "null";
        case BSON_TYPE_BINARY:
            return "binary data";
        default:
            return "of an unexpected type";
    }
}

bool is_nothing(const bson_iter_t& at) {
    const bson_type_t type = bson_iter_type(&at);
    return type == BSON_TYPE_NULL || type == BSON_TYPE_UNDEFINED;
}

std::string text_at(const bson_iter_t& at) {
    std::uint32_t bytes = 0;
    const char* text = bson_iter_utf8(&at, &bytes);
    return {text, bytes};
}

std::string field_named(const char* field) {
    return std::string("field \"") + field + "\" ";
}

std::string read_text(const bson_t& document, const char* field, std::string& out) {
    bson_iter_t at;
    if (!bson_iter_init_find(&at, &document, field)) return field_named(field) + "is missing";
    if (!BSON_ITER_HOLDS_UTF8(&at))
        return field_named(field) + "is " + words_for(bson_iter_type(&at)) + ", not a string";
    out = text_at(at);
    return {};
}

std::string read_list(const bson_t& document, const char* field, core::ChannelList& out) {
    std::vector<std::string> names;
    bson_iter_t at;
    if (bson_iter_init_find(&at, &document, field) && !is_nothing(at)) {
        bson_iter_t item;
        if (!BSON_ITER_HOLDS_ARRAY(&at) || !bson_iter_recurse(&at, &item))
            return field_named(field) + "is " + words_for(bson_iter_type(&at)) +
                   ", not a list like [\"channel\"]";
        while (bson_iter_next(&item)) {
            if (!BSON_ITER_HOLDS_UTF8(&item))
                return field_named(field) + "lists " + words_for(bson_iter_type(&item)) +
                       " where only names may stand";
            if (names.size() == channels_max)
                return field_named(field) + "lists more than " + std::to_string(channels_max) +
                       " channels";
            names.push_back(text_at(item));
        }
    }
    out = core::ChannelList(std::move(names));
    return {};
}

void append_list(bson_t& document, const char* field, const core::ChannelList& channels) {
    bson_t list;
    bson_append_array_begin(&document, field, -1, &list);
    std::size_t index = 0;
    for (const std::string& name : channels.names())
        append_text(list, std::to_string(index++), name);
    bson_append_array_end(&document, &list);
}

}  // namespace

std::string read_mongo_document(const bson_t& document, core::Account& account) {
    std::string fault = read_text(document, "identifier", account.ident);
    if (fault.empty()) fault = read_text(document, "secret", account.secret);
    if (fault.empty() && account.secret.empty())
        fault = "field \"secret\" is empty, so nobody may log in";
    if (fault.empty()) fault = read_list(document, "publish", account.pubchans);
    if (fault.empty()) fault = read_list(document, "subscribe", account.subchans);
    bson_iter_t at;
    account.owner = account.ident;
    if (fault.empty() && bson_iter_init_find(&at, &document, "owner") && !is_nothing(at))
        fault = read_text(document, "owner", account.owner);
    return fault;
}

std::string fault_of_mongo_text(const core::Account& account) {
    constexpr const char* why = "not UTF-8, as text in MongoDB must be";
    if (!is_utf8(account.ident)) return std::string("ident is ") + why;
    if (!is_utf8(account.secret)) return std::string("field \"secret\" is ") + why;
    if (!is_utf8(account.owner)) return std::string("field \"owner\" is ") + why;
    for (const auto* channels : {&account.pubchans, &account.subchans})
        for (const std::string& name : channels->names())
            if (!is_utf8(name)) return "channel " + in_quotes(name) + " is " + why;
    return {};
}

BsonPtr mongo_filter(std::string_view ident) {
    BsonPtr filter = make_bson();
    append_text(*filter.get(), "identifier", ident);
    return filter;
}

BsonPtr mongo_look_up_options(std::chrono::milliseconds server_timeout) {
    BsonPtr options = mongo_list_options(1);
    bson_append_bool(options.get(), "singleBatch", -1, true);
    bson_append_int64(options.get(), "maxTimeMS", -1, server_timeout.count());
    return options;
}

BsonPtr mongo_list_options(std::size_t documents_max) {
    BsonPtr options = make_bson();
    bson_append_int64(options.get(), "limit", -1, static_cast<std::int64_t>(documents_max));
    bson_t projection;
    bson_append_document_begin(options.get(), "projection", -1, &projection);
    for (const char* field : fields)
        bson_append_int32(&projection, field, -1, 1);
    bson_append_document_end(options.get(), &projection);
    return options;
}

BsonPtr mongo_update(const core::Account& account) {
    BsonPtr update = make_bson();
    bson_t part;
    bson_append_document_begin(update.get(), "$set", -1, &part);
    append_text(part, "secret", account.secret);
    append_list(part, "publish", account.pubchans);
    append_list(part, "subscribe", account.subchans);
    const bool owned = account.owner != account.ident;
    if (owned) append_text(part, "owner", account.owner);
    bson_append_document_end(update.get(), &part);
    if (!owned) {  // as documents are by default
        bson_append_document_begin(update.get(), "$unset", -1, &part);
        append_text(part, "owner", "");
        bson_append_document_end(update.get(), &part);
    }
    return update;
}

}  // namespace hpfeeds::auth
