// SPDX-License-Identifier: Apache-2.0
#include "common/wire/api_version.h"

#include "common/base/status.h"
#include "common/base/version.h"
#include "common/wire/request_limits.h"
#include "gtest/gtest.h"

namespace archpool::wire {
namespace {

TEST(ApiVersionTest, TakesTheOldestThatItUnderstandsAndAllAfterIt) {
  for (const char* version : {kClientVersionMin, kOwnVersion, "0.2.1", "0.10.0",
                              "1.0.0", "2.0.0-rc1"}) {
    EXPECT_TRUE(CheckClientVersion(version).ok()) << version;
  }
}

TEST(ApiVersionTest, ItsOwnIsTheBuilds) { EXPECT_STREQ(kOwnVersion, kVersion); }

TEST(ApiVersionTest, SaysWhatToDoToWhoeverIsTooOldOrSaysNothing) {
  for (const char* version :
       {"", "0.1.9", "0.2", "0.2.0.0", "x.2.0", "-1.0.0", "1.-1.0"}) {
    const absl::Status status = CheckClientVersion(version);
    EXPECT_EQ(GetReason(status), "CLIENT_TOO_OLD") << version;
    EXPECT_NE(status.message().find("update the program"),
              absl::string_view::npos);
  }
}

TEST(ApiVersionTest, AServerThatSaysNoVersionIsTooOld) {
  EXPECT_TRUE(CheckServerVersion(kOwnVersion).ok());
  EXPECT_EQ(GetReason(CheckServerVersion("")), "SERVER_TOO_OLD");
}

TEST(ApiVersionTest, FeaturesThatItLacksArePassedOver) {
  google::protobuf::RepeatedPtrField<std::string> named;
  google::protobuf::RepeatedPtrField<std::string> shared;
  *named.Add() = "of_the_future";
  EXPECT_TRUE(ShareFeatures(named, &shared).ok());
  EXPECT_TRUE(shared.empty());
  for (int64_t i = 0; i < limits::kFeaturesMax; ++i) *named.Add() = "more";
  EXPECT_EQ(GetReason(ShareFeatures(named, &shared)), "FIELD_TOO_MANY");
}

}  // namespace
}  // namespace archpool::wire
