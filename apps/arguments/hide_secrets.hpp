// SPDX-License-Identifier: Apache-2.0
// hide_secrets.hpp: secrets on the command line leave the list of processes.
//
// The system shows everybody what lies where a program's arguments were put (ps,
// /proc/PID/cmdline). A secret that came that way was to be seen for the moment until this is
// called; files, standard input and the environment have no such moment.
//
// Threads  the main one, before there are others.    Errors  nothing throws.
#pragma once

#include <string>

namespace hpfeeds {

// Overwrites in place, with one `*` each:
//   what follows -s and --secret (for `hpfeeds user`, -s names channels; they are hidden too)
//   passwords in URLs, and in options of URLs that are called like one
// Call it when everything that is needed was copied.
void hide_secrets(int argc, char** argv) noexcept;

// The same for the URL in a complaint that repeats what was typed.
[[nodiscard]] std::string without_url_secrets(std::string text);

}  // namespace hpfeeds
