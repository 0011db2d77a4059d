// SPDX-License-Identifier: Apache-2.0
#include "auth/account_rules.hpp"

#include "auth/limits.hpp"
#include "unit/auth/account_builder.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace hpfeeds::auth {
namespace {

using testing::HasSubstr;
using tests::account_of;

TEST(AccountRules, AcceptTheLongestAndTheOddest) {
    EXPECT_EQ(fault_of_ident(std::string(255, 'i')), "");
    EXPECT_EQ(fault_of_ident(std::string("\0'\"; --\xFF", 8)), "");
    EXPECT_EQ(fault_of_channel(""), "");
    EXPECT_EQ(fault_of_channel(std::string(255, 'c')), "");
    EXPECT_EQ(fault_of(account_of("i", std::string(secret_bytes_max, 's'), {"a"}, {"b"})), "");
}

TEST(AccountRules, RefuseAnEmptyOrTooLongIdent) {
    EXPECT_THAT(fault_of_ident(""), HasSubstr("is empty"));
    EXPECT_THAT(fault_of_ident(std::string(256, 'i')), HasSubstr("256 bytes"));
    EXPECT_THAT(fault_of(account_of("")), HasSubstr("ident is empty"));
}

TEST(AccountRules, RefuseAnEmptySecret) {
    EXPECT_THAT(fault_of(account_of("i", "")), HasSubstr("\"secret\" is empty"));
}

TEST(AccountRules, RefuseATooLongSecretWithoutTellingIt) {
    const std::string fault = fault_of(account_of("i", std::string(secret_bytes_max + 1, 's')));
    EXPECT_THAT(fault, HasSubstr("65537 bytes"));
    EXPECT_EQ(fault.find("sss"), std::string::npos);
}

TEST(AccountRules, RefuseATooLongOwner) {
    core::Account account = account_of("i");
    account.owner.assign(owner_bytes_max + 1, 'o');
    EXPECT_THAT(fault_of(account), HasSubstr("\"owner\" has 4097 bytes"));
}

TEST(AccountRules, RefuseATooLongChannelInEitherList) {
    const std::string channel(256, 'c');
    EXPECT_THAT(fault_of(account_of("i", "s", {channel}, {})), HasSubstr("\"pubchans\""));
    EXPECT_THAT(fault_of(account_of("i", "s", {}, {channel})), HasSubstr("\"subchans\""));
}

TEST(AccountRules, RefuseTooManyChannels) {
    std::vector<std::string> names;
    for (std::size_t name = 0; name <= channels_max; ++name)
        names.push_back(std::to_string(name));
    EXPECT_THAT(fault_of(account_of("i", "s", names)), HasSubstr("more than 131072 channels"));
}

TEST(JsonChannels, AreReadAndWritten) {
    std::vector<std::string> names;
    EXPECT_EQ(read_json_channels(R"( ["b", "a", "\u00fc"] )", names), "");
    EXPECT_THAT(names, testing::ElementsAre("b", "a", "\xC3\xBC"));
    EXPECT_EQ(channels_as_json(core::ChannelList(names)), "[\"a\",\"b\",\"\xC3\xBC\"]");
    EXPECT_EQ(read_json_channels("[]", names), "");
    EXPECT_TRUE(names.empty());
}

TEST(JsonChannels, RefuseWhatIsNoListOfNames) {
    std::vector<std::string> names;
    EXPECT_THAT(read_json_channels("", names), HasSubstr("is not JSON"));
    EXPECT_THAT(read_json_channels("chan1,chan2", names), HasSubstr("is not JSON"));
    EXPECT_THAT(read_json_channels("[\"a\",]", names), HasSubstr("is not JSON"));
    EXPECT_THAT(read_json_channels("[\"\xFF\"]", names), HasSubstr("is not JSON"));
    EXPECT_THAT(read_json_channels("\"chan\"", names), HasSubstr("a JSON string, not a list"));
    EXPECT_THAT(read_json_channels("{\"a\":1}", names), HasSubstr("a JSON object, not a list"));
    EXPECT_THAT(read_json_channels("null", names), HasSubstr("a JSON null, not a list"));
    EXPECT_THAT(read_json_channels("[\"a\", 7]", names), HasSubstr("lists a number"));
    EXPECT_THAT(read_json_channels('[' + std::string(json_list_bytes_max, ' ') + ']', names),
                HasSubstr("more than the 1048576"));
}

TEST(JsonChannels, CannotHoldWhatIsNotUtf8) {
    EXPECT_EQ(fault_of_json_text(core::ChannelList({"good"}), "pubchans"), "");
    EXPECT_THAT(fault_of_json_text(core::ChannelList({"bad\xFF"}), "pubchans"),
                HasSubstr("\"bad\\xff\", which is not UTF-8"));
}

}  // namespace
}  // namespace hpfeeds::auth
