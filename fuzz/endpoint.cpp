// SPDX-License-Identifier: Apache-2.0
// endpoint.cpp: what somebody wrote behind --endpoint, --bind, or a size or a duration.
//
// Input   the text. Holds   it is refused with hpfeeds::Error, or what was understood can be
// written down and understood again.
#include "config/endpoint.hpp"

#include "config/quantity.hpp"
#include "expect.hpp"
#include "hpfeeds/error.hpp"

#include <cstddef>
#include <string_view>

using hpfeeds::Error;
using hpfeeds::fuzz::expect;
namespace config = hpfeeds::config;

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    try {
        const config::Endpoint endpoint = config::parse_endpoint(text);
        expect(config::parse_endpoint(endpoint.text()) == endpoint,
               "an endpoint's text is the same endpoint");
    } catch (const Error& error) {
        expect(std::string_view(error.what()).find('\n') == std::string_view::npos,
               "an error is one line");
    }
    try {
        (void)config::parse_host_port(text, "--bind");
    } catch (const Error& error) {
        expect(std::string_view(error.what()).find('\n') == std::string_view::npos,
               "an error is one line");
    }
    if (const auto bytes = config::parse_size(text))
        expect(config::parse_size(config::size_text(*bytes)) == bytes,
               "a size's text is that size");
    if (const auto duration = config::parse_duration(text))
        expect(config::parse_duration(config::duration_text(*duration)) == duration,
               "a duration's text is that duration");
    return 0;
}
