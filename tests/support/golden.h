// SPDX-License-Identifier: Apache-2.0
// Compares what a test made with a file that a person has looked at.
#ifndef ARCHPOOL_TESTS_SUPPORT_GOLDEN_H_
#define ARCHPOOL_TESTS_SUPPORT_GOLDEN_H_

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "gtest/gtest.h"

namespace archpool::testing {

// `path` is one in the source directory, where tests run. With UPDATE_GOLDEN=1
// in the environment the file is written instead; look at the difference before
// committing it.
inline void ExpectFile(const std::string& path, const std::string& text) {
  if (std::getenv("UPDATE_GOLDEN") != nullptr) {
    std::filesystem::create_directories(
        std::filesystem::path(path).parent_path());
    std::ofstream(path, std::ios::binary) << text;
  }
  std::ifstream file(path, std::ios::binary);
  const std::string golden(std::istreambuf_iterator<char>(file), {});
  EXPECT_EQ(text, golden) << path
                          << ": if the change is meant, run again with "
                             "UPDATE_GOLDEN=1";
}

// `name` is a path under tests/golden.
inline void ExpectGolden(const std::string& name, const std::string& text) {
  ExpectFile("tests/golden/" + name, text);
}

}  // namespace archpool::testing

#endif  // ARCHPOOL_TESTS_SUPPORT_GOLDEN_H_
