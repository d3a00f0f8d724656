// SPDX-License-Identifier: Apache-2.0
// Which build of archpool this is. A library of its own, linked by what shows
// it alone: its one source file changes with every commit.
#ifndef ARCHPOOL_COMMON_BASE_VERSION_H_
#define ARCHPOOL_COMMON_BASE_VERSION_H_

#include <string>

namespace archpool {

// "0.1.0": the project's version, as CHANGELOG.md names it.
extern const char kVersion[];
// "1a1195a4c0de", with "-dirty" where sources differed from it; "unknown" where
// it was not built from a git repository.
extern const char kCommit[];
// CMake's build type: "Release".
extern const char kBuildType[];

// "archpool-server 0.2.0 (1a1195a4c0de, Release)": what --version prints, and
// how the log of a program begins.
std::string DescribeBuild(const std::string& program);

}  // namespace archpool

#endif  // ARCHPOOL_COMMON_BASE_VERSION_H_
