// SPDX-License-Identifier: Apache-2.0
#include "auth/chain.hpp"

#include "auth/env_source.hpp"
#include "unit/auth/account_builder.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

namespace hpfeeds::auth {
namespace {

using tests::ScriptedSource;
using tests::shared_account_of;

Lookup absent(std::string_view) {
    return Lookup::absent();
}
Lookup broken(std::string_view) {
    return Lookup::unavailable("the disk is on fire");
}
Lookup unexplained(std::string_view) {
    return Lookup::unavailable({});
}
Lookup found(std::string_view ident) {
    return Lookup::found(shared_account_of(std::string(ident)));
}

// A chain of such sources, and a view of each.
struct Built {
    explicit Built(std::vector<Lookup (*)(std::string_view)> answers) {
        std::vector<std::unique_ptr<AccountSource>> sources;
        for (const auto answer : answers) {
            auto source =
                std::make_unique<ScriptedSource>("store" + std::to_string(views.size()), answer);
            views.push_back(source.get());
            sources.push_back(std::move(source));
        }
        chain = std::make_unique<Chain>(std::move(sources));
    }
    std::vector<ScriptedSource*> views;
    std::unique_ptr<Chain> chain;
};

TEST(Chain, TheFirstThatKnowsTheIdentDecides) {
    Built built({absent, found, found});
    const Lookup lookup = built.chain->find("bob");
    ASSERT_EQ(lookup.status, Lookup::Status::found);
    EXPECT_EQ(lookup.account->ident, "bob");
    EXPECT_EQ(built.views[0]->asked(), 1);
    EXPECT_EQ(built.views[1]->asked(), 1);
    EXPECT_EQ(built.views[2]->asked(), 0);
}

TEST(Chain, MarksWhatIsFoundBehindAStoreThatCouldNotTell) {
    Built built({absent, broken, found});
    EXPECT_TRUE(built.chain->find("bob").degraded);
    EXPECT_FALSE(Built({absent, found, broken}).chain->find("bob").degraded);
}

TEST(Chain, TellsChangesOnlyWhenAllItsStoresDo) {
    std::vector<std::unique_ptr<AccountSource>> sources;
    sources.push_back(std::make_unique<EnvSource>(Environment{}));
    EXPECT_TRUE(Chain(std::move(sources)).tells_changes());
    sources.clear();
    sources.push_back(std::make_unique<EnvSource>(Environment{}));
    sources.push_back(std::make_unique<ScriptedSource>("silent", absent));
    EXPECT_FALSE(Chain(std::move(sources)).tells_changes());
}

TEST(Chain, AllAbsentIsAbsent) {
    Built built({absent, absent});
    EXPECT_EQ(built.chain->find("bob").status, Lookup::Status::absent);
    EXPECT_EQ(built.chain->unavailable_count(), 0U);
}

TEST(Chain, WithoutSourcesKnowsNobody) {
    EXPECT_EQ(Built({}).chain->find("bob").status, Lookup::Status::absent);
}

TEST(Chain, PassesOverASourceThatCannotTell) {
    Built built({broken, found});
    EXPECT_EQ(built.chain->find("bob").status, Lookup::Status::found);
    EXPECT_EQ(built.chain->unavailable_count(), 1U);
}

TEST(Chain, NeverCallsAnUnknownStateAbsent) {
    Built built({broken, absent, broken});
    const Lookup lookup = built.chain->find("bob");
    EXPECT_EQ(lookup.status, Lookup::Status::unavailable);
    EXPECT_EQ(lookup.reason, "the disk is on fire; the disk is on fire");
    EXPECT_EQ(built.chain->unavailable_count(), 2U);
    EXPECT_EQ(Built({unexplained, absent}).chain->find("bob").status, Lookup::Status::unavailable);
}

TEST(Chain, NamesItsSources) {
    EXPECT_EQ(Built({absent, found}).chain->name(), "store0, store1");
}

TEST(Chain, CountsForAllThreads) {
    Built built({broken});
    std::vector<std::thread> threads;
    for (int thread = 0; thread < 4; ++thread)
        threads.emplace_back([&] {
            for (int turn = 0; turn < 500; ++turn)
                EXPECT_EQ(built.chain->find("bob").status, Lookup::Status::unavailable);
        });
    for (std::thread& thread : threads)
        thread.join();
    EXPECT_EQ(built.chain->unavailable_count(), 2000U);
}

}  // namespace
}  // namespace hpfeeds::auth
