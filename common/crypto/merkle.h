// SPDX-License-Identifier: Apache-2.0
// Merkle trees over SHA-256 as in Certificate Transparency (RFC 9162, 2.1):
// leaves and inner nodes are hashed under different prefixes, so that neither
// passes for the other. Pure; thread-safe.
#ifndef ARCHPOOL_COMMON_CRYPTO_MERKLE_H_
#define ARCHPOOL_COMMON_CRYPTO_MERKLE_H_

#include <cstdint>
#include <optional>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "common/crypto/sha256.h"

namespace archpool {

// The hash of a leaf's content: what the functions below call a leaf.
Digest MerkleLeaf(absl::string_view content);

// The root over the leaves; without leaves, the hash of nothing.
Digest MerkleRoot(absl::Span<const Digest> leaves);

// The siblings on the way from leaf `index` to the root, the lowest first.
// REQUIRES: index in [0, leaves.size()).
std::vector<Digest> MerkleProof(absl::Span<const Digest> leaves, int64_t index);

// A tree that only grows, without its leaves: the roots of its whole subtrees,
// the largest first, one for each bit of the count. Value type;
// thread-compatible.
class MerkleFrontier {
 public:
  MerkleFrontier() = default;
  // nullopt where `peaks` are not as many as `count` has bits.
  static std::optional<MerkleFrontier> Restore(int64_t count,
                                               std::vector<Digest> peaks);

  void Append(const Digest& leaf);
  // Equal to MerkleRoot of all leaves so far.
  Digest Root() const;

  int64_t count() const { return count_; }
  const std::vector<Digest>& peaks() const { return peaks_; }

 private:
  int64_t count_ = 0;
  std::vector<Digest> peaks_;
};

// The hashes from leaf `index` of `count` up to the root that `proof` leads to,
// both among them; empty where no proof of that leaf is as long. Safe on
// whatever anybody sends.
std::vector<Digest> MerklePath(const Digest& leaf, int64_t index, int64_t count,
                               absl::Span<const Digest> proof);

// Whether `leaf` is number `index` of the `count` leaves under `root`. Safe on
// whatever anybody sends.
bool VerifyMerkleProof(const Digest& leaf, int64_t index, int64_t count,
                       absl::Span<const Digest> proof, const Digest& root);

}  // namespace archpool

#endif  // ARCHPOOL_COMMON_CRYPTO_MERKLE_H_
