// SPDX-License-Identifier: Apache-2.0
// stop_signal.hpp: SIGINT and SIGTERM as a descriptor that becomes readable.
//
// The first signal asks for an orderly end; the second ends the process at once, as it would
// without us. Threads  one instance per process.    Errors  the constructor throws hpfeeds::Error.
#pragma once

namespace hpfeeds::cli {

class StopSignal {
public:
    StopSignal();
    [[nodiscard]] int descriptor() const noexcept;
};

}  // namespace hpfeeds::cli
