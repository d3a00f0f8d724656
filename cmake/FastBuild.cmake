# SPDX-License-Identifier: Apache-2.0
# What makes building quick: files that are compiled together, headers that are
# compiled once, and no optimisation where it costs more than it brings.

# Most of a compilation goes to headers and templates that its neighbours read
# and expand as well. Where this is on, the files of a UNITY library are compiled
# several at a time, and each of the sets of headers below once. It is off in the
# trees where each file must show that it includes what it needs.
option(ARCHPOOL_FAST_BUILD "Compile small files together, headers in advance" ON)

# The largest libraries have some thirty files: two or three batches keep two
# cores busy.
set(CMAKE_UNITY_BUILD_BATCH_SIZE 14)

# CMake's -O3 takes a tenth longer than -O2 and brings something to loops over
# numbers alone: archpool_optimise gives it to those.
string(REPLACE "-O3" "-O2" CMAKE_CXX_FLAGS_RELEASE "${CMAKE_CXX_FLAGS_RELEASE}")

# For code of the sanitised trees that takes long to compile: without the checks
# that double its size and find little beside AddressSanitizer, which sees where a
# null or stale pointer is used.
set(ARCHPOOL_FEWER_CHECKS)
if(ARCHPOOL_FAST_BUILD AND ARCHPOOL_SANITIZERS MATCHES "undefined")
  set(ARCHPOOL_FEWER_CHECKS -fno-sanitize=null,alignment,object-size,vptr)
endif()
# For code that no fuzzer runs: nobody asks what of it was covered.
set(ARCHPOOL_UNCOVERED)
if(ARCHPOOL_WITH_FUZZERS)
  set(ARCHPOOL_UNCOVERED -fno-sanitize=fuzzer-no-link)
endif()

# archpool_optimise(kernels): loops over numbers, which take minutes where the
# others take seconds, are optimised in debugging and sanitised trees as well.
function(archpool_optimise name)
  if(ARCHPOOL_SANITIZERS)
    target_compile_options(archpool_${name} PRIVATE -O1 ${ARCHPOOL_FEWER_CHECKS})
  else()
    target_compile_options(archpool_${name} PRIVATE
      $<IF:$<CONFIG:Release>,-O3,-O2>)
  endif()
endfunction()

# archpool_unity(target ALONE a.cc): for a target whose files say each of their
# private names once. ALONE: the files that share one with another.
function(archpool_unity target)
  cmake_parse_arguments(ARG "" "" "ALONE" ${ARGN})
  set_target_properties(${target} PROPERTIES UNITY_BUILD ${ARCHPOOL_FAST_BUILD})
  set_source_files_properties(${ARG_ALONE} PROPERTIES
    SKIP_UNITY_BUILD_INCLUSION ON)
endfunction()

# The level at which those who read a set are compiled; unset: the tree's own. A
# compiler refuses headers that it compiled at another one.
# Who serves, stores or speaks over the wire waits for lines and disks: -O2 would
# take half as long again and bring nothing that can be measured. In the sanitised
# trees they are not optimised at all. Tests run once.
if(ARCHPOOL_SANITIZERS)
  set(level_of_waiting -O0)
else()
  set(level_of_waiting $<$<CONFIG:Release>:-O1>)
endif()
set(ARCHPOOL_LEVEL_OF_server ${level_of_waiting})
set(ARCHPOOL_LEVEL_OF_wire ${level_of_waiting})
set(ARCHPOOL_LEVEL_OF_test -O0 ${ARCHPOOL_FEWER_CHECKS} ${ARCHPOOL_UNCOVERED})
set(ARCHPOOL_LEVEL_OF_pool_test -O0 ${ARCHPOOL_FEWER_CHECKS} ${ARCHPOOL_UNCOVERED})

# archpool_precompiled(target): the options that go with headers compiled in
# advance, for who compiles them and for who reads them.
function(archpool_precompiled target)
  # A macro that comes with -pthread is one of the headers' own.
  target_compile_options(${target} PRIVATE -pthread)
  # ccache asks for the rest.
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    target_compile_options(${target} PRIVATE -fpch-preprocess)
  else()
    target_compile_options(${target} PRIVATE
      "SHELL:-Xclang -fno-pch-timestamp")
  endif()
endfunction()

# archpool_read_headers(target set): compiles a target at the level of a set, with
# its headers in advance.
function(archpool_read_headers target set)
  target_compile_options(${target} PRIVATE ${ARCHPOOL_LEVEL_OF_${set}})
  if(ARCHPOOL_FAST_BUILD)
    target_precompile_headers(${target} REUSE_FROM archpool_headers_${set})
    archpool_precompiled(${target})
  endif()
endfunction()

# A library has a file.
set(no_source ${CMAKE_BINARY_DIR}/header_set.cc)
file(CONFIGURE OUTPUT ${no_source} CONTENT "")

# archpool_header_set(NAME core DEPS ... HEADERS <vector> ...)
function(archpool_header_set)
  cmake_parse_arguments(ARG "" "NAME" "DEPS;HEADERS" ${ARGN})
  if(NOT ARCHPOOL_FAST_BUILD)
    return()
  endif()
  set(target archpool_headers_${ARG_NAME})
  add_library(${target} OBJECT EXCLUDE_FROM_ALL ${no_source})
  target_link_libraries(${target} PRIVATE archpool_flags ${ARG_DEPS})
  target_compile_options(${target} PRIVATE ${ARCHPOOL_LEVEL_OF_${ARG_NAME}})
  target_precompile_headers(${target} PRIVATE ${ARG_HEADERS})
  archpool_precompiled(${target})
endfunction()

set(common_headers <cstdint> <functional> <map> <memory> <optional> <string>
  <variant> <vector> <absl/container/btree_map.h> <absl/container/btree_set.h>
  <absl/status/statusor.h> <absl/strings/str_cat.h> <absl/time/time.h>
  <absl/types/span.h>)
set(api_headers <grpcpp/grpcpp.h>)
foreach(name account blob ledger payout pool receipt task verification work)
  list(APPEND api_headers <archpool/v1/${name}.grpc.pb.h>)
endforeach()
set(pool_headers ${PROJECT_SOURCE_DIR}/server/core/pool.h)
# ARCHPOOL_TEST_HEADERS says which of the two a folder's tests read.
set(test_headers <gmock/gmock.h> <gtest/gtest.h>)

archpool_header_set(NAME core HEADERS ${common_headers} ${pool_headers})
archpool_header_set(NAME server DEPS archpool::proto
  HEADERS ${common_headers} ${api_headers} ${pool_headers})
archpool_header_set(NAME wire DEPS archpool::proto
  HEADERS ${common_headers} ${api_headers})
if(BUILD_TESTING)
  archpool_header_set(NAME test DEPS GTest::gmock GTest::gtest
    HEADERS ${common_headers} ${test_headers})
  archpool_header_set(NAME pool_test DEPS GTest::gmock GTest::gtest
    HEADERS ${common_headers} ${test_headers}
      ${PROJECT_SOURCE_DIR}/tests/support/pool_fixture.h)
endif()
