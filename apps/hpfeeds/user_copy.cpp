// SPDX-License-Identifier: Apache-2.0
#include "user_copy.hpp"

#include "auth/names.hpp"
#include "auth/open_source.hpp"
#include "guarded.hpp"
#include "user_output.hpp"

#include <stdlib.h>

#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <memory>
#include <optional>
#include <utility>

namespace hpfeeds::cli {
namespace {

namespace fs = std::filesystem;
using Status = auth::Lookup::Status;

// An empty store of the same kind as a file that is not there yet: what a dry run asks instead,
// because it makes nothing.
class Rehearsal {
public:
    explicit Rehearsal(const std::string& spec) {
        std::string folder = (fs::temp_directory_path() / "hpfeeds-dry-run-XXXXXX").string();
        if (::mkdtemp(folder.data()) == nullptr) throw Error("cannot make a folder for a dry run");
        folder_ = folder;
        store_ =
            auth::open_store((folder_ / ("keys" + fs::path(spec).extension().string())).string());
    }
    ~Rehearsal() {
        std::error_code ignored;
        fs::remove_all(folder_, ignored);
    }
    Rehearsal(const Rehearsal&) = delete;
    Rehearsal& operator=(const Rehearsal&) = delete;

    [[nodiscard]] auth::AccountStore& store() { return *store_; }

private:
    fs::path folder_;
    std::unique_ptr<auth::AccountStore> store_;
};

class Target {
public:
    explicit Target(const CopyRequest& request) {
        if (!request.dry_run) {
            store_ = auth::open_store(request.to);
        } else if (request.to.find("://") != std::string::npos || fs::exists(request.to)) {
            store_ = auth::open_store(request.to, auth::Missing::refuse);
        } else {
            rehearsal_.emplace(request.to == "sqlite" ? "sqlite.db" : request.to);
            name_ = request.to;
        }
        if (store_) name_ = store_->name();
    }

    [[nodiscard]] auth::AccountStore& store() { return store_ ? *store_ : rehearsal_->store(); }
    [[nodiscard]] const std::string& name() const noexcept { return name_; }

private:
    std::unique_ptr<auth::AccountStore> store_;
    std::optional<Rehearsal> rehearsal_;
    std::string name_;
};

std::vector<std::string> differences(const core::Account& left, const core::Account& right) {
    std::vector<std::string> fields;
    if (left.secret != right.secret) fields.emplace_back("secret");
    if (left.owner != right.owner) fields.emplace_back("owner");
    if (left.pubchans.names() != right.pubchans.names()) fields.emplace_back("publish");
    if (left.subchans.names() != right.subchans.names()) fields.emplace_back("subscribe");
    return fields;
}

CopiedUser failed(const std::string& ident, std::string why) {
    return {ident, CopiedUser::Fate::failed, {}, std::move(why)};
}

CopiedUser copy_one(const core::Account& account, auth::AccountStore& target,
                    const CopyRequest& request) {
    if (std::string fault = target.fault_in(account); !fault.empty())
        return failed(account.ident, std::move(fault));
    const auth::Lookup there = target.find(account.ident);
    if (there.status == Status::unavailable) return failed(account.ident, there.reason);
    CopiedUser copied{account.ident, CopiedUser::Fate::copied, {}, {}};
    if (there.account) {
        copied.differs_in = differences(account, *there.account);
        copied.fate = copied.differs_in.empty() ? CopiedUser::Fate::same
                      : request.replace         ? CopiedUser::Fate::replaced
                                                : CopiedUser::Fate::kept;
    }
    if (request.dry_run || copied.fate == CopiedUser::Fate::same ||
        copied.fate == CopiedUser::Fate::kept)
        return copied;
    try {
        target.put(account);
    } catch (const Error& error) {
        return failed(account.ident, error.what());
    }
    return copied;
}

std::vector<CopiedUser> copy_named(auth::ListableSource& source, auth::AccountStore& target,
                                   const CopyRequest& request) {
    std::vector<CopiedUser> users;
    for (const std::string& ident : request.idents) {
        const auth::Lookup lookup = source.find(ident);
        if (lookup.account)
            users.push_back(copy_one(*lookup.account, target, request));
        else
            users.push_back(failed(ident, lookup.status == Status::absent
                                              ? "there is no such user in " + source.name()
                                              : lookup.reason));
    }
    return users;
}

std::vector<CopiedUser> copy_all(auth::ListableSource& source, auth::AccountStore& target,
                                 const CopyRequest& request) {
    std::vector<CopiedUser> users;
    for (const core::Account& account : source.list())
        users.push_back(copy_one(account, target, request));
    return users;
}

}  // namespace

int copy_users(const CopyRequest& request, const Console& console) noexcept {
    return guarded(console, [&] {
        const auto source = auth::open_listable(request.from);
        Target target(request);
        if (source->name() == target.name())
            throw UsageError("--from and --to are both " + target.name());
        if (request.from == "env" && request.idents.empty())
            console.complain(
                "warning: variables know idents in capitals alone; for a sensor that logs in as"
                " \"james\", name it: hpfeeds user copy … james");
        const std::vector<CopiedUser> users = request.idents.empty()
                                                  ? copy_all(*source, target.store(), request)
                                                  : copy_named(*source, target.store(), request);
        const CopiedUsers all{source->name(), target.name(), request.dry_run, users};
        if (!Console::put(console.out, request.json ? copied_json(all) : copied_text(all)))
            throw Error("cannot write to standard output");
        const bool complete = std::all_of(users.begin(), users.end(), [](const CopiedUser& user) {
            return user.fate != CopiedUser::Fate::kept && user.fate != CopiedUser::Fate::failed;
        });
        return complete ? exit_done : exit_failed;
    });
}

}  // namespace hpfeeds::cli
