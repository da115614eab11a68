# celldeck_room(<name> SOURCES <files…> [USES <rooms and libraries…>])
#
# One folder, one target. A header is included as "<room>/<file>.h", and that path resolves only
# through the include folder of a room which is linked: each room publishes a folder of its own
# that holds nothing but a link to the room. A forbidden include therefore does not build.
function(celldeck_room name)
  cmake_parse_arguments(ARG "" "" "SOURCES;USES;PRIVATE_USES" ${ARGN})
  set(doors ${PROJECT_BINARY_DIR}/rooms/${name})
  file(MAKE_DIRECTORY ${doors})
  file(CREATE_LINK ${CMAKE_CURRENT_SOURCE_DIR} ${doors}/${name} SYMBOLIC)

  add_library(celldeck_${name} STATIC ${ARG_SOURCES})
  target_include_directories(celldeck_${name} PUBLIC ${doors})
  target_link_libraries(celldeck_${name} PUBLIC celldeck_flags ${ARG_USES} PRIVATE ${ARG_PRIVATE_USES})
  if(name STREQUAL "base")
    target_precompile_headers(celldeck_base PRIVATE ${PROJECT_SOURCE_DIR}/cmake/precompiled.h)
  else()
    target_precompile_headers(celldeck_${name} REUSE_FROM celldeck_base)
  endif()
endfunction()

# celldeck_face(<name> HEADERS <…> SOURCES <…> [USES <…>] [BEHIND <rooms…>])
#
# Something of several rooms that is seen by exactly these headers, by the paths they have inside
# the engine. The rooms behind are linked, but their own doors stay shut.
function(celldeck_face name)
  cmake_parse_arguments(ARG "" "" "SOURCES;HEADERS;USES;BEHIND" ${ARGN})
  set(doors ${PROJECT_BINARY_DIR}/rooms/${name})
  foreach(header ${ARG_HEADERS})
    set(path ${header})
    if(NOT header MATCHES "/")
      set(path engine/${header})
    endif()
    get_filename_component(folder ${doors}/${path} DIRECTORY)
    file(MAKE_DIRECTORY ${folder})
    file(CREATE_LINK ${CMAKE_CURRENT_SOURCE_DIR}/${header} ${doors}/${path} SYMBOLIC)
  endforeach()
  add_library(celldeck_${name} STATIC ${ARG_SOURCES})
  target_include_directories(celldeck_${name} PUBLIC ${doors})
  target_link_libraries(celldeck_${name} PUBLIC celldeck_flags ${ARG_USES} PRIVATE ${ARG_BEHIND})
  target_precompile_headers(celldeck_${name} REUSE_FROM celldeck_base)
endfunction()

# celldeck_test(<file without .cpp> [USES <rooms and libraries…>] [LABELS <labels…>] [TIMEOUT <s>])
# One executable a file; a warning of Qt's that the test did not announce fails it.
function(celldeck_test name)
  cmake_parse_arguments(ARG "" "TIMEOUT" "SOURCES;USES;LABELS;ENVIRONMENT" ${ARGN})
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 120)
  endif()
  if(CELLDECK_SANITIZE)
    math(EXPR ARG_TIMEOUT "4 * ${ARG_TIMEOUT}")
  endif()
  add_executable(${name} ${name}.cpp ${ARG_SOURCES})
  target_link_libraries(${name} PRIVATE celldeck_flags Qt6::Test ${ARG_USES})
  target_precompile_headers(${name} REUSE_FROM celldeck_base)
  target_include_directories(${name} PRIVATE ${PROJECT_SOURCE_DIR}/tests)
  add_test(NAME ${name} COMMAND ${name})
  set_tests_properties(${name} PROPERTIES
    TIMEOUT ${ARG_TIMEOUT} LABELS "${ARG_LABELS}"
    ENVIRONMENT "QT_QPA_PLATFORM=offscreen;${ARG_ENVIRONMENT}")
endfunction()
