// SPDX-License-Identifier: Apache-2.0
#include "config/settings.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace hpfeeds::config {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

const std::vector<Settable> all{
    {"endpoint", Settable::Kind::many, "", "ENDPOINT", "", {}},
    {"max-queue", Settable::Kind::one, "", "SIZE", "", {}},
    {"debug", Settable::Kind::yes_no, "", "", "", {"log-level"}},
    {"log-level", Settable::Kind::one, "", "LEVEL", "", {"debug"}},
};

Gathered gathered(Settings given, const Environment& environment, std::string_view file) {
    return gather(all, std::move(given), environment, parse_settings(file, "b.toml"), "b.toml");
}

std::vector<std::string> faults(const Environment& environment, std::string_view file) {
    return gathered({}, environment, file).faults;
}

Setting given(std::string value) {
    return {Source::command_line, {std::move(value)}, {}};
}

TEST(Settings, HearsTheCommandLineThenTheEnvironmentThenTheFile) {
    const Environment environment{{"HPFEEDS_BROKER_MAX_QUEUE", "2M"},
                                  {"HPFEEDS_BROKER_LOG_LEVEL", "error"}};
    const Gathered all_three = gathered({{"max-queue", given("1M")}}, environment,
                                        "max-queue = \"3M\"\n"
                                        "log-level = \"info\"\n"
                                        "endpoint = [\"tcp:port=1\",\n\"tcp:port=2\"]\n");
    EXPECT_THAT(all_three.faults, IsEmpty());
    EXPECT_THAT(all_three.settings.at("max-queue").values, ElementsAre("1M"));
    EXPECT_THAT(all_three.settings.at("log-level").values, ElementsAre("error"));
    EXPECT_THAT(all_three.settings.at("endpoint").values, ElementsAre("tcp:port=1", "tcp:port=2"));
    EXPECT_EQ(all_three.settings.at("endpoint").place_of("tcp:port=2"), "b.toml:4");
}

TEST(Settings, DoesNotAddListsUp) {
    const Gathered both =
        gathered({{"endpoint", given("tcp:port=1")}}, {}, "endpoint = \"tcp:port=2\"");
    EXPECT_THAT(both.settings.at("endpoint").values, ElementsAre("tcp:port=1"));
}

TEST(Settings, SplitsAListOfTheEnvironmentAtBlanks) {
    const Gathered heard =
        gathered({}, {{"HPFEEDS_BROKER_ENDPOINT", " tcp:port=1\n tcp:port=2 "}}, "");
    EXPECT_THAT(heard.settings.at("endpoint").values, ElementsAre("tcp:port=1", "tcp:port=2"));
}

TEST(Settings, TakesAnEmptyVariableForNone) {
    EXPECT_THAT(gathered({}, {{"HPFEEDS_BROKER_MAX_QUEUE", ""}}, "").settings, IsEmpty());
}

TEST(Settings, TakesTheUsualWordsForYesAndNoInTheEnvironment) {
    for (const char* yes : {"true", "1", "yes", "on"})
        EXPECT_THAT(gathered({}, {{"HPFEEDS_BROKER_DEBUG", yes}}, "").settings.at("debug").values,
                    ElementsAre("true"));
    for (const char* no : {"false", "0", "no", "off"})
        EXPECT_THAT(gathered({}, {{"HPFEEDS_BROKER_DEBUG", no}}, "").settings.at("debug").values,
                    ElementsAre("false"));
    EXPECT_THAT(faults({{"HPFEEDS_BROKER_DEBUG", "maybe"}}, ""),
                ElementsAre("HPFEEDS_BROKER_DEBUG 'maybe': write true or false"));
}

