// SPDX-License-Identifier: Apache-2.0
#include "common/crypto/merkle.h"

#include <bit>
#include <utility>

#include "common/base/check.h"

namespace archpool {
namespace {

Digest Node(const Digest& left, const Digest& right) {
  constexpr uint8_t kPrefix[] = {1};
  Sha256Stream stream;
  stream.Update(kPrefix);
  stream.Update(left.bytes);
  stream.Update(right.bytes);
  return stream.Finish();
}

// The greatest power of two below `count`. REQUIRES: count >= 2.
size_t LeftCount(size_t count) { return std::bit_floor(count - 1); }

}  // namespace

Digest MerkleLeaf(absl::string_view content) {
  constexpr uint8_t kPrefix[] = {0};
  Sha256Stream stream;
  stream.Update(kPrefix);
  stream.Update(content);
  return stream.Finish();
}

Digest MerkleRoot(absl::Span<const Digest> leaves) {
  if (leaves.empty()) return Sha256(absl::string_view());
  if (leaves.size() == 1) return leaves[0];
  const size_t left = LeftCount(leaves.size());
  return Node(MerkleRoot(leaves.first(left)), MerkleRoot(leaves.subspan(left)));
}

std::vector<Digest> MerkleProof(absl::Span<const Digest> leaves,
                                int64_t index) {
  ARCHPOOL_CHECK(index >= 0 && static_cast<size_t>(index) < leaves.size());
  if (leaves.size() == 1) return {};
  const size_t left = LeftCount(leaves.size());
  const bool is_left = static_cast<size_t>(index) < left;
  std::vector<Digest> proof =
      is_left ? MerkleProof(leaves.first(left), index)
              : MerkleProof(leaves.subspan(left),
                            index - static_cast<int64_t>(left));
  proof.push_back(
      MerkleRoot(is_left ? leaves.subspan(left) : leaves.first(left)));
  return proof;
}

std::optional<MerkleFrontier> MerkleFrontier::Restore(
    int64_t count, std::vector<Digest> peaks) {
  if (count < 0 ||
      std::ssize(peaks) != std::popcount(static_cast<uint64_t>(count))) {
    return std::nullopt;
  }
  MerkleFrontier frontier;
  frontier.count_ = count;
  frontier.peaks_ = std::move(peaks);
  return frontier;
}

void MerkleFrontier::Append(const Digest& leaf) {
  Digest node = leaf;
  // As in binary addition: a carry for each whole subtree of the same size.
  for (int64_t count = count_; count % 2 == 1; count /= 2) {
    node = Node(peaks_.back(), node);
    peaks_.pop_back();
  }
  peaks_.push_back(node);
  ++count_;
}

Digest MerkleFrontier::Root() const {
  if (peaks_.empty()) return MerkleRoot({});
  Digest root = peaks_.back();
  for (auto peak = peaks_.rbegin() + 1; peak != peaks_.rend(); ++peak) {
    root = Node(*peak, root);
  }
  return root;
}

// RFC 9162, 2.1.3.2.
std::vector<Digest> MerklePath(const Digest& leaf, int64_t index, int64_t count,
                               absl::Span<const Digest> proof) {
  if (index < 0 || index >= count) return {};
  int64_t node = index;
  int64_t last = count - 1;
  Digest hash = leaf;
  std::vector<Digest> path = {leaf};
  for (const Digest& sibling : proof) {
    if (last == 0) return {};
    if (node % 2 == 1 || node == last) {
      hash = Node(sibling, hash);
      // A last node without a sibling moves up as it is.
      while (node % 2 == 0 && node != 0) {
        node /= 2;
        last /= 2;
      }
    } else {
      hash = Node(hash, sibling);
    }
    node /= 2;
    last /= 2;
    path.push_back(hash);
  }
  if (last != 0) return {};
  return path;
}

bool VerifyMerkleProof(const Digest& leaf, int64_t index, int64_t count,
                       absl::Span<const Digest> proof, const Digest& root) {
  const std::vector<Digest> path = MerklePath(leaf, index, count, proof);
  return !path.empty() && path.back() == root;
}

}  // namespace archpool
