// SPDX-License-Identifier: Apache-2.0
// env_source.hpp: keys in environment variables,
// `HPFEEDS_<IDENT>_{SECRET,OWNER,PUBCHANS,SUBCHANS}`.
//
// The ident is upper-cased (ASCII letters only: idents are bytes) to find its variables, so `james`
// and `JAMES` are one key. Lists are split at commas; nothing is trimmed. The owner is the ident
// where none is given. No secret, or an empty one: no such key.
//
// Threads  the variables are copied at construction and never change, so find() needs no lock.
#pragma once

#include "auth/listable_source.hpp"

#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace hpfeeds::auth {

using Environment = std::unordered_map<std::string, std::string>;

class EnvSource final : public ListableSource {
public:
    // Keeps what begins with HPFEEDS_. Warns of names with blanks around them: they are rarely
    // meant.
    explicit EnvSource(const Environment& environment);
    // From the variables of this process, as they are now.
    [[nodiscard]] static EnvSource of_this_process();

    [[nodiscard]] Lookup find(std::string_view ident) noexcept override;
    [[nodiscard]] bool tells_changes() const noexcept override { return true; }  // there are none
    [[nodiscard]] bool answers_from_memory() const noexcept override { return true; }
    [[nodiscard]] std::string name() const override { return "env"; }
    // In capitals, as variables know them.
    [[nodiscard]] std::vector<core::Account> list() override;

private:
    [[nodiscard]] const std::string* variable(std::string_view ident, std::string_view field) const;

    Environment variables_;
};

}  // namespace hpfeeds::auth
