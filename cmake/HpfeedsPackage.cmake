# SPDX-License-Identifier: Apache-2.0
# The client library as others use it: one libhpfeeds_client with the rooms wire and client in it, public headers, a
# CMake package and a pkg-config file. BUILD_SHARED_LIBS chooses its kind; a shared one shows only what is HPFEEDS_EXPORT.
#
#     find_package(hpfeeds 0.1 REQUIRED)            target_link_libraries(sensor PRIVATE hpfeeds::client)
#     cc sensor.c $(pkg-config --cflags --libs hpfeeds)
include(CMakePackageConfigHelpers)
include(GNUInstallDirs)

file(STRINGS "${PROJECT_SOURCE_DIR}/include/hpfeeds/version.hpp" version_line REGEX "HPFEEDS_VERSION_TEXT")
if(NOT version_line MATCHES "\"${PROJECT_VERSION}\"")
  message(FATAL_ERROR "include/hpfeeds/version.hpp does not say ${PROJECT_VERSION}, as CMakeLists.txt does")
endif()

get_property(wire_sources GLOBAL PROPERTY HPFEEDS_SOURCES_OF_wire)
# The room client is compiled as a shared library wants it, and its objects are taken: nothing is compiled twice but wire,
# which in the broker stays what the compiler likes best.
set_target_properties(hpfeeds_client PROPERTIES
  POSITION_INDEPENDENT_CODE ON CXX_VISIBILITY_PRESET hidden VISIBILITY_INLINES_HIDDEN ON)
add_library(hpfeeds_client_library ${wire_sources} $<TARGET_OBJECTS:hpfeeds_client>)
if(HPFEEDS_IS_FETCHED)
  add_library(hpfeeds::client ALIAS hpfeeds_client_library)
endif()
# While the major version is 0, a minor version may change the ABI: docs/IMPLEMENTORS.md, "Versions".
set_target_properties(hpfeeds_client_library PROPERTIES
  OUTPUT_NAME hpfeeds_client
  EXPORT_NAME client
  VERSION ${PROJECT_VERSION}
  SOVERSION ${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR}
  POSITION_INDEPENDENT_CODE ON
  CXX_VISIBILITY_PRESET hidden
  VISIBILITY_INLINES_HIDDEN ON)
target_compile_features(hpfeeds_client_library PUBLIC cxx_std_20)
target_include_directories(hpfeeds_client_library
  PUBLIC "$<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include>" "$<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>"
  PRIVATE "${PROJECT_SOURCE_DIR}/src")
target_link_libraries(hpfeeds_client_library
  PRIVATE $<BUILD_INTERFACE:hpfeeds_options> OpenSSL::SSL OpenSSL::Crypto SQLite::SQLite3 Threads::Threads)

# The asynchronous client. Always static: what it is compiled with must be the Asio of whoever links it. Beside a shared
# client library it brings the rooms itself, which that one does not show.
get_property(asio_sources GLOBAL PROPERTY HPFEEDS_SOURCES_OF_asio)
set(asio_targets "")
if(asio_sources)
  if(TARGET hpfeeds_asio)
    set_target_properties(hpfeeds_asio PROPERTIES POSITION_INDEPENDENT_CODE ON)
    set(asio_sources $<TARGET_OBJECTS:hpfeeds_asio>)
  endif()
  get_target_property(kind hpfeeds_client_library TYPE)
  if(NOT kind STREQUAL "STATIC_LIBRARY")
    list(APPEND asio_sources ${wire_sources} $<TARGET_OBJECTS:hpfeeds_client>)
  endif()
  add_library(hpfeeds_asio_library STATIC ${asio_sources})
  if(HPFEEDS_IS_FETCHED)
    add_library(hpfeeds::asio ALIAS hpfeeds_asio_library)
  endif()
  set_target_properties(hpfeeds_asio_library PROPERTIES
    OUTPUT_NAME hpfeeds_asio EXPORT_NAME asio POSITION_INDEPENDENT_CODE ON LINKER_LANGUAGE CXX)
  target_compile_features(hpfeeds_asio_library PUBLIC cxx_std_20)
  target_compile_definitions(hpfeeds_asio_library PUBLIC ASIO_STANDALONE ASIO_HAS_STD_ALIGNED_ALLOC=1)
  target_include_directories(hpfeeds_asio_library PRIVATE "${PROJECT_SOURCE_DIR}/src")
  target_link_libraries(hpfeeds_asio_library PUBLIC hpfeeds_client_library
    PRIVATE $<BUILD_INTERFACE:hpfeeds_options> OpenSSL::SSL OpenSSL::Crypto SQLite::SQLite3 Threads::Threads)
  set(asio_targets hpfeeds_asio_library)
