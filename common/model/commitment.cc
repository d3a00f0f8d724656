// SPDX-License-Identifier: Apache-2.0
#include "common/model/commitment.h"

#include <algorithm>
#include <utility>

#include "common/base/check.h"
#include "common/crypto/canonical.h"
#include "common/crypto/merkle.h"

namespace archpool {
namespace {

Digest LeafOf(const Digest& checkpoint) {
  return MerkleLeaf(checkpoint.AsBytes());
}

}  // namespace

CheckpointFiles FilesOf(absl::string_view weights,
                        absl::string_view optimizer) {
  return {Sha256(weights), static_cast<int64_t>(weights.size()),
          Sha256(optimizer), static_cast<int64_t>(optimizer.size())};
}

Digest CheckpointDigest(int64_t boundary, const Digest& weights,
                        const Digest& optimizer) {
  return CanonicalWriter("archpool/checkpoint/v1")
      .Int(boundary)
      .Fixed(weights)
      .Fixed(optimizer)
      .Hash();
}

CheckpointChain::CheckpointChain(std::vector<CheckpointFiles> boundaries)
    : boundaries_(std::move(boundaries)) {
  ARCHPOOL_CHECK(boundaries_.size() >= 2);
  leaves_.reserve(boundaries_.size());
  for (const CheckpointFiles& files : boundaries_) {
    leaves_.push_back(LeafOf(CheckpointDigest(
        static_cast<int64_t>(leaves_.size()), files.weights, files.optimizer)));
  }
}

Digest CheckpointChain::Root() const { return MerkleRoot(leaves_); }

std::vector<Digest> CheckpointChain::ProofOf(int64_t boundary) const {
  return MerkleProof(leaves_, boundary);
}

Opening CheckpointChain::Open(int64_t segment) const {
  ARCHPOOL_CHECK(segment >= 0 && segment < segments());
  Opening opening;
  if (segment > 0) {
    opening.begin = boundary(segment);
    opening.begin_proof = ProofOf(segment);
  }
  const CheckpointFiles& end = boundary(segment + 1);
  opening.end = CheckpointDigest(segment + 1, end.weights, end.optimizer);
  opening.end_proof = ProofOf(segment + 1);
  opening.start_proof = ProofOf(0);
  return opening;
}

bool IsCheckpoint(const Digest& root, int64_t segments, int64_t boundary,
                  const Digest& digest, const std::vector<Digest>& proof) {
  return VerifyMerkleProof(LeafOf(digest), boundary, segments + 1, proof, root);
}

bool IsOpening(const Digest& root, int64_t segments, int64_t segment,
               const Opening& opening) {
  if (segment > 0 &&
      !IsCheckpoint(root, segments, segment,
                    CheckpointDigest(segment, opening.begin.weights,
                                     opening.begin.optimizer),
                    opening.begin_proof)) {
    return false;
  }
  return IsCheckpoint(root, segments, segment + 1, opening.end,
                      opening.end_proof);
}

Digest ReplaceEnd(int64_t segments, int64_t segment, const Digest& end,
                  Opening& opening) {
  const auto path_of = [&](const Digest& checkpoint) {
    return MerklePath(LeafOf(checkpoint), segment + 1, segments + 1,
                      opening.end_proof);
  };
  const std::vector<Digest> before = path_of(opening.end);
  const std::vector<Digest> after = path_of(end);
  ARCHPOOL_CHECK(!before.empty());
  // The other leaves' proofs name one hash of that path each.
  for (std::vector<Digest>* proof :
       {&opening.begin_proof, &opening.start_proof}) {
    for (Digest& sibling : *proof) {
      const auto found = std::find(before.begin(), before.end(), sibling);
      if (found != before.end()) {
        sibling = after[static_cast<size_t>(found - before.begin())];
      }
    }
  }
  opening.end = end;
  return after.back();
}

std::string CommitmentMessage(const TrialClaim& claim) {
  CanonicalWriter writer("archpool/commitment/v1");
  writer.Int(claim.trial.value)
      .Int(claim.lease.value)
      .Int(claim.attempt)
      .Fixed(claim.checkpoint_root)
      .Fixed(claim.weights)
      .Int(claim.weights_size_bytes)
      .Int(claim.validation_correct);
  // Named, because another number stood there once.
  if (claim.diverged_at_step) {
    writer.Bytes("diverged_at_step").Int(*claim.diverged_at_step);
  }
  return writer.encoding();
}

}  // namespace archpool
