// SPDX-License-Identifier: Apache-2.0
// export.hpp: what a shared libhpfeeds_client shows; everything else in it is hidden.
#pragma once

#define HPFEEDS_EXPORT __attribute__((visibility("default")))
