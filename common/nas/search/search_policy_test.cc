// SPDX-License-Identifier: Apache-2.0
#include "common/nas/search/search_policy.h"

#include <map>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/base/status.h"
#include "common/nas/sampling.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace archpool {
namespace {

// Every policy there is, with a population that small spaces can fill.
std::vector<std::string> Policies() {
  std::vector<std::string> policies;
  for (const SearchPolicyKind kind : SearchPolicyKinds()) {
    policies.push_back(
        ToString(SearchPolicySpec{.kind = kind, .population = 6, .sample = 3}));
  }
  return policies;
}

SearchSpace PlainSpace(int dimensions, int choices) {
  std::vector<Dimension> list;
  for (int d = 0; d < dimensions; ++d) {
    Dimension& dimension = list.emplace_back();
    dimension.name = absl::StrCat("d", d);
    for (int64_t c = 0; c < choices; ++c) dimension.choices.emplace_back(c);
  }
  return *SearchSpace::CreatePlain(std::move(list));
}

// One searcher, its results and what it has tried.
class Searcher {
 public:
  Searcher(const std::string& policy, const SearchSpace& space, uint64_t seed)
      : space_(space),
        policy_(MakeSearchPolicy(*ParseSearchPolicy(policy), space, seed)) {}

  std::vector<Architecture> Rank(int64_t count,
                                 absl::Span<const Subspace> boxes = {}) {
    return policy_
        ->Rank(
            {.count = count,
             .boxes = boxes,
             .id_of = [this](const Architecture& one) -> std::optional<Digest> {
               // One in seven cannot be built.
               if (space_.RankOf(one) % 7 == 3) return std::nullopt;
               return MakeCandidate(space_, one, {})->id;
             },
             .is_taken =
                 [this](const Digest& id) { return taken_.contains(id); },
             .pending = pending_})
        .candidates;
  }
  void Hand(const Architecture& one) {
    EXPECT_TRUE(taken_.insert(MakeCandidate(space_, one, {})->id).second)
        << "named twice";
    EXPECT_NE(space_.RankOf(one) % 7, 3) << "cannot be built";
    pending_.push_back(one);
  }
  void Learn() {
    for (const Architecture& one : pending_) {
      double value = 0;
      for (const uint8_t choice : one.choices) value += choice;
      policy_->Observe({one, value});
    }
    pending_.clear();
  }
  size_t tried() const { return taken_.size(); }

