// SPDX-License-Identifier: Apache-2.0
#include "client/errc.hpp"

#include <string>

namespace hpfeeds::client {
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
        }
        return "unknown";
    }
};

}  // namespace

const std::error_category& error_category() noexcept {
    static const Category category;
    return category;
}

}  // namespace hpfeeds::client
