// SPDX-License-Identifier: Apache-2.0
#include "core/name_table.hpp"

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <random>
#include <string>

namespace hpfeeds::core {
namespace {

struct Thing {
    std::string name;
    [[nodiscard]] std::string_view key() const { return name; }
};

TEST(NameTable, FindsNothingWhenEmpty) {
    const NameTable<Thing> table;
    EXPECT_EQ(table.find("x"), nullptr);
    EXPECT_EQ(table.count(), 0U);
}

TEST(NameTable, TellsNamesApartThatShareABeginning) {
    NameTable<Thing> table;
    Thing a{"cowrie.sessions"};
    Thing b{"cowrie.sessions2"};
    Thing empty{""};
    table.insert(&a);
    table.insert(&b);
    table.insert(&empty);
    EXPECT_EQ(table.find("cowrie.sessions"), &a);
    EXPECT_EQ(table.find("cowrie.sessions2"), &b);
    EXPECT_EQ(table.find(""), &empty);
    EXPECT_EQ(table.find("cowrie"), nullptr);
}

// Erasing closes gaps in the probe sequence; a wrong gap loses somebody else's entry.
TEST(NameTable, AgreesWithAMap) {
    std::mt19937 random(7);
    NameTable<Thing> table;
    std::map<std::string, std::unique_ptr<Thing>> plain;
    for (int step = 0; step < 20'000; ++step) {
        const std::string name = "channel-" + std::to_string(random() % 300);
        if (const auto known = plain.find(name); known != plain.end()) {
            ASSERT_EQ(table.find(name), known->second.get());
            if (random() % 2) {
                table.erase(known->second.get());
                plain.erase(known);
            }
        } else {
            ASSERT_EQ(table.find(name), nullptr);
            auto added = std::make_unique<Thing>(Thing{name});
            table.insert(added.get());
            plain.emplace(name, std::move(added));
        }
        ASSERT_EQ(table.count(), plain.size());
    }
    for (const auto& [name, thing] : plain)
        EXPECT_EQ(table.find(name), thing.get());
    std::size_t visited = 0;
    table.for_each([&](Thing&) { ++visited; });
    EXPECT_EQ(visited, plain.size());
}

}  // namespace
}  // namespace hpfeeds::core
