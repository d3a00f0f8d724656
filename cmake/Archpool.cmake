# SPDX-License-Identifier: Apache-2.0
# One rule per kind of unit. A library is a folder is a layer: the tests under
# tests/lint hold the direction of the dependencies.

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bin)
if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release)
endif()

# Nothing here uses a macro that only a precompiled header defines, nor
# __TIME__: told so, ccache knows files that use precompiled headers again.
find_program(CCACHE_PROGRAM ccache)
if(CCACHE_PROGRAM AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  set(CMAKE_CXX_COMPILER_LAUNCHER
    env CCACHE_SLOPPINESS=pch_defines,time_macros ${CCACHE_PROGRAM})
endif()

find_package(Threads REQUIRED)
find_package(OpenSSL REQUIRED)
find_package(ZLIB REQUIRED)
# What clients bring pictures in.
find_package(PNG REQUIRED)
find_package(JPEG REQUIRED)
find_package(absl CONFIG REQUIRED)
find_package(Protobuf REQUIRED)
find_package(gRPC CONFIG REQUIRED)
find_package(yaml-cpp CONFIG REQUIRED)
find_package(nlohmann_json CONFIG REQUIRED)
find_package(CLI11 CONFIG REQUIRED)
find_package(spdlog CONFIG REQUIRED)
find_package(prometheus-cpp CONFIG REQUIRED)
find_package(PkgConfig REQUIRED)
pkg_check_modules(PQXX REQUIRED IMPORTED_TARGET libpqxx)
pkg_check_modules(LIBPQ REQUIRED IMPORTED_TARGET libpq)
pkg_check_modules(HTTPLIB REQUIRED IMPORTED_TARGET cpp-httplib)
pkg_check_modules(SECCOMP REQUIRED IMPORTED_TARGET libseccomp)
# Its CMake files name programs that libzip-dev does not bring.
pkg_check_modules(LIBZIP REQUIRED IMPORTED_TARGET libzip)
if(BUILD_TESTING)
  find_package(GTest REQUIRED)
endif()
# Its headers alone: nothing of it is linked.
find_path(HIGHWAY_INCLUDE_DIR hwy/highway.h)
if(NOT HIGHWAY_INCLUDE_DIR)
  message(FATAL_ERROR "Highway's headers (hwy/highway.h) are missing: the "
    "kernels that train are written in them. deploy/install-deps.sh installs "
    "the package libhwy-dev; elsewhere, set HIGHWAY_INCLUDE_DIR to the folder "
    "that holds hwy/.")
endif()
if(ARCHPOOL_WITH_TORCH)
  find_package(Torch CONFIG REQUIRED)
endif()

# Arithmetic must not depend on the compiler's mood: a fused multiply-add
# changes the last bit, and replays compare bits.
add_library(archpool_flags INTERFACE)
target_compile_options(archpool_flags INTERFACE
  -Wall -Wextra -Wconversion -Wshadow -ffp-contract=off
  # A compiler that is newer than this release may warn of more.
  $<$<BOOL:${ARCHPOOL_WERROR}>:-Werror>
  # Designated initialisers leave the rest at its default on purpose.
  -Wno-missing-field-initializers)
# Protocol Buffers of Debian 13 define it for who links them, and headers that are
# compiled in advance want the same macros of all who read them.
target_compile_definitions(archpool_flags INTERFACE NOMINMAX)
target_include_directories(archpool_flags INTERFACE ${PROJECT_SOURCE_DIR})
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # GCC 14 finds uninitialised members in moves of std::variant that are none.
  target_compile_options(archpool_flags INTERFACE -Wno-maybe-uninitialized)
endif()
if(CMAKE_CXX_COMPILER_ID MATCHES "Clang")
  # GCC's -Wconversion leaves signs alone in C++; one rule for both.
  target_compile_options(archpool_flags INTERFACE
    -Wthread-safety -Wno-sign-conversion)
endif()
if(ARCHPOOL_WITH_FUZZERS)
  # Coverage guides the fuzzers, so the libraries need it as well.
  add_compile_options(-fsanitize=fuzzer-no-link)
endif()
if(ARCHPOOL_SANITIZERS)
  add_compile_options(-fsanitize=${ARCHPOOL_SANITIZERS}
    -fno-sanitize-recover=all -fno-omit-frame-pointer)
  add_link_options(-fsanitize=${ARCHPOOL_SANITIZERS})
endif()

# For programs that keep millions of small records: a third of what a decision
# of the core takes goes to glibc's malloc. Sanitizers bring an allocator of
# their own.
add_library(archpool_allocator INTERFACE)
add_library(archpool::allocator ALIAS archpool_allocator)
if(NOT ARCHPOOL_SANITIZERS)
  pkg_check_modules(JEMALLOC REQUIRED IMPORTED_TARGET jemalloc)
  # Nothing calls it by name, so the linker would leave it out.
  target_link_options(archpool_allocator INTERFACE -Wl,--no-as-needed)
  target_link_libraries(archpool_allocator INTERFACE PkgConfig::JEMALLOC)
  target_compile_definitions(archpool_allocator INTERFACE
    ARCHPOOL_HAS_JEMALLOC)
endif()

include(${CMAKE_CURRENT_LIST_DIR}/FastBuild.cmake)

# archpool_library(NAME base SRCS a.cc b.cc DEPS archpool::x PRIVATE_DEPS y
#   [UNITY [ALONE a.cc]] [HEADERS core|server|wire])
# DEPS appear in the library's headers; all others are PRIVATE_DEPS. HEADERS: the
# set that it reads (FastBuild.cmake).
function(archpool_library)
  cmake_parse_arguments(ARG "UNITY" "NAME;HEADERS"
    "SRCS;DEPS;PRIVATE_DEPS;ALONE" ${ARGN})
  add_library(archpool_${ARG_NAME} STATIC ${ARG_SRCS})
  add_library(archpool::${ARG_NAME} ALIAS archpool_${ARG_NAME})
  target_link_libraries(archpool_${ARG_NAME}
    PUBLIC ${ARG_DEPS}
    PRIVATE archpool_flags ${ARG_PRIVATE_DEPS})
  target_include_directories(archpool_${ARG_NAME} PUBLIC ${PROJECT_SOURCE_DIR})
  if(ARG_UNITY)
    archpool_unity(archpool_${ARG_NAME} ALONE ${ARG_ALONE})
  endif()
  if(ARG_HEADERS)
    archpool_read_headers(archpool_${ARG_NAME} ${ARG_HEADERS})
  endif()
endfunction()

# All programs and nothing else: what an operator wants built.
add_custom_target(programs)
# All but the tests of label `again` (see archpool_test).
add_custom_target(distinct)

# archpool_program(NAME archpool-server SRCS main.cc DEPS ...
#   [COMPONENT server | INTERNAL])
# COMPONENT: what installs it (Packages.cmake); without one it is not installed.
# INTERNAL: for developers and tests, not among `programs`.
function(archpool_program)
  cmake_parse_arguments(ARG "INTERNAL" "NAME;COMPONENT" "SRCS;DEPS" ${ARGN})
  add_executable(${ARG_NAME} ${ARG_SRCS})
  target_link_libraries(${ARG_NAME} PRIVATE archpool_flags ${ARG_DEPS})
  add_dependencies(distinct ${ARG_NAME})
  if(NOT ARG_INTERNAL)
    add_dependencies(programs ${ARG_NAME})
  endif()
  if(ARG_COMPONENT)
    install(TARGETS ${ARG_NAME} RUNTIME COMPONENT ${ARG_COMPONENT})
  endif()
endfunction()

# Tells the tests of one tree from those of another.
set(ARCHPOOL_TEST_SUFFIX "" CACHE STRING "Appended to every test's name")

# archpool_add_test(NAME n LABELS unit... [TIMEOUT s] [ENV A=B...] [RUN_SERIAL]
#   [WAITS] COMMAND ...): any command as a test, run in the source directory. A
# sanitised tree has its own names (so that one CTest run covers several trees)
# and more time. WAITS: most of its time goes by while its programs wait. CTest
# is given two jobs for each core; such a test takes one of them, any other two.
function(archpool_add_test)
  cmake_parse_arguments(ARG "RUN_SERIAL;WAITS" "NAME;TIMEOUT"
    "LABELS;ENV;COMMAND" ${ARGN})
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 120)
  endif()
  if(ARCHPOOL_SANITIZERS)
    math(EXPR ARG_TIMEOUT "4 * ${ARG_TIMEOUT}")
    # The system's libraries are not instrumented: a container that they grow
    # looks overflown to ours. What was freed is kept for a while, and by default
    # for so long that a third of the time goes to fresh memory.
    list(APPEND ARG_ENV
      "ASAN_OPTIONS=detect_container_overflow=0:quarantine_size_mb=32"
      "LSAN_OPTIONS=print_suppressions=0:suppressions=${PROJECT_SOURCE_DIR}/tests/support/lsan.supp"
      "UBSAN_OPTIONS=print_stacktrace=1")
  endif()
  set(name ${ARG_NAME}${ARCHPOOL_TEST_SUFFIX})
  add_test(NAME ${name} COMMAND ${ARG_COMMAND}
    WORKING_DIRECTORY ${PROJECT_SOURCE_DIR})
  set_tests_properties(${name} PROPERTIES
    LABELS "${ARG_LABELS}" TIMEOUT ${ARG_TIMEOUT}
    ENVIRONMENT "${ARG_ENV}" RUN_SERIAL ${ARG_RUN_SERIAL})
  if(ARG_WAITS)
    # First, so that those which compute fill the cores meanwhile.
    set_tests_properties(${name} PROPERTIES COST 100)
  else()
    set_tests_properties(${name} PROPERTIES PROCESSORS 2)
  endif()
