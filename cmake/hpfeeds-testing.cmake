# SPDX-License-Identifier: Apache-2.0
# The component testing of find_package(hpfeeds): what its archive needs, and itself.
find_dependency(OpenSSL 3)
find_dependency(SQLite3)
find_dependency(Threads)
find_dependency(fmt)
find_dependency(spdlog)
include("${CMAKE_CURRENT_LIST_DIR}/hpfeeds-testing-targets.cmake")
set(hpfeeds_testing_FOUND TRUE)
