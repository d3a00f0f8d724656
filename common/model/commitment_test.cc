// SPDX-License-Identifier: Apache-2.0
#include "common/model/commitment.h"

#include <gtest/gtest.h>

#include <set>

#include "absl/strings/str_cat.h"

namespace archpool {
namespace {

CheckpointChain ChainOf(int64_t segments, const std::string& name = "honest") {
  std::vector<CheckpointFiles> boundaries;
  for (int64_t k = 0; k <= segments; ++k) {
    boundaries.push_back({Sha256(absl::StrCat(name, " weights ", k)), 10 + k,
                          Sha256(absl::StrCat(name, " optimizer ", k)), 20});
  }
  return CheckpointChain(boundaries);
}

TEST(CommitmentTest, EverySegmentOfEveryLengthOpens) {
  for (int64_t segments = 1; segments <= 33; ++segments) {
    const CheckpointChain chain = ChainOf(segments);
    const Digest root = chain.Root();
    for (int64_t k = 0; k < segments; ++k) {
      const Opening opening = chain.Open(k);
      EXPECT_TRUE(IsOpening(root, segments, k, opening))
          << segments << " " << k;
      EXPECT_LE(opening.end_proof.size(), kProofLengthMax);
      const CheckpointFiles& start = chain.boundary(0);
      EXPECT_TRUE(
          IsCheckpoint(root, segments, 0,
                       CheckpointDigest(0, start.weights, start.optimizer),
                       opening.start_proof));
      for (int64_t other = 0; other < segments; ++other) {
        EXPECT_EQ(IsOpening(root, segments, other, opening), other == k);
      }
    }
  }
}

TEST(CommitmentTest, AnOpeningOfSomethingElseIsTold) {
  const CheckpointChain chain = ChainOf(16);
  const Opening honest = chain.Open(5);
  const Opening other = ChainOf(16, "other").Open(5);
  const auto holds = [&](const Opening& opening) {
    return IsOpening(chain.Root(), 16, 5, opening);
  };
  ASSERT_TRUE(holds(honest));
  EXPECT_FALSE(holds(other));
  Opening spliced = honest;  // begins where another training was
  spliced.begin = other.begin;
  EXPECT_FALSE(holds(spliced));
  Opening swapped = honest;
  std::swap(swapped.begin.weights, swapped.begin.optimizer);
  EXPECT_FALSE(holds(swapped));
  Opening elsewhere = honest;
  elsewhere.end = other.end;
  EXPECT_FALSE(holds(elsewhere));
  Opening shorter = honest;
  shorter.end_proof.pop_back();
  EXPECT_FALSE(holds(shorter));
  Opening none = honest;
  none.begin_proof.clear();
  EXPECT_FALSE(holds(none));
  EXPECT_FALSE(IsOpening(chain.Root(), 15, 5, honest));
}

// Whatever a verifier can check without training still holds.
TEST(CommitmentTest, AnotherEndIsNotSeenInAnyOpening) {
  for (int64_t segments = 1; segments <= 20; ++segments) {
    const CheckpointChain chain = ChainOf(segments);
    const CheckpointFiles& start = chain.boundary(0);
    const Digest start_digest =
        CheckpointDigest(0, start.weights, start.optimizer);
    for (int64_t segment = 0; segment < segments; ++segment) {
      Opening opening = chain.Open(segment);
      const Digest end = Sha256("elsewhere");
      const Digest root = ReplaceEnd(segments, segment, end, opening);
      EXPECT_NE(root, chain.Root());
      EXPECT_EQ(opening.end, end);
      EXPECT_EQ(opening.begin, chain.Open(segment).begin);
      EXPECT_TRUE(IsOpening(root, segments, segment, opening));
      EXPECT_TRUE(
          IsCheckpoint(root, segments, 0, start_digest, opening.start_proof));
    }
  }
}

TEST(CommitmentTest, EveryPartOfAClaimIsSigned) {
  const TrialClaim claim{TrialId{1},        LeaseId{2}, 3, Sha256("root"),
                         Sha256("weights"), 4,          5};
  std::set<std::string> messages{CommitmentMessage(claim)};
  const auto add = [&](auto change) {
    TrialClaim changed = claim;
    change(changed);
    messages.insert(CommitmentMessage(changed));
  };
  add([](TrialClaim& c) { c.trial = TrialId{9}; });
  add([](TrialClaim& c) { c.lease = LeaseId{9}; });
  add([](TrialClaim& c) { c.attempt = 9; });
  add([](TrialClaim& c) { c.checkpoint_root = Sha256("other"); });
  add([](TrialClaim& c) { c.weights = Sha256("other"); });
  add([](TrialClaim& c) { c.weights_size_bytes = 9; });
  add([](TrialClaim& c) { c.validation_correct = 9; });
  add([](TrialClaim& c) { c.diverged_at_step = 0; });
  add([](TrialClaim& c) { c.diverged_at_step = 9; });
  EXPECT_EQ(messages.size(), 10u);
}

// Also in docs/protocol.md.
TEST(CommitmentTest, HasTheDocumentedTestVectors) {
  EXPECT_EQ(
      CheckpointDigest(0, Sha256("weights"), Sha256("optimizer")).ToString(),
      "53ea520109dc298e31b5b8ebcda50355f0a2d88be986f14ddcf8fdd7a3b0d647");
  const std::string message = CommitmentMessage(
      {TrialId{1}, LeaseId{2}, 3, Sha256("root"), Sha256("weights"), 4, 5});
  EXPECT_EQ(Sha256(message).ToString(),
            "5496691b243399a7219e882c2ea432042bf32c86bfe9d458666e54e6890d5767");
}

}  // namespace
}  // namespace archpool
