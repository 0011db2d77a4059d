// SPDX-License-Identifier: Apache-2.0
// --exporter-details: who is connected, and what idents and channels carry, as JSON.
#include "support/broker_process.hpp"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>
#include <nlohmann/json.hpp>

#include <array>
#include <set>
#include <string>
#include <vector>

namespace hpfeeds::support {
namespace {

using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;
using Json = nlohmann::json;

// The whole answer to a GET, head and body.
std::string get(const BrokerProcess& broker, const std::string& target) {
    const LogLine line = broker.wait_for_log({"exporter listening"});
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<std::uint16_t>(std::stoi(line.field("port"))));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const int client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    std::string answer;
    if (connect(client, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0) {
        const std::string request = "GET " + target + " HTTP/1.1\r\n\r\n";
        EXPECT_EQ(send(client, request.data(), request.size(), MSG_NOSIGNAL),
                  static_cast<ssize_t>(request.size()));
        std::array<char, 65'536> room{};
        for (ssize_t taken = 0; (taken = recv(client, room.data(), room.size(), 0)) > 0;)
            answer.append(room.data(), static_cast<std::size_t>(taken));
    }
    close(client);
    return answer;
}

Json get_json(const BrokerProcess& broker, const std::string& target) {
    const std::string answer = get(broker, target);
    EXPECT_THAT(answer, StartsWith("HTTP/1.1 200"));
    return Json::parse(answer.substr(answer.find("\r\n\r\n") + 4));
}

BrokerSetup with_details(std::vector<std::string> more = {}) {
    BrokerSetup setup{.arguments = {"--exporter", "127.0.0.1:0", "--exporter-details",
                                    "--auth-failure-delay", "0"}};
    setup.arguments.insert(setup.arguments.end(), more.begin(), more.end());
    return setup;
}

TEST(Details, AreOffUnlessAskedFor) {
    const BrokerProcess broker({.arguments = {"--exporter", "127.0.0.1:0"}});
    for (const char* page : {"/overview", "/connections", "/idents", "/channels"})
        EXPECT_THAT(get(broker, page), StartsWith("HTTP/1.1 404")) << page;
}

TEST(Details, ListConnectionsOfAllShardsInPages) {
    const BrokerProcess broker(with_details({"--threads", "3"}));
    std::vector<WireClient> clients;
    for (int i = 0; i < 7; ++i) {
        clients.emplace_back(broker.address(), logger);
        clients.back().subscribe("events");
        clients.back().settle();
    }
    const WireClient stranger(broker.address());
    Json all = get_json(broker, "/connections");
    // The stranger is seen once its shard has adopted it.
    for (const Deadline deadline; all["total"] != 8 && !deadline.passed();)
        all = get_json(broker, "/connections");
    EXPECT_EQ(all["total"], 8);
    EXPECT_EQ(all["complete"], true);
    EXPECT_EQ(all["connections"].size(), 8U);
    int logged_in = 0;
    std::set<std::string> addresses;
    for (const Json& row : all["connections"]) {
        addresses.insert(row["address"]);
        if (row["ident"] == "logger") {
            ++logged_in;
            EXPECT_EQ(row["state"], "ready");
            EXPECT_GE(row["subscriptions"], 1);
        } else {
            EXPECT_EQ(row["ident"], "");
            EXPECT_EQ(row["state"], "logging in");
        }
    }
    EXPECT_EQ(logged_in, 7);
    EXPECT_TRUE(addresses.contains(clients.front().local_address()));

    std::set<std::string> paged;
    for (int offset = 0; offset < 8; offset += 3) {
        const Json page =
            get_json(broker, "/connections?sort=age&limit=3&offset=" + std::to_string(offset));
        EXPECT_EQ(page["total"], 8);
        EXPECT_LE(page["connections"].size(), 3U);
        for (const Json& row : page["connections"])
            paged.insert(row["address"]);
    }
    EXPECT_EQ(paged, addresses);
    EXPECT_EQ(get_json(broker, "/connections?offset=100")["connections"].size(), 0U);
}

TEST(Details, AreFilledPieceByPieceWhereThereAreMany) {
    const BrokerProcess broker(with_details());
    std::vector<WireClient> clients;  // more than one message asks for
    for (int i = 0; i < 600; ++i)
        clients.emplace_back(broker.address(), logger);
    clients.back().settle();
    const Json all = get_json(broker, "/connections?limit=1000");
    EXPECT_EQ(all["total"], 600);
    EXPECT_EQ(all["connections"].size(), 600U);
    clients.clear();
    Json overview;
    for (const Deadline deadline; !deadline.passed();) {
        overview = get_json(broker, "/overview");
        if (overview["connections"] == 0) break;
    }
    EXPECT_EQ(get_json(broker, "/connections")["total"], 0);
    EXPECT_EQ(overview["accepted"], 600);
}

TEST(Details, SumWhatIdentsAndChannelsCarry) {
    const BrokerProcess broker(with_details({"--threads", "2"}));
    WireClient listener(broker.address(), logger);
    listener.subscribe("events");
    listener.settle();
    WireClient publisher(broker.address(), sensor);
    publisher.settle();
    publisher.publish("events", "12345");
    publisher.publish("events", "67890");
    listener.expect_message();
    listener.expect_message();
    WireClient wrong(broker.address(), Login{"sensor", "wrong"});
    wrong.expect_refusal("Authentication failed for sensor");

    const Json channels = get_json(broker, "/channels?sort=channel");
    Json events;
    for (const Json& row : channels["channels"])
        if (row["channel"] == "events") events = row;
    EXPECT_EQ(events["published_messages"], 2);
    EXPECT_EQ(events["published_bytes"], 10);
    EXPECT_EQ(events["publishers"], 1);
    EXPECT_EQ(events["subscriptions"], 1);

    const Json idents = get_json(broker, "/idents");
    Json sender;
    for (const Json& row : idents["idents"])
        if (row["ident"] == "sensor") sender = row;
    EXPECT_EQ(sender["connections"], 1);
    EXPECT_GE(sender["published_messages"], 2);
    EXPECT_GT(sender["received_bytes"], 10);
    EXPECT_EQ(sender["refusals"]["wrong-secret"], 1);

    const Json overview = get_json(broker, "/overview");
    EXPECT_EQ(overview["shards"], 2);
    EXPECT_EQ(overview["refusals"]["wrong-secret"], 1);
    EXPECT_GT(overview["memory_bytes_max"], 0);
    EXPECT_GE(overview["seconds"], 0.0);
}

TEST(Details, NeverHoldASecretAndSurviveNamesThatAreNoText) {
    BrokerSetup setup = with_details();
    const std::string name = "\x1b[2J\n\"<b>";
    setup.keys.push_back({name, "hush", "owner", {"events"}, {"events"}});
    const BrokerProcess broker(setup);
    WireClient client(broker.address(), Login{name, "hush"});
    client.subscribe("events");
    WireClient stranger(broker.address(), Login{"\xff\xfe", "x"});
    stranger.expect_refusal("Authentication failed for \xff\xfe");
    for (const char* page : {"/overview", "/connections", "/idents", "/channels"}) {
        const std::string answer = get(broker, page);
        EXPECT_THAT(answer, StartsWith("HTTP/1.1 200")) << page;
        EXPECT_THAT(answer, Not(HasSubstr("hush"))) << page;
        EXPECT_THAT(answer, Not(HasSubstr("-secret\""))) << page << ": values, not reasons";
        EXPECT_THAT(answer, Not(HasSubstr("\x1b"))) << page;
    }
}

TEST(Details, RefuseWhatTheyDoNotKnow) {
    const BrokerProcess broker(with_details());
    EXPECT_THAT(get(broker, "/idents?limit=0"), StartsWith("HTTP/1.1 400"));
    EXPECT_THAT(get(broker, "/idents?limit=0"), HasSubstr("give a number from 1 to 1000"));
    EXPECT_THAT(get(broker, "/channels?sort=secret"), HasSubstr("give one of messages"));
    EXPECT_THAT(get(broker, "/connections?x=1"), HasSubstr("there are limit, offset and sort"));
}

}  // namespace
}  // namespace hpfeeds::support
