// SPDX-License-Identifier: Apache-2.0
#include "mongo_server.hpp"

#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <stdexcept>
#include <string_view>

namespace hpfeeds::support {
namespace {

std::string binary() {
    const char* other = std::getenv("HPFEEDS_FERRETDB_BIN");
    return other != nullptr && *other != '\0' ? other : HPFEEDS_BUILT_FERRETDB;
}

}  // namespace

bool MongoServer::built() {
    return ::access(binary().c_str(), X_OK) == 0;
}

MongoServer::MongoServer() {
    std::filesystem::create_directory(folder_.path() / "data");
    start();
}

void MongoServer::start() {
    Command command;
    command.words = {binary(),
                     "--handler=sqlite",
                     "--sqlite-url=file:data/",
                     "--state-dir=data",
                     "--listen-addr=127.0.0.1:" + std::to_string(port_),
                     "--debug-addr=-",
                     "--telemetry=disable",
                     "--test-enable-new-auth",
                     "--setup-database=hpfeeds",
                     "--setup-username=" + mongo_user};
    command.environment = {{"FERRETDB_SETUP_PASSWORD", mongo_password}};
    command.directory = folder_.path();
    process_ = std::make_unique<Process>(command);
    const std::string before = "Listening on TCP 127.0.0.1:";
    const auto line = process_->err().wait_for_line(
        [&](std::string_view text) { return text.find(before) != std::string_view::npos; });
    if (!line)
        throw std::runtime_error("the MongoDB server did not start; its stderr:\n" +
                                 process_->err().text());
    port_ =
        static_cast<std::uint16_t>(std::stoul(line->substr(line->find(before) + before.size())));
}

std::string MongoServer::host() const {
    return "127.0.0.1:" + std::to_string(port_);
}

std::string MongoServer::url(const std::string& more) const {
    return url_through(port_) + more;
}

std::string MongoServer::url_through(std::uint16_t port) const {
    return "mongodb://" + mongo_user + ':' + mongo_password_escaped +
           "@127.0.0.1:" + std::to_string(port) + "/hpfeeds";
}

void MongoServer::kill() {
    process_->signal(9);
    static_cast<void>(process_->wait());
}

}  // namespace hpfeeds::support
