// SPDX-License-Identifier: Apache-2.0
#include "auth/env_source.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>

namespace hpfeeds::auth {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

TEST(EnvSource, FindsAKeyByItsIdentInUpperCase) {
    EnvSource source({{"HPFEEDS_JAMES_SECRET", "secret"},
                      {"HPFEEDS_JAMES_OWNER", "ministry"},
                      {"HPFEEDS_JAMES_PUBCHANS", "b,a"},
                      {"HPFEEDS_JAMES_SUBCHANS", "test-chan"}});
    const Lookup lookup = source.find("james");
    ASSERT_EQ(lookup.status, Lookup::Status::found);
    EXPECT_EQ(lookup.account->ident, "james");
    EXPECT_EQ(lookup.account->secret, "secret");
    EXPECT_EQ(lookup.account->owner, "ministry");
    EXPECT_THAT(lookup.account->pubchans.names(), ElementsAre("a", "b"));
    EXPECT_THAT(lookup.account->subchans.names(), ElementsAre("test-chan"));
    EXPECT_EQ(source.find("JAMES").account->ident, "JAMES");
    EXPECT_EQ(source.name(), "env");
}

TEST(EnvSource, FillsInWhatIsNotGiven) {
    EnvSource source({{"HPFEEDS_TEST_SECRET", "s"}, {"HPFEEDS_TEST_OWNER", ""}});
    const Lookup lookup = source.find("test");
    ASSERT_EQ(lookup.status, Lookup::Status::found);
    EXPECT_EQ(lookup.account->owner, "test");
    EXPECT_THAT(lookup.account->pubchans.names(), IsEmpty());
    EXPECT_THAT(lookup.account->subchans.names(), IsEmpty());
}

TEST(EnvSource, EmptyListsAndPiecesNameNoChannel) {
    EnvSource source(
        {{"HPFEEDS_A_SECRET", "s"}, {"HPFEEDS_A_PUBCHANS", ""}, {"HPFEEDS_A_SUBCHANS", ",x,,y,"}});
    EXPECT_THAT(source.find("a").account->pubchans.names(), IsEmpty());
    EXPECT_FALSE(source.find("a").account->pubchans.contains(""));
    EXPECT_THAT(source.find("a").account->subchans.names(), ElementsAre("x", "y"));
}

TEST(EnvSource, TrimsNothing) {
    EnvSource source({{"HPFEEDS_A_SECRET", " s "}, {"HPFEEDS_A_PUBCHANS", "x, y"}});
    EXPECT_EQ(source.find("a").account->secret, " s ");
    EXPECT_THAT(source.find("a").account->pubchans.names(), ElementsAre(" y", "x"));
}

TEST(EnvSource, KnowsNobodyWithoutASecret) {
    EnvSource source({{"HPFEEDS_A_PUBCHANS", "x"}, {"HPFEEDS_B_SECRET", ""}});
    EXPECT_EQ(source.find("a").status, Lookup::Status::absent);
    EXPECT_EQ(source.find("b").status, Lookup::Status::absent);
    EXPECT_EQ(source.find("c").status, Lookup::Status::absent);
}

TEST(EnvSource, KnowsNobodyByAHostileIdent) {
    EnvSource source({{"HPFEEDS__SECRET", "s"}, {"HPFEEDS_A_SECRET", "s"}, {"PATH", "/bin"}});
    EXPECT_EQ(source.find("").status, Lookup::Status::absent);
    EXPECT_EQ(source.find(std::string("a\0", 2)).status, Lookup::Status::absent);
    EXPECT_EQ(source.find("a_SECRET=").status, Lookup::Status::absent);
    EXPECT_EQ(source.find("\xFF'\"").status, Lookup::Status::absent);
    EXPECT_EQ(source.find(std::string(256, 'a')).status, Lookup::Status::absent);
}

TEST(EnvSource, TakesIdentsAndSecretsAsBytes) {
    EnvSource source(Environment{{"HPFEEDS_F\xFCHLER_SECRET", "\xFF\xFE"}});
    const Lookup lookup = source.find("f\xFChler");
    ASSERT_EQ(lookup.status, Lookup::Status::found);
    EXPECT_EQ(lookup.account->secret, "\xFF\xFE");
}

TEST(EnvSource, ReadsThisProcessOnceAndForAll) {
    ASSERT_EQ(::setenv("HPFEEDS_UNITTEST_SECRET", "first=1", 1), 0);
    EnvSource source = EnvSource::of_this_process();
    ASSERT_EQ(::setenv("HPFEEDS_UNITTEST_SECRET", "second", 1), 0);
    const Lookup lookup = source.find("unittest");
    ASSERT_EQ(::unsetenv("HPFEEDS_UNITTEST_SECRET"), 0);
    ASSERT_EQ(lookup.status, Lookup::Status::found);
    EXPECT_EQ(lookup.account->secret, "first=1");
}

TEST(EnvSource, ListsEveryKeyWithASecretInCapitals) {
    EnvSource source(Environment{{"HPFEEDS_JAMES_SECRET", "s"},
                                 {"HPFEEDS_JAMES_PUBCHANS", "a,b"},
                                 {"HPFEEDS_AB_C_SECRET", "t"},
                                 {"HPFEEDS_EMPTY_SECRET", ""},
                                 {"HPFEEDS_lower_SECRET", "u"},
                                 {"HPFEEDS_OTHER_PUBCHANS", "a"},
                                 {"HPFEEDS_SECRET", "the client's"},
                                 {"HPFEEDS__SECRET", "nobody's"}});
    const auto accounts = source.list();
    ASSERT_EQ(accounts.size(), 2U);
    EXPECT_EQ(accounts[0].ident, "AB_C");
    EXPECT_EQ(accounts[1].ident, "JAMES");
    EXPECT_THAT(accounts[1].pubchans.names(), ElementsAre("a", "b"));
}

}  // namespace
}  // namespace hpfeeds::auth
