// SPDX-License-Identifier: Apache-2.0
#include "mongo_shell.hpp"

#include <mongoc/mongoc.h>
#include <nlohmann/json.hpp>

#include <memory>
#include <stdexcept>

namespace hpfeeds::support {
namespace {

struct Free {
    void operator()(mongoc_client_t* client) const { mongoc_client_destroy(client); }
    void operator()(char* text) const { bson_free(text); }
};

}  // namespace

std::string mongo_command(const MongoServer& server, const std::string& command) {
    [[maybe_unused]] static const bool started = [] {
        mongoc_init();
        mongoc_log_set_handler(nullptr, nullptr);
        return true;
    }();
    bson_error_t error{};
    bson_t* parsed = bson_new_from_json(reinterpret_cast<const std::uint8_t*>(command.data()),
                                        static_cast<ssize_t>(command.size()), &error);
    if (parsed == nullptr) throw std::runtime_error(command + ": " + error.message);
    const std::unique_ptr<mongoc_client_t, Free> client(mongoc_client_new(server.url().c_str()));
    bson_t reply;
    const bool done =
        mongoc_client_command_simple(client.get(), "hpfeeds", parsed, nullptr, &reply, &error);
    const std::unique_ptr<char, Free> text(bson_as_relaxed_extended_json(&reply, nullptr));
    const std::string answer = text.get();
    bson_destroy(&reply);
    bson_destroy(parsed);
    if (!done || answer.find("writeErrors") != std::string::npos)
        throw std::runtime_error(command + ": " + error.message + ' ' + answer);
    return answer;
}

void mongo_insert(const MongoServer& server, const std::string& document,
                  const std::string& collection) {
    mongo_command(server,
                  R"({"insert": ")" + collection + R"(", "documents": [)" + document + "]}");
}

std::vector<std::string> mongo_find(const MongoServer& server, const std::string& identifier,
                                    const std::string& collection) {
    const std::string answer = mongo_command(
        server, R"({"find": ")" + collection + R"(", "filter": {"identifier": )" +
                    nlohmann::json(identifier).dump() + R"(}, "projection": {"_id": 0}})");
    std::vector<std::string> found;
    const nlohmann::json batch = nlohmann::json::parse(answer)["cursor"]["firstBatch"];
    for (const auto& document : batch)
        found.push_back(document.dump());
    return found;
}

}  // namespace hpfeeds::support
