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

find_program(CCACHE_PROGRAM ccache)
if(CCACHE_PROGRAM)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CCACHE_PROGRAM})
endif()

find_package(Threads REQUIRED)
find_package(OpenSSL REQUIRED)
find_package(ZLIB REQUIRED)
find_package(absl CONFIG REQUIRED)
find_package(Protobuf REQUIRED)
find_package(gRPC CONFIG REQUIRED)
find_package(yaml-cpp CONFIG REQUIRED)
find_package(nlohmann_json CONFIG REQUIRED)
find_package(CLI11 CONFIG REQUIRED)
find_package(spdlog CONFIG REQUIRED)
find_package(GTest REQUIRED)
find_package(benchmark CONFIG REQUIRED)
find_package(PkgConfig REQUIRED)
pkg_check_modules(PQXX REQUIRED IMPORTED_TARGET libpqxx)
if(ARCHPOOL_WITH_TORCH)
  find_package(Torch CONFIG REQUIRED)
endif()

# Arithmetic must not depend on the compiler's mood: a fused multiply-add
# changes the last bit, and replays compare bits.
add_library(archpool_flags INTERFACE)
target_compile_options(archpool_flags INTERFACE
  -Wall -Wextra -Wconversion -Wshadow -Werror -ffp-contract=off)
target_include_directories(archpool_flags INTERFACE ${PROJECT_SOURCE_DIR})
if(CMAKE_CXX_COMPILER_ID MATCHES "Clang")
  target_compile_options(archpool_flags INTERFACE -Wthread-safety)
endif()
if(ARCHPOOL_SANITIZERS)
  add_compile_options(-fsanitize=${ARCHPOOL_SANITIZERS}
    -fno-sanitize-recover=all -fno-omit-frame-pointer)
  add_link_options(-fsanitize=${ARCHPOOL_SANITIZERS})
endif()

# archpool_library(NAME base SRCS a.cc b.cc DEPS archpool::x PRIVATE_DEPS y)
# DEPS appear in the library's headers; all others are PRIVATE_DEPS.
function(archpool_library)
  cmake_parse_arguments(ARG "" "NAME" "SRCS;DEPS;PRIVATE_DEPS" ${ARGN})
  add_library(archpool_${ARG_NAME} STATIC ${ARG_SRCS})
  add_library(archpool::${ARG_NAME} ALIAS archpool_${ARG_NAME})
  target_link_libraries(archpool_${ARG_NAME}
    PUBLIC ${ARG_DEPS}
    PRIVATE archpool_flags ${ARG_PRIVATE_DEPS})
  target_include_directories(archpool_${ARG_NAME} PUBLIC ${PROJECT_SOURCE_DIR})
endfunction()

# archpool_program(NAME archpool-server SRCS main.cc DEPS ...)
function(archpool_program)
  cmake_parse_arguments(ARG "" "NAME" "SRCS;DEPS" ${ARGN})
  add_executable(${ARG_NAME} ${ARG_SRCS})
  target_link_libraries(${ARG_NAME} PRIVATE archpool_flags ${ARG_DEPS})
endfunction()

# archpool_test(NAME foo_test SRCS foo_test.cc DEPS ... LABELS unit [TIMEOUT s])
# Programs land in bin/ like everything else; CTest runs them with the label.
function(archpool_test)
  cmake_parse_arguments(ARG "" "NAME;TIMEOUT" "SRCS;DEPS;LABELS" ${ARGN})
  add_executable(${ARG_NAME} ${ARG_SRCS})
  target_link_libraries(${ARG_NAME} PRIVATE archpool_flags ${ARG_DEPS}
    GTest::gmock GTest::gtest_main)
  if(NOT ARG_LABELS)
    set(ARG_LABELS unit)
  endif()
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 120)
  endif()
  add_test(NAME ${ARG_NAME} COMMAND ${ARG_NAME}
    WORKING_DIRECTORY ${PROJECT_SOURCE_DIR})
  set_tests_properties(${ARG_NAME} PROPERTIES
    LABELS "${ARG_LABELS}" TIMEOUT ${ARG_TIMEOUT})
endfunction()