endfunction()

# Unit tests decide the same in every tree, and the sanitised one sees more:
# elsewhere they have the label `again` too, and tests/run.sh passes them over
# where it runs both. Not so those which the sanitised tree does not have, or
# whose code is another one when it is optimised: a folder of such tests says so.
set(ARCHPOOL_TESTS_OF_RELEASE OFF)

# The set of headers that tests read (FastBuild.cmake). A folder whose tests read
# another sets it for itself and the folders below.
set(ARCHPOOL_TEST_HEADERS test)

# archpool_test(NAME foo_test SRCS foo_test.cc DEPS ... LABELS unit [TIMEOUT s]
#   [RUN_SERIAL] [SOAK] [OF_RELEASE]): a GoogleTest program. RUN_SERIAL: nothing
# else runs meanwhile. SOAK: also foo_test.soak (label soak), with ARCHPOOL_SOAK=1
# in the environment and an hour's time. OF_RELEASE: see above.
function(archpool_test)
  cmake_parse_arguments(ARG "RUN_SERIAL;SOAK;OF_RELEASE" "NAME;TIMEOUT"
    "SRCS;DEPS;LABELS" ${ARGN})
  if(NOT BUILD_TESTING)
    return()
  endif()
  add_executable(${ARG_NAME} ${ARG_SRCS})
  target_link_libraries(${ARG_NAME} PRIVATE archpool_flags ${ARG_DEPS}
    GTest::gmock GTest::gtest_main)
  # What runs once costs the compiler more to optimise than it costs to run. Not
  # so what runs long: the linker takes a template's slow copy for all.
  # LibTorch brings flags of its own.
  if(NOT "sim" IN_LIST ARG_LABELS AND NOT "torch" IN_LIST ARG_DEPS)
    archpool_read_headers(${ARG_NAME} ${ARCHPOOL_TEST_HEADERS})
  endif()
  if(NOT ARG_LABELS)
    set(ARG_LABELS unit)
  endif()
  if(ARG_LABELS STREQUAL "unit" AND NOT ARCHPOOL_SANITIZERS
      AND NOT ARG_OF_RELEASE AND NOT ARCHPOOL_TESTS_OF_RELEASE)
    list(APPEND ARG_LABELS again)
  else()
    add_dependencies(distinct ${ARG_NAME})
  endif()
  set(serial)
  if(ARG_RUN_SERIAL)
    set(serial RUN_SERIAL)
  endif()
  archpool_add_test(NAME ${ARG_NAME} LABELS ${ARG_LABELS}
    TIMEOUT ${ARG_TIMEOUT} ${serial} COMMAND ${ARG_NAME})
  if(ARG_SOAK)
    archpool_add_test(NAME ${ARG_NAME}.soak LABELS soak TIMEOUT 3600
      ENV ARCHPOOL_SOAK=1 ${serial} COMMAND ${ARG_NAME})
  endif()
