// SPDX-License-Identifier: Apache-2.0
#include "config/settings_file.hpp"

#include "config/limits.hpp"
#include "hpfeeds/error.hpp"
#include "support/temporary_directory.hpp"

#include <sys/stat.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace hpfeeds::config {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;
using testing::StartsWith;

std::string refusal(std::string_view text) {
    try {
        static_cast<void>(parse_settings(text, "b.toml"));
    } catch (const Error& error) {
        return error.what();
    }
    ADD_FAILURE() << "accepted: " << text;
    return {};
}

std::string value_of(std::string_view text) {
    const std::vector<FileSetting> settings = parse_settings(text, "b.toml");
    EXPECT_THAT(settings, SizeIs(1));
    EXPECT_THAT(settings.at(0).values, SizeIs(1));
    return settings.at(0).values.at(0).text;
}

TEST(SettingsFile, KnowsTheLineOfEachKeyAndValue) {
    const auto settings = parse_settings(
        "# a comment\n"
        "\n"
        "name = \"b\" # another\r\n"
        "\tauth = [ # first\n"
        "  \"env\",\n"
        "\n"
        "  'users.json', # a comma may follow the last\n"
        "]\n"
        "\"threads\" = 1_6\n"
        "debug=true",
        "b.toml");
    ASSERT_THAT(settings, SizeIs(4));
    EXPECT_EQ(settings[0].key, "name");
    EXPECT_EQ(settings[0].line, 3u);
    EXPECT_FALSE(settings[0].list);
    EXPECT_EQ(settings[1].key, "auth");
    EXPECT_EQ(settings[1].line, 4u);
    EXPECT_TRUE(settings[1].list);
    ASSERT_THAT(settings[1].values, SizeIs(2));
    EXPECT_EQ(settings[1].values[1].text, "users.json");
    EXPECT_EQ(settings[1].values[1].line, 7u);
    EXPECT_EQ(settings[2].key, "threads");
    EXPECT_EQ(settings[2].values[0].text, "16");
    EXPECT_EQ(settings[2].values[0].type, FileValue::Type::number);
    EXPECT_EQ(settings[3].line, 10u);
    EXPECT_EQ(settings[3].values[0].type, FileValue::Type::yes_no);
}

TEST(SettingsFile, IsNothingWhenEmpty) {
    EXPECT_THAT(parse_settings("", "b.toml"), IsEmpty());
    EXPECT_THAT(parse_settings("\n \t\r\n# only this", "b.toml"), IsEmpty());
    EXPECT_THAT(parse_settings("auth = []", "b.toml")[0].values, IsEmpty());
}

TEST(SettingsFile, ReadsTextAsTomlDoes) {
    EXPECT_EQ(value_of(R"(k = "a\"b\\c\t\u00e4\U0001F41D")"), "a\"b\\c\t\u00e4\U0001F41D");
    EXPECT_EQ(value_of(R"(k = 'tcp:interface=\:\:1:port=1')"), R"(tcp:interface=\:\:1:port=1)");
    EXPECT_EQ(value_of("k = \"\""), "");
    EXPECT_EQ(value_of("k = ''"), "");
    EXPECT_EQ(value_of("k = \"a # b\""), "a # b");
    EXPECT_EQ(value_of("k = \"\\u0000\""), std::string(1, '\0'));
}

TEST(SettingsFile, ReadsNumbersAsTomlDoes) {
    EXPECT_EQ(value_of("k = +5"), "5");
    EXPECT_EQ(value_of("k = -5"), "-5");
    EXPECT_EQ(value_of("k = 0"), "0");
    for (const char* text : {"k = 05", "k = 1__0", "k = _1", "k = 1_", "k = 0x10", "k = 1.5",
                             "k = 1e3", "k = -", "k = 64M", "k = 2026-01-01"})
        EXPECT_THAT(refusal(text), HasSubstr("in quotes, as in \"")) << text;
}

TEST(SettingsFile, WritesTextThatItReadsBack) {
    for (const std::string& text :
         {std::string("plain"), std::string(R"(a\:b)"), std::string("both \" and ' and \\"),
          std::string("\x01\x7F\n\t", 4), std::string(1, '\0'), std::string()})
        EXPECT_EQ(value_of("k = " + toml_text(text)), text);
}

