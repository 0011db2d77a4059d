// SPDX-License-Identifier: Apache-2.0
// doctor_greeting.hpp: who stands behind the port. When it is no broker, a few more questions find
// out what it is, and whether the other choice of TLS would do.
//
// Threads  one owner.    Errors  findings.
#pragma once

#include "doctor_findings.hpp"
#include "options.hpp"

namespace hpfeeds::cli {

// `stop` ends every wait when it becomes readable.
[[nodiscard]] Finding examine_tls(const ClientOptions& client, int stop);
[[nodiscard]] Finding examine_greeting(const ClientOptions& client, int stop);

}  // namespace hpfeeds::cli
