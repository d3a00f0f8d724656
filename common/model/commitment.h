// SPDX-License-Identifier: Apache-2.0
// What a miner binds itself to when it reports a trial, and how it lays a part
// of it open: a Merkle tree over the training's checkpoints (docs/glossary.md:
// Segment, Commitment). A training of S segments has S + 1 boundaries: 0 is its
// start, S its end. Value types, pure functions; thread-compatible.
#ifndef ARCHPOOL_COMMON_MODEL_COMMITMENT_H_
#define ARCHPOOL_COMMON_MODEL_COMMITMENT_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "common/crypto/sha256.h"
#include "common/model/ids.h"

namespace archpool {

// A checkpoint's two safetensors files: the weights with the normalisation's
// buffers, and the optimiser's state.
struct CheckpointFiles {
  Digest weights;
  int64_t weights_size_bytes = 0;
  Digest optimizer;
  int64_t optimizer_size_bytes = 0;
  friend bool operator==(const CheckpointFiles&,
                         const CheckpointFiles&) = default;
};

CheckpointFiles FilesOf(absl::string_view weights, absl::string_view optimizer);

// A leaf's content: the position and both files.
Digest CheckpointDigest(int64_t boundary, const Digest& weights,
                        const Digest& optimizer);

// A segment revealed: the checkpoint it begins with, as files; the one it ends
// with, as its digest; and where both lie in the tree. `begin` is not looked at
// where the segment is the first: its checkpoint follows from the trial key.
struct Opening {
  CheckpointFiles begin;
  std::vector<Digest> begin_proof;
  Digest end;
  std::vector<Digest> end_proof;
  // The proof of boundary 0, whose checkpoint the verifier makes itself.
  std::vector<Digest> start_proof;
  friend bool operator==(const Opening&, const Opening&) = default;
};

class CheckpointChain {
 public:
  // In order, from boundary 0. REQUIRES: two at least.
  explicit CheckpointChain(std::vector<CheckpointFiles> boundaries);

  int64_t segments() const {
    return static_cast<int64_t>(boundaries_.size()) - 1;
  }
  const CheckpointFiles& boundary(int64_t index) const {
    return boundaries_[static_cast<size_t>(index)];
  }
  Digest Root() const;
  // REQUIRES: boundary in [0, segments()].
  std::vector<Digest> ProofOf(int64_t boundary) const;
  // REQUIRES: segment in [0, segments()).
  Opening Open(int64_t segment) const;

 private:
  std::vector<CheckpointFiles> boundaries_;
  std::vector<Digest> leaves_;
};

// Whether the checkpoint `digest` is number `boundary` of a training of
// `segments` under `root`. Safe on whatever anybody sends.
bool IsCheckpoint(const Digest& root, int64_t segments, int64_t boundary,
                  const Digest& digest, const std::vector<Digest>& proof);

// Whether `opening` is of that segment under `root`, its start apart: only a
// verifier knows that checkpoint. Safe on whatever anybody sends.
bool IsOpening(const Digest& root, int64_t segments, int64_t segment,
               const Opening& opening);

// Has the opening end with another checkpoint, under a root that is answered:
// nothing shows it but the segment's training. For trying verifiers. REQUIRES:
// an opening of that segment (IsOpening).
Digest ReplaceEnd(int64_t segments, int64_t segment, const Digest& end,
                  Opening& opening);

// A proof is never longer: segments are at most 1024 (common/model/task_spec).
inline constexpr size_t kProofLengthMax = 16;

// What a commitment says.
struct TrialClaim {
  TrialId trial;
  LeaseId lease;
  int64_t attempt = 0;
  Digest checkpoint_root;
  Digest weights;  // the last checkpoint's
  int64_t weights_size_bytes = 0;
  int64_t validation_correct = 0;
  // If the training diverged, the step that was not done, from 0; no part
  // of the message otherwise.
  std::optional<int64_t> diverged_at_step = std::nullopt;
};

// What the worker's Ed25519 key signs: the claim's canonical encoding
// (docs/protocol.md).
std::string CommitmentMessage(const TrialClaim& claim);

}  // namespace archpool

#endif  // ARCHPOOL_COMMON_MODEL_COMMITMENT_H_