endif()

# A shared library brings what it needs; whoever links a static one must find it too.
get_target_property(kind hpfeeds_client_library TYPE)
if(kind STREQUAL "STATIC_LIBRARY" OR asio_targets)
  set(HPFEEDS_FIND_DEPENDENCIES "find_dependency(OpenSSL 3)\nfind_dependency(SQLite3)\nfind_dependency(Threads)")
endif()
if(kind STREQUAL "STATIC_LIBRARY")
  set(HPFEEDS_PC_REQUIRES "Requires: openssl sqlite3")
  set(HPFEEDS_PC_LIBS "-lstdc++ -pthread")
else()
  set(HPFEEDS_PC_REQUIRES "Requires.private: openssl sqlite3")
endif()
configure_package_config_file("${PROJECT_SOURCE_DIR}/cmake/hpfeeds-config.cmake.in"
  "${PROJECT_BINARY_DIR}/package/hpfeeds-config.cmake" INSTALL_DESTINATION "${CMAKE_INSTALL_LIBDIR}/cmake/hpfeeds")
write_basic_package_version_file("${PROJECT_BINARY_DIR}/package/hpfeeds-config-version.cmake"
  VERSION ${PROJECT_VERSION} COMPATIBILITY SameMinorVersion)
# Relative to itself, so that an installed tree may be moved.
file(RELATIVE_PATH HPFEEDS_PC_UP "/${CMAKE_INSTALL_LIBDIR}/pkgconfig" "/")
string(REGEX REPLACE "/$" "" HPFEEDS_PC_UP "${HPFEEDS_PC_UP}")
configure_file("${PROJECT_SOURCE_DIR}/cmake/hpfeeds.pc.in" "${PROJECT_BINARY_DIR}/package/hpfeeds.pc" @ONLY)

if(NOT HPFEEDS_IS_FETCHED)
  install(TARGETS hpfeeds_client_library ${asio_targets} EXPORT hpfeeds-targets
    RUNTIME DESTINATION "${CMAKE_INSTALL_BINDIR}" COMPONENT client
    LIBRARY DESTINATION "${CMAKE_INSTALL_LIBDIR}" COMPONENT client NAMELINK_COMPONENT client-dev
    ARCHIVE DESTINATION "${CMAKE_INSTALL_LIBDIR}" COMPONENT client-dev)
  install(DIRECTORY "${PROJECT_SOURCE_DIR}/include/hpfeeds" DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}"
    COMPONENT client-dev FILES_MATCHING PATTERN "*.hpp" PATTERN "*.h")
  install(EXPORT hpfeeds-targets NAMESPACE hpfeeds:: DESTINATION "${CMAKE_INSTALL_LIBDIR}/cmake/hpfeeds"
    COMPONENT client-dev)
  install(FILES "${PROJECT_BINARY_DIR}/package/hpfeeds-config.cmake"
                "${PROJECT_BINARY_DIR}/package/hpfeeds-config-version.cmake"
    DESTINATION "${CMAKE_INSTALL_LIBDIR}/cmake/hpfeeds" COMPONENT client-dev)
  install(FILES "${PROJECT_BINARY_DIR}/package/hpfeeds.pc" DESTINATION "${CMAKE_INSTALL_LIBDIR}/pkgconfig"
    COMPONENT client-dev)
endif()
