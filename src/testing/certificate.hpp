// SPDX-License-Identifier: Apache-2.0
// certificate.hpp: a key and a certificate for a test's broker, in files that go with it.
//
// ECDSA on P-256, signed by itself, good for localhost, 127.0.0.1 and ::1, from an hour ago until a
// day from now.
//
// Ownership  the folder and the files, the key's readable by their owner alone; destruction removes
//            them.
// Errors     the constructor throws hpfeeds::Error when they cannot be made or written.
#pragma once

#include <filesystem>
#include <string>

namespace hpfeeds::testing {

class Certificate {
public:
    Certificate();
    ~Certificate();
    Certificate(const Certificate&) = delete;
    Certificate& operator=(const Certificate&) = delete;

    [[nodiscard]] std::string certificate_file() const { return folder_ / "certificate.pem"; }
    [[nodiscard]] std::string key_file() const { return folder_ / "key.pem"; }

private:
    void write_files() const;
    std::filesystem::path folder_;
};

}  // namespace hpfeeds::testing
