# SPDX-License-Identifier: Apache-2.0
# hpfeeds::testing as others use it: hpfeeds::testing::Broker and all that a broker is made of, in one static archive.
#
#     find_package(hpfeeds 0.1 REQUIRED COMPONENTS testing)      target_link_libraries(sensor_test PRIVATE hpfeeds::testing)
#
# It takes the objects that the rooms are made of, so nothing is compiled twice. Key stores on servers are left out: its
# users are a list in the program, and a test must not need MongoDB's and SQL servers' libraries.
if(HPFEEDS_IS_FETCHED)
  return()
endif()
set(testing_objects "")
foreach(room IN ITEMS bytes log metrics core net service config broker testing)
  list(APPEND testing_objects $<TARGET_OBJECTS:hpfeeds_${room}>)
endforeach()
get_property(driver_sources GLOBAL PROPERTY HPFEEDS_AUTH_DRIVER_SOURCES)
list(TRANSFORM driver_sources REPLACE "\\.cpp$" "")
list(JOIN driver_sources "|" drivers)
list(APPEND testing_objects "$<FILTER:$<TARGET_OBJECTS:hpfeeds_auth>,EXCLUDE,/(${drivers})[.]cpp[.]o$>")
# A static client library has the room wire; a shared one does not show it.
get_target_property(kind hpfeeds_client_library TYPE)
if(NOT kind STREQUAL "STATIC_LIBRARY")
  list(APPEND testing_objects $<TARGET_OBJECTS:hpfeeds_wire>)
endif()

add_library(hpfeeds_testing_library STATIC ${testing_objects}
  "${PROJECT_SOURCE_DIR}/src/auth/no_sql_server.cpp" "${PROJECT_SOURCE_DIR}/src/auth/no_mongo_store.cpp")
set_target_properties(hpfeeds_testing_library PROPERTIES OUTPUT_NAME hpfeeds_testing EXPORT_NAME testing
  ARCHIVE_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}/package")
target_compile_features(hpfeeds_testing_library PUBLIC cxx_std_20)
target_include_directories(hpfeeds_testing_library PRIVATE "${PROJECT_SOURCE_DIR}/src")
target_link_libraries(hpfeeds_testing_library PUBLIC hpfeeds_client_library
  PRIVATE $<BUILD_INTERFACE:hpfeeds_options> fmt::fmt spdlog::spdlog OpenSSL::SSL OpenSSL::Crypto SQLite::SQLite3
          Threads::Threads)

install(TARGETS hpfeeds_testing_library EXPORT hpfeeds-testing-targets
  ARCHIVE DESTINATION "${CMAKE_INSTALL_LIBDIR}" COMPONENT testing-dev)
install(EXPORT hpfeeds-testing-targets NAMESPACE hpfeeds:: DESTINATION "${CMAKE_INSTALL_LIBDIR}/cmake/hpfeeds"
  COMPONENT testing-dev)
install(FILES "${PROJECT_SOURCE_DIR}/cmake/hpfeeds-testing.cmake"
  DESTINATION "${CMAKE_INSTALL_LIBDIR}/cmake/hpfeeds" COMPONENT testing-dev)
