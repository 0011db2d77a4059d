# SPDX-License-Identifier: Apache-2.0
# hpfeeds_room(NAME SOURCES a.cpp … USES room … [LINKS library …] [ALONE b.cpp …])
#
# One static library per folder of src/. USES are the rooms whose headers this one may include: it sets the link
# dependency, and the test style.floors checks it against the includes that are really there.
#
# Unity builds (CMAKE_UNITY_BUILD; .ci/run makes them of sanitizers and fuzzing) compile a room's sources several at once,
# which is quicker. Names in their anonymous namespaces then meet. ALONE are the sources that have one in common with
# another, or include what does not bear company: they are compiled by themselves.
function(hpfeeds_room name)
  cmake_parse_arguments(ROOM "" "" "SOURCES;USES;LINKS;ALONE" ${ARGN})
  set(target hpfeeds_${name})
  add_library(${target} STATIC ${ROOM_SOURCES})
  # For those who fetch this project hpfeeds::client is the library (HpfeedsPackage.cmake); here it is the room.
  if(NOT HPFEEDS_IS_FETCHED OR NOT name STREQUAL client)
    add_library(hpfeeds::${name} ALIAS ${target})
  endif()
  if(HPFEEDS_IS_FETCHED)
    set_target_properties(${target} PROPERTIES EXCLUDE_FROM_ALL ON)
  endif()
  list(TRANSFORM ROOM_SOURCES PREPEND "${CMAKE_CURRENT_SOURCE_DIR}/" OUTPUT_VARIABLE sources)
  set_property(GLOBAL PROPERTY HPFEEDS_SOURCES_OF_${name} "${sources}")
  target_include_directories(${target} PUBLIC "${PROJECT_SOURCE_DIR}/src" "${PROJECT_SOURCE_DIR}/include")
  target_link_libraries(${target} PRIVATE hpfeeds_options)
  target_compile_features(${target} PUBLIC cxx_std_20)
  foreach(used IN LISTS ROOM_USES)
    target_link_libraries(${target} PUBLIC hpfeeds::${used})
  endforeach()
  target_link_libraries(${target} PUBLIC ${ROOM_LINKS})
  set_source_files_properties(${ROOM_ALONE} PROPERTIES SKIP_UNITY_BUILD_INCLUSION ON)
endfunction()

# hpfeeds_header_room(NAME USES room … [LINKS library …]): a room of headers alone.
function(hpfeeds_header_room name)
  cmake_parse_arguments(ROOM "" "" "USES;LINKS" ${ARGN})
  add_library(hpfeeds_${name} INTERFACE)
  add_library(hpfeeds::${name} ALIAS hpfeeds_${name})
  target_include_directories(hpfeeds_${name} INTERFACE "${PROJECT_SOURCE_DIR}/src" "${PROJECT_SOURCE_DIR}/include")
  target_compile_features(hpfeeds_${name} INTERFACE cxx_std_20)
  foreach(used IN LISTS ROOM_USES)
    target_link_libraries(hpfeeds_${name} INTERFACE hpfeeds::${used})
  endforeach()
  target_link_libraries(hpfeeds_${name} INTERFACE ${ROOM_LINKS})
endfunction()
