// SPDX-License-Identifier: Apache-2.0
#include "tests/support/work_samples.h"

#include <cstdlib>

#include "absl/strings/str_cat.h"
#include "common/base/check.h"
#include "common/model/arithmetic.h"
#include "gtest/gtest.h"
#include "tests/support/spaces.h"

namespace archpool::testing {
namespace {

constexpr TensorShape kShape{.channels = 1, .height = 8, .width = 8};
constexpr int64_t kClasses = 10;
constexpr int64_t kChunkBytes = 300;

std::string MakeSplit(int64_t count, uint8_t pixel) {
  Dataset dataset;
  dataset.shape = kShape;
  dataset.classes = kClasses;
  dataset.images.assign(static_cast<size_t>(count * kShape.elements()), pixel);
  for (int64_t i = 0; i < count; ++i) {
    dataset.labels.push_back(static_cast<uint8_t>(i % kClasses));
  }
  return EncodeDataset(dataset);
}

// Four widths for one convolution.
SearchSpace SampleSpace() { return SpaceOfSizes({4, 4, 4}); }

LayerPlan PlanOf(const Architecture& architecture) {
  absl::StatusOr<LayerPlan> plan = MakeLayerPlan(
      SampleSpace(), architecture, kShape, kClasses, PlanLimits{});
  EXPECT_TRUE(plan.ok()) << plan.status();
  return *std::move(plan);
}

}  // namespace

SampleDataset::SampleDataset()
    : train(MakeSplit(20, 1)),
      validation(MakeSplit(10, 2)),
      held_out(MakeSplit(8, 3)) {
  manifest.shape = kShape;
  manifest.classes = kClasses;
  manifest.train_count = 20;
  manifest.validation_count = 10;
  manifest.held_out_count = 8;
  manifest.train = Sha256(train);
  manifest.validation = Sha256(validation);
  manifest.mean_ppm = 300'000;
  manifest.deviation_ppm = 200'000;
  held_out_digest = Sha256(held_out);
}

std::string ManyImages(const SampleDataset& /*dataset*/, int64_t count) {
  return MakeSplit(count, 4);
}

wire::WorkLease SampleLease(const SampleDataset& dataset, int64_t lease_id,
                            int64_t first_trial, int64_t trials) {
  wire::WorkLease lease;
  lease.lease = LeaseId{lease_id};
  lease.task = TaskId{1};
  lease.subspace = SubspaceId{1};
  lease.attempt = 1;
  lease.dataset = dataset.manifest.Id();
  lease.manifest = dataset.manifest;
  lease.space = SampleSpace();
  for (int64_t i = 0; i < trials; ++i) {
    wire::WorkAssignment assignment;
    assignment.trial = TrialId{first_trial + i};
    assignment.architecture = SampleSpace().ArchitectureAt(first_trial + i);
    assignment.plan = PlanOf(assignment.architecture);
    assignment.architecture_id = ArchitectureIdOf(assignment.plan);
    assignment.trial_key = Sha256(absl::StrCat("key of ", first_trial + i));
    lease.assignments.push_back(assignment);
  }
  return lease;
}

wire::AuditOrder SampleAudit(const SampleDataset& dataset, int64_t audit_id) {
  wire::AuditOrder order;
  order.audit = AuditId{audit_id};
  order.attempt = 1;
  order.assignment = SampleLease(dataset, 1, audit_id, 1).assignments.front();
  order.recipe.segments = 4;
  order.dataset = dataset.manifest.Id();
  order.manifest = dataset.manifest;
  order.held_out = dataset.held_out_digest;
  order.arithmetic = std::string(kArithmetic);
  order.seed = Sha256("seed");
  return order;
}

absl::Status ServeBlob(const std::string& blob, int64_t offset_bytes,
                       const BlobSink& sink) {
  const int64_t size_bytes = static_cast<int64_t>(blob.size());
  for (int64_t at = offset_bytes; at < size_bytes; at += kChunkBytes) {
    const absl::Status status = sink(
        absl::string_view(blob).substr(static_cast<size_t>(at), kChunkBytes),
        size_bytes);
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

std::string MakeTempDirectory() {
  std::string pattern = ::testing::TempDir() + "archpool-XXXXXX";
  ARCHPOOL_CHECK(mkdtemp(pattern.data()) != nullptr);
  return pattern;
}

}  // namespace archpool::testing
