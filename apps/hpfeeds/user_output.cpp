// SPDX-License-Identifier: Apache-2.0
#include "user_output.hpp"

#include "auth/names.hpp"

#include <openssl/evp.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <utility>

namespace hpfeeds::cli {
namespace {

using Json = nlohmann::ordered_json;

std::string base64(std::string_view bytes) {
    std::string out((bytes.size() + 2) / 3 * 4 + 1, '\0');  // EVP ends it with a NUL
    const int size = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(out.data()),
                                     reinterpret_cast<const unsigned char*>(bytes.data()),
                                     static_cast<int>(bytes.size()));
    out.resize(static_cast<std::size_t>(size));
    return out;
}

void set_bytes(Json& object, const std::string& key, std::string_view bytes) {
    if (auth::is_utf8(bytes))
        object[key] = bytes;
    else
        object[key + "_base64"] = base64(bytes);
}

// Names that are not UTF-8, which only some stores can hold, stand in a list of their own.
void set_names(Json& object, const std::string& key, const core::ChannelList& channels) {
    Json names = Json::array();
    Json others = Json::array();
    for (const std::string& name : channels.names()) {
        if (auth::is_utf8(name))
            names.push_back(name);
        else
            others.push_back(base64(name));
    }
    object[key] = std::move(names);
    if (!others.empty()) object[key + "_base64"] = std::move(others);
}

Json as_json(const core::Account& account, Secret secret) {
    Json object;
    set_bytes(object, "ident", account.ident);
    set_bytes(object, "owner", account.owner);
    set_names(object, "pubchans", account.pubchans);
    set_names(object, "subchans", account.subchans);
    if (secret == Secret::shown) set_bytes(object, "secret", account.secret);
    return object;
}

std::string as_lines(const Json& json) {
    return json.dump(2) + '\n';
}

std::string joined(const core::ChannelList& channels) {
    std::string out;
    for (const std::string& name : channels.names()) {
        if (!out.empty()) out += ',';
        out += auth::printable(name);
    }
    return out.empty() ? "-" : out;
}

// Characters, not bytes: a column of names in any script stays a column (wide characters aside).
std::size_t width_of(std::string_view text) {
    return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char byte) {
        return (static_cast<unsigned char>(byte) & 0xC0U) != 0x80U;
    }));
}

const char* word_for(CopiedUser::Fate fate) {
    switch (fate) {
        case CopiedUser::Fate::copied:
            return "copied";
        case CopiedUser::Fate::replaced:
            return "replaced";
        case CopiedUser::Fate::same:
            return "same";
        case CopiedUser::Fate::kept:
            return "kept";
        default:
            return "failed";
    }
}

std::string with_commas(const std::vector<std::string>& words) {
    std::string out;
    for (const std::string& word : words)
        out += (out.empty() ? "" : ", ") + word;
    return out;
}

using TableRow = std::array<std::string, 5>;

}  // namespace

std::string user_text(const core::Account& account, Secret secret) {
    std::string out = "ident      " + auth::printable(account.ident) + '\n';
    out += "owner      " + auth::printable(account.owner) + '\n';
    out += "publish    " + joined(account.pubchans) + '\n';
    out += "subscribe  " + joined(account.subchans) + '\n';
    if (secret == Secret::shown) out += "secret     " + auth::printable(account.secret) + '\n';
    return out;
}

std::string user_json(const core::Account& account, Secret secret) {
    return as_lines(as_json(account, secret));
}

std::string stored_json(const core::Account& account, Secret secret, bool replaced) {
    Json object = as_json(account, secret);
    object["replaced"] = replaced;
    return as_lines(object);
}

