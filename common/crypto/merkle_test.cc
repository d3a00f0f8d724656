// SPDX-License-Identifier: Apache-2.0
#include "common/crypto/merkle.h"

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

namespace archpool {
namespace {

std::vector<Digest> Leaves(int64_t count) {
  std::vector<Digest> leaves;
  for (int64_t i = 0; i < count; ++i) {
    leaves.push_back(MerkleLeaf(absl::StrCat("leaf ", i)));
  }
  return leaves;
}

// The trees with which implementations of RFC 6962 are commonly tested.
TEST(MerkleTest, KnownRoots) {
  const std::vector<std::string> contents = {
      "",
      std::string(1, '\0'),
      "\x10",
      "\x20\x21",
      "\x30\x31",
      "\x40\x41\x42\x43",
      "\x50\x51\x52\x53\x54\x55\x56\x57",
      "\x60\x61\x62\x63\x64\x65\x66\x67\x68\x69\x6a\x6b\x6c\x6d\x6e\x6f"};
  const std::vector<std::string> roots = {
      "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
      "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
      "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
      "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
      "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
      "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
      "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
      "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"};
  std::vector<Digest> leaves;
  for (size_t i = 0; i < contents.size(); ++i) {
    leaves.push_back(MerkleLeaf(contents[i]));
    EXPECT_EQ(MerkleRoot(leaves).ToString(), roots[i]);
  }
}

TEST(MerkleTest, AFrontierGrowsIntoEveryTree) {
  MerkleFrontier frontier;
  EXPECT_EQ(frontier.Root(), MerkleRoot({}));
  const std::vector<Digest> leaves = Leaves(300);
  for (int64_t count = 1; count <= 300; ++count) {
    frontier.Append(leaves[static_cast<size_t>(count - 1)]);
    EXPECT_EQ(frontier.Root(), MerkleRoot(absl::MakeConstSpan(leaves).first(
                                   static_cast<size_t>(count))));
    const auto restored =
        MerkleFrontier::Restore(frontier.count(), frontier.peaks());
    ASSERT_TRUE(restored.has_value());
    EXPECT_EQ(restored->Root(), frontier.Root());
  }
  EXPECT_FALSE(MerkleFrontier::Restore(3, {leaves[0]}).has_value());
  EXPECT_FALSE(MerkleFrontier::Restore(-1, {}).has_value());
}

TEST(MerkleTest, EveryLeafOfEverySmallTreeIsProven) {
  for (int64_t count = 1; count <= 40; ++count) {
    const std::vector<Digest> leaves = Leaves(count);
    const Digest root = MerkleRoot(leaves);
    for (int64_t index = 0; index < count; ++index) {
      const auto proof = MerkleProof(leaves, index);
      const Digest& leaf = leaves[static_cast<size_t>(index)];
      EXPECT_TRUE(VerifyMerkleProof(leaf, index, count, proof, root));
      // For no other place, no other leaf, no other tree.
      for (int64_t other = -1; other <= count; ++other) {
        if (other == index) continue;
        EXPECT_FALSE(VerifyMerkleProof(leaf, other, count, proof, root));
      }
      EXPECT_FALSE(VerifyMerkleProof(Sha256("x"), index, count, proof, root));
      EXPECT_FALSE(VerifyMerkleProof(leaf, index, count, proof, Sha256("x")));
    }
  }
}

TEST(MerkleTest, AProofThatWasTouchedProvesNothing) {
  const std::vector<Digest> leaves = Leaves(11);
  const Digest root = MerkleRoot(leaves);
  const std::vector<Digest> proof = MerkleProof(leaves, 6);
  for (size_t i = 0; i < proof.size(); ++i) {
    std::vector<Digest> bad = proof;
    bad[i].bytes[31] ^= 1;
    EXPECT_FALSE(VerifyMerkleProof(leaves[6], 6, 11, bad, root));
    bad = proof;
    bad.erase(bad.begin() + static_cast<std::ptrdiff_t>(i));
    EXPECT_FALSE(VerifyMerkleProof(leaves[6], 6, 11, bad, root));
  }
  std::vector<Digest> longer = proof;
  longer.push_back(root);
  EXPECT_FALSE(VerifyMerkleProof(leaves[6], 6, 11, longer, root));
  EXPECT_FALSE(VerifyMerkleProof(leaves[6], 6, INT64_MAX, proof, root));
  EXPECT_FALSE(VerifyMerkleProof(root, 0, 11, {}, root))
      << "an inner node is no leaf";
}

}  // namespace
}  // namespace archpool
