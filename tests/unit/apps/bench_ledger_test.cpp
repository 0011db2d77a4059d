// SPDX-License-Identifier: Apache-2.0
#include "bench_ledger.hpp"

#include <gtest/gtest.h>

namespace hpfeeds::cli::bench {
namespace {

using Verdict = Ledger::Verdict;

TEST(BenchLedger, LosesNothingInOrder) {
    Ledger ledger;
    for (std::uint64_t number = 1; number <= 10; ++number)
        EXPECT_EQ(ledger.receive(number), Verdict::in_order);
    EXPECT_EQ(ledger.lost(10), 0U);
    EXPECT_EQ(ledger.lost(12), 2U);
}

TEST(BenchLedger, CountsWhatIsMissing) {
    Ledger ledger;
    EXPECT_EQ(ledger.receive(3), Verdict::in_order);
    EXPECT_EQ(ledger.receive(4), Verdict::in_order);
    EXPECT_EQ(ledger.receive(8), Verdict::in_order);
    EXPECT_EQ(ledger.lost(8), 5U);
}

TEST(BenchLedger, TellsLateFromTwice) {
    Ledger ledger;
    EXPECT_EQ(ledger.receive(1), Verdict::in_order);
    EXPECT_EQ(ledger.receive(1), Verdict::duplicated);
    EXPECT_EQ(ledger.receive(6), Verdict::in_order);
    EXPECT_EQ(ledger.receive(4), Verdict::reordered);  // in the middle of a hole
    EXPECT_EQ(ledger.receive(4), Verdict::duplicated);
    EXPECT_EQ(ledger.receive(2), Verdict::reordered);  // at its begin
    EXPECT_EQ(ledger.receive(5), Verdict::reordered);  // at its end
    EXPECT_EQ(ledger.receive(6), Verdict::duplicated);
    EXPECT_EQ(ledger.lost(6), 1U);  // 3
    EXPECT_EQ(ledger.receive(3), Verdict::reordered);
    EXPECT_EQ(ledger.lost(6), 0U);
}

TEST(BenchLedger, CountsLossesBeyondTheHolesItRemembers) {
    Ledger ledger;
    const std::uint64_t last = 4 * Ledger::holes_max;
    for (std::uint64_t number = 2; number <= last; number += 2)
        static_cast<void>(ledger.receive(number));
    EXPECT_EQ(ledger.lost(last), last / 2);
}

}  // namespace
}  // namespace hpfeeds::cli::bench
