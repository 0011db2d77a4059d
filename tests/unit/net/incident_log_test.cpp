// SPDX-License-Identifier: Apache-2.0
#include "net/incident_log.hpp"

#include <gtest/gtest.h>

#include <mutex>
#include <string>
#include <vector>

namespace hpfeeds::net {
namespace {

using core::CloseReason;
using core::Incident;

class IncidentLogTest : public ::testing::Test {
protected:
    IncidentLogTest() {
        log::start(log::Level::debug, log::Format::text, [this](std::string_view line) {
            const std::lock_guard held(lock);
            collected_.emplace_back(line);
        });
    }
    ~IncidentLogTest() override { log::stop(); }
    std::vector<std::string> written() {
        log::stop();
        return collected_;
    }
    static Incident refusal(CloseReason reason) {
        Incident incident;
        incident.reason = reason;
        incident.ident = "sensor";
        incident.channel = "chan";
        return incident;
    }
    IncidentLog incidents;
    core::Instant now{std::chrono::hours(1)};
    std::mutex lock;
    std::vector<std::string> collected_;
};

TEST_F(IncidentLogTest, SaysWhoFromWhereWhichChannelAndWhy) {
    incidents.write(refusal(CloseReason::no_publish_permission), Address{}, {}, now);
    const auto lines = written();
    ASSERT_EQ(lines.size(), 1U);
    for (const char* part : {"publish refused", "peer=0.0.0.0:0", "ident=sensor", "channel=chan",
                             "reason=no-publish-permission", "why="})
        EXPECT_NE(lines[0].find(part), std::string::npos) << lines[0];
}

TEST_F(IncidentLogTest, EveryReasonHasALine) {
    for (std::size_t i = 0; i < core::close_reason_count; ++i)
        incidents.write(refusal(static_cast<CloseReason>(i)), Address{}, {}, now);
    EXPECT_EQ(written().size(), core::close_reason_count);
}

TEST_F(IncidentLogTest, AProtocolErrorSaysWhichOne) {
    Incident incident = refusal(CloseReason::protocol_error);
    incident.refusal = wire::Refusal::empty_body;
    incidents.write(incident, Address{}, {}, now);
    EXPECT_NE(written()[0].find("reason=empty-body"), std::string::npos);
}

TEST_F(IncidentLogTest, HoldsBackAFloodAndSaysHowMuch) {
    for (int i = 0; i < 1000; ++i)
        incidents.write(refusal(CloseReason::wrong_secret), Address{}, {}, now);
    incidents.write(refusal(CloseReason::unknown_ident), Address{}, {}, now);
    now += std::chrono::seconds(1);
    incidents.write(refusal(CloseReason::wrong_secret), Address{}, {}, now);
    const auto lines = written();
    EXPECT_LT(lines.size(), 50U);
    EXPECT_NE(lines.back().find("similar_lines_held_back=9"), std::string::npos) << lines.back();
    EXPECT_NE(lines[lines.size() - 2].find("unknown-ident"), std::string::npos)
        << "another reason has its own limit";
}

}  // namespace
}  // namespace hpfeeds::net
