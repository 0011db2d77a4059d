// SPDX-License-Identifier: Apache-2.0
#include "client/certificate_facts.hpp"

#include <openssl/bio.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <arpa/inet.h>
#include <sys/socket.h>
#include <array>
#include <ctime>
#include <memory>

namespace hpfeeds::client {
namespace {

std::string text_of(const X509_NAME* name) {
    const std::unique_ptr<BIO, decltype(&BIO_free_all)> memory(BIO_new(BIO_s_mem()), BIO_free_all);
    if (!memory || X509_NAME_print_ex(memory.get(), name, 0, XN_FLAG_ONELINE) < 0) return {};
    char* text = nullptr;
    const long size = BIO_get_mem_data(memory.get(), &text);
    return size > 0 ? std::string(text, static_cast<std::size_t>(size)) : std::string();
}

std::chrono::system_clock::time_point time_of(const ASN1_TIME* time) {
    std::tm parts{};
    if (ASN1_TIME_to_tm(time, &parts) != 1) return {};
    return std::chrono::system_clock::from_time_t(timegm(&parts));
}

std::string bytes_of(const ASN1_STRING* text) {
    const auto size = static_cast<std::size_t>(ASN1_STRING_length(text));
    return {reinterpret_cast<const char*>(ASN1_STRING_get0_data(text)), size};
}

std::string address_of(const ASN1_STRING* bytes) {
    const int size = ASN1_STRING_length(bytes);
    if (size != 4 && size != 16) return {};
    std::array<char, INET6_ADDRSTRLEN> digits{};
    inet_ntop(size == 4 ? AF_INET : AF_INET6, ASN1_STRING_get0_data(bytes), digits.data(),
              digits.size());
    return digits.data();
}

std::vector<std::string> names_of(const X509* certificate) {
    std::vector<std::string> all;
    const std::unique_ptr<GENERAL_NAMES, decltype(&GENERAL_NAMES_free)> names(
        static_cast<GENERAL_NAMES*>(
            X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr)),
        GENERAL_NAMES_free);
    const int count = names ? sk_GENERAL_NAME_num(names.get()) : 0;
    for (int i = 0; i < count && all.size() < certificate_names_max; ++i) {
        const GENERAL_NAME* name = sk_GENERAL_NAME_value(names.get(), i);
        if (name->type == GEN_DNS) all.push_back(bytes_of(name->d.dNSName));
        if (name->type == GEN_IPADD) all.push_back(address_of(name->d.iPAddress));
    }
    return all;
}

}  // namespace

CertificateFacts facts_of(const x509_st* certificate) {
    CertificateFacts facts;
    const X509_NAME* subject = X509_get_subject_name(certificate);
    const X509_NAME* issuer = X509_get_issuer_name(certificate);
    facts.subject = text_of(subject);
    facts.issuer = text_of(issuer);
    facts.names = names_of(certificate);
    facts.begins = time_of(X509_get0_notBefore(certificate));
    facts.ends = time_of(X509_get0_notAfter(certificate));
    facts.self_signed = X509_NAME_cmp(subject, issuer) == 0;
    return facts;
}

}  // namespace hpfeeds::client
