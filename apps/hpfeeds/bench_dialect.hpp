// SPDX-License-Identifier: Apache-2.0
// bench_dialect.hpp: how a broker is spoken to. hpfeeds for users; bench/load adds those of brokers
// that we compare with, so that one generator puts the same load on all of them.
//
// Threads  constant once built; any thread may call.    Errors  what a broker says is a value.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace hpfeeds::cli::bench {

class Dialect {
public:
    // What stands at the beginning of what a broker sent.
    struct Heard {
        enum class Kind : unsigned char {
            incomplete,  // more must come before it can be told
            message,     // a PUBLISH; its first bytes, with the stamp, are there
            other,       // something whole that a client need not act on, but for `reply`
            refusal,     // the broker says `text`
            nonsense,    // not this dialect
        };
        Kind kind = Kind::incomplete;
        std::size_t frame_bytes = 0;  // of the whole frame
        std::size_t payload_at = 0;   // message: where its payload begins
        std::string_view text{};
        std::string_view reply{};
    };
    // What a broker's greeting is answered with.
    struct Greeted {
        std::size_t used = 0;  // bytes of the greeting; 0: more must come
        std::string answer{};
        std::string_view failure{};  // it is not a greeting
    };

    virtual ~Dialect() = default;

    // Whether the broker speaks first; if not, greet() is called at once with nothing heard.
    [[nodiscard]] virtual bool broker_speaks_first() const = 0;
    // Whether that greeting is not encrypted even where TLS is spoken, which begins behind it.
    [[nodiscard]] virtual bool greets_in_the_clear() const { return false; }
    [[nodiscard]] virtual Greeted greet(std::string_view heard) const = 0;
    [[nodiscard]] virtual std::string subscribe(std::string_view channel) const = 0;
    // A PUBLISH is head, payload and tail.
    [[nodiscard]] virtual std::string publish_head(std::string_view channel,
                                                   std::size_t payload_bytes) const = 0;
    [[nodiscard]] virtual std::string publish_tail() const = 0;
    // Requires: `unread` is not empty. Must tell a message as soon as head and stamp are there.
    [[nodiscard]] virtual Heard understand(std::string_view unread) const = 0;
};

class HpfeedsDialect final : public Dialect {
public:
    HpfeedsDialect(std::string ident, std::string secret)
        : ident_(std::move(ident)), secret_(std::move(secret)) {}

    [[nodiscard]] bool broker_speaks_first() const override { return true; }
    [[nodiscard]] Greeted greet(std::string_view heard) const override;
    [[nodiscard]] std::string subscribe(std::string_view channel) const override;
    [[nodiscard]] std::string publish_head(std::string_view channel,
                                           std::size_t payload_bytes) const override;
    [[nodiscard]] std::string publish_tail() const override { return {}; }
    [[nodiscard]] Heard understand(std::string_view unread) const override;

private:
    std::string ident_;
    std::string secret_;
};

}  // namespace hpfeeds::cli::bench
