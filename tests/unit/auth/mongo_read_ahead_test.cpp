// SPDX-License-Identifier: Apache-2.0
#include "auth/mongo_read_ahead.hpp"

#include "unit/auth/account_builder.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

namespace hpfeeds::auth {
namespace {

using KeysRef = MongoReadAhead::KeysRef;

KeysRef keys_of(const char* ident) {
    auto keys = std::make_shared<MongoReadAhead::Keys>();
    keys->emplace(ident, Lookup::found(tests::shared_account_of(ident)));
    return keys;
}

TEST(MongoReadAhead, ReadsOnceForAllWhoAskMeanwhile) {
    constexpr int askers_count = 8;
    MongoReadAhead ahead;
    std::atomic<int> reads{0};
    std::atomic<int> asking{0};
    std::vector<std::thread> askers;
    for (int asker = 0; asker < askers_count; ++asker)
        askers.emplace_back([&] {
            asking.fetch_add(1);
            const KeysRef keys = ahead.keys([&] {
                reads.fetch_add(1);
                while (asking.load() < askers_count)
                    std::this_thread::yield();
                return keys_of("bob");
            });
            EXPECT_TRUE(keys && keys->contains("bob"));
        });
    for (std::thread& asker : askers)
        asker.join();
    EXPECT_EQ(reads.load(), 1);
}

TEST(MongoReadAhead, IsLeftAloneAfterItGaveNothing) {
    MongoReadAhead ahead;
    EXPECT_EQ(ahead.keys([] { return KeysRef(); }), nullptr);
    const auto never = []() -> KeysRef {
        ADD_FAILURE() << "read again at once";
        return nullptr;
    };
    EXPECT_EQ(ahead.keys(never), nullptr);
}

}  // namespace
}  // namespace hpfeeds::auth
