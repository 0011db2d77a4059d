# SPDX-License-Identifier: Apache-2.0
# What a user of the build may choose, and the one target that carries warnings and sanitizers.
# A project that fetches this one wants its libraries, and not what a broker needs.
# Who asks for all of it (HPFEEDS_CLIENT_ONLY=OFF: the Python package) gets it as if it stood alone.
if(PROJECT_IS_TOP_LEVEL OR (DEFINED HPFEEDS_CLIENT_ONLY AND NOT HPFEEDS_CLIENT_ONLY))
  set(HPFEEDS_IS_FETCHED OFF)
else()
  set(HPFEEDS_IS_FETCHED ON)
endif()
option(HPFEEDS_CLIENT_ONLY "Build the client libraries alone: no broker, no programs, no tests" ${HPFEEDS_IS_FETCHED})
option(HPFEEDS_TESTS "Build the tests" ON)
option(HPFEEDS_FUZZ "Build the fuzz targets (clang only)" OFF)
option(HPFEEDS_BENCH "Build the benchmarks" OFF)
option(HPFEEDS_WITH_MONGODB "Build the MongoDB key store (libmongoc)" ON)
option(HPFEEDS_WITH_SOCI "Keys on SQL servers (libsoci-dev, libpq-dev)" ON)
option(HPFEEDS_WERROR "Warnings are errors" OFF)
set(HPFEEDS_SANITIZE "" CACHE STRING "Sanitizers, separated by commas: address,undefined or thread")

if(NOT CMAKE_BUILD_TYPE AND NOT CMAKE_CONFIGURATION_TYPES)
  set(CMAKE_BUILD_TYPE RelWithDebInfo CACHE STRING "" FORCE)
endif()

find_program(HPFEEDS_CCACHE ccache)
if(HPFEEDS_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  set(CMAKE_CXX_COMPILER_LAUNCHER "${HPFEEDS_CCACHE}")
  # The tests of a unity build have a precompiled header, which a ccache takes only when told so.
  if(CMAKE_UNITY_BUILD)
    list(PREPEND CMAKE_CXX_COMPILER_LAUNCHER env CCACHE_SLOPPINESS=pch_defines,time_macros)
  endif()
endif()

set(CMAKE_EXPORT_COMPILE_COMMANDS ON)

# Builds for us link some two hundred tests. gold is in binutils, like the other linker, and takes half its time.
if(PROJECT_IS_TOP_LEVEL AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND (CMAKE_BUILD_TYPE STREQUAL "Debug" OR HPFEEDS_SANITIZE))
  include(CheckLinkerFlag)
  check_linker_flag(CXX -fuse-ld=gold HPFEEDS_GOLD)
  if(HPFEEDS_GOLD)
    add_link_options(-fuse-ld=gold)
  endif()
endif()

add_library(hpfeeds_options INTERFACE)
target_compile_features(hpfeeds_options INTERFACE cxx_std_20)
target_compile_options(hpfeeds_options INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion
  $<$<COMPILE_LANGUAGE:CXX>:-Wnon-virtual-dtor -Wold-style-cast -Woverloaded-virtual>
  # gcc 12 warns of overlapping copies inside std::string where there are none (its bug 105651).
  $<$<CXX_COMPILER_ID:GNU>:-Wno-restrict>
  # Names of two sources meet in a unity build, and are none of each other's business.
  $<$<BOOL:${CMAKE_UNITY_BUILD}>:-Wno-shadow>
  $<$<AND:$<BOOL:${CMAKE_UNITY_BUILD}>,$<COMPILE_LANG_AND_ID:CXX,GNU>>:-Wno-subobject-linkage>
  $<$<BOOL:${HPFEEDS_WERROR}>:-Werror>)
if(HPFEEDS_SANITIZE)
  string(REPLACE "," ";" sanitizers "${HPFEEDS_SANITIZE}")
  foreach(sanitizer IN LISTS sanitizers)
    add_compile_options(-fsanitize=${sanitizer})
    add_link_options(-fsanitize=${sanitizer})
  endforeach()
  add_compile_options(-O1 -g1 -fno-omit-frame-pointer -fno-sanitize-recover=all)
endif()
if(HPFEEDS_FUZZ)
  # Every room tells the search which branches an input took; fuzz/ links the search itself.
  add_compile_options(-fsanitize=fuzzer-no-link)
endif()