 private:
  const SearchSpace& space_;
  std::unique_ptr<SearchPolicy> policy_;
  std::set<Digest> taken_;
  std::vector<Architecture> pending_;
};

class SearchPolicyTest : public testing::TestWithParam<std::string> {};

TEST_P(SearchPolicyTest, GoesThroughASmallSpaceOnce) {
  const SearchSpace space = PlainSpace(4, 3);
  Searcher searcher(GetParam(), space, 1);
  for (int round = 0; round < 200; ++round) {
    const std::vector<Architecture> ranked = searcher.Rank(1 + round % 5);
    EXPECT_LE(ranked.size(), static_cast<size_t>(1 + round % 5));
    for (const Architecture& one : ranked) searcher.Hand(one);
    searcher.Learn();
  }
  int64_t possible = 0;
  for (int64_t rank = 0; rank < space.size(); ++rank) {
    possible += rank % 7 == 3 ? 0 : 1;
  }
  EXPECT_EQ(static_cast<int64_t>(searcher.tried()), possible);
  EXPECT_TRUE(searcher.Rank(3).empty());
}

TEST_P(SearchPolicyTest, StaysInTheBoxes) {
  const SearchSpace space = PlainSpace(4, 3);
  std::vector<Subspace> boxes = Partition(space, 9, 9);
  boxes.resize(2);
  Searcher searcher(GetParam(), space, 2);
  for (int round = 0; round < 10; ++round) {
    for (const Architecture& one : searcher.Rank(2, boxes)) {
      EXPECT_TRUE(boxes[0].Contains(one) || boxes[1].Contains(one));
      searcher.Hand(one);
    }
    searcher.Learn();
  }
  EXPECT_GT(searcher.tried(), 10u);
}

// A small box of a large space must not look empty.
TEST_P(SearchPolicyTest, FindsWhatIsLeftOfALargeSpace) {
  const SearchSpace space = PlainSpace(14, 3);
  std::vector<Subspace> boxes = Partition(space, 19'683, 65'536);
  boxes.erase(boxes.begin() + 1, boxes.end());
  Searcher searcher(GetParam(), space, 5);
  for (int round = 0; round < 6; ++round) {
    const std::vector<Architecture> ranked = searcher.Rank(5, boxes);
    EXPECT_EQ(ranked.size(), 5u);
    for (const Architecture& one : ranked) searcher.Hand(one);
    searcher.Learn();
  }
}

// Ten dimensions of 64 choices: more than anybody can go through. Nothing in
// it can be built, and the answer comes anyway.
TEST_P(SearchPolicyTest, GivesUpWhereNothingCanBeBuilt) {
  const SearchSpace space = PlainSpace(10, 64);
  const auto policy =
      MakeSearchPolicy(*ParseSearchPolicy(GetParam()), space, 7);
  int64_t looks = 0;
  const RankReply reply =
      policy->Rank({.count = 8,
                    .looks_max = 1'000,
                    .id_of = [&](const Architecture&) -> std::optional<Digest> {
                      ++looks;
                      return std::nullopt;
                    },
                    .is_taken = [](const Digest&) { return false; }});
  EXPECT_TRUE(reply.candidates.empty());
  EXPECT_LE(looks, 1'000);
  EXPECT_EQ(reply.looks, looks);
}

// One network in a few thousand can be built: call by call, each bounded, the
// search comes to it.
TEST_P(SearchPolicyTest, GoesOnWhereItLeftOff) {
  const SearchSpace space = PlainSpace(7, 3);
  for (const int64_t only : {int64_t{0}, int64_t{1'300}, space.size() - 1}) {
    const auto policy =
        MakeSearchPolicy(*ParseSearchPolicy(GetParam()), space, 8);
    bool is_found = false;
    for (int calls = 0; calls < 200 && !is_found; ++calls) {
      const RankReply reply = policy->Rank(
          {.count = 8,
           .looks_max = 600,
           .id_of = [&](const Architecture& one) -> std::optional<Digest> {
             if (space.RankOf(one) != only) return std::nullopt;
             return Sha256("the only one");
           },
           .is_taken = [](const Digest&) { return false; }});
      is_found = !reply.candidates.empty();
      if (!is_found) {
        EXPECT_TRUE(reply.is_cut_short);
      }
    }
    EXPECT_TRUE(is_found) << only;
  }
}

TEST_P(SearchPolicyTest, LooksAtNothingOnceStopped) {
  const SearchSpace space = PlainSpace(8, 3);
  const auto policy =
      MakeSearchPolicy(*ParseSearchPolicy(GetParam()), space, 9);
  const RankReply reply =
      policy->Rank({.count = 8,
                    .id_of = [](const Architecture&) -> std::optional<Digest> {
                      ADD_FAILURE() << "was looked at";
                      return std::nullopt;
                    },
                    .is_taken = [](const Digest&) { return false; },
                    .is_stopped = [] { return true; }});
  EXPECT_TRUE(reply.candidates.empty());
  EXPECT_TRUE(reply.is_cut_short);
}

TEST_P(SearchPolicyTest, TheSameSeedNamesTheSame) {
  const SearchSpace space = PlainSpace(5, 3);
  Searcher a(GetParam(), space, 3);
  Searcher b(GetParam(), space, 3);
  for (int round = 0; round < 12; ++round) {
    const auto named = a.Rank(3);
    EXPECT_EQ(named, b.Rank(3));
    for (const Architecture& one : named) {
      a.Hand(one);
      b.Hand(one);
    }
    a.Learn();
    b.Learn();
  }
}

// Where the choices add up, whoever looks at results beats chance.
TEST(ModelPolicyTest, FindsTheBestOfAnAdditiveSpaceSoon) {
  const SearchSpace space = PlainSpace(6, 4);
  Searcher searcher("model", space, 4);
  for (int i = 0; i < 60; ++i) {
    for (const Architecture& one : searcher.Rank(1)) {
      searcher.Hand(one);
      if (one.choices == std::vector<uint8_t>(6, 3)) return;
    }
    searcher.Learn();
  }
  FAIL() << "not found in 60 of " << space.size();
}

TEST(ParseSearchPolicyTest, ReadsAndWritesEveryPolicy) {
  for (const std::string& text : Policies()) {
    const auto spec = ParseSearchPolicy(text);
    ASSERT_TRUE(spec.ok());
    EXPECT_EQ(ToString(*spec), text);
  }
  EXPECT_EQ(ToString(*ParseSearchPolicy("evolution")), "evolution:50:10");
  for (const char* text : {"", "model:1:2", "evolution:5", "evolution:1:1",
                           "evolution:5:6", "evolution:a:b"}) {
    const absl::Status status = ParseSearchPolicy(text).status();
    EXPECT_EQ(GetReason(status), "SEARCH_POLICY") << text;
    EXPECT_THAT(std::string(status.message()),
                testing::EndsWith(SearchPolicyNames()));
  }
}

INSTANTIATE_TEST_SUITE_P(Policies, SearchPolicyTest,
                         testing::ValuesIn(Policies()));

}  // namespace
}  // namespace archpool