std::string users_table(const std::vector<core::Account>& accounts, Secret secret) {
    std::vector<TableRow> rows{{"IDENT", "OWNER", "PUBLISH", "SUBSCRIBE", "SECRET"}};
    for (const core::Account& account : accounts)
        rows.push_back({auth::printable(account.ident), auth::printable(account.owner),
                        joined(account.pubchans), joined(account.subchans),
                        auth::printable(account.secret)});
    const std::size_t columns = secret == Secret::shown ? 5 : 4;
    std::array<std::size_t, 5> widths{};
    for (const TableRow& row : rows)
        for (std::size_t column = 0; column < columns; ++column)
            widths[column] = std::max(widths[column], width_of(row[column]));
    std::string out;
    for (const TableRow& row : rows) {
        for (std::size_t column = 0; column < columns; ++column) {
            out += row[column];
            const bool last = column + 1 == columns;
            out.append(last ? 0 : widths[column] - width_of(row[column]) + 2, ' ');
        }
        out += '\n';
    }
    return out;
}

std::string users_json(const std::vector<core::Account>& accounts, Secret secret) {
    Json list = Json::array();
    for (const core::Account& account : accounts)
        list.push_back(as_json(account, secret));
    return as_lines(list);
}

std::string removed_json(std::string_view ident) {
    Json object;
    set_bytes(object, "ident", ident);
    object["removed"] = true;
    return as_lines(object);
}

std::string copied_text(const CopiedUsers& copied) {
    constexpr std::size_t column = 10;
    std::string out;
    std::array<std::size_t, 5> counts{};
    for (const CopiedUser& user : copied.users) {
        ++counts[static_cast<std::size_t>(user.fate)];
        std::string line = word_for(user.fate);
        line.append(column - line.size(), ' ');
        line += auth::printable(user.ident);
        if (user.fate == CopiedUser::Fate::kept)
            line += ": the one there differs (" + with_commas(user.differs_in) +
                    "); --replace overwrites it";
        if (user.fate == CopiedUser::Fate::replaced)
            line += ": differed (" + with_commas(user.differs_in) + ')';
        if (user.fate == CopiedUser::Fate::failed) line += ": " + user.why;
        out += line + '\n';
    }
    const auto count = [&](CopiedUser::Fate fate) {
        return std::to_string(counts[static_cast<std::size_t>(fate)]) + ' ' + word_for(fate);
    };
    out += (copied.dry_run ? "dry run, nothing was changed: " : "") + copied.from + " to " +
           copied.to + ": " + count(CopiedUser::Fate::copied) + ", " +
           count(CopiedUser::Fate::replaced) + ", " + count(CopiedUser::Fate::same) + ", " +
           count(CopiedUser::Fate::kept) + ", " + count(CopiedUser::Fate::failed) + '\n';
    return out;
}

std::string copied_json(const CopiedUsers& copied) {
    Json object;
    set_bytes(object, "from", copied.from);
    set_bytes(object, "to", copied.to);
    object["dry_run"] = copied.dry_run;
    Json users = Json::array();
    for (const CopiedUser& user : copied.users) {
        Json each;
        set_bytes(each, "ident", user.ident);
        each["fate"] = word_for(user.fate);
        if (!user.differs_in.empty()) each["differs_in"] = user.differs_in;
        if (!user.why.empty()) set_bytes(each, "why", user.why);
        users.push_back(std::move(each));
    }
    object["users"] = std::move(users);
    return as_lines(object);
}

std::string checked_json(const CheckedUser& checked) {
    Json object;
    set_bytes(object, "ident", checked.ident);
    set_bytes(object, "channel", checked.channel);
    object["known"] = !checked.store.empty();
    if (!checked.store.empty()) {
        set_bytes(object, "store", checked.store);
        object["publish"] = checked.may_publish;
        object["subscribe"] = checked.may_subscribe;
    }
    Json unsure = Json::array();
    for (const auto& [store, reason] : checked.could_not_tell) {
        Json each;
        set_bytes(each, "store", store);
        set_bytes(each, "reason", reason);
        unsure.push_back(std::move(each));
    }
    object["could_not_tell"] = std::move(unsure);
    return as_lines(object);
}

}  // namespace hpfeeds::cli
