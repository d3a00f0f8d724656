// SPDX-License-Identifier: Apache-2.0
#include "common/wire/proof_wire.h"

#include "absl/strings/str_cat.h"
#include "common/wire/wire_test_data.h"
#include "gtest/gtest.h"

namespace archpool::wire {
namespace {

CheckpointChain TestChain() {
  std::vector<CheckpointFiles> boundaries;
  for (int64_t k = 0; k <= 16; ++k) {
    boundaries.push_back(
        {Sha256(absl::StrCat("w", k)), 100, Sha256(absl::StrCat("o", k)), 200});
  }
  return CheckpointChain(boundaries);
}

TEST(ProofWireTest, AnOpeningComesThroughUnchanged) {
  for (const int64_t segment : {0, 7, 15}) {
    const Opening opening = TestChain().Open(segment);
    const auto read = OpeningFromProto("opening", ToProto(opening));
    ASSERT_TRUE(read.ok()) << read.status();
    EXPECT_EQ(*read, opening);
  }
}

TEST(ProofWireTest, RefusesWhatIsNone) {
  const v1::Opening good = ToProto(TestChain().Open(3));
  const auto reason = [&](auto spoil) {
    v1::Opening bad = good;
    spoil(bad);
    return ReasonOf(OpeningFromProto("opening", bad));
  };
  EXPECT_EQ(reason([](auto&) {}), "");
  EXPECT_EQ(reason([](auto& o) { o.clear_end_digest(); }), "FIELD_REQUIRED");
  EXPECT_EQ(reason([](auto& o) { o.set_end_digest("short"); }),
            "FIELD_MALFORMED");
  EXPECT_EQ(reason([](auto& o) { *o.add_end_proof() = "short"; }),
            "FIELD_MALFORMED");
  EXPECT_EQ(reason([](auto& o) {
              for (int i = 0; i < 16; ++i) {
                *o.add_start_proof() = Sha256("more").AsBytes();
              }
            }),
            "FIELD_TOO_MANY");
  EXPECT_EQ(
      reason([](auto& o) { o.mutable_begin()->set_weights_size_bytes(0); }),
      "FIELD_RANGE");
  EXPECT_EQ(
      reason([](auto& o) { o.mutable_begin()->clear_optimizer_digest(); }),
      "FIELD_REQUIRED");
}

TEST(ProofWireTest, KeysAndSignaturesHaveTheirSizes) {
  EXPECT_TRUE(ReadPublicKey("key", std::string(32, 'k')).ok());
  EXPECT_EQ(ReasonOf(ReadPublicKey("key", "")), "FIELD_REQUIRED");
  EXPECT_EQ(ReasonOf(ReadPublicKey("key", "k")), "FIELD_MALFORMED");
  EXPECT_TRUE(ReadSignature("signature", std::string(64, 's')).ok());
  EXPECT_EQ(ReasonOf(ReadSignature("signature", std::string(65, 's'))),
            "FIELD_MALFORMED");
}

}  // namespace
}  // namespace archpool::wire
