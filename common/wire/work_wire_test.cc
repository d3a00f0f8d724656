// SPDX-License-Identifier: Apache-2.0
#include "common/wire/work_wire.h"

#include <functional>
#include <string>

#include "common/wire/fields.h"
#include "common/wire/request_limits.h"
#include "common/wire/search_space_wire.h"
#include "common/wire/task_spec_wire.h"
#include "common/wire/wire_test_data.h"
#include "gtest/gtest.h"

namespace archpool::wire {
namespace {

LayerPlan PlanOf(const Architecture& architecture) {
  const DatasetManifest manifest = TestManifest();
  auto plan = MakeLayerPlan(TestSpace(), architecture, manifest.shape,
                            manifest.classes, {});
  ARCHPOOL_CHECK(plan.ok());
  return *plan;
}

Recipe TwoRungs() {
  Recipe recipe;
  recipe.further_epochs = {3};
  return recipe;
}

v1::LeaseGrant TestLease() {
  v1::LeaseGrant lease;
  lease.set_lease_id(3);
  lease.set_task_id(4);
  lease.set_subspace_id(5);
  lease.set_attempt(6);
  lease.set_role(v1::LEASE_ROLE_BACKUP);
  *lease.mutable_expire_left() = ToProto(absl::Minutes(2));
  const SearchSpace space = TestSpace();
  for (const int64_t rank : {0, 7}) {
    v1::LeaseGrant::Assignment* assignment = lease.add_assignments();
    assignment->set_trial_id(10 + rank);
    const Architecture architecture = space.ArchitectureAt(rank);
    SetChoices(architecture, assignment->mutable_choices());
    assignment->set_trial_key(Sha256("key").AsBytes());
    assignment->set_architecture_id(
        ArchitectureIdOf(PlanOf(architecture)).AsBytes());
  }
  v1::LeaseGrant::Assignment* resumed = lease.mutable_assignments(1);
  resumed->set_rung(1);
  resumed->set_resumes_trial_id(9);
  resumed->set_initial_weights_digest(Sha256("below").AsBytes());
  resumed->set_initial_weights_size_bytes(1'000);
  *lease.mutable_space() = ToProto(space);
  *lease.mutable_recipe() = ToProto(TwoRungs());
  lease.set_dataset_id(TestManifest().Id().AsBytes());
  *lease.mutable_manifest() = ToProto(TestManifest());
  return lease;
}

TEST(WorkWireTest, ReadsALease) {
  const auto lease = LeaseFromProto(TestLease());
  ASSERT_TRUE(lease.ok()) << lease.status();
  EXPECT_EQ(lease->lease, LeaseId{3});
  EXPECT_EQ(lease->task, TaskId{4});
  EXPECT_EQ(lease->subspace, SubspaceId{5});
  EXPECT_EQ(lease->attempt, 6);
  EXPECT_TRUE(lease->is_backup);
  EXPECT_EQ(lease->expire_left, absl::Minutes(2));
  EXPECT_EQ(lease->recipe, TwoRungs());
  EXPECT_EQ(lease->manifest, TestManifest());
  ASSERT_EQ(lease->assignments.size(), 2u);
  const WorkAssignment& second = lease->assignments[1];
  EXPECT_EQ(second.trial, TrialId{17});
  EXPECT_EQ(second.architecture, TestSpace().ArchitectureAt(7));
  EXPECT_EQ(second.trial_key, Sha256("key"));
  EXPECT_EQ(second.plan, PlanOf(second.architecture));
  EXPECT_EQ(second.rung, 1);
  EXPECT_EQ(second.resumes, TrialId{9});
  EXPECT_EQ(second.initial_weights, Sha256("below"));
  EXPECT_EQ(second.initial_weights_size_bytes, 1'000);
  EXPECT_FALSE(lease->assignments[0].resumes.IsSet());
}

struct BadLease {
  const char* reason;
  std::function<void(v1::LeaseGrant&)> spoil;
};

TEST(WorkWireTest, RefusesALeaseThatContradictsItself) {
  const BadLease cases[] = {
      {"FIELD_REQUIRED", [](auto& l) { l.clear_lease_id(); }},
      {"FIELD_REQUIRED", [](auto& l) { l.clear_task_id(); }},
      {"FIELD_RANGE", [](auto& l) { l.set_subspace_id(-1); }},
      {"FIELD_RANGE", [](auto& l) { l.set_attempt(0); }},
      {"FIELD_RANGE", [](auto& l) { l.mutable_expire_left()->set_nanos(-1); }},
      {"FIELD_REQUIRED", [](auto& l) { l.clear_space(); }},
      {"RECIPE_RANGE", [](auto& l) { l.clear_recipe(); }},
      {"DATASET_MISMATCH",
       [](auto& l) { l.mutable_manifest()->set_mean_ppm(1); }},
      {"DATASET_MISMATCH",
       [](auto& l) { l.set_dataset_id(Sha256("other").AsBytes()); }},
      {"FIELD_TOO_MANY",
       [](auto& l) {
         for (int i = 0; i < 64; ++i) l.add_assignments();
       }},
      {"FIELD_REQUIRED",
       [](auto& l) { l.mutable_assignments(1)->clear_trial_id(); }},
      {"ARCHITECTURE_MALFORMED",
       [](auto& l) { l.mutable_assignments(1)->clear_choices(); }},
      {"FIELD_MALFORMED",
       [](auto& l) { l.mutable_assignments(0)->set_trial_key("k"); }},
      {"FIELD_RANGE", [](auto& l) { l.mutable_assignments(0)->set_rung(2); }},
      {"FIELD_RANGE", [](auto& l) { l.mutable_assignments(1)->set_rung(0); }},
      {"FIELD_RANGE",
       [](auto& l) { l.mutable_assignments(1)->set_resumes_trial_id(-1); }},
      {"FIELD_REQUIRED",
       [](auto& l) {
         l.mutable_assignments(1)->clear_initial_weights_digest();
       }},
      {"FIELD_RANGE",
       [](auto& l) {
         l.mutable_assignments(1)->set_initial_weights_size_bytes(int64_t{1}
                                                                  << 40);
       }},
      {"ARCHITECTURE_MISMATCH", [](auto& l) {
         l.mutable_assignments(0)->set_architecture_id(
             Sha256("other").AsBytes());
       }}};
  for (const BadLease& bad : cases) {
    v1::LeaseGrant proto = TestLease();
    bad.spoil(proto);
    const auto lease = LeaseFromProto(proto);
    EXPECT_EQ(lease.status().code(), absl::StatusCode::kInvalidArgument)
        << bad.reason;
    EXPECT_EQ(ReasonOf(lease), bad.reason) << lease.status();
  }
}

v1::Audit TestAudit() {
  v1::Audit audit;
  audit.set_audit_id(2);
  audit.set_attempt(1);
  *audit.mutable_expire_left() = ToProto(absl::Minutes(2));
  *audit.mutable_renewal_interval() = ToProto(absl::Seconds(30));
  *audit.mutable_assignment() = TestLease().assignments(1);
  *audit.mutable_space() = ToProto(TestSpace());
  *audit.mutable_recipe() = ToProto(TwoRungs());
  audit.set_checkpoint_root(Sha256("root").AsBytes());
  audit.set_seed(Sha256("seed").AsBytes());
  audit.set_arithmetic("libtorch-1.13.1/avx512/1");
  audit.set_segment(15);
  audit.set_account_id(6);
  audit.mutable_opening()->set_end_digest(Sha256("end").AsBytes());
  audit.set_dataset_id(TestManifest().Id().AsBytes());
  *audit.mutable_manifest() = ToProto(TestManifest());
  audit.set_held_out_digest(Sha256("held out").AsBytes());
  audit.set_weights_digest(Sha256("weights").AsBytes());
  audit.set_weights_size_bytes(12'345);
  audit.set_claimed_validation_correct(60);
  return audit;
}

TEST(WorkWireTest, ReadsAnAudit) {
  const auto audit = AuditFromProto(TestAudit());
  ASSERT_TRUE(audit.ok()) << audit.status();
  EXPECT_EQ(audit->audit, AuditId{2});
  EXPECT_EQ(audit->assignment.trial, TrialId{17});
  EXPECT_EQ(audit->assignment.plan, PlanOf(TestSpace().ArchitectureAt(7)));
  EXPECT_EQ(audit->assignment.resumes, TrialId{9});
  EXPECT_EQ(audit->recipe, TwoRungs());
  EXPECT_EQ(audit->checkpoint_root, Sha256("root"));
  EXPECT_EQ(audit->segment, 15);
  EXPECT_EQ(audit->opening.end, Sha256("end"));
  EXPECT_FALSE(audit->is_whole);
  EXPECT_FALSE(audit->measures_all);
  EXPECT_EQ(audit->held_out, Sha256("held out"));
  EXPECT_EQ(audit->weights, Sha256("weights"));
  EXPECT_EQ(audit->weights_size_bytes, 12'345);
  EXPECT_EQ(audit->claimed_validation_correct, 60);
}

TEST(WorkWireTest, RefusesAnAuditThatContradictsItself) {
  const std::function<void(v1::Audit&)> cases[] = {
      [](auto& a) { a.clear_audit_id(); },
      [](auto& a) { a.mutable_assignment()->clear_trial_id(); },
      [](auto& a) { a.clear_recipe(); },
      [](auto& a) { a.clear_checkpoint_root(); },
      [](auto& a) { a.clear_seed(); },
      [](auto& a) { a.clear_account_id(); },
      [](auto& a) { a.clear_arithmetic(); },
      [](auto& a) { a.set_segment(16); },
      [](auto& a) { a.clear_opening(); },
      [](auto& a) { a.set_attempt(0); },
      [](auto& a) {
        a.set_weights_size_bytes(limits::kWeightsSizeBytes.max + 1);
      },
      [](auto& a) { a.set_claimed_validation_correct(61); },
      [](auto& a) { a.set_claimed_validation_correct(-1); },
      [](auto& a) { a.clear_held_out_digest(); },
      [](auto& a) { a.set_weights_digest("short"); },
      [](auto& a) { a.mutable_manifest()->set_classes(11); },
      [](auto& a) { a.clear_space(); },
      [](auto& a) { a.mutable_assignment()->clear_choices(); }};
  for (const auto& spoil : cases) {
    v1::Audit proto = TestAudit();
    spoil(proto);
    EXPECT_EQ(AuditFromProto(proto).status().code(),
              absl::StatusCode::kInvalidArgument)
        << proto.ShortDebugString();
  }
}

}  // namespace
}  // namespace archpool::wire
