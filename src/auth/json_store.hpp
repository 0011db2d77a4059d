// SPDX-License-Identifier: Apache-2.0
// json_store.hpp: the keys of a JSON file, to be managed.
//
// Every change reads the file anew under a lock, refuses to go on from an invalid one, and replaces
// it whole: a broker that watches it sees the old keys or the new ones. Fields and entries that we
// do not know stay as they are, in their order; only the layout becomes ours. Where the path is a
// symbolic link its target is replaced.
#pragma once

#include "auth/account_store.hpp"
#include "auth/open_mode.hpp"

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

namespace hpfeeds::auth {

class JsonStore final : public AccountStore {
public:
    // Missing::create: the first put() makes the file, and until then it holds nobody.
    JsonStore(std::string path, Missing missing,
              std::chrono::milliseconds lock_patience = std::chrono::seconds(10));

    [[nodiscard]] Lookup find(std::string_view ident) noexcept override;
    [[nodiscard]] std::string name() const override { return path_; }
    [[nodiscard]] std::vector<core::Account> list() override;
    [[nodiscard]] std::string fault_in(const core::Account& account) const override;
    void put(const core::Account& account) override;
    bool remove(std::string_view ident) override;

private:
    [[nodiscard]] std::string read() const;
    [[nodiscard]] std::vector<core::Account> parse(std::string_view text) const;

    const std::string path_;
    const Missing missing_;
    const std::chrono::milliseconds lock_patience_;
};

}  // namespace hpfeeds::auth
