// SPDX-License-Identifier: Apache-2.0
// mongo_shell.hpp: what an administrator types into MongoDB's shell, by the driver alone: no code
// of the store that is tested stands between.
//
// Errors  std::runtime_error with the server's words.
#pragma once

#include "mongo_server.hpp"

#include <string>
#include <vector>

namespace hpfeeds::support {

// Runs a command, written as JSON, in the database hpfeeds; returns the answer as JSON.
std::string mongo_command(const MongoServer& server, const std::string& command);

// db.COLLECTION.insert(DOCUMENT)
void mongo_insert(const MongoServer& server, const std::string& document,
                  const std::string& collection = "auth_key");

// db.COLLECTION.find({identifier: …}): the documents as JSON, without _id.
std::vector<std::string> mongo_find(const MongoServer& server, const std::string& identifier,
                                    const std::string& collection = "auth_key");

}  // namespace hpfeeds::support
