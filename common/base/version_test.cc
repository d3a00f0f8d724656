#include "common/base/version.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace archpool {
namespace {

using ::testing::AnyOf;
using ::testing::MatchesRegex;

TEST(VersionTest, NamesVersionCommitAndBuildType) {
  EXPECT_THAT(std::string(kVersion), MatchesRegex("[0-9]+\\.[0-9]+\\.[0-9]+"));
  EXPECT_THAT(std::string(kCommit),
              AnyOf("unknown", MatchesRegex("[0-9a-f]{12,40}(-dirty)?")));
  EXPECT_THAT(std::string(kBuildType), MatchesRegex("[A-Za-z]+"));
}

TEST(VersionTest, EveryProgramSaysItInOneShape) {
  const std::string text = DescribeBuild("archpool-server");
  EXPECT_EQ(text, "archpool-server " + std::string(kVersion) + " (" +
                      std::string(kCommit) + ", " + std::string(kBuildType) +
                      ")");
}

}  // namespace
}  // namespace archpool
