// SPDX-License-Identifier: Apache-2.0
// doctor_rights.hpp: what the broker lets a key do, found out by doing it.
//
// hpfeeds confirms nothing, so each question is a connection of its own: log in, ask, end our half
// and read on. A broker works through what it was sent and closes; its ERROR, if there is one,
// comes before. Logins and subscriptions leave no trace; a question about publishing is a message.
//
// Threads  one owner.    Errors  findings; throws hpfeeds::Error for names that do not fit into the
// protocol.
#pragma once

#include "console.hpp"
#include "doctor_findings.hpp"
#include "options.hpp"

#include <chrono>
#include <string>
#include <vector>

namespace hpfeeds::cli {

class Rights {
public:
    // `client` without channels; borrows both.
    Rights(const ClientOptions& client, const Console& console)
        : client_(client), console_(console) {}

    [[nodiscard]] Finding log_in();
    [[nodiscard]] Finding subscribe(const std::string& channel);
    // One probe.
    [[nodiscard]] Finding publish(const std::string& channel);
    // Two probes, which must come back: the second one measures the way.
    [[nodiscard]] Finding round_trip(const std::string& channel);
    // What others publish meanwhile.
    [[nodiscard]] Finding listen(const std::vector<std::string>& channels,
                                 std::chrono::seconds patience);

private:
    enum class Answer { done, refused, unconfirmed, lost };
    struct Answered {
        Answer answer = Answer::done;
        std::string text;  // the ERROR's, or why the connection was lost
    };
    enum class Question { login, subscribe, publish };
    [[nodiscard]] Answered ask(Question question, const std::string& channel);
    [[nodiscard]] Finding finding(const char* check, const std::string& channel,
                                  const Answered& answered, std::string good) const;

    const ClientOptions& client_;
    const Console& console_;
};

}  // namespace hpfeeds::cli
