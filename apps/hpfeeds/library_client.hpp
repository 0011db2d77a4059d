// SPDX-License-Identifier: Apache-2.0
// library_client.hpp: what the user asked for, in the words of the public client library.
#pragma once

#include "console.hpp"
#include "hpfeeds/options.hpp"
#include "options.hpp"

#include <string_view>

namespace hpfeeds::cli {

// With --debug the client tells its steps on `console`, which must outlive it.
[[nodiscard]] hpfeeds::ClientOptions library_options(const ClientOptions& options,
                                                     const Console& console);

// What to add to the news that a broker connected and said nothing: a hint, or nothing.
[[nodiscard]] std::string_view hint_for_silence(const ClientOptions& options) noexcept;

}  // namespace hpfeeds::cli
