// SPDX-License-Identifier: Apache-2.0
#include "doctor_words.hpp"

#include "doctor_findings.hpp"
#include "hpfeeds/error.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <cerrno>
#include <vector>

namespace hpfeeds::cli {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using namespace std::chrono_literals;
using std::chrono::system_clock;
using Result = Finding::Result;

std::string connect_text(int error) {
    return words_for_connect({error, std::generic_category()}, 10s).text;
}

TEST(DoctorWords, TellsTheWaysApartInWhichAConnectionFails) {
    EXPECT_THAT(connect_text(ECONNREFUSED), HasSubstr("nothing listens on this port"));
    EXPECT_THAT(connect_text(ETIMEDOUT), HasSubstr("no answer within 10 s"));
    EXPECT_THAT(words_for_connect(Errc::timed_out, 3s).text, HasSubstr("no answer within 3 s"));
    EXPECT_THAT(connect_text(EHOSTUNREACH), HasSubstr("no route to the host"));
    EXPECT_THAT(connect_text(ENETUNREACH), HasSubstr("the network is unreachable"));
    EXPECT_THAT(connect_text(EACCES), HasSubstr("may not connect"));
    EXPECT_THAT(connect_text(EIO), HasSubstr("cannot connect"));
}

TEST(DoctorWords, TellsWhatIsWrongWithASocketFile) {
    const auto words = [](int error) {
        return words_for_socket_file({error, std::generic_category()});
    };
    EXPECT_THAT(words(ENOENT).text, HasSubstr("no such file"));
    EXPECT_THAT(words(ECONNREFUSED).text, HasSubstr("no broker behind it"));
    EXPECT_THAT(words(EACCES).advice, HasSubstr("mode="));
    EXPECT_THAT(words(EIO).text, HasSubstr("cannot connect"));
}

TEST(DoctorWords, BlamesNoKeyForWhatTheEndpointForbids) {
    for (const char* text : {"Endpoint not allowed to sub here. ident=me, chan=x",
                             "Endpoint not allowed to pub here. ident=me, chan=x"}) {
        const Words words = words_for_refusal(text, "me", "x");
        EXPECT_THAT(words.text, HasSubstr("for the other direction"));
        EXPECT_THAT(words.advice, Not(HasSubstr("hpfeeds user set")));
    }
}

TEST(DoctorWords, NamesTheRightThatLacks) {
    const Words sub =
        words_for_refusal("Authkey not allowed to sub here. ident=me, chan=x", "me", "x");
    EXPECT_THAT(sub.text, HasSubstr("may not subscribe"));
    EXPECT_THAT(sub.advice, HasSubstr("hpfeeds user set me --add-subscribe x"));
    const Words pub =
        words_for_refusal("Authkey not allowed to pub here. ident=me, chan=x", "me", "x");
    EXPECT_THAT(pub.advice, HasSubstr("hpfeeds user set me --add-publish x"));
    EXPECT_THAT(words_for_refusal("authfail", "me", "").text, HasSubstr("does not know the ident"));
    EXPECT_EQ(words_for_refusal("go away\x1b[2J", "me", "").text,
              "the broker says 'go away\\x1b[2J'");
}

TEST(DoctorWords, KnowsStrangersByTheirFirstBytes) {
    EXPECT_EQ(stranger_that_says("SSH-2.0-OpenSSH_9.2\r\n"), "an SSH server");
    EXPECT_EQ(stranger_that_says("HTTP/1.1 400 Bad Request"), "an HTTP server");
    EXPECT_EQ(stranger_that_says("220 mail.example ESMTP"), "a mail or FTP server");
    EXPECT_EQ(stranger_that_says("INFO {\"server_id\":\"x\"}"), "a NATS server");
    EXPECT_EQ(stranger_that_says(std::string_view("J\0\0\0\n8.0.35", 11)), "a MySQL server");
    EXPECT_EQ(stranger_that_says("hello"), "");
    EXPECT_EQ(stranger_that_says(""), "");
}

client::CertificateFacts certificate() {
    const system_clock::time_point year_2000 = system_clock::from_time_t(946'684'800);
    return {.subject = "CN = a.example",
            .issuer = "CN = Our CA",
            .names = {"a.example", "*.b.example", "192.0.2.7"},
            .begins = year_2000,
            .ends = year_2000 + 240h,
            .self_signed = false};
}

TEST(DoctorWords, SaysForWhomAndUntilWhenACertificateIs) {
    const auto facts = certificate();
    EXPECT_EQ(certificate_text(facts, facts.begins + 24h),
              "the certificate is for a.example, *.b.example, 192.0.2.7; signed by 'CN = Our CA'; "
              "valid until 2000-01-11, 9 days from now");
    EXPECT_THAT(certificate_text(facts, facts.ends + 48h),
                HasSubstr("expired on 2000-01-11, 2 days ago"));
    EXPECT_THAT(certificate_text(facts, facts.begins - 1h),
                HasSubstr("valid only from 2000-01-01"));
    auto hostile = facts;
    hostile.names = {"\x1b]0;owned\a"};
    EXPECT_THAT(certificate_text(hostile, facts.begins), Not(HasSubstr("\x1b")));
}

TEST(DoctorWords, AdvisesOnWhatIsWrongWithACertificate) {
    auto facts = certificate();
    const auto now = facts.begins + 24h;
    EXPECT_THAT(certificate_advice(facts, "a.example", facts.ends + 1h), HasSubstr("expired"));
    EXPECT_THAT(certificate_advice(facts, "a.example", facts.begins - 1h), HasSubstr("clock"));
    EXPECT_THAT(certificate_advice(facts, "c.example", now), HasSubstr("as --host"));
    EXPECT_THAT(certificate_advice(facts, "a.example", now), HasSubstr("its authority"));
    facts.self_signed = true;
    EXPECT_THAT(certificate_advice(facts, "a.example", now), HasSubstr("--tlscert"));
}

TEST(DoctorWords, AWildcardStandsForOneLabel) {
    const auto facts = certificate();
    EXPECT_TRUE(names_host(facts, "A.example"));
    EXPECT_TRUE(names_host(facts, "x.b.example"));
    EXPECT_TRUE(names_host(facts, "192.0.2.7"));
    EXPECT_FALSE(names_host(facts, "b.example"));
    EXPECT_FALSE(names_host(facts, "x.y.b.example"));
    EXPECT_FALSE(names_host(facts, ".b.example"));
}

TEST(DoctorFindings, TheFirstFailureIsTheDiagnosis) {
    const std::vector<Finding> findings{{"name", "", Result::good, "fine"},
                                        {"login", "", Result::note, "perhaps"},
                                        {"subscribe", "x", Result::bad, "no", "do this"},
                                        {"subscribe", "y", Result::bad, "no", "do that"}};
    EXPECT_FALSE(diagnose(findings).healthy);
    EXPECT_EQ(diagnose(findings).text, "subscribe: x: no. do this. Of 2 failures it is the first.");
    EXPECT_EQ(text_of(findings[2]), "FAIL  subscribe  x: no\n                 -> do this\n");
}

TEST(DoctorFindings, WithoutAFailureTheSilenceOfPublishersIsTheDiagnosis) {
    std::vector<Finding> findings{{"login", "", Result::good, "in"}};
    EXPECT_EQ(diagnose(findings).text, "nothing is wrong.");
    findings.push_back({"messages", "", Result::note, "nobody published"});
    EXPECT_TRUE(diagnose(findings).healthy);
    EXPECT_THAT(diagnose(findings).text, HasSubstr("nobody published"));
    EXPECT_THAT(diagnose({}).text, HasSubstr("give -i IDENT"));
}

TEST(DoctorFindings, JsonHoldsThemAll) {
    std::vector<Finding> findings{{"connect", "h:1", Result::bad, "refused", "start it"}};
    findings[0].milliseconds = 1.5;
    const auto json = nlohmann::json::parse(json_of({"h:1", true, "\xff"}, findings));
    EXPECT_EQ(json["healthy"], false);
    EXPECT_EQ(json["broker"], "h:1");
    EXPECT_EQ(json["tls"], true);
    EXPECT_EQ(json["checks"][0]["result"], "failed");
    EXPECT_EQ(json["checks"][0]["milliseconds"], 1.5);
    EXPECT_EQ(json["checks"][0]["advice"], "start it");
}

}  // namespace
}  // namespace hpfeeds::cli
