#include "common/base/version.h"

namespace archpool {

std::string DescribeBuild(std::string_view program) {
  std::string text(program);
  text.append(" ").append(kVersion);
  text.append(" (").append(kCommit);
  text.append(", ").append(kBuildType).append(")");
  return text;
}

}  // namespace archpool
