// SPDX-License-Identifier: Apache-2.0
#include "hide_secrets.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace hpfeeds {
namespace {

// As /proc/PID/cmdline and ps show them: the memory of the arguments, NULs and all.
std::vector<std::string> shown(std::vector<std::string> words) {
    std::vector<char*> pointers;
    for (std::string& word : words)
        pointers.push_back(word.data());
    hide_secrets(static_cast<int>(pointers.size()), pointers.data());
    for (std::string& word : words) {
        EXPECT_EQ(word.find_first_not_of('\0', word.find('\0')), std::string::npos);
        word.resize(word.find_last_not_of('\0') + 1);
    }
    return words;
}

using Words = std::vector<std::string>;

TEST(HideSecrets, HidesWhatFollowsASecretOption) {
    EXPECT_EQ(shown({"hpfeeds", "publish", "-i", "me", "-s", "hunter2", "-c", "x"}),
              (Words{"hpfeeds", "publish", "-i", "me", "-s", "*", "-c", "x"}));
    EXPECT_EQ(shown({"hpfeeds", "-shunter2", "--secret=hunter2", "--secret", "hunter2"}),
              (Words{"hpfeeds", "-s*", "--secret=*", "--secret", "*"}));
    EXPECT_EQ(shown({"hpfeeds", "--secret"}), (Words{"hpfeeds", "--secret"}));
    EXPECT_EQ(shown({"hpfeeds", "--secret", "", "--secret="}),
              (Words{"hpfeeds", "--secret", "", "--secret="}));
}

TEST(HideSecrets, LeavesTheRestAlone) {
    const Words words{"hpfeeds",       "--secret-file", "path",         "--secret-stdin",
                      "--slow-policy", "a:b@c",         "http://host/", "x://y@z/?a=b"};
    EXPECT_EQ(shown(words), words);
}

TEST(HideSecrets, HidesPasswordsInUrls) {
    EXPECT_EQ(shown({"b", "mongodb://me:hunter2@h:1/db?collection=x"})[1],
              "mongodb://me:*@h:1/db?collection=x");
    EXPECT_EQ(shown({"b", "--auth=database+mysql://me:hunter2@h/db"})[1],
              "--auth=database+mysql://me:*@h/db");
    EXPECT_EQ(shown({"b", "mongodb://me:hun/t@e?r:2@h/db"})[1], "mongodb://me:*@h/db");
    EXPECT_EQ(shown({"b", "mongodb://me:@h/db"})[1], "mongodb://me:@h/db");
}

TEST(HideSecrets, HidesOptionsOfUrlsThatSoundSecret) {
    EXPECT_EQ(shown({"b", "mongodb://h/db?a=b&tlsCertificateKeyFilePassword=hunter2&c=d"})[1],
              "mongodb://h/db?a=b&tlsCertificateKeyFilePassword=*&c=d");
    EXPECT_EQ(shown({"b", "mongodb://m:p@h/db?authMechanismProperties=AWS_SESSION_TOKEN:x&c=d"})[1],
              "mongodb://m:*@h/db?authMechanismProperties=*&c=d");
}

TEST(HideSecrets, CensorsAComplaint) {
    EXPECT_EQ(without_url_secrets("'mongodb://me:hunter2@h/db' is not a flag"),
              "'mongodb://me:*@h/db' is not a flag");
    EXPECT_EQ(without_url_secrets("nothing to hide"), "nothing to hide");
}

}  // namespace
}  // namespace hpfeeds
