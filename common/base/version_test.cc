// SPDX-License-Identifier: Apache-2.0
#include "common/base/version.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace archpool {
namespace {

using ::testing::AnyOf;
using ::testing::MatchesRegex;

TEST(VersionTest, NamesVersionCommitAndBuildType) {
  EXPECT_THAT(kVersion, MatchesRegex("[0-9]+\\.[0-9]+\\.[0-9]+"));
  EXPECT_THAT(std::string(kCommit),
              AnyOf("unknown", MatchesRegex("[0-9a-f]{12,40}(-dirty)?")));
  EXPECT_THAT(kBuildType, MatchesRegex("[A-Za-z]+"));
}

TEST(VersionTest, EveryProgramSaysItInOneShape) {
  const std::string text = DescribeBuild("archpool-server");
  EXPECT_EQ(text, std::string("archpool-server ") + kVersion + " (" + kCommit +
                      ", " + kBuildType + ")");
}

}  // namespace
}  // namespace archpool
