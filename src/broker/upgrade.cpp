// SPDX-License-Identifier: Apache-2.0
#include "broker/upgrade.hpp"

#include "hpfeeds/error.hpp"
#include "log/log.hpp"

#include <csignal>
#include <utility>

namespace hpfeeds::broker {
namespace {

// The manager has told them to us alone, so they are not in our environment any more.
service::Successor::Variables variables_for(const service::Surroundings& around) {
    if (!around.watchdog) return {};
    const auto whole = std::chrono::microseconds(2 * *around.watchdog);
    return {{"WATCHDOG_USEC", std::to_string(whole.count())}};
}

}  // namespace

void Upgrade::begin(std::string status) {
    if (under_way()) {
        log::warning("an upgrade is under way already",
                     {{"pid", static_cast<std::int64_t>(successor_->pid())}});
        return;
    }
    status_ = std::move(status);
    reload_too_ = false;
    around_.notifier.reloading();
    try {
        successor_ =
            std::make_unique<service::Successor>(around_.program, sockets_, variables_for(around_));
        log::info("upgrading", {{"program", around_.program.path},
                                {"pid", static_cast<std::int64_t>(successor_->pid())}});
    } catch (const Error& error) {
        fail(error.what());
    }
}

bool Upgrade::ready() {
    if (!successor_) return false;
    const auto state = successor_->look();
    if (state == service::Successor::State::failed) fail(successor_->why());
    return state == service::Successor::State::ready;
}

void Upgrade::conclude() {
    log::info("replaced", {{"pid", static_cast<std::int64_t>(successor_->pid())}});
    around_.notifier.main_process(successor_->pid());
    around_.notifier = {};
    // It serves, so it waits for signals: they do not end it any more.
    if (reload_too_) ::kill(successor_->pid(), SIGHUP);
    successor_->step_back();
    successor_.reset();
}

void Upgrade::fail(const std::string& why) {
    log::error("the upgrade failed, and this process goes on", {{"reason", why}});
    around_.notifier.ready(status_ + "; the last upgrade failed: " + why);
    successor_.reset();
}

}  // namespace hpfeeds::broker
