// SPDX-License-Identifier: Apache-2.0
#include "net/openssl_ref.hpp"

#include <openssl/err.h>

namespace hpfeeds::net {

std::string take_openssl_reason() {
    const char* reason = ERR_reason_error_string(ERR_peek_last_error());
    ERR_clear_error();
    return reason != nullptr ? reason : "no reason given";
}

}  // namespace hpfeeds::net
