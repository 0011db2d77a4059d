// SPDX-License-Identifier: Apache-2.0
// message_log.hpp: where a subscribe writes: standard output, and the file of --output.
//
// Lines are gathered while one read is worked through and written in one go by flush(), so a pipe
// sees every message at once and a busy channel costs few writes. Without a file, standard output
// has the messages in the chosen format; with one, the file has, and standard output shows them as
// text. Lines that are not messages go to standard output while it is text, else to standard error,
// so that a JSON or raw stream stays pure.
//
// Ownership  borrows the console's descriptors, owns the file's.
// Errors     the constructor and flush() throw hpfeeds::Error; a reader of standard output that
// went away is not an
//            error but the end: flush() returns false.
#pragma once

#include "console.hpp"
#include "options.hpp"
#include "output.hpp"

#include <string>
#include <string_view>

namespace hpfeeds::cli {

class MessageLog {
public:
    MessageLog(const SubscribeOptions& options, const Console& console);
    ~MessageLog();
    MessageLog(const MessageLog&) = delete;
    MessageLog& operator=(const MessageLog&) = delete;

    void message(const Message& message);
    void status(std::string_view what);
    [[nodiscard]] bool flush();

private:
    [[nodiscard]] bool write_out(int descriptor, std::string& text, const std::string& name) const;

    const Console& console_;
    Format out_format_;
    Format file_format_;
    std::string file_name_;
    int file_ = -1;
    std::string for_out_;
    std::string for_file_;
};

}  // namespace hpfeeds::cli
