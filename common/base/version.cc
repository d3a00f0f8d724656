// SPDX-License-Identifier: Apache-2.0
#include "common/base/version.h"

namespace archpool {

std::string DescribeBuild(const std::string& program) {
  return program + " " + kVersion + " (" + kCommit + ", " + kBuildType + ")";
}

}  // namespace archpool
