// SPDX-License-Identifier: Apache-2.0
// soci.hpp: SOCI's headers without Boost's.
//
// soci-config.h of Debian's package asks for Boost, which would only teach SOCI to bind Boost's own
// types. So what it says is said here in its place; include no header of SOCI's but through this
// one.
#pragma once

#define SOCICONFIG_H_INCLUDED
#define SOCI_HAVE_CXX11
#define SOCI_HAVE_VISIBILITY_SUPPORT

#include <soci/backend-loader.h>
#include <soci/error.h>
#include <soci/into.h>
#include <soci/session.h>
#include <soci/statement.h>
#include <soci/transaction.h>
#include <soci/use.h>
#include <soci/version.h>
