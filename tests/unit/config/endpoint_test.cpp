// SPDX-License-Identifier: Apache-2.0
#include "config/endpoint.hpp"

#include "hpfeeds/error.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace hpfeeds::config {
namespace {

using testing::AllOf;
using testing::HasSubstr;

// What the error says; empty when there was none.
std::string refusal(std::string_view text) {
    try {
        static_cast<void>(parse_endpoint(text));
        return "";
    } catch (const Error& error) {
        return error.what();
    }
}

std::string host_port_refusal(std::string_view text) {
    try {
        static_cast<void>(parse_host_port(text, "--exporter"));
        return "";
    } catch (const Error& error) {
        return error.what();
    }
}

TEST(Endpoint, ReadsEveryFieldOfTcp) {
    const Endpoint endpoint = parse_endpoint("tcp:interface=1.1.1.1:port=80:device=eth0");
    EXPECT_EQ(endpoint.kind, Endpoint::Kind::tcp);
    EXPECT_EQ(endpoint.interface, "1.1.1.1");
    EXPECT_EQ(endpoint.port, 80);
    EXPECT_EQ(endpoint.device, "eth0");
}

TEST(Endpoint, ReadsEveryFieldOfTls) {
    const Endpoint endpoint = parse_endpoint(
        "tls:interface=1.1.1.1:port=443:device=eth0:key=a.key:cert=b.crt:chain=c.pem:ca=d.pem:"
        "ident=cn");
    EXPECT_EQ(endpoint.kind, Endpoint::Kind::tls);
    EXPECT_EQ(endpoint.port, 443);
    EXPECT_EQ(endpoint.key, "a.key");
    EXPECT_EQ(endpoint.cert, "b.crt");
    EXPECT_EQ(endpoint.chain, "c.pem");
    EXPECT_EQ(endpoint.ca, "d.pem");
    EXPECT_TRUE(endpoint.ident_is_cn);
}

TEST(Endpoint, TakesAHandedSocketInPlaceOfAPort) {
    const Endpoint endpoint = parse_endpoint("tcp:fd=hpfeeds-broker.socket");
    EXPECT_EQ(endpoint, (Endpoint{.fd = "hpfeeds-broker.socket"}));
    EXPECT_EQ(endpoint.text(), "tcp:fd=hpfeeds-broker.socket");
    EXPECT_EQ(parse_endpoint("tls:fd=x:key=k:cert=c").text(), "tls:fd=x:key=k:cert=c");
}

TEST(Endpoint, RefusesAPlaceBesideAHandedSocket) {
    for (const char* text :
         {"tcp:fd=x:port=1", "tcp:interface=127.0.0.1:fd=x", "tcp:fd=x:device=eth0"})
        EXPECT_THAT(refusal(text), HasSubstr("bound already")) << text;
}

TEST(Endpoint, RefusesWhatCannotBeASocketsName) {
    for (const std::string& name :
         {std::string(), std::string("a b"), std::string("a\\:b"), std::string(256, 'x')})
        EXPECT_THAT(refusal("tcp:fd=" + name), HasSubstr("FileDescriptorName=")) << name;
}

TEST(Endpoint, NeedsNothingButAPort) {
    const Endpoint endpoint = parse_endpoint("tcp:port=20000");
    EXPECT_EQ(endpoint, (Endpoint{.port = 20000}));
}

TEST(Endpoint, TakesAnEmptyInterfaceOrDeviceForNone) {
    EXPECT_EQ(parse_endpoint("tcp:interface=:device=:port=1"), (Endpoint{.port = 1}));
}

TEST(Endpoint, TakesTheBackslashOffAnEscapedColon) {
    EXPECT_EQ(parse_endpoint(R"(tcp:interface=\:\:1:port=20000)").interface, "::1");
    EXPECT_EQ(parse_endpoint(R"(tcp:port=1:interface=fe80\:\:1%eth0)").interface, "fe80::1%eth0");
}

TEST(Endpoint, KnowsTheOtherEscapesInPaths) {
    const Endpoint endpoint = parse_endpoint(R"(tls:port=1:key=a\\b\:c:cert=d\=e=f)");
    EXPECT_EQ(endpoint.key, R"(a\b:c)");
    EXPECT_EQ(endpoint.cert, "d=e=f");
}

TEST(Endpoint, IsWrittenAsAUserWouldWriteIt) {
    for (const char* text :
         {R"(tcp:interface=\:\:1:port=20000:device=lan0)", "tcp:port=0",
          R"(tls:interface=h.example:port=65535:key=a\\b:cert=c\:d:chain=e)",
          "tcp:port=1:allow=publish", "tls:port=1:allow=subscribe:key=a:cert=b",
          R"(tls:port=1:key=a:cert=b:ca=c\:d)", "tls:port=1:key=a:cert=b:ca=c:ident=cn"}) {
        EXPECT_EQ(parse_endpoint(text).text(), text);
        EXPECT_EQ(parse_endpoint(parse_endpoint(text).text()), parse_endpoint(text));
    }
}

TEST(Endpoint, MayBeForOneDirectionAlone) {
    EXPECT_EQ(parse_endpoint("tcp:port=1").allow, Endpoint::Allow::both);
    EXPECT_EQ(parse_endpoint("tcp:port=1:allow=publish").allow, Endpoint::Allow::publish);
    EXPECT_EQ(parse_endpoint("tls:port=1:key=a:cert=b:allow=subscribe").allow,
              Endpoint::Allow::subscribe);
    for (const char* word : {"", "both", "publish,subscribe", "Publish"})
        EXPECT_THAT(refusal("tcp:port=1:allow=" + std::string(word)),
                    HasSubstr("neither publish nor subscribe"))
            << word;
}

TEST(Endpoint, ReadsEveryFieldOfUnix) {
    const Endpoint endpoint =
        parse_endpoint("unix:path=/run/hpfeeds/socket:mode=0620:allow=publish");
    EXPECT_EQ(endpoint.kind, Endpoint::Kind::unix_socket);
    EXPECT_EQ(endpoint.path, "/run/hpfeeds/socket");
    EXPECT_EQ(endpoint.mode, 0620U);
    EXPECT_EQ(endpoint.allow, Endpoint::Allow::publish);
    EXPECT_EQ(parse_endpoint("unix:path=a").mode, 0660U);
}

TEST(Endpoint, WritesAUnixSocketWithItsMode) {
    EXPECT_EQ(parse_endpoint("unix:path=a").text(), "unix:path=a:mode=660");
    for (const char* text : {R"(unix:path=/a\:b:mode=007:allow=publish)", "unix:path=x:mode=777"})
        EXPECT_EQ(parse_endpoint(text).text(), text);
}

TEST(Endpoint, RefusesAUnixSocketWithoutAPathThatASocketCanHave) {
    EXPECT_THAT(refusal("unix"), HasSubstr("add path=FILE"));
    EXPECT_THAT(refusal("unix:mode=600"), HasSubstr("add path=FILE"));
    EXPECT_THAT(refusal("unix:path="), HasSubstr("the path is empty"));
    EXPECT_EQ(refusal("unix:path=" + std::string(107, 'p')), "");
    EXPECT_THAT(refusal("unix:path=" + std::string(108, 'p')),
                AllOf(HasSubstr("108 bytes"), HasSubstr("107"), HasSubstr("shorter")));
    EXPECT_THAT(refusal(std::string("unix:path=a\0b", 13)), HasSubstr("zero byte"));
}

TEST(Endpoint, TakesAUnixSocketThatWasHandedOver) {
    EXPECT_EQ(parse_endpoint("unix:fd=local:allow=publish").text(), "unix:fd=local:allow=publish");
    for (const char* field : {"path=a", "mode=660"})
        EXPECT_THAT(refusal("unix:fd=local:" + std::string(field)), HasSubstr("bound already"));
}

TEST(Endpoint, RefusesAModeThatChmodDoesNotKnow) {
    for (const char* mode : {"", "8", "1000", "00660", "u+w", "-1", "0x1"})
        EXPECT_THAT(refusal("unix:path=a:mode=" + std::string(mode)), HasSubstr("in octal"))
            << mode;
}

TEST(Endpoint, RefusesFieldsOfAnotherClass) {
    for (const char* field : {"port=1", "interface=a", "device=a"})
        EXPECT_THAT(refusal("unix:path=a:" + std::string(field)),
                    HasSubstr("unix endpoint has fd, path, mode, allow and proxy"));
    for (const char* field : {"path=a", "mode=600"}) {
        EXPECT_THAT(refusal("tcp:port=1:" + std::string(field)),
                    HasSubstr("tcp endpoint has fd, port"));
        EXPECT_THAT(refusal("tls:port=1:" + std::string(field)),
                    HasSubstr("tls endpoint has fd, port"));
    }
    for (const char* field : {"key=a", "cert=a", "chain=a", "ca=a", "ident=cn"})
        EXPECT_THAT(refusal("unix:path=a:" + std::string(field)), HasSubstr("there is no TLS"));
}

TEST(Endpoint, MayStandBehindABalancer) {
    const Endpoint endpoint = parse_endpoint(
        R"(tls:port=1:key=a:cert=b:proxy=v2:trust=192.0.2.7,10.0.0.0/8,2001\:db8\:\:/32)");
    EXPECT_TRUE(endpoint.proxy);
    ASSERT_EQ(endpoint.trust.size(), 3U);
    EXPECT_EQ(endpoint.trust[0].text(), "192.0.2.7");
    EXPECT_EQ(endpoint.trust[1].text(), "10.0.0.0/8");
    EXPECT_EQ(endpoint.trust[2].text(), "2001:db8::/32");
    for (const char* text : {"tcp:port=1:proxy=v2", R"(tcp:port=1:proxy=v2:trust=10.0.0.0/8,\:\:1)",
                             "unix:path=a:mode=660:proxy=v2"})
        EXPECT_EQ(parse_endpoint(text).text(), text);
}

TEST(Endpoint, ReadsOneVersionOfTheProxyProtocol) {
    for (const char* version : {"", "v1", "2", "V2", "yes"})
        EXPECT_THAT(refusal("tcp:port=1:proxy=" + std::string(version)), HasSubstr("proxy=v2"));
}

TEST(Endpoint, RefusesTrustThatMeansNothing) {
    EXPECT_THAT(refusal("tcp:port=1:trust=10.0.0.0/8"), HasSubstr("add proxy=v2"));
    EXPECT_THAT(refusal("unix:path=a:proxy=v2:trust=10.0.0.0/8"), HasSubstr("mode"));
    const auto trusting = [](const std::string& list) {
        return refusal("tcp:port=1:proxy=v2:trust=" + list);
    };
    for (const char* list : {"", "10.0.0.0/8,", ",10.0.0.0/8", "balancer", "10.0.0", "10.0.0.1.2",
                             R"(\:\:1\:)", " 10.0.0.1"})
        EXPECT_THAT(trusting(list), HasSubstr("neither an address nor a network")) << list;
    for (const char* list : {"10.0.0.0/33", "10.0.0.0/", "10.0.0.0/x", R"(\:\:/129)"})
        EXPECT_THAT(trusting(list), HasSubstr("a prefix is a number")) << list;
    EXPECT_THAT(trusting("10.0.0.1/8"), HasSubstr("write 10.0.0.0/8"));
    EXPECT_THAT(trusting(R"(2001\:db8\:\:1/32)"), HasSubstr("write 2001:db8::/32"));
    std::string many = "192.0.2.1";
    for (int count = 1; count < 64; ++count)
        many += ",192.0.2.1";
    EXPECT_EQ(trusting(many), "");
    EXPECT_THAT(trusting(many + ",192.0.2.1"), HasSubstr("at most 64"));
}

TEST(Endpoint, RefusesAnUnknownClass) {
    EXPECT_THAT(refusal("udp:port=1"),
                AllOf(HasSubstr("'udp:port=1'"), HasSubstr("tcp:port=20000")));
    EXPECT_THAT(refusal(""), HasSubstr("unknown class ''"));
    EXPECT_THAT(refusal("TCP:port=1"), HasSubstr("unknown class 'TCP'"));
    EXPECT_THAT(refusal("ssl:port=1"), HasSubstr("write tls:"));
}

TEST(Endpoint, RefusesAMissingPort) {
    EXPECT_THAT(refusal("tcp"), HasSubstr("add port="));
    EXPECT_THAT(refusal("tcp:interface=1.1.1.1"), HasSubstr("add port="));
}

TEST(Endpoint, RefusesAPortThatIsNone) {
    EXPECT_EQ(refusal("tcp:port=0"), "");
    EXPECT_EQ(refusal("tcp:port=65535"), "");
    for (const char* port : {"", "65536", "-1", "80x", " 80", "http", "99999999999999999999"})
        EXPECT_THAT(refusal("tcp:port=" + std::string(port)), HasSubstr("from 0 to 65535")) << port;
}

TEST(Endpoint, RefusesAFieldGivenTwice) {
    EXPECT_THAT(refusal("tcp:port=1:port=2"), HasSubstr("'port' is given twice"));
    EXPECT_THAT(refusal("tcp:interface=:port=1:interface="), HasSubstr("given twice"));
}

TEST(Endpoint, RefusesAnUnknownField) {
    EXPECT_THAT(refusal("tcp:prot=1"), AllOf(HasSubstr("unknown field 'prot'"),
                                             HasSubstr("device, allow, proxy and trust")));
    EXPECT_THAT(refusal("tls:port=1:privateKey=x"),
                HasSubstr("proxy, trust, key, cert, chain, ca and ident"));
    EXPECT_THAT(refusal("tcp:=1"), HasSubstr("unknown field ''"));
}

TEST(Endpoint, RefusesWhatIsNotAField) {
    EXPECT_THAT(refusal("tcp:20000"), HasSubstr("write port=20000"));
    EXPECT_THAT(refusal("tcp:port=1:"), HasSubstr("'' is not a field=value"));
    EXPECT_THAT(refusal("tcp:interface=::1:port=1"), HasSubstr(R"(interface=\:\:1)"));
}

TEST(Endpoint, RefusesABracketedInterface) {
    EXPECT_THAT(refusal(R"(tcp:interface=[\:\:1]:port=1)"), HasSubstr("without brackets"));
}

TEST(Endpoint, RefusesALoneBackslash) {
    EXPECT_THAT(refusal(R"(tls:port=1:key=C\keys:cert=b)"), HasSubstr("a backslash escapes only"));
    EXPECT_THAT(refusal(R"(tcp:port=1:device=a\)"), HasSubstr("a backslash escapes only"));
}

TEST(Endpoint, RefusesADeviceNameThatCannotExist) {
    EXPECT_EQ(refusal("tcp:port=1:device=" + std::string(15, 'e')), "");
    EXPECT_THAT(refusal("tcp:port=1:device=" + std::string(16, 'e')), HasSubstr("ip link"));
}

TEST(Endpoint, RefusesTlsWithoutKeyOrCertificate) {
    EXPECT_THAT(refusal("tls:port=1:cert=a"), HasSubstr("add key=FILE"));
    EXPECT_THAT(refusal("tls:port=1:key=a"), HasSubstr("add cert=FILE"));
    for (const char* field : {"key", "cert", "chain", "ca"})
        EXPECT_THAT(refusal("tls:port=1:" + std::string(field) + "="), HasSubstr("is empty"));
}

TEST(Endpoint, RefusesTlsFilesOnTcp) {
    for (const char* field : {"key", "cert", "chain", "ca"})
        EXPECT_THAT(refusal("tcp:port=1:" + std::string(field) + "=a"), HasSubstr("write tls:"));
}

TEST(Endpoint, RefusesToBindAnIdentToNothing) {
    EXPECT_THAT(refusal("tls:port=1:key=a:cert=b:ident=cn"), HasSubstr("add ca=FILE"));
    EXPECT_THAT(refusal("tls:port=1:key=a:cert=b:ca=c:ident=san"), HasSubstr("write ident=cn"));
    EXPECT_THAT(refusal("tls:port=1:key=a:cert=b:ca=c:ident="), HasSubstr("write ident=cn"));
    EXPECT_THAT(refusal("tcp:port=1:ident=cn"), HasSubstr("write tls:"));
}

TEST(Endpoint, RefusesInOneLine) {
    EXPECT_EQ(refusal("tcp:port=\n1").find('\n'), std::string::npos);
}

TEST(HostPort, ReadsAddressesAndNames) {
    EXPECT_EQ(parse_host_port("0.0.0.0:20000", "--bind").host, "0.0.0.0");
    EXPECT_EQ(parse_host_port("0.0.0.0:20000", "--bind").port, 20000);
    EXPECT_EQ(parse_host_port("[::1]:9431", "--bind").host, "::1");
    EXPECT_EQ(parse_host_port("[fe80::1%eth0]:1", "--bind").host, "fe80::1%eth0");
    EXPECT_EQ(parse_host_port("my-host.example:0", "--bind").host, "my-host.example");
    EXPECT_EQ(parse_host_port(":9431", "--bind").host, "");
}

TEST(HostPort, RefusesAMissingPort) {
    EXPECT_THAT(host_port_refusal("localhost"),
                AllOf(HasSubstr("--exporter 'localhost'"), HasSubstr("HOST:PORT")));
    EXPECT_THAT(host_port_refusal(""), HasSubstr("HOST:PORT"));
    EXPECT_THAT(host_port_refusal("9431"), HasSubstr("HOST:PORT"));
    EXPECT_THAT(host_port_refusal("localhost:"), HasSubstr("from 0 to 65535"));
}

TEST(HostPort, RefusesAPortThatIsNone) {
    for (const char* text : {"h:65536", "h:-1", "h:1x", "h: 1", "[::1]:x"})
        EXPECT_THAT(host_port_refusal(text), HasSubstr("from 0 to 65535")) << text;
}

TEST(HostPort, TellsHowToWriteIPv6) {
    for (const char* text : {"::1:20000", "::1", "[::1]", "[localhost]:1", "::1]:1", "[]:1"})
        EXPECT_THAT(host_port_refusal(text), HasSubstr("[::1]:20000")) << text;
}

TEST(HostPort, RefusesWhatNoHostIsCalled) {
    for (const char* text : {"a b:1", "127.0.0.1,10.0.0.1:1", "*:1", "http//h:1", "h\n:1"})
        EXPECT_THAT(host_port_refusal(text), HasSubstr("neither an address nor a host name"))
            << text;
}

}  // namespace
}  // namespace hpfeeds::config
