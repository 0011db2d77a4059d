# SPDX-License-Identifier: Apache-2.0
# Debian's SOCI has no file for find_package. Soci::core is the library and the headers of it and of libpq, which its
# PostgreSQL header includes; drivers are loaded at run time.
find_path(SOCI_INCLUDE_DIR soci/soci.h)
find_library(SOCI_CORE_LIBRARY soci_core)
find_path(LIBPQ_INCLUDE_DIR libpq-fe.h PATH_SUFFIXES postgresql)

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(Soci
  REQUIRED_VARS SOCI_CORE_LIBRARY SOCI_INCLUDE_DIR LIBPQ_INCLUDE_DIR
  REASON_FAILURE_MESSAGE "install libsoci-dev and libpq-dev, or configure with -DHPFEEDS_WITH_SOCI=OFF")

if(Soci_FOUND AND NOT TARGET Soci::core)
  add_library(Soci::core UNKNOWN IMPORTED)
  set_target_properties(Soci::core PROPERTIES
    IMPORTED_LOCATION "${SOCI_CORE_LIBRARY}"
    INTERFACE_INCLUDE_DIRECTORIES "${SOCI_INCLUDE_DIR};${LIBPQ_INCLUDE_DIR}")
endif()
mark_as_advanced(SOCI_INCLUDE_DIR SOCI_CORE_LIBRARY LIBPQ_INCLUDE_DIR)