endfunction()

# archpool_fuzzer(NAME foo_fuzz SRCS foo_fuzz.cc DEPS ... CORPUS folder
#   [DICT file] [ARGS -flag=value...]): a program around LLVMFuzzerTestOneInput;
# CORPUS and DICT lie beside the CMakeLists.txt. In trees with
# ARCHPOOL_WITH_FUZZERS it is a libFuzzer program, which takes ARGS: as a test it
# replays CORPUS, then searches for ARCHPOOL_FUZZ_SECONDS from a fixed seed; finds
# stay in the build tree. In every other tree it replays CORPUS alone.
set(ARCHPOOL_FUZZ_SECONDS 6 CACHE STRING "Time for each fuzzer as a test")
function(archpool_fuzzer)
  cmake_parse_arguments(ARG "" "NAME;CORPUS;DICT" "SRCS;DEPS;ARGS" ${ARGN})
  set(corpus ${CMAKE_CURRENT_SOURCE_DIR}/${ARG_CORPUS})
  add_executable(${ARG_NAME} ${ARG_SRCS})
  target_link_libraries(${ARG_NAME} PRIVATE archpool_flags ${ARG_DEPS})
  if(NOT ARCHPOOL_WITH_FUZZERS)
    target_link_libraries(${ARG_NAME} PRIVATE archpool_replay)
    archpool_add_test(NAME ${ARG_NAME} LABELS fuzz again
      COMMAND ${ARG_NAME} ${corpus})
    return()
  endif()
  add_dependencies(distinct ${ARG_NAME})
  target_link_options(${ARG_NAME} PRIVATE -fsanitize=fuzzer)
  set(found ${CMAKE_BINARY_DIR}/corpus/${ARG_NAME})
  file(MAKE_DIRECTORY ${found})
  set(arguments -timeout=10 -artifact_prefix=${found}/ ${ARG_ARGS})
  if(ARG_DICT)
    list(APPEND arguments -dict=${CMAKE_CURRENT_SOURCE_DIR}/${ARG_DICT})
  endif()
  list(APPEND arguments ${found} ${corpus})
  archpool_add_test(NAME ${ARG_NAME} LABELS fuzz
    TIMEOUT 120 COMMAND ${ARG_NAME} -seed=1
    -max_total_time=${ARCHPOOL_FUZZ_SECONDS} ${arguments})
  archpool_add_test(NAME ${ARG_NAME}.soak LABELS soak
    TIMEOUT 900 COMMAND ${ARG_NAME} -max_total_time=600 ${arguments})
endfunction()
