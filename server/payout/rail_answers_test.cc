// SPDX-License-Identifier: Apache-2.0
#include "server/payout/rail_answers.h"

#include <nlohmann/json.hpp>
#include <string>

#include "common/crypto/sha256.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/status_matchers.h"

namespace archpool {
namespace {

using Json = nlohmann::json;

const Payout kPayout{
    .id = {7}, .amount = 2'500'000, .address = "addr-7", .key = Sha256("7")};

Json Said(const std::string& state) {
  return {{"key", kPayout.key.ToString()},
          {"address", "addr-7"},
          {"coins", "2.5"},
          {"state", state},
          {"reference", "tx-1"},
          {"reason", "NO_SUCH_ADDRESS"}};
}

TEST(RailAnswersTest, AnAnswerThatSaysWhatBecameOfThePayoutIsTaken) {
  const RailAnswer settled =
      ReadRailAnswer(kPayout, 200, Said("settled").dump());
  EXPECT_EQ(settled.word, RailWord::kSettled);
  EXPECT_EQ(settled.reference, "tx-1");
  EXPECT_EQ(ReadRailAnswer(kPayout, 202, Said("sent").dump()).word,
            RailWord::kSent);
  const RailAnswer refused =
      ReadRailAnswer(kPayout, 200, Said("refused").dump());
  EXPECT_EQ(refused.word, RailWord::kRefused);
  EXPECT_EQ(refused.reason, "NO_SUCH_ADDRESS");
  EXPECT_EQ(ReadRailAnswer(kPayout, 404, Said("never_seen").dump()).word,
            RailWord::kNeverSeen);
}

// Money moves, or comes back, by these words alone.
TEST(RailAnswersTest, WhatDoesNotSaySoIsADoubt) {
  const auto word = [](int status, const Json& body) {
    return ReadRailAnswer(kPayout, status, body.dump()).word;
  };
  EXPECT_EQ(ReadRailAnswer(kPayout, 200, "").word, RailWord::kDoubt);
  EXPECT_EQ(ReadRailAnswer(kPayout, 200, "<html>").word, RailWord::kDoubt);
  EXPECT_EQ(word(200, Json::array()), RailWord::kDoubt);
  EXPECT_EQ(word(500, Said("settled")), RailWord::kDoubt);
  EXPECT_EQ(word(404, Said("settled")), RailWord::kDoubt);
  EXPECT_EQ(word(200, Said("never_seen")), RailWord::kDoubt);
  EXPECT_EQ(word(200, Said("paid")), RailWord::kDoubt);
  for (const char* const name : {"key", "address", "coins", "reference"}) {
    Json other = Said("settled");
    other[name] = "another";
    const bool is_told = std::string(name) == "reference";
    EXPECT_EQ(word(200, other), is_told ? RailWord::kSettled : RailWord::kDoubt)
        << name;
    other[name] = 5;
    EXPECT_EQ(word(200, other), RailWord::kDoubt) << name;
    other.erase(name);
    EXPECT_EQ(word(200, other), RailWord::kDoubt) << name;
  }
}

TEST(RailAnswersTest, AListIsOfPayoutsThatCouldHaveBeen) {
  RailList list;
  const auto page = [](const Json& one, const std::string& next) {
    Json made = {{"next", next}};
    made["payouts"] = Json::array();
    made["payouts"].push_back(one);
    return made.dump();
  };
  const auto next = AddRailPage(page(Said("settled"), "k"), list);
  ASSERT_THAT(next, IsOk());
  EXPECT_EQ(*next, "k");
  ASSERT_EQ(list.payouts.size(), 1u);
  EXPECT_EQ(list.payouts[0].key, kPayout.key);
  EXPECT_EQ(list.payouts[0].amount, kPayout.amount);
  EXPECT_EQ(list.payouts[0].answer.word, RailWord::kSettled);

  const auto add = [&page](const Json& one) {
    RailList none;
    return AddRailPage(page(one, ""), none).status();
  };
  EXPECT_THAT(add(Said("settled")), IsOk());
  for (const auto& [name, text] :
       {std::pair<std::string, std::string>("key", "7"),
        {"coins", "-2.5"},
        {"coins", "99999999999999999999"},
        {"address", ""},
        {"address", std::string("addr-7\0addr-8", 13)},
        {"address", "addr\n7"},
        {"address", std::string(201, 'a')}}) {
    Json other = Said("settled");
    other[name] = text;
    EXPECT_THAT(add(other), FailsWith("RAIL_LIST_MALFORMED"))
        << name << " " << text;
  }
}

}  // namespace
}  // namespace archpool
