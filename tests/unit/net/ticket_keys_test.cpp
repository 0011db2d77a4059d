// SPDX-License-Identifier: Apache-2.0
#include "net/ticket_keys.hpp"

#include "unit/net/tls_pair.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <string>

namespace hpfeeds::net {
namespace {

using namespace testing;

class TicketKeysTest : public ::testing::Test {
protected:
    // The context's own keys give way to the ones under test.
    TicketKeysTest() : context(TlsContext::load(files_of(identity))) { keys.serve(context->get()); }

    std::string visit(const std::string& session = {}) {
        TlsPair pair(context, identity.certificate, {.session = session});
        EXPECT_EQ(pair.shake_hands(), Handshake::Step::done);
        resumed = pair.client->resumed();
        return pair.client->session();
    }

    Identity identity = make_identity();
    std::shared_ptr<const TlsContext> context;
    TicketKeys::Clock::time_point now = TicketKeys::Clock::now();
    TicketKeys keys{now};
    bool resumed = false;
};

TEST_F(TicketKeysTest, OpenWhatTheyHaveSealed) {
    visit(visit());
    EXPECT_TRUE(resumed);
}

TEST_F(TicketKeysTest, OpenTicketsOfTheKeyBefore) {
    const std::string old = visit();
    ASSERT_TRUE(keys.age(now + ticket_key_age));
    const std::string renewed = visit(old);
    EXPECT_TRUE(resumed);
    // The client has a ticket under the new key now, which goes on when the old key is gone.
    ASSERT_TRUE(keys.age(now + 2 * ticket_key_age));
    visit(old);
    EXPECT_FALSE(resumed);
    visit(renewed);
    EXPECT_TRUE(resumed);
}

TEST_F(TicketKeysTest, ForgetWhatIsTooOldAtOnce) {
    const std::string old = visit();
    ASSERT_TRUE(keys.age(now + 2 * ticket_key_age));
    visit(old);
    EXPECT_FALSE(resumed);
}

TEST_F(TicketKeysTest, StayWhileTheyAreYoung) {
    const std::string ticket = visit();
    ASSERT_TRUE(keys.age(now + ticket_key_age - std::chrono::seconds(1)));
    visit(ticket);
    EXPECT_TRUE(resumed);
}

}  // namespace
}  // namespace hpfeeds::net
