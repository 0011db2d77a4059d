// SPDX-License-Identifier: Apache-2.0
// text_file.hpp: small files read whole and replaced whole.
//
// Threads  any; DirectoryLock orders writers, of this process and of others.
// Errors   hpfeeds::Error with the path, what failed and what to do.
#pragma once

#include "auth/descriptor.hpp"

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace hpfeeds::auth {

// The whole content; nothing when somebody wrote to the file meanwhile, so that what was read may
// be torn. A missing file is the Error `Cannot find 'PATH'`. Refuses what is not a regular file or
// has more than `bytes_max`.
[[nodiscard]] std::optional<std::string> read_text_file(const std::string& path,
                                                        std::size_t bytes_max);

// The file that `path` finally names: a symbolic link's target, which need not exist.
[[nodiscard]] std::string follow_links(std::string path);

// The directory part of `path`, "." where it has none.
[[nodiscard]] std::string directory_of(const std::string& path);

// Puts `text` in the place of `target`, which is no symbolic link: readers see the old file or the
// new one, also after a loss of power. An existing file's owner and permissions are kept; a new one
// is its owner's alone, for it holds secrets.
void replace_text_file(const std::string& target, std::string_view text);

// Held by whoever changes a file in `directory`. Advisory: only programs that ask are kept out.
class DirectoryLock {
public:
    DirectoryLock(const std::string& directory, std::chrono::milliseconds patience);

private:
    Descriptor descriptor_;  // closing it unlocks
};

}  // namespace hpfeeds::auth
