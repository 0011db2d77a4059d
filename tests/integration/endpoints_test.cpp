// SPDX-License-Identifier: Apache-2.0
// What an endpoint may say beside its address: docs/operating/endpoints.md.
#include "support/broker_process.hpp"
#include "support/metrics_page.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace hpfeeds::support {
namespace {

// ---- allow=publish, allow=subscribe ----

// A push side, a pull side, and a push side with TLS.
BrokerSetup two_sides() {
    return {.arguments = {"--exporter", "127.0.0.1:0", "--threads", "2"},
            .endpoints = {any_port + ":allow=publish", any_port + ":allow=subscribe",
                          any_tls_port + ":allow=publish"},
            .listeners = 3};
}

class TwoSides : public testing::Test {
protected:
    static constexpr std::size_t push = 0, pull = 1, push_over_tls = 2;
    BrokerProcess broker_{two_sides()};
};

TEST_F(TwoSides, CarryEventsFromOneToTheOther) {
    WireClient listener(broker_.address(pull), both);
    WireClient plain(broker_.address(push), both);
    WireClient encrypted(broker_.address(push_over_tls), both);
    listener.subscribe("events");
    // A SUBSCRIBE has no acknowledgement: the first event is told until it is heard.
    while (!listener.poll_frame(std::chrono::milliseconds(20)))
        plain.publish("events", "is somebody there?");
    encrypted.publish("events", "over TLS");
    while (listener.expect_message().payload != "over TLS") {
    }
}

TEST_F(TwoSides, RefuseASubscriberOnThePushSide) {
    const MetricsPage metrics(broker_);
    for (const std::size_t side : {push, push_over_tls}) {
        WireClient client(broker_.address(side), both);
        client.subscribe("events");
        client.expect_refusal("Endpoint not allowed to sub here. ident=both, chan=events");
    }
    const LogLine line = broker_.wait_for_log({"subscribe refused"});
    EXPECT_EQ(line.field("ident"), "both");
    EXPECT_EQ(line.field("channel"), "events");
    EXPECT_EQ(line.field("reason"), "endpoint-publish-only");
    EXPECT_THAT(line.field("why"), testing::HasSubstr("allow=publish"));
    metrics.wait_for(R"(hpfeeds_broker_connections_closed_total{reason="endpoint-publish-only"})",
                     2);
    metrics.wait_for(
        R"(hpfeeds_broker_connection_error_total{ident="both",category="endpoint-publish-only"})",
        2);
}

TEST_F(TwoSides, RefuseAPublisherOnThePullSide) {
    const MetricsPage metrics(broker_);
    WireClient client(broker_.address(pull), both);
    client.publish("events", "x");
    client.expect_refusal("Endpoint not allowed to pub here. ident=both, chan=events");
    const LogLine line = broker_.wait_for_log({"publish refused"});
    EXPECT_EQ(line.field("reason"), "endpoint-subscribe-only");
    metrics.wait_for(R"(hpfeeds_broker_connections_closed_total{reason="endpoint-subscribe-only"})",
                     1);
}

}  // namespace
}  // namespace hpfeeds::support
