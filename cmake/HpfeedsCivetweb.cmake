# SPDX-License-Identifier: Apache-2.0
# Debian's libcivetweb-dev carries no CMake package of its own.
find_path(CIVETWEB_INCLUDE_DIR civetweb.h REQUIRED)
find_library(CIVETWEB_LIBRARY civetweb REQUIRED)
add_library(hpfeeds_civetweb INTERFACE)
target_include_directories(hpfeeds_civetweb SYSTEM INTERFACE "${CIVETWEB_INCLUDE_DIR}")
target_link_libraries(hpfeeds_civetweb INTERFACE "${CIVETWEB_LIBRARY}")
