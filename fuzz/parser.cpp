// SPDX-License-Identifier: Apache-2.0
// parser.cpp: bytes of a peer through wire::parse.
//
// Input   one byte: who speaks (modulo 3) and, in the higher half, the limit of a PUBLISH; then
// what was received. Holds   what was judged on fewer bytes is not judged otherwise on more; a
// frame lies within its bytes; what is encoded again from its fields is the same frame.
#include "wire/parser.hpp"

#include "expect.hpp"
#include "wire/encode.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <span>
#include <vector>

namespace {

using namespace hpfeeds::wire;
using hpfeeds::fuzz::expect;
using Bytes = std::span<const std::byte>;

constexpr std::array<std::size_t, 4> publish_limits{64, 1000, publish_frame_bytes_max,
                                                    16UL * 1024 * 1024};

bool lies_within(std::string_view view, Bytes frame) {
    const std::string_view whole = as_text(frame);
    return view.empty() || (view.data() >= whole.data() &&
                            view.data() + view.size() <= whole.data() + whole.size());
}

std::size_t encode_again(std::span<std::byte> out, const Frame& frame) {
    switch (frame.opcode) {
        case Opcode::error:
            return encode_error(out, as_text(frame.payload));
        case Opcode::info:
            return encode_info(out, frame.ident, frame.payload);
        case Opcode::auth:
            // A digest of another length is a wrong login, not a broken frame; it has no encoder.
            if (frame.payload.size() != digest_bytes) return 0;
            return encode_auth(out, frame.ident, frame.payload.first<digest_bytes>());
        case Opcode::publish:
            return encode_publish(out, frame.ident, frame.channel, frame.payload);
        case Opcode::subscribe:
            return encode_subscribe(out, frame.ident, frame.channel);
        case Opcode::unsubscribe:
            return encode_unsubscribe(out, frame.ident, frame.channel);
    }
    return 0;
}

void check_frame(const Frame& frame, Bytes unread) {
    expect(frame.frame_bytes >= header_bytes, "a frame is at least its header");
    expect(frame.frame_bytes <= unread.size(), "a frame is not longer than what was received");
    const Bytes whole = unread.first(frame.frame_bytes);
    expect(lies_within(frame.ident, whole), "the ident lies within the frame");
    expect(lies_within(frame.channel, whole), "the channel lies within the frame");
    expect(lies_within(as_text(frame.payload), whole), "the payload lies within the frame");
    expect(frame.ident.size() <= string_bytes_max, "an ident has at most 255 bytes");

    std::vector<std::byte> out(frame.frame_bytes);
    const std::size_t used = encode_again(out, frame);
    if (used == 0) return;
    expect(used == frame.frame_bytes, "the frame encoded again has the same length");
    expect(std::equal(whole.begin(), whole.end(), out.begin()),
           "the frame encoded again has the same bytes");
}

// The same bytes, as they might have arrived: all but some of them.
void check_torn(Bytes unread, const Parsed& whole, Peer peer, const Limits& limits) {
    const std::size_t end = std::min(unread.size(), whole.frame.frame_bytes);
    for (const std::size_t have : {std::size_t{4}, std::size_t{5}, end / 2, end - 1}) {
        if (have >= end) continue;
        const Parsed torn = parse(unread.first(have), peer, limits);
        expect(torn.outcome == Parsed::Outcome::incomplete, "a torn frame is incomplete");
        if (have >= header_bytes)
            expect(torn.frame_bytes == whole.frame.frame_bytes,
                   "a header tells the frame's length");
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
    if (size == 0) return 0;
    const auto peer = static_cast<Peer>(data[0] % 3);
    const Limits limits{publish_limits[(data[0] >> 4) % publish_limits.size()]};
    Bytes unread = std::as_bytes(std::span(data, size)).subspan(1);

    for (;;) {
        const Parsed parsed = parse(unread, peer, limits);
        expect((parsed.outcome == Parsed::Outcome::refused) == (parsed.refusal != Refusal::none),
               "a refusal has a reason, and nothing else has one");
        if (parsed.outcome == Parsed::Outcome::incomplete) {
            expect(unread.size() < header_bytes || parsed.frame_bytes > unread.size(),
                   "incomplete means that something is lacking");
            expect(parsed.frame_bytes <=
                       std::max(limits.publish_frame_bytes_max, error_frame_bytes_max),
                   "what is waited for is bounded");
            return 0;
        }
        if (parsed.outcome == Parsed::Outcome::refused) return 0;
        check_frame(parsed.frame, unread);
        check_torn(unread, parsed, peer, limits);
        unread = unread.subspan(parsed.frame.frame_bytes);
    }
}
