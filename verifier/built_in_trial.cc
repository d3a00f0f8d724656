// SPDX-License-Identifier: Apache-2.0
#include "verifier/built_in_trial.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/counter_rng.h"
#include "common/base/status.h"
#include "common/kernels/weights.h"
#include "common/nas/search_space.h"
#include "common/wire/search_space_wire.h"
#include "common/wire/task_spec_wire.h"
#include "common/wire/work_wire.h"
#include "verifier/finding_text.h"

namespace archpool {
namespace {

constexpr char kSeed[] = "archpool/self-test/v1";
constexpr TensorShape kShape{.channels = 3, .height = 16, .width = 16};
constexpr int64_t kClasses = 10;
constexpr int64_t kTrainCount = 64;
constexpr int64_t kOtherCount = 16;
// It takes a second; a machine may be busy.
constexpr absl::Duration kTimeMax = absl::Minutes(1);

Dataset Noise(int64_t count, uint64_t stream) {
  CounterRng rng(Sha256(kSeed).Prefix64(), stream);
  Dataset noise{.shape = kShape, .classes = kClasses};
  for (int64_t i = 0; i < count * kShape.elements(); ++i) {
    noise.images.push_back(static_cast<uint8_t>(rng.Below(256)));
  }
  for (int64_t i = 0; i < count; ++i) {
    noise.labels.push_back(static_cast<uint8_t>(i % kClasses));
  }
  return noise;
}

// A convolution and a matrix: what numerical libraries have kernels for.
absl::StatusOr<SearchSpace> Space() {
  ChainTemplate chain;
  chain.stages = {
      {.stride = 2,
       .blocks = {BlockTemplate{.operation = std::string("conv"),
                                .kernel = int64_t{3},
                                .width = DimensionRef{"width"},
                                .expansion = int64_t{1},
                                .activation = std::string("relu")}}}};
  chain.head_width = int64_t{64};
  chain.head_activation = std::string("relu");
  return SearchSpace::Create({{"width", {int64_t{32}}}}, std::move(chain));
}

DatasetManifest ManifestOf(const AuditData& data) {
  DatasetManifest manifest;
  manifest.shape = kShape;
  manifest.classes = kClasses;
  manifest.train_count = data.train.count();
  manifest.validation_count = data.validation.count();
  manifest.held_out_count = data.held_out.count();
  manifest.train = Sha256(EncodeDataset(data.train));
  manifest.validation = Sha256(EncodeDataset(data.validation));
  manifest.mean_ppm = 500'000;
  manifest.deviation_ppm = 290'000;
  return manifest;
}

absl::StatusOr<wire::AuditOrder> MakeOrder(const AuditData& data,
                                           const std::string& arithmetic) {
  ARCHPOOL_ASSIGN_OR_RETURN(const SearchSpace space, Space());
  const Architecture architecture = space.ArchitectureAt(0);
  ARCHPOOL_ASSIGN_OR_RETURN(
      const LayerPlan plan,
      MakeLayerPlan(space, architecture, kShape, kClasses, PlanLimits{}));
  const DatasetManifest manifest = ManifestOf(data);
  Recipe recipe;
  recipe.batch_size = 32;
  recipe.segments = 1;
  const Digest seed = Sha256(kSeed);
  v1::Audit audit;
  audit.set_audit_id(1);
  audit.set_attempt(1);
  audit.set_account_id(1);
  audit.mutable_renewal_interval()->set_seconds(30);
  *audit.mutable_space() = wire::ToProto(space);
  *audit.mutable_recipe() = wire::ToProto(recipe);
  audit.set_dataset_id(manifest.Id().AsBytes());
  *audit.mutable_manifest() = wire::ToProto(manifest);
  audit.set_held_out_digest(Sha256(EncodeDataset(data.held_out)).AsBytes());
  // Digests of nothing that any training leads to.
  audit.set_weights_digest(seed.AsBytes());
  audit.set_checkpoint_root(seed.AsBytes());
  audit.set_weights_size_bytes(1);
  audit.set_is_whole(true);
  audit.set_measures_all(true);
  audit.set_seed(seed.AsBytes());
  audit.set_arithmetic(arithmetic);
  v1::LeaseGrant::Assignment& assignment = *audit.mutable_assignment();
  assignment.set_trial_id(1);
  for (const int32_t choice : architecture.choices) {
    assignment.add_choices(choice);
  }
  assignment.set_trial_key(seed.AsBytes());
  assignment.set_architecture_id(ArchitectureIdOf(plan).AsBytes());
  return wire::AuditFromProto(audit);
}

AuditData MakeData() {
  return {Noise(kTrainCount, 0), Noise(kOtherCount, 1), Noise(kOtherCount, 2)};
}

}  // namespace

absl::Status WarmUp(Evaluator& evaluator) {
  const AuditData data = MakeData();
  ARCHPOOL_ASSIGN_OR_RETURN(const SearchSpace space, Space());
  ARCHPOOL_ASSIGN_OR_RETURN(const LayerPlan plan,
                            MakeLayerPlan(space, space.ArchitectureAt(0),
                                          kShape, kClasses, PlanLimits{}));
  return evaluator
      .CountCorrect(plan,
                    kernels::InitialWeights(plan, Sha256(kSeed).Prefix64()),
                    ManifestOf(data), data.train)
      .status();
}

absl::Status TestExaminer(Examiner& examiner, const std::string& arithmetic,
                          const std::stop_token& stop) {
  const AuditData data = MakeData();
  ARCHPOOL_ASSIGN_OR_RETURN(const wire::AuditOrder order,
                            MakeOrder(data, arithmetic));
  const AuditFinding finding =
      examiner.Examine(order, {}, data, {Countdown(kTimeMax), stop});
  if (stop.stop_requested()) {
    return MakeError(absl::StatusCode::kCancelled, "STOPPED",
                     "the verifier stops before its first audit");
  }
  if (finding == AuditFinding(TrainingRefuted{"TRAINING_FALSE"})) {
    return absl::OkStatus();
  }
  return FailedPrecondition(
      "SELF_TEST_FAILED",
      absl::StrCat(
          "this verifier cannot examine in ", arithmetic,
          ": a built-in trial that is false was found '", ToText(finding),
          "'. The lines above say more; give an examination more memory "
          "(--memory-mib), or more room to the machine"));
}

}  // namespace archpool
