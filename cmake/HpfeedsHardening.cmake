# SPDX-License-Identifier: Apache-2.0
# Flags that make a mistake in the code hard to use: for release builds, which are what others run. Builds with sanitizers
# find more than these flags, and contradict some of them; those for debugging are for us. Both keep their flags.
# What they cost, and what is left out: docs/decisions/0017-hardened-releases.md. tests/packaging/hardened.py reads from a
# program whether it has them.
option(HPFEEDS_HARDENING "Harden builds of the type Release (_FORTIFY_SOURCE, stack protector, PIE, full RELRO, ...)" ON)

if(HPFEEDS_HARDENING AND CMAKE_BUILD_TYPE STREQUAL "Release" AND NOT HPFEEDS_SANITIZE AND NOT HPFEEDS_FUZZ)
  # Level 3 also knows sizes that are computed when the program runs. Some compilers define a level of their own.
  set(fortify 3)
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 12)
    set(fortify 2)
  endif()
  add_compile_options(-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=${fortify} -fstack-protector-strong -fstack-clash-protection)
  if(CMAKE_SYSTEM_PROCESSOR MATCHES "^(x86_64|AMD64|i[3-6]86)$")
    add_compile_options(-fcf-protection)
  endif()
  # A library that is position-independent in its own way (-fPIC) stays so.
  add_compile_options("$<$<NOT:$<BOOL:$<TARGET_PROPERTY:POSITION_INDEPENDENT_CODE>>>:-fPIE>")
  add_link_options("$<$<STREQUAL:$<TARGET_PROPERTY:TYPE>,EXECUTABLE>:-pie>"
                   LINKER:-z,relro LINKER:-z,now LINKER:-z,noexecstack)
endif()