TEST(SettingsFile, RefusesWithFileLineAndRemedy) {
    EXPECT_EQ(refusal("\nname = hpfeeds"),
              "b.toml:2: 'hpfeeds' is neither a whole number nor true or false; text is written in "
              "quotes, as in \"hpfeeds\"");
    EXPECT_EQ(refusal("a = 1\nb = 2\n\na = 3"),
              "b.toml:4: a is set in line 1 already; keep one of them");
    EXPECT_THAT(refusal("[broker]\n"), StartsWith("b.toml:1: '[broker]': there are no sections"));
    EXPECT_THAT(refusal("[[broker]]\n"), HasSubstr("no sections"));
    EXPECT_THAT(refusal("a.b = 1"), HasSubstr("no dots"));
    EXPECT_THAT(refusal("a = { b = 1 }"), HasSubstr("a table is no value"));
    EXPECT_THAT(refusal("a"), HasSubstr("no = behind 'a'; write a = and a value"));
    EXPECT_THAT(refusal("a =\nb = 1"), StartsWith("b.toml:1: no value behind ="));
    EXPECT_THAT(refusal("a = 1 b = 2"), HasSubstr("'b = 2' stands behind a value"));
    EXPECT_THAT(refusal("= 1"), HasSubstr("'= 1' is no setting"));
    EXPECT_THAT(refusal("a = \"b"), HasSubstr("no closing quote"));
    EXPECT_THAT(refusal("a = 'b\n'"), HasSubstr("no closing quote"));
    EXPECT_THAT(refusal("a = \"\"\"b\"\"\""), HasSubstr("over several lines"));
    EXPECT_THAT(refusal("a = '''b'''"), HasSubstr("over several lines"));
    EXPECT_THAT(refusal(R"(a = "\:")"), HasSubstr("the text in ' quotes"));
    EXPECT_THAT(refusal(R"(a = "\u12")"), HasSubstr("too few hex digits"));
    EXPECT_THAT(refusal(R"(a = "\uD800")"), HasSubstr("no Unicode character"));
    EXPECT_THAT(refusal(R"(a = "\U00110000")"), HasSubstr("no Unicode character"));
    EXPECT_THAT(refusal("a = \"\x01\""), HasSubstr("control character"));
    EXPECT_THAT(refusal("# \x7F"), HasSubstr("control character"));
    EXPECT_THAT(refusal(R"("a\n" = 1)"), HasSubstr("control character in a key"));
    EXPECT_THAT(refusal(R"("a\n" 1)"), HasSubstr("control character in a key"));
    EXPECT_THAT(refusal(std::string("a = 1\n\0", 7)),
                StartsWith("b.toml:2: '\\x00' is no setting"));
    EXPECT_THAT(refusal("\xEF\xBB\xBF"), HasSubstr("byte order mark"));
}

TEST(SettingsFile, RefusesListsThatAreNone) {
    EXPECT_THAT(refusal("\na = [\n\"b\",\n"), StartsWith("b.toml:2: the list has no end"));
    EXPECT_THAT(refusal("a = [\"b\""), HasSubstr("the list has no end"));
    EXPECT_THAT(refusal("a = [\"b\"\n\"c\"]"),
                StartsWith("b.toml:2: '\"c\"]': write a comma between"));
    EXPECT_THAT(refusal("a = [[\"b\"]]"), HasSubstr("a list inside a list"));
    EXPECT_THAT(refusal("a = [,]"), HasSubstr("in quotes"));
}

TEST(SettingsFile, RefusesWhatIsNotUtf8) {
    for (const char* bytes : {"\x80", "\xC0\x80", "\xC3", "\xE0\x80\x80", "\xED\xA0\x80", "\xF5",
                              "\xF4\x90\x80\x80", "\xF0\x80\x80\x80", "\xFF"})
        EXPECT_THAT(refusal("a = 1\n# " + std::string(bytes)),
                    StartsWith("b.toml:2: is not UTF-8"));
    EXPECT_EQ(value_of("a = \"\u00e4\u20ac\U0001F41D\""), "\u00e4\u20ac\U0001F41D");
}

std::string read_refusal(const std::string& path, bool again = false) {
    try {
        static_cast<void>(read_settings(path, again));
    } catch (const Error& error) {
        return error.what();
    }
    ADD_FAILURE() << "read: " << path;
    return {};
}

TEST(SettingsFile, SaysWhyAFileCannotBeRead) {
    const support::TemporaryDirectory directory;
    const std::string path = directory.file("b.toml");
    EXPECT_THAT(read_refusal(path), HasSubstr("No such file"));
    EXPECT_THAT(read_refusal(directory.path().string()), HasSubstr("it is a directory"));
    support::write_file(directory.file("b.toml"), std::string(settings_file_bytes_max + 1, '\n'));
    EXPECT_THAT(read_refusal(path), HasSubstr("larger than 1048576 bytes"));
    support::write_file(directory.file("b.toml"), "a = 1\nb");
    EXPECT_THAT(read_refusal(path), StartsWith(path + ":2: "));
}

// Its content went to the first reader; an empty configuration would follow.
TEST(SettingsFile, IsNotReadFromAPipeASecondTime) {
    const support::TemporaryDirectory directory;
    const std::string path = directory.file("pipe");
    ASSERT_EQ(mkfifo(path.c_str(), 0600), 0);
    EXPECT_THAT(read_refusal(path, true), HasSubstr("cannot be read a second time"));
}

}  // namespace
}  // namespace hpfeeds::config
