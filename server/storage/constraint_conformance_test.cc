// SPDX-License-Identifier: Apache-2.0
// What every store has to refuse: each constraint of migrations/ by its name.
#include <string>
#include <utility>
#include <vector>

#include "server/storage/store_conformance.h"
#include "tests/support/store_writer.h"

namespace archpool {
namespace {

using ::testing::HasSubstr;

// One way to break a constraint.
struct Breach {
  std::string constraint;
  Event event;
};

// `change` applied to a copy of `record`.
template <typename Record, typename Change>
Breach Broken(std::string constraint, Record record, const Change& change) {
  change(record);
  return {std::move(constraint), record};
}

std::vector<Breach> LedgerBreaches(const SmallPool& p) {
  const auto second = [](Transfer& t) { t.id = {2}; };
  return {
      {"balance_not_negative", Balance{Place::Of(p.client.id), -1}},
      {"balance_not_negative", Balance{Place::Fees(), -1}},
      {"balance_not_negative", Balance{Place::EscrowOf(p.task.id), -1}},
      {"balance_place_known", Balance{{PlaceKind::kAccount, 0}, 1}},
      {"transfer_pkey", p.deposit},
      Broken("transfer_request_unique", p.deposit, second),
      Broken("transfer_amount_positive", p.deposit,
             [](Transfer& t) {
               t.id = {2};
               t.request_id = "d2";
               t.amount = 0;
             }),
      Broken("transfer_places_differ", p.deposit,
             [](Transfer& t) {
               t.id = {2};
               t.request_id = "d2";
               t.to = t.from;
             }),
      Broken("transfer_task_fkey", p.deposit,
             [](Transfer& t) {
               t.id = {2};
               t.request_id = "d2";
               t.task = {99};
             }),
      Broken("transfer_request_only_of_deposit", p.deposit,
             [](Transfer& t) {
               t.id = {2};
               t.request_id = "d2";
               t.kind = TransferKind::kPay;
             }),
  };
}

void Commit(Trial& trial) {
  trial.commitment.emplace().weights_digest = Sha256("weights");
}

std::vector<Breach> WorkBreaches(const SmallPool& p) {
  return {
      Broken("session_open_unique", p.session, [](Session& s) { s.id = {2}; }),
      Broken("session_account_fkey", p.session,
             [](Session& s) { s.account = {99}; }),
      Broken("session_threads_positive", p.session,
             [](Session& s) { s.threads = 0; }),
      Broken("lease_one_primary_per_subspace", p.lease,
             [](Lease& l) { l.id = {2}; }),
      Broken("lease_session_fkey", p.lease, [](Lease& l) { l.session = {99}; }),
      Broken("lease_subspace_fkey", p.lease,
             [](Lease& l) { l.subspace = {99}; }),
      Broken("lease_primary_fkey", p.lease,
             [](Lease& l) {
               l.id = {2};
               l.role = LeaseRole::kBackup;
               l.primary = LeaseId{99};
             }),
      Broken("trial_lease_fkey", p.trial, [](Trial& t) { t.lease = {99}; }),
      Broken("trial_task_fkey", p.trial, [](Trial& t) { t.task = {99}; }),
      Broken("trial_subspace_fkey", p.trial,
             [](Trial& t) { t.subspace = {99}; }),
      Broken("trial_account_fkey", p.trial, [](Trial& t) { t.account = {99}; }),
      Broken("trial_session_fkey", p.trial,
             [](Trial& t) {
               t.state = TrialState::kUploaded;
               Commit(t);
               t.commitment->session = {99};
             }),
      Broken("trial_resumes_fkey", p.trial,
             [](Trial& t) {
               t.rung = 1;
               t.resumes = {99};
             }),
      Broken("trial_known_from_fkey", p.trial,
             [](Trial& t) {
               t.state = TrialState::kAccepted;
               VerdictIn(t).basis = TrialBasis::kAudited;
               Commit(t);
               t.known_from = {99};
             }),
      Broken("trial_weights_iff_committed", p.trial,
             [](Trial& t) { t.state = TrialState::kUploaded; }),
      Broken("trial_weights_iff_committed", p.trial,
             [](Trial& t) { Commit(t); }),
      Broken("trial_upload_deadline_while_committed", p.trial,
             [](Trial& t) {
               t.state = TrialState::kCommitted;
               Commit(t);
             }),
      Broken("trial_basis_iff_accepted", p.trial,
             [](Trial& t) {
               t.state = TrialState::kAccepted;
               Commit(t);
             }),
      Broken("trial_accuracy_range", p.trial,
             [](Trial& t) { VerdictIn(t).verified_accuracy_ppm = 1'000'001; }),
      Broken("trial_reason_iff_rejected", p.trial,
             [](Trial& t) { t.reason = "CLAIM_FALSE"; }),
      Broken("trial_sizes_not_negative", p.trial,
             [](Trial& t) { t.work_units = -1; }),
      Broken("trial_pay_only_with_verdict", p.trial,
             [](Trial& t) { SetSettlement(t, {.pay = 1}); }),
      Broken("audit_one_open_per_trial", p.audit, [](Audit& a) { a.id = {2}; }),
      Broken("audit_trial_fkey", p.audit, [](Audit& a) { a.trial = {99}; }),
      Broken("audit_task_fkey", p.audit, [](Audit& a) { a.task = {99}; }),
      Broken("audit_expiry_iff_awaited", p.audit,
             [](Audit& a) {
               a.state = AuditState::kLeased;
               a.verifier = {2};
             }),
      Broken("audit_verifier_while_leased", p.audit,
             [](Audit& a) {
               a.state = AuditState::kLeased;
               a.expire_time = absl::UnixEpoch();
             }),
  };
}

std::vector<Breach> PayoutBreaches(const SmallPool& p) {
  const Transfer again{.id = {2},
                       .from = Place::Payouts(),
                       .to = Place::Outside(),
                       .amount = 1,
                       .kind = TransferKind::kSettle,
                       .payout = p.payout.id,
                       .create_time = absl::UnixEpoch()};
  return {
      Broken("account_threshold_not_negative", p.miner,
             [](Account& a) { a.payout_threshold = -1; }),
      Broken("payout_account_fkey", p.payout,
             [](Payout& o) {
               o.id = {2};
               o.key = Sha256("other");
               o.request_id = "";
               o.account = {99};
             }),
      Broken("payout_key_unique", p.payout,
             [](Payout& o) {
               o.id = {2};
               o.request_id = "";
             }),
      Broken("payout_request_unique", p.payout,
             [](Payout& o) {
               o.id = {2};
               o.key = Sha256("other");
             }),
      Broken("payout_end_time_iff_ended", p.payout,
             [](Payout& o) { o.state = PayoutState::kSettled; }),
      Broken("payout_attempt_not_negative", p.payout,
             [](Payout& o) { o.attempt = -1; }),
      Broken("transfer_payout_iff_of_one", again,
             [](Transfer& t) { t.payout = {}; }),
      Broken("transfer_payout_fkey", again,
             [](Transfer& t) { t.payout = {99}; }),
  };
}

std::vector<Breach> TaskBreaches(const SmallPool& p) {
  return {
      Broken("account_name_unique", p.miner, [](Account& a) { a.id = {3}; }),
      Broken("account_name_not_empty", p.miner,
             [](Account& a) { a.name = ""; }),
      Broken("account_counts_not_negative", p.miner,
             [](Account& a) { a.trials_accepted = -1; }),
      Broken("account_within_group_not_negative", p.miner,
             [](Account& a) { a.trials_within_group = -1; }),
      Broken("dataset_owner_fkey", p.dataset,
             [](DatasetRecord& d) { d.owner = {99}; }),
      Broken("task_request_unique", p.task, [](Task& t) { t.id = {2}; }),
      Broken("task_client_fkey", p.task, [](Task& t) { t.client = {99}; }),
      Broken("task_dataset_fkey", p.task,
             [](Task& t) {
               TaskSpec spec = *t.spec;
               spec.dataset = Sha256("another");
               t.spec = std::make_shared<const TaskSpec>(spec);
             }),
      Broken("task_end_time_iff_ended", p.task,
             [](Task& t) { t.end_time = absl::UnixEpoch(); }),
      Broken("task_end_reason_iff_not_active", p.task,
             [](Task& t) { t.end_reason = EndReason::kBudget; }),
      Broken("task_pots_are_the_reward", p.task, [](Task& t) { ++t.work_pot; }),
      Broken("task_settled_iff_ended", p.task, [](Task& t) { t.refund = 1; }),
      Broken("task_settled_within_reward", p.task,
             [](Task& t) {
               t.state = TaskState::kFailed;
               t.end_reason = EndReason::kBudget;
               t.end_time = absl::UnixEpoch();
               t.refund = t.work_pot + 1;
             }),
      Broken("subspace_task_fkey", p.subspace,
             [](SubspaceRecord& s) { s.task = {99}; }),
      Broken("subspace_parent_fkey", p.subspace,
             [](SubspaceRecord& s) { s.split_off.emplace().parent = {99}; }),
      Broken("subspace_attempt_not_negative", p.subspace,
             [](SubspaceRecord& s) { s.attempt = -1; }),
  };
}

std::vector<Breach> VerifierBreaches(const SmallPool& p) {
  const VerifierRecord verifier{.key = {p.miner.id, "v"}};
  return {
      Broken("verifier_account_fkey", verifier,
             [](VerifierRecord& v) { v.key.account = {99}; }),
      Broken("verifier_counts_not_negative", verifier,
             [](VerifierRecord& v) { v.planted_owed = -1; }),
  };
}

Invitation InvitationOf(const Account& account) {
  return {.key = {account.id, 1},
          .code_hash = Sha256(account.name),
          .create_time = absl::UnixEpoch(),
          .expire_time = absl::UnixEpoch()};
}

std::vector<Breach> InvitationBreaches(const SmallPool& p) {
  const Invitation invitation = InvitationOf(p.miner);
  return {
      Broken("account_invited_by_fkey", p.miner,
             [](Account& a) { a.invited_by = {99}; }),
      Broken("invitation_account_fkey", invitation,
             [](Invitation& i) { i.key.inviter = {99}; }),
      Broken("invitation_number_positive", invitation,
             [](Invitation& i) { i.key.number = 0; }),
      Broken("invitation_uses_within_max", invitation,
             [](Invitation& i) { i.uses = 2; }),
      Broken("invitation_uses_within_max", invitation,
             [](Invitation& i) { i.uses = -1; }),
      Broken("invitation_code_unique", invitation,
             [&p](Invitation& i) {
               i.code_hash = InvitationOf(p.client).code_hash;
             }),
  };
}

AccountToken TokenOf(const Account& account) {
  return {.key = {account.id, 1},
          .name = kFirstTokenName,
          .hash = Sha256(absl::StrCat("token of ", account.name)),
          .create_time = absl::UnixEpoch()};
}

std::vector<Breach> TokenBreaches(const SmallPool& p) {
  const AccountToken token = TokenOf(p.miner);
  return {
      Broken("account_token_account_fkey", token,
             [](AccountToken& t) { t.key.account = {99}; }),
      Broken("account_token_number_positive", token,
             [](AccountToken& t) { t.key.number = 0; }),
      Broken("account_token_name_not_empty", token,
             [](AccountToken& t) { t.name.clear(); }),
      Broken("account_token_hash_unique", token,
             [&p](AccountToken& t) { t.hash = TokenOf(p.client).hash; }),
  };
}

std::vector<Breach> StorageBreaches(const SmallPool& p) {
  const StoredFile file{.account = p.client.id,
                        .digest = Sha256("file"),
                        .size_bytes = 1,
                        .create_time = absl::UnixEpoch()};
  const StorageUse use{.account = p.client.id, .file_bytes = 1};
  const StoredWeights weights{.trial = p.trial.id,
                              .account = p.miner.id,
                              .digest = Sha256("weights"),
                              .size_bytes = 1};
  return {
      Broken("stored_file_account_fkey", file,
             [](StoredFile& f) { f.account = {99}; }),
      Broken("stored_file_size_positive", file,
             [](StoredFile& f) { f.size_bytes = 0; }),
      Broken("stored_weights_trial_fkey", weights,
             [](StoredWeights& w) { w.trial = {99}; }),
      Broken("stored_weights_account_fkey", weights,
             [](StoredWeights& w) { w.account = {99}; }),
      Broken("stored_weights_size_positive", weights,
             [](StoredWeights& w) { w.size_bytes = 0; }),
      Broken("storage_use_account_fkey", use,
             [](StorageUse& u) { u.account = {99}; }),
      Broken("storage_use_not_negative", use,
             [](StorageUse& u) { u.weight_bytes = -1; }),
      Broken("account_stored_quota_not_negative", p.miner,
             [](Account& a) { a.quotas.stored_bytes = -1; }),
  };
}

std::vector<Breach> SummaryBreaches(const SmallPool& p) {
  const SummaryRecord summary{.task = p.task.id};
  const char* const kCounts = "task_summary_counts_not_negative";
  return {
      Broken("task_summary_task_fkey", summary,
             [](SummaryRecord& s) { s.task = {99}; }),
      Broken(kCounts, summary,
             [](SummaryRecord& s) { s.sums.trials_accepted = -1; }),
      Broken(kCounts, summary,
             [](SummaryRecord& s) { s.sums.trials_rejected = -1; }),
      Broken(kCounts, summary,
             [](SummaryRecord& s) { s.sums.work_units_accepted = -1; }),
      Broken("task_summary_best_iff_front", summary,
             [](SummaryRecord& s) { s.best_accuracy_ppm = 1; }),
      Broken("task_summary_best_iff_front", summary,
             [](SummaryRecord& s) { s.front = {{1}}; }),
  };
}

// A row that a constraint refuses takes the whole commit with it: nothing of it
// is there, the head has not moved, and the writer continues.
TEST_P(StoreConformanceTest, ConstraintsRefuseWholeCommits) {
  const SmallPool pool;
  Store& store = backend_->NewWriter();
  Writer writer(store);
  ASSERT_THAT(writer.Commit(pool.Events()), IsOk());
  ASSERT_THAT(writer.Commit({pool.payout, InvitationOf(pool.client),
                             TokenOf(pool.client)}),
              IsOk());
  std::vector<Breach> breaches = TaskBreaches(pool);
  for (auto& more :
       {WorkBreaches(pool), LedgerBreaches(pool), PayoutBreaches(pool),
        VerifierBreaches(pool), StorageBreaches(pool), InvitationBreaches(pool),
        TokenBreaches(pool), SummaryBreaches(pool)}) {
    breaches.insert(breaches.end(), more.begin(), more.end());
  }
  const PoolSnapshot before = Writer(backend_->NewWriter()).loaded().snapshot;
  writer = Writer(store);
  for (const Breach& breach : breaches) {
    SCOPED_TRACE(breach.constraint);
    Account innocent = pool.client;
    innocent.trials_accepted = 5;
    const absl::Status status = writer.Commit({innocent, breach.event});
    EXPECT_THAT(status, FailsWith("CONSTRAINT"));
    EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
    EXPECT_THAT(std::string(status.message()), HasSubstr(breach.constraint));
  }
  EXPECT_EQ(writer.loaded().sequence, 2);
  ASSERT_THAT(writer.Commit({}), IsOk());
  ExpectSame(Writer(backend_->NewWriter()).loaded().snapshot, before);
}

// Paid once, or returned once, and not both.
TEST_P(StoreConformanceTest, APayoutEndsOnce) {
  const SmallPool pool;
  Writer writer(backend_->NewWriter());
  ASSERT_THAT(writer.Commit(pool.Events()), IsOk());
  ASSERT_THAT(writer.Commit({pool.payout}), IsOk());
  const auto move = [&](int64_t id, TransferKind kind) {
    return Transfer{.id = {id},
                    .from = Place::Payouts(),
                    .to = Place::Outside(),
                    .amount = 1,
                    .kind = kind,
                    .payout = pool.payout.id,
                    .create_time = absl::UnixEpoch()};
  };
  ASSERT_THAT(writer.Commit({move(2, TransferKind::kSettle)}), IsOk());
  for (const TransferKind kind :
       {TransferKind::kSettle, TransferKind::kReturn}) {
    const absl::Status status = writer.Commit({move(3, kind)});
    EXPECT_THAT(std::string(status.message()),
                HasSubstr("transfer_payout_ends_once"));
  }
}

// Only what a commit leaves behind has to satisfy the constraints.
TEST_P(StoreConformanceTest, ConstraintsLookAtTheLastEventOfARecord) {
  const SmallPool pool;
  Writer writer(backend_->NewWriter());
  std::vector<Event> events = {Balance{Place::Of(AccountId{1}), -5}};
  for (const Event& event : pool.Events()) events.push_back(event);
  ASSERT_THAT(writer.Commit(events), IsOk());
  // A lease ends and the next one takes its subspace, in one commit.
  Lease ended = pool.lease;
  ended.state = LeaseState::kExpired;
  Lease next = pool.lease;
  next.id = {2};
  Session closed = pool.session;
  closed.state = SessionState::kClosed;
  Session reopened = pool.session;
  reopened.id = {2};
  EXPECT_THAT(writer.Commit({next, ended, reopened, closed}), IsOk());
}

}  // namespace
}  // namespace archpool
