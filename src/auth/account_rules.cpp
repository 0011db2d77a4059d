// SPDX-License-Identifier: Apache-2.0
#include "auth/account_rules.hpp"

#include "auth/limits.hpp"
#include "auth/names.hpp"

#include <nlohmann/json.hpp>

#include <cstddef>

namespace hpfeeds::auth {
namespace {

std::string too_long(std::size_t bytes, std::size_t bytes_max, std::string_view why) {
    return "has " + std::to_string(bytes) + " bytes, more than the " + std::to_string(bytes_max) +
           std::string(why);
}

std::string fault_of_list(const core::ChannelList& channels, const char* field) {
    const std::string subject = std::string("field \"") + field + "\" ";
    if (channels.names().size() > channels_max)
        return subject + "lists more than " + std::to_string(channels_max) + " channels";
    for (const std::string& name : channels.names())
        if (std::string fault = fault_of_channel(name); !fault.empty())
            return subject + "names a channel that " + fault;
    return {};
}

}  // namespace

std::string fault_of_ident(std::string_view ident) {
    if (ident.empty()) return "is empty: a key needs a name of 1 to 255 bytes";
    if (ident.size() > ident_bytes_max)
        return too_long(ident.size(), ident_bytes_max, " that fit into a frame");
    return {};
}

std::string fault_of_channel(std::string_view channel) {
    if (channel.size() > channel_bytes_max)
        return too_long(channel.size(), channel_bytes_max, " that fit into a frame");
    return {};
}

std::string fault_of(const core::Account& account) {
    if (std::string fault = fault_of_ident(account.ident); !fault.empty()) return "ident " + fault;
    if (account.secret.empty())
        return "field \"secret\" is empty: anybody could log in, so nobody may";
    if (account.secret.size() > secret_bytes_max)
        return "field \"secret\" " + too_long(account.secret.size(), secret_bytes_max, " allowed");
    if (account.owner.size() > owner_bytes_max)
        return "field \"owner\" " + too_long(account.owner.size(), owner_bytes_max, " allowed");
    if (std::string fault = fault_of_list(account.pubchans, "pubchans"); !fault.empty())
        return fault;
    return fault_of_list(account.subchans, "subchans");
}

std::string fault_of_owner(const core::Account& account) {
    if (account.owner == account.ident) return {};
    return "field \"owner\" is " + in_quotes(account.owner) +
           ": this store has no owners, the owner is the ident; leave it out";
}

std::string channels_as_json(const core::ChannelList& channels) {
    return nlohmann::json(channels.names()).dump();
}

std::string read_json_channels(std::string_view json, std::vector<std::string>& out) {
    if (json.size() > json_list_bytes_max)
        return too_long(json.size(), json_list_bytes_max, " a list may have");
    auto parsed = nlohmann::json::parse(json, nullptr, false);
    if (parsed.is_discarded()) return "is not JSON; write it like [\"channel\"]";
    if (!parsed.is_array())
        return std::string("is a JSON ") + parsed.type_name() + ", not a list like [\"channel\"]";
    out.clear();
    out.reserve(parsed.size());
    for (auto& item : parsed) {
        if (!item.is_string())
            return std::string("lists a ") + item.type_name() + " where only names may stand";
        out.push_back(std::move(item.get_ref<std::string&>()));
    }
    return {};
}

std::string fault_of_json_text(const core::ChannelList& channels, std::string_view field) {
    for (const std::string& name : channels.names())
        if (!is_utf8(name))
            return "field " + in_quotes(field) + " names the channel " + in_quotes(name) +
                   ", which is not UTF-8: this store keeps lists as JSON, which cannot hold it";
    return {};
}

}  // namespace hpfeeds::auth
