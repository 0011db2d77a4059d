// SPDX-License-Identifier: Apache-2.0
#include "user_output.hpp"

#include "auth/names.hpp"

#include <openssl/evp.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <cstddef>

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

Json as_json(const core::Account& account, Secret secret) {
    Json object;
    set_bytes(object, "ident", account.ident);
    set_bytes(object, "owner", account.owner);
    // Stores keep these lists as JSON, so the names are UTF-8.
    object["pubchans"] = account.pubchans.names();
    object["subchans"] = account.subchans.names();
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

using TableRow = std::array<std::string, 4>;

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

std::string users_table(const std::vector<core::Account>& accounts) {
    std::vector<TableRow> rows{{"IDENT", "OWNER", "PUBLISH", "SUBSCRIBE"}};
    for (const core::Account& account : accounts)
        rows.push_back({auth::printable(account.ident), auth::printable(account.owner),
                        joined(account.pubchans), joined(account.subchans)});
    std::array<std::size_t, 4> widths{};
    for (const TableRow& row : rows)
        for (std::size_t column = 0; column < row.size(); ++column)
            widths[column] = std::max(widths[column], width_of(row[column]));
    std::string out;
    for (const TableRow& row : rows) {
        for (std::size_t column = 0; column < row.size(); ++column) {
            out += row[column];
            const bool last = column + 1 == row.size();
            out.append(last ? 0 : widths[column] - width_of(row[column]) + 2, ' ');
        }
        out += '\n';
    }
    return out;
}

std::string users_json(const std::vector<core::Account>& accounts) {
    Json list = Json::array();
    for (const core::Account& account : accounts)
        list.push_back(as_json(account, Secret::hidden));
    return as_lines(list);
}

std::string removed_json(std::string_view ident) {
    Json object;
    set_bytes(object, "ident", ident);
    object["removed"] = true;
    return as_lines(object);
}

}  // namespace hpfeeds::cli
