// SPDX-License-Identifier: Apache-2.0
#include "broker/roll_over.hpp"

#include "hpfeeds/error.hpp"
#include "log/log.hpp"

#include <chrono>
#include <set>
#include <utility>

namespace hpfeeds::broker {
namespace {

using Clock = std::chrono::system_clock;

void warn_of(const net::TlsContext& context, const std::string& endpoint) {
    if (const std::string fault = context.date_fault(Clock::now()); !fault.empty())
        log::warning("clients will refuse the certificate",
                     {{"endpoint", endpoint}, {"reason", fault}});
    if (!context.concern().empty())
        log::warning("the private key is not private",
                     {{"endpoint", endpoint}, {"reason", context.concern()}});
}

}  // namespace

RollOver::RollOver(net::TlsFiles files, std::string endpoint)
    : files_(std::move(files)), endpoint_(std::move(endpoint)) {
    try {
        const net::PemFiles read = net::PemFiles::read(files_);
        judged_ = read.digest();
        served_ = judged_;
        take(net::TlsContext::load(read));
    } catch (const Error& error) {
        throw Error("cannot serve " + endpoint_ + ": " + error.what());
    }
    log::info("certificate", {{"endpoint", endpoint_},
                              {"subject", context_->subject()},
                              {"valid_until", net::date_text(context_->valid_until())}});
    warn_of(*context_, endpoint_);
}

void RollOver::watch(Serve serve) {
    {
        const std::lock_guard lock(mutex_);
        serve_ = std::move(serve);
    }
    for (const std::string& path : std::set{files_.key, files_.cert, files_.chain, files_.ca})
        if (!path.empty())
            watches_.emplace_back(
                path, [this] { look(); }, auth::FileWatch::Options{});
}

std::shared_ptr<const net::TlsContext> RollOver::context() const {
    const std::lock_guard lock(mutex_);
    return context_;
}

// Called when any of the files may have changed.
void RollOver::look() {
    const std::lock_guard lock(mutex_);
    try {
        net::PemFiles files;
        std::string seen;
        try {
            files = net::PemFiles::read(files_);
            seen = files.digest();
        } catch (const Error& error) {
            seen = error.what();
            if (seen == judged_) return;
            judged_ = seen;
            throw;
        }
        if (seen == judged_) return;
        judged_ = seen;
        judge(files);
    } catch (const Error& error) {
        refused_.increment();
        log::error("the certificate was not taken over; the old one serves",
                   {{"endpoint", endpoint_}, {"reason", error.what()}});
    }
}

std::function<void()> RollOver::read_again() {
    try {
        const net::PemFiles files = net::PemFiles::read(files_);
        const std::string seen = files.digest();
        const std::lock_guard lock(mutex_);
        if (seen == served_) return {};
        return [this, seen, before = judged_, next = loaded(files)] {
            const std::lock_guard taking(mutex_);
            if (judged_ != before) return;  // a watch has seen more since
            judged_ = seen;
            served_ = seen;
            serve(next);
        };
    } catch (const Error& error) {
        throw Error(endpoint_ + ": " + error.what());
    }
}

void RollOver::judge(const net::PemFiles& files) {
    std::shared_ptr<const net::TlsContext> next = loaded(files);
    served_ = judged_;
    serve(std::move(next));
}

std::shared_ptr<const net::TlsContext> RollOver::loaded(const net::PemFiles& files) const {
    std::shared_ptr<const net::TlsContext> next = net::TlsContext::load(files, context_.get());
    const auto now = Clock::now();
    const bool better =
        !context_->date_fault(now).empty() && next->valid_until() > context_->valid_until();
    if (const std::string fault = next->date_fault(now); !fault.empty() && !better)
        throw Error(fault);
    return next;
}

void RollOver::serve(std::shared_ptr<const net::TlsContext> next) {
    take(std::move(next));
    done_.increment();
    serve_(context_);
    log::info("certificate rolled over",
              {{"endpoint", endpoint_},
               {"subject", context_->subject()},
               {"valid_until", net::date_text(context_->valid_until())}});
    warn_of(*context_, endpoint_);
}

void RollOver::take(std::shared_ptr<const net::TlsContext> next) {
    context_ = std::move(next);
    expires_at_.set(Clock::to_time_t(context_->valid_until()));
}

}  // namespace hpfeeds::broker
