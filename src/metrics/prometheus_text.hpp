// SPDX-License-Identifier: Apache-2.0
// prometheus_text.hpp: families in Prometheus' text exposition format, version 0.0.4.
//
// Counters  a counter `X` is told as the counter `X_total`, which is today's convention, and once
// more
//           as the untyped `X`, which dashboards of the official image query. Untyped, because the
//           checkers refuse a counter without `_total`; rate() does not mind. A counter whose name
//           ends in `_total` already has that name alone.
// Labels    are raw bytes, the format is UTF-8: a byte that is not part of valid UTF-8 becomes the
//           four characters `\xNN`, and a backslash in front of an `x` becomes `\x5c`, so that two
//           different values never become one (a scrape with the same series twice is refused).
//
// Threads   any.    Errors  none.
#pragma once

#include "metrics/families.hpp"

#include <span>
#include <string>
#include <string_view>

namespace hpfeeds::metrics {

[[nodiscard]] std::string prometheus_text(std::span<const Family> families);

// `bytes` as valid UTF-8, as told above.
[[nodiscard]] std::string label_text(std::string_view bytes);

}  // namespace hpfeeds::metrics
