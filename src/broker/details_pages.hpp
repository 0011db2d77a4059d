// SPDX-License-Identifier: Apache-2.0
// details_pages.hpp: who is connected, and what each ident and channel carries, as JSON for people
// and for `hpfeeds top`. Off unless asked for (--exporter-details): names and addresses are not for
// everybody. Secrets are nowhere in it.
//
//   /overview      sums, and the limits they stand for
//   /connections   ?limit=100&offset=0&sort=queued|age|subscriptions|ident
//   /idents        ?…&sort=bytes|connections|queued|messages|dropped|refusals|ident
//   /channels      ?…&sort=messages|bytes|subscriptions|channel
//
// Threads    the exporter's. /connections waits for the shards (details_survey.hpp); the others
// only
//            read counters.
// Ownership  the pages borrow the shards and the budget.
#pragma once

#include "bytes/slab_pool.hpp"
#include "metrics/http_exporter.hpp"
#include "net/door.hpp"
#include "net/shard_thread.hpp"

#include <string>
#include <vector>

namespace hpfeeds::broker {

struct DetailsOf {
    std::vector<net::ShardThread*> shards;
    const net::Door* door = nullptr;  // null without TLS endpoints
    const bytes::MemoryBudget* budget = nullptr;
    std::string name;  // the broker's
};
[[nodiscard]] std::vector<metrics::Page> details_pages(DetailsOf broker);

}  // namespace hpfeeds::broker
