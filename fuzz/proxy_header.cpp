// SPDX-License-Identifier: Apache-2.0
// What comes to an endpoint with proxy=v2 before anything else.
//
// Input: the bytes. Holds: however much of them has come, the verdict is the same as soon as there
// is one; what is lacking is bounded; and what is behind the header changes nothing.
#include "net/proxy_header.hpp"
#include "expect.hpp"

#include <cstddef>
#include <span>

using namespace hpfeeds::net;
using hpfeeds::fuzz::expect;
using Outcome = ProxyHeader::Outcome;

namespace {

bool same(const ProxyHeader& one, const ProxyHeader& other) {
    const bool named = one.source.has_value();
    return one.outcome == other.outcome && one.refusal == other.refusal &&
           one.local == other.local && named == other.source.has_value() &&
           (!named || one.source->text() == other.source->text());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
    if (size > 2 * proxy_header_bytes_max) return 0;
    const auto bytes = std::as_bytes(std::span(data, size));
    const ProxyHeader verdict = parse_proxy_header(bytes);
    expect((verdict.outcome == Outcome::refused) == (verdict.refusal != ProxyRefusal::none),
           "a refusal has a reason, and nothing else has one");
    if (verdict.outcome == Outcome::complete)
        expect(verdict.bytes >= proxy_fixed_bytes && verdict.bytes <= size &&
                   same(verdict, parse_proxy_header(bytes.first(verdict.bytes))),
               "a header is whole without what is behind it");
    for (std::size_t came = 0; came < size; ++came) {
        const ProxyHeader early = parse_proxy_header(bytes.first(came));
        if (early.outcome == Outcome::incomplete)
            expect(early.bytes > came && early.bytes <= proxy_header_bytes_max,
                   "what is lacking is told, and bounded");
        else
            expect(same(early, verdict), "more bytes change no verdict");
    }
    return 0;
}
