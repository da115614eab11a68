# The compiler, its flags and the sanitizers. Every target of ours links celldeck_flags.

if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 14)
  message(FATAL_ERROR
    "GCC ${CMAKE_CXX_COMPILER_VERSION} destroys the temporaries of some co_await expressions twice. "
    "Use clang 19: cmake --preset release (or sh installer/run.sh, which installs it).")
endif()

set(CMAKE_CXX_STANDARD 23)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_AUTOMOC ON)
set(CMAKE_AUTORCC ON)

option(CELLDECK_WERROR "Warnings are errors" OFF)
set(CELLDECK_SANITIZE "" CACHE STRING "Sanitizers, as -fsanitize= takes them")

add_library(celldeck_flags INTERFACE)
target_compile_options(celldeck_flags INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wold-style-cast -Woverloaded-virtual
  $<$<BOOL:${CELLDECK_WERROR}>:-Werror>)
target_compile_definitions(celldeck_flags INTERFACE
  QT_NO_CAST_FROM_ASCII QT_NO_CONTEXTLESS_CONNECT QT_NO_FOREACH QT_NO_KEYWORDS
  QT_STRICT_ITERATORS QT_USE_QSTRINGBUILDER JSON_USE_IMPLICIT_CONVERSIONS=0)
if(CELLDECK_SANITIZE)
  target_compile_options(celldeck_flags INTERFACE
    -fsanitize=${CELLDECK_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=undefined)
  target_link_options(celldeck_flags INTERFACE -fsanitize=${CELLDECK_SANITIZE})
endif()
if(CELLDECK_SANITIZE STREQUAL "thread")
  add_library(celldeck_tsanclone OBJECT tests/support/tsanclone.cpp)
  target_sources(celldeck_flags INTERFACE $<TARGET_OBJECTS:celldeck_tsanclone>)
endif()

find_program(CELLDECK_LLD NAMES ld.lld-19)
if(CELLDECK_LLD)
  target_link_options(celldeck_flags INTERFACE -fuse-ld=${CELLDECK_LLD})
  if(CMAKE_INTERPROCEDURAL_OPTIMIZATION)
    # Most of the program is optimised while it is linked: what has not changed, once.
    target_link_options(celldeck_flags INTERFACE
      -Wl,--thinlto-cache-dir=${CMAKE_BINARY_DIR}/thinlto)
  endif()
endif()

find_program(CELLDECK_CCACHE ccache)
if(CELLDECK_CCACHE)
  # ccache takes a precompiled header only if it may overlook the header's time.
  set(CMAKE_CXX_COMPILER_LAUNCHER
    ${CMAKE_COMMAND} -E env CCACHE_SLOPPINESS=pch_defines,time_macros ${CELLDECK_CCACHE})
  target_compile_options(celldeck_flags INTERFACE "SHELL:-Xclang -fno-pch-timestamp")
endif()

if(CMAKE_CXX_CLANG_TIDY)
  # clang-tidy takes the nearest configuration: what moc and rcc write is theirs to tidy.
  file(WRITE ${PROJECT_BINARY_DIR}/.clang-tidy "Checks: '-*,misc-unused-alias-decls'\n")
endif()
