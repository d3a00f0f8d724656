// SPDX-License-Identifier: Apache-2.0
// Leases and audits as workers and verifiers read them: checked against
// themselves, so that a server's mistake is noticed before it costs a training.
// Value types, pure functions; thread-safe.
#ifndef ARCHPOOL_COMMON_WIRE_WORK_WIRE_H_
#define ARCHPOOL_COMMON_WIRE_WORK_WIRE_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "archpool/v1/verification.pb.h"
#include "archpool/v1/work.pb.h"
#include "common/crypto/sha256.h"
#include "common/data/dataset.h"
#include "common/model/commitment.h"
#include "common/model/ids.h"
#include "common/model/task_spec.h"
#include "common/nas/layer_plan.h"
#include "common/nas/search_space.h"

namespace archpool::wire {

// One trial of a lease's list, ready to be trained.
struct WorkAssignment {
  TrialId trial;
  Architecture architecture;
  Digest architecture_id;
  Digest trial_key;
  LayerPlan plan;
  int64_t rung = 0;
  // The trial whose weights it continues from; unset: it trains from the start.
  TrialId resumes;
  Digest initial_weights;
  int64_t initial_weights_size_bytes = 0;
};

struct WorkLease {
  LeaseId lease;
  TaskId task;
  SubspaceId subspace;
  int64_t attempt = 0;
  bool is_backup = false;
  absl::Duration expire_left;  // when it was sent
  int64_t trials_target = 0;   // how far the list may grow
  std::vector<WorkAssignment> assignments;
  SearchSpace space;
  Recipe recipe;
  Digest dataset;
  DatasetManifest manifest;
  // What the task pays: micro-coins for an hour of the reference core.
  Amount price = 0;
};

// INVALID_ARGUMENT: the reasons of common/wire/fields.h; those of
// SearchSpace::Create and MakeLayerPlan; DATASET_MISMATCH (the manifest is not
// that dataset's); ARCHITECTURE_MISMATCH (the plan made here is not the one the
// pool means: the builds differ).
absl::StatusOr<WorkLease> LeaseFromProto(const v1::LeaseGrant& proto);

// How much time a message leaves. A server of an earlier version does not say:
// then as much as there is.
absl::StatusOr<absl::Duration> ReadLeft(absl::string_view path, bool is_said,
                                        const google::protobuf::Duration& left);

// What the list of `lease` grew by, in a report's answer. As LeaseFromProto.
absl::StatusOr<std::vector<WorkAssignment>> AppendedFromProto(
    const v1::ReportTrialsResponse& proto, const WorkLease& lease);

struct AuditOrder {
  AuditId audit;
  int64_t attempt = 0;
  absl::Duration expire_left;  // when it was sent
  // How often its lease is renewed, until then.
  absl::Duration renewal_interval = absl::Seconds(30);
  WorkAssignment assignment;
  Recipe recipe;
  Digest dataset;
  DatasetManifest manifest;
  Digest held_out;
  // The commitment.
  Digest checkpoint_root;
  Digest weights;
  int64_t weights_size_bytes = 0;
  int64_t claimed_validation_correct = 0;
  // The step that the training is said to have diverged at, from 0.
  std::optional<int64_t> diverged_at_step;
  std::string arithmetic;
  // What to replay: nothing, the whole training, or one segment, as it was laid
  // open.
  bool only_evaluates = false;
  bool is_whole = false;
  int64_t segment = 0;
  Opening opening;
  bool measures_all = true;
  Digest seed;  // of what is drawn in examining it
  AccountId miner;
  std::string serialized;  // the message it was read from
};

// As LeaseFromProto.
absl::StatusOr<AuditOrder> AuditFromProto(const v1::Audit& proto);

}  // namespace archpool::wire

#endif  // ARCHPOOL_COMMON_WIRE_WORK_WIRE_H_
