// SPDX-License-Identifier: Apache-2.0
#include "common/wire/words.h"

#include "archpool/v1/pool.pb.h"
#include "archpool/v1/roles.pb.h"
#include "common/model/account.h"
#include "common/model/worker_activity.h"
#include "gtest/gtest.h"

namespace archpool::wire {
namespace {

TEST(WordsOfTheWireTest, ValuesAndWordsAreEachOthers) {
  EXPECT_EQ(ToProto<v1::Role>(Role::kMiner), v1::ROLE_MINER);
  EXPECT_EQ(FromProto<Role>(v1::ROLE_MINER), Role::kMiner);
  EXPECT_EQ(WordOf(v1::ROLE_OPERATOR), "operator");
  EXPECT_EQ(FindValue<v1::Role>("client"), v1::ROLE_CLIENT);
  EXPECT_EQ(FindValue<v1::Role>("nobody"), std::nullopt);
  EXPECT_EQ(ToProto<v1::WorkerActivity>(WorkerActivity::kWaiting),
            v1::WORKER_ACTIVITY_WAITING);
}

// Another version may know more.
TEST(WordsOfTheWireTest, WhatIsUnsetOrUnknownIsNoValue) {
  EXPECT_EQ(WordOf(v1::ROLE_UNSPECIFIED), "");
  EXPECT_EQ(WordOf(static_cast<v1::Role>(77)), "unknown_77");
  EXPECT_EQ(FromProto<Role>(v1::ROLE_UNSPECIFIED), std::nullopt);
  EXPECT_EQ(FromProto<Role>(static_cast<v1::Role>(77)), std::nullopt);
  EXPECT_EQ(FromProto<WorkerActivity>(v1::WORKER_ACTIVITY_SILENT), std::nullopt)
      << "for the server to say";
}

}  // namespace
}  // namespace archpool::wire
