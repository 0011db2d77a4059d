# SPDX-License-Identifier: Apache-2.0
# The target `docs`: the public headers, rendered into docs/api of the build folder. A public member without
# documentation is an error. Only with Doxygen, and only when asked for.
find_package(Doxygen QUIET)
find_package(Python3 3.10 COMPONENTS Interpreter QUIET)
if(DOXYGEN_FOUND AND Python3_FOUND)
  set(HPFEEDS_DOXYGEN_FILTER "${PROJECT_SOURCE_DIR}/docs/doxygen_filter.py")
  configure_file("${PROJECT_SOURCE_DIR}/docs/Doxyfile.in" "${PROJECT_BINARY_DIR}/docs/Doxyfile" @ONLY)
  add_custom_target(docs COMMAND Doxygen::doxygen "${PROJECT_BINARY_DIR}/docs/Doxyfile"
    COMMENT "Rendering the public headers into docs/api" VERBATIM)
endif()
