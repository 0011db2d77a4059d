// SPDX-License-Identifier: Apache-2.0
// A key or certificate file, as an operator or a half-finished copy leaves it.
//
// Holds: it is read or refused, in one line that begins with the field and the file.
#include "net/pem_files.hpp"
#include "expect.hpp"
#include "hpfeeds/error.hpp"
#include "net/tls_context.hpp"

#include <functional>
#include <string>
#include <string_view>

namespace {

using namespace hpfeeds::net;
using hpfeeds::fuzz::expect;

void expect_a_clear_line(const std::function<void()>& attempt) {
    try {
        attempt();
    } catch (const hpfeeds::Error& error) {
        const std::string_view line = error.what();
        expect(line.find('\n') == std::string_view::npos, "an error is one line");
        expect(line.starts_with("key 'file': ") || line.starts_with("cert 'file': "),
               "it names the field and the file");
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
    const std::string text(reinterpret_cast<const char*>(data), size);
    expect_a_clear_line([&] { (void)PemFile("key", "file", text).private_key(); });
    expect_a_clear_line(
        [&] { expect(!PemFile("cert", "file", text).certificates().empty(), "or it is refused"); });
    expect_a_clear_line([&] {
        PemFiles files;
        files.key = PemFile("key", "file", text);
        files.cert = PemFile("cert", "file", text);
        (void)TlsContext::load(files);
    });
    return 0;
}
