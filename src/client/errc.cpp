// SPDX-License-Identifier: Apache-2.0
#include "client/errc.hpp"

#include <algorithm>
#include <array>
#include <cctype>

namespace hpfeeds {
namespace {

class Category : public std::error_category {
public:
    [[nodiscard]] const char* name() const noexcept override { return "hpfeeds"; }
    [[nodiscard]] std::string message(int value) const override {
        switch (static_cast<Errc>(value)) {
            case Errc::closed_by_broker:
                return "the broker closed the connection";
            case Errc::timed_out:
                return "the time for it ran out";
            case Errc::interrupted:
                return "interrupted";
            case Errc::host_not_found:
                return "the host has no address";
            case Errc::certificate_unusable:
                return "the file of trusted certificates is unusable";
            case Errc::certificate_refused:
                return "the broker's certificate is not trusted";
            case Errc::tls_failed:
                return "TLS failed";
            case Errc::ident_too_long:
                return "the ident is longer than 255 bytes";
            case Errc::channel_too_long:
                return "the channel is longer than 255 bytes";
            case Errc::payload_too_large:
                return "the payload is larger than a message may be";
            case Errc::authentication_failed:
                return "the broker refused ident and secret";
            case Errc::publish_refused:
                return "the broker refused the publish";
            case Errc::subscribe_refused:
                return "the broker refused the subscription";
            case Errc::reader_too_slow:
                return "the broker gave up because messages were not read fast enough";
            case Errc::refused:
                return "the broker refused";
            case Errc::not_hpfeeds:
                return "what the other side sends is not hpfeeds";
            case Errc::closed:
                return "the client is closed";
            case Errc::no_room:
                return "no room for more unsent messages";
            case Errc::unsent:
                return "messages were not sent before the end";
            case Errc::unconfirmed:
                return "the broker did not confirm by closing the connection";
            case Errc::spool_unusable:
                return "the spool file is unusable";
            case Errc::spool_locked:
                return "the spool file is in use by another process";
            case Errc::spool_full:
                return "there is no space for the spool file";
        }
        return "unknown";
    }
};

class TroubleCategory : public std::error_category {
public:
    [[nodiscard]] const char* name() const noexcept override { return "hpfeeds trouble"; }
    [[nodiscard]] std::string message(int value) const override {
        switch (static_cast<Trouble>(value)) {
            case Trouble::network:
                return "the connection failed";
            case Trouble::refusal:
                return "the broker refused";
            case Trouble::trust:
                return "the other side is not to be trusted";
            case Trouble::usage:
                return "hpfeeds cannot say this";
            case Trouble::storage:
                return "the spool failed";
        }
        return "unknown";
    }
    [[nodiscard]] bool equivalent(const std::error_code& code, int value) const noexcept override {
        const bool ours = code.category() == hpfeeds::error_category();
        return code && (ours ? kind_of(static_cast<Errc>(code.value())) : Trouble::network) ==
                           static_cast<Trouble>(value);
    }

private:
    static Trouble kind_of(Errc value) noexcept {
        switch (value) {
            case Errc::authentication_failed:
            case Errc::publish_refused:
            case Errc::subscribe_refused:
            case Errc::reader_too_slow:
            case Errc::refused:
                return Trouble::refusal;
            case Errc::certificate_unusable:
            case Errc::certificate_refused:
            case Errc::tls_failed:
            case Errc::not_hpfeeds:
                return Trouble::trust;
            case Errc::ident_too_long:
            case Errc::channel_too_long:
            case Errc::payload_too_large:
            case Errc::closed:
            case Errc::interrupted:
                return Trouble::usage;
            case Errc::spool_unusable:
            case Errc::spool_locked:
            case Errc::spool_full:
                return Trouble::storage;
            case Errc::closed_by_broker:
            case Errc::timed_out:
            case Errc::host_not_found:
            case Errc::no_room:
            case Errc::unsent:
            case Errc::unconfirmed:
                break;
        }
        return Trouble::network;
    }
};

}  // namespace

const std::error_category& error_category() noexcept {
    static const Category category;
    return category;
}

const std::error_category& trouble_category() noexcept {
    static const TroubleCategory category;
    return category;
}

}  // namespace hpfeeds

namespace hpfeeds::client {
namespace {

bool says(std::string_view text, std::string_view words) {
    const auto same = [](char a, char b) {
        return std::tolower(static_cast<unsigned char>(a)) == b;  // `words` are lower case
    };
    return std::search(text.begin(), text.end(), words.begin(), words.end(), same) != text.end();
}

}  // namespace

Errc refusal_of(std::string_view text) noexcept {
    struct Wording {
        std::string_view words;
        Errc meaning;
    };
    static constexpr std::array<Wording, 9> wordings{{
        {"not allowed to pub", Errc::publish_refused},
        {"not allowed to sub", Errc::subscribe_refused},
        {"accessfail", Errc::publish_refused},  // the first broker's one word for both
        {"invalid authkey in message", Errc::publish_refused},
        {"backpressure deadline", Errc::reader_too_slow},
        {"authentication failed", Errc::authentication_failed},
        {"authfail", Errc::authentication_failed},
        {"authentication error", Errc::authentication_failed},
        {"first message was not auth", Errc::authentication_failed},
    }};
    for (const Wording& known : wordings)
        if (says(text, known.words)) return known.meaning;
    return Errc::refused;
}

std::string_view refused_channel(std::string_view text) noexcept {
    constexpr std::string_view mark = "chan=";
    const std::size_t at = text.rfind(mark);
    return at == std::string_view::npos ? std::string_view{} : text.substr(at + mark.size());
}

}  // namespace hpfeeds::client
