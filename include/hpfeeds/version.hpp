// SPDX-License-Identifier: Apache-2.0
// version.hpp: the version of these headers. docs/IMPLEMENTORS.md says what changes when.
//
// The project's version in CMakeLists.txt is the same; its configuration checks that.
#pragma once

// major.minor.patch, as numbers and as text.
#define HPFEEDS_VERSION_MAJOR 0
#define HPFEEDS_VERSION_MINOR 1
#define HPFEEDS_VERSION_PATCH 0
#define HPFEEDS_VERSION_TEXT "0.1.0"