TEST(Settings, RefusesUnknownKeysWithTheNearestName) {
    EXPECT_THAT(faults({}, "\nmax-qeue = \"1M\""),
                ElementsAre("b.toml:2: unknown key 'max-qeue'; did you mean max-queue?"));
    EXPECT_THAT(faults({}, "max_queue = \"1M\""),
                ElementsAre(HasSubstr("did you mean max-queue?")));
    EXPECT_THAT(faults({}, "frobnicate = 1"),
                ElementsAre(HasSubstr("the keys are the flags of hpfeeds-broker --help")));
    EXPECT_THAT(faults({}, "config = \"b.toml\""),
                ElementsAre(HasSubstr("a configuration file names no other")));
    EXPECT_THAT(faults({}, std::string(100'000, 'a') + " = 1"),
                ElementsAre(HasSubstr("unknown key")));
}

TEST(Settings, RefusesWrongTypes) {
    EXPECT_THAT(faults({}, "debug = \"true\""),
                ElementsAre("b.toml:1: debug wants true or false, without quotes, not 'true'"));
    EXPECT_THAT(faults({}, "debug = 1"), ElementsAre(HasSubstr("wants true or false")));
    EXPECT_THAT(faults({}, "debug = [true]"), ElementsAre(HasSubstr("not a list")));
    EXPECT_THAT(faults({}, "max-queue = [\"1M\"]"),
                ElementsAre("b.toml:1: max-queue wants one value, not a list"));
    EXPECT_THAT(faults({}, "max-queue = true"),
                ElementsAre("b.toml:1: max-queue wants a value of the form SIZE in quotes, not "
                            "'true'"));
    EXPECT_THAT(faults({}, "endpoint = 20000"),
                ElementsAre("b.toml:1: endpoint wants texts in quotes, not 20000"));
    EXPECT_THAT(faults({}, "endpoint = [true]"), ElementsAre(HasSubstr("not true")));
    EXPECT_THAT(faults({}, "endpoint = []"), ElementsAre(HasSubstr("an empty list")));
}

TEST(Settings, TellsEveryFaultAtOnce) {
    EXPECT_EQ(faults({{"HPFEEDS_BROKER_DEBUG", "x"}}, "a = 1\nb = 2\ndebug = 3").size(), 4u);
}

TEST(Settings, RefusesBothOfAPairInOnePlace) {
    EXPECT_THAT(
        faults({}, "debug = true\n\nlog-level = \"error\""),
        ElementsAre("b.toml:1 and b.toml:3: debug and log-level exclude each other; keep one "
                    "of them"));
    EXPECT_THAT(faults({{"HPFEEDS_BROKER_DEBUG", "1"}, {"HPFEEDS_BROKER_LOG_LEVEL", "info"}}, ""),
                ElementsAre(HasSubstr("exclude each other")));
    EXPECT_THAT(faults({}, "debug = false\nlog-level = \"error\""), IsEmpty());
}

TEST(Settings, HearsOneOfAPairFirst) {
    const Gathered heard = gathered({{"debug", given("true")}}, {}, "log-level = \"error\"");
    EXPECT_THAT(heard.faults, IsEmpty());
    EXPECT_EQ(heard.settings.count("log-level"), 0u);
    EXPECT_EQ(gathered({{"debug", given("false")}}, {}, "log-level = \"error\"")
                  .settings.count("log-level"),
              1u);
}

TEST(Settings, NotesVariablesThatAreNearlyOurs) {
    const Gathered heard = gathered({},
                                    {{"HPFEEDS_BROKER_MAX_QEUE", "1M"},
                                     // A key of the env store, and what Kubernetes says of a
                                     // service that is called hpfeeds-broker.
                                     {"HPFEEDS_BROKER_SECRET", "s"},
                                     {"HPFEEDS_BROKER_DEBUGX_SECRET", "s"},
                                     {"HPFEEDS_BROKER_PORT", "tcp://10.0.0.1:20000"},
                                     {"HPFEEDS_BROKER_PORT_20000_TCP", "tcp://10.0.0.1:20000"},
                                     {"HPFEEDS_BROKER_SERVICE_HOST", "10.0.0.1"},
                                     {"HPFEEDS_MAX_QEUE", "1M"}},
                                    "");
    EXPECT_THAT(heard.faults, IsEmpty());
    EXPECT_THAT(heard.notes, ElementsAre("HPFEEDS_BROKER_MAX_QEUE names no flag; did you mean "
                                         "HPFEEDS_BROKER_MAX_QUEUE?"));
    EXPECT_THAT(heard.settings, IsEmpty());
}

}  // namespace
}  // namespace hpfeeds::config
