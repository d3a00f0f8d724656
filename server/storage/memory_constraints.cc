// SPDX-License-Identifier: Apache-2.0
#include "server/storage/memory_constraints.h"

#include <initializer_list>

#include "absl/strings/str_cat.h"

namespace archpool::memory {
namespace {

struct Check {
  bool holds;
  const char* name;
};

std::string FirstBroken(std::initializer_list<Check> checks) {
  for (const Check& check : checks) {
    if (!check.holds) return check.name;
  }
  return "";
}

// Set with one of the kinds that name an account or a task, 0 otherwise.
bool IsKnown(const Place& place) {
  return IsNumbered(place.kind) ? place.id > 0 : place.id == 0;
}

bool IsUnsettled(const Task& task) { return task.fee == 0 && task.refund == 0; }

// The kinds without a CHECK.
template <typename Record>
std::string BrokenCheck(const Record&) {
  return "";
}

std::string BrokenCheck(const Account& a) {
  return FirstBroken(
      {{a.id.value > 0, "account_id_positive"},
       {!a.name.empty(), "account_name_not_empty"},
       {a.trials_within_group >= 0, "account_within_group_not_negative"},
       {a.trials_accepted >= 0 && a.trials_rejected >= 0 &&
            a.trials_abandoned >= 0 && a.rejections_in_a_row >= 0,
        "account_counts_not_negative"},
       {a.payout_threshold >= 0, "account_threshold_not_negative"},
       {a.units_credited >= 0, "account_credit_not_negative"},
       {a.quotas.open_tasks >= 0 && a.quotas.leases >= 0 &&
            a.quotas.sessions >= 0,
        "account_quotas_not_negative"},
       {a.quotas.stored_bytes >= 0, "account_stored_quota_not_negative"},
       {a.give_ups >= 0, "account_give_ups_not_negative"}});
}

std::string BrokenCheck(const Owed& o) {
  return FirstBroken({{o.position >= 0 && o.amount >= 0, "owed_not_negative"}});
}

std::string BrokenCheck(const Receipt& r) {
  return FirstBroken({{r.id.value > 0, "receipt_id_positive"},
                      {r.account.value >= 0, "receipt_account_not_negative"},
                      {!r.content.empty(), "receipt_content_not_empty"}});
}

std::string BrokenCheck(const VerifierRecord& v) {
  return FirstBroken(
      {{v.agreed >= 0 && v.outvoted >= 0 && v.planted_passed >= 0 &&
            v.planted_failed >= 0 && v.planted_owed >= 0,
        "verifier_counts_not_negative"}});
}

std::string BrokenCheck(const Invitation& i) {
  return FirstBroken(
      {{i.key.number > 0, "invitation_number_positive"},
       {i.uses >= 0 && i.uses <= i.uses_max, "invitation_uses_within_max"}});
}

std::string BrokenCheck(const AccountToken& t) {
  return FirstBroken({{!t.name.empty(), "account_token_name_not_empty"},
                      {t.key.number > 0, "account_token_number_positive"}});
}

std::string BrokenCheck(const StoredFile& f) {
  return FirstBroken({{f.size_bytes > 0, "stored_file_size_positive"}});
}

std::string BrokenCheck(const StoredWeights& w) {
  return FirstBroken({{w.size_bytes > 0, "stored_weights_size_positive"}});
}

std::string BrokenCheck(const SummaryRecord& s) {
  return FirstBroken(
      {{s.sums.trials_accepted >= 0 && s.sums.trials_rejected >= 0 &&
            s.sums.work_units_accepted >= 0,
        "task_summary_counts_not_negative"},
       {s.front.empty() == !s.best_accuracy_ppm.has_value(),
        "task_summary_best_iff_front"}});
}

std::string BrokenCheck(const StorageUse& u) {
  return FirstBroken(
      {{u.file_bytes >= 0 && u.weight_bytes >= 0, "storage_use_not_negative"}});
}

std::string BrokenCheck(const DatasetRecord& d) {
  return FirstBroken(
      {{d.manifest.train_count >= 0 && d.manifest.validation_count >= 0 &&
            d.manifest.held_out_count >= 0,
        "dataset_counts_not_negative"}});
}

std::string BrokenCheck(const Task& t) {
  const Amount reward = t.spec->terms.reward;
  return FirstBroken(
      {{t.id.value > 0, "task_id_positive"},
       {t.end_reason.has_value() != (t.state == TaskState::kActive),
        "task_end_reason_iff_not_active"},
       {t.end_time.has_value() == IsEnded(t.state), "task_end_time_iff_ended"},
       {t.fee_pot >= 0 && t.bonus_pot >= 0 && t.work_pot >= 0 && t.fee >= 0 &&
            t.refund >= 0,
        "task_amounts_not_negative"},
       {t.time_away >= absl::ZeroDuration(), "task_time_away_not_negative"},
       {t.fee_pot + t.bonus_pot + t.work_pot == reward,
        "task_pots_are_the_reward"},
       {t.fee + t.refund <= reward, "task_settled_within_reward"},
       {IsUnsettled(t) || IsEnded(t.state), "task_settled_iff_ended"}});
}

std::string BrokenCheck(const SubspaceRecord& s) {
  return FirstBroken(
      {{s.id.value > 0, "subspace_id_positive"},
       {s.attempt >= 0, "subspace_attempt_not_negative"},
       {!s.prune_reason.empty() == (s.state == SubspaceState::kPruned),
        "subspace_reason_iff_pruned"}});
}

std::string BrokenCheck(const Session& s) {
  return FirstBroken({{s.id.value > 0, "session_id_positive"},
                      {s.threads > 0, "session_threads_positive"}});
}

std::string BrokenCheck(const Lease& l) {
  return FirstBroken({{l.id.value > 0, "lease_id_positive"},
                      {l.attempt >= 0, "lease_attempt_not_negative"},
                      {l.primary.has_value() == (l.role == LeaseRole::kBackup),
                       "lease_primary_iff_backup"}});
}

std::string BrokenCheck(const Trial& t) {
  const bool is_accepted = t.state == TrialState::kAccepted;
  const bool is_committed =
      t.state != TrialState::kAssigned && t.state != TrialState::kAbandoned;
  const int64_t accuracy_ppm = VerifiedAccuracyPpm(t).value_or(0);
  const TrialSettlement paid = SettlementOf(t);
  const bool is_paid = paid.pay != 0 || paid.finders_bonus != 0;
  return FirstBroken(
      {{t.id.value > 0, "trial_id_positive"},
       {t.commitment.has_value() == is_committed,
        "trial_weights_iff_committed"},
       {t.state != TrialState::kCommitted || t.upload_deadline,
        "trial_upload_deadline_while_committed"},
       {BasisOf(t).has_value() == is_accepted, "trial_basis_iff_accepted"},
       {accuracy_ppm >= 0 && accuracy_ppm <= 1'000'000, "trial_accuracy_range"},
       {t.state == TrialState::kAbandoned ||
            !t.reason.empty() == (t.state == TrialState::kRejected),
        "trial_reason_iff_rejected"},
       {t.parameters >= 0 && t.macs >= 0 && t.work_units >= 0 &&
            (!t.commitment ||
             (t.commitment->weights_size_bytes >= 0 &&
              t.commitment->train_time >= absl::ZeroDuration())),
        "trial_sizes_not_negative"},
       {!t.commitment || t.commitment->diverged_at_step.value_or(0) >= 0,
        "trial_diverged_at_step_not_negative"},
       {t.rung >= 0 && (!t.resumes.IsSet() || t.rung > 0), "trial_rung"},
       {!t.known_from.IsSet() || (is_accepted && !is_paid),
        "trial_known_is_not_paid"},
       {paid.pay >= 0 && paid.finders_bonus >= 0, "trial_pay_not_negative"},
       {HasVerdict(t.state) || !is_paid, "trial_pay_only_with_verdict"}});
}

std::string BrokenCheck(const Audit& a) {
  const bool is_leased = a.state == AuditState::kLeased;
  const bool is_asked = a.state == AuditState::kAsked;
  return FirstBroken(
      {{a.id.value > 0, "audit_id_positive"},
       {a.attempt >= 0, "audit_counts_not_negative"},
       {a.refused_time >= absl::ZeroDuration(),
        "audit_refused_time_not_negative"},
       {a.planted_count >= 0, "audit_planted_count_not_negative"},
       {a.state == AuditState::kDone || (a.missing != 0) == is_asked,
        "audit_missing_iff_asked"},
       {a.expire_time.has_value() == (is_asked || is_leased),
        "audit_expiry_iff_awaited"},
       {!is_leased || a.verifier.IsSet(), "audit_verifier_while_leased"}});
}

std::string BrokenCheck(const Balance& b) {
  return FirstBroken({{IsKnown(b.place), "balance_place_known"},
                      {b.amount >= 0 || b.place.kind == PlaceKind::kOutside,
                       "balance_not_negative"}});
}

std::string BrokenCheck(const Transfer& t) {
  return FirstBroken(
      {{t.id.value > 0, "transfer_id_positive"},
       {t.amount > 0, "transfer_amount_positive"},
       {t.from != t.to, "transfer_places_differ"},
       {IsKnown(t.from) && IsKnown(t.to), "transfer_places_known"},
       {t.request_id.empty() || t.kind == TransferKind::kDeposit,
        "transfer_request_only_of_deposit"},
       {t.payout.IsSet() == (t.kind >= TransferKind::kPayout),
        "transfer_payout_iff_of_one"}});
}

std::string BrokenCheck(const Payout& p) {
  return FirstBroken({{p.id.value > 0, "payout_id_positive"},
                      {p.amount > 0, "payout_amount_positive"},
                      {!p.address.empty(), "payout_address_not_empty"},
                      {p.attempt >= 0, "payout_attempt_not_negative"},
                      {p.end_time.has_value() == IsEnded(p.state),
                       "payout_end_time_iff_ended"}});
}

// The kinds without a UNIQUE.
template <typename Record>
std::vector<UniqueKey> KeysOf(const Record&) {
  return {};
}

std::vector<UniqueKey> KeysOf(const Account& a) {
  return {{"account_name_unique", a.name}};
}
std::vector<UniqueKey> KeysOf(const Invitation& i) {
  return {{"invitation_code_unique", i.code_hash.ToString()}};
}
std::vector<UniqueKey> KeysOf(const AccountToken& t) {
  return {{"account_token_hash_unique", t.hash.ToString()}};
}
std::vector<UniqueKey> KeysOf(const Task& t) {
  return {
      {"task_request_unique", absl::StrCat(t.client.value, " ", t.request_id)}};
}
std::vector<UniqueKey> KeysOf(const Session& s) {
  if (s.state != SessionState::kOpen) return {};
  return {{"session_open_unique",
           absl::StrCat(s.account.value, " ", s.worker_name)}};
}
std::vector<UniqueKey> KeysOf(const Lease& l) {
  if (l.state != LeaseState::kActive || l.role != LeaseRole::kPrimary) {
    return {};
  }
  return {{"lease_one_primary_per_subspace", absl::StrCat(l.subspace.value)}};
}
std::vector<UniqueKey> KeysOf(const Audit& a) {
  if (a.state == AuditState::kDone) return {};
  return {{"audit_one_open_per_trial", absl::StrCat(a.trial.value)}};
}
std::vector<UniqueKey> KeysOf(const Transfer& t) {
  std::vector<UniqueKey> keys;
  if (!t.request_id.empty()) {
    keys.push_back({"transfer_request_unique", t.request_id});
  }
  if (t.payout.IsSet()) {
    keys.push_back({t.kind == TransferKind::kPayout
                        ? "transfer_payout_once"
                        : "transfer_payout_ends_once",
                    absl::StrCat(t.payout.value)});
  }
  return keys;
}
std::vector<UniqueKey> KeysOf(const Payout& p) {
  std::vector<UniqueKey> keys = {{"payout_key_unique", p.key.ToString()}};
  if (!p.request_id.empty()) {
    keys.push_back({"payout_request_unique",
                    absl::StrCat(p.account.value, " ", p.request_id)});
  }
  return keys;
}

template <typename Record, typename Key>
bool Has(const Tables& tables, const Key& key) {
  return tables.All<Record>().contains(key);
}

template <typename Record, typename Id>
bool IsUnsetOrThere(const Tables& tables, Id id) {
  return !id.IsSet() || Has<Record>(tables, id);
}

// The kinds without a REFERENCES.
template <typename Record>
std::string BrokenReference(const Tables&, const Record&) {
  return "";
}

std::string BrokenReference(const Tables& tables, const Account& record) {
  return IsUnsetOrThere<Account>(tables, record.invited_by)
             ? ""
             : "account_invited_by_fkey";
}

std::string BrokenReference(const Tables& tables, const Invitation& record) {
  return Has<Account>(tables, record.key.inviter) ? ""
                                                  : "invitation_account_fkey";
}

std::string BrokenReference(const Tables& tables, const AccountToken& record) {
  return Has<Account>(tables, record.key.account)
             ? ""
             : "account_token_account_fkey";
}

std::string BrokenReference(const Tables& tables, const DatasetRecord& record) {
  return Has<Account>(tables, record.owner) ? "" : "dataset_owner_fkey";
}

std::string BrokenReference(const Tables& tables, const Task& record) {
  if (!Has<Account>(tables, record.client)) return "task_client_fkey";
  return Has<DatasetRecord>(tables, record.spec->dataset) ? ""
                                                          : "task_dataset_fkey";
}

std::string BrokenReference(const Tables& tables,
                            const SubspaceRecord& record) {
  if (!Has<Task>(tables, record.task)) return "subspace_task_fkey";
  return IsUnsetOrThere<SubspaceRecord>(
             tables, record.split_off ? record.split_off->parent : SubspaceId())
             ? ""
             : "subspace_parent_fkey";
}

std::string BrokenReference(const Tables& tables, const Session& record) {
  return Has<Account>(tables, record.account) ? "" : "session_account_fkey";
}

std::string BrokenReference(const Tables& tables, const Lease& record) {
  if (!Has<Task>(tables, record.task)) return "lease_task_fkey";
  if (!Has<SubspaceRecord>(tables, record.subspace))
    return "lease_subspace_fkey";
  if (!Has<Session>(tables, record.session)) return "lease_session_fkey";
  if (!Has<Account>(tables, record.account)) return "lease_account_fkey";
  return !record.primary || Has<Lease>(tables, *record.primary)
             ? ""
             : "lease_primary_fkey";
}

std::string BrokenReference(const Tables& tables, const Trial& record) {
  if (!Has<Lease>(tables, record.lease)) return "trial_lease_fkey";
  if (!Has<Task>(tables, record.task)) return "trial_task_fkey";
  if (!Has<SubspaceRecord>(tables, record.subspace)) {
    return "trial_subspace_fkey";
  }
  if (!Has<Account>(tables, record.account)) return "trial_account_fkey";
  if (record.commitment &&
      !IsUnsetOrThere<Session>(tables, record.commitment->session)) {
    return "trial_session_fkey";
  }
  if (!IsUnsetOrThere<Trial>(tables, record.resumes)) {
    return "trial_resumes_fkey";
  }
  return IsUnsetOrThere<Trial>(tables, record.known_from)
             ? ""
             : "trial_known_from_fkey";
}

std::string BrokenReference(const Tables& tables, const Audit& record) {
  if (!Has<Trial>(tables, record.trial)) return "audit_trial_fkey";
  if (!Has<Task>(tables, record.task)) return "audit_task_fkey";
  return IsUnsetOrThere<Account>(tables, record.verifier)
             ? ""
             : "audit_verifier_fkey";
}

std::string BrokenReference(const Tables& tables, const Transfer& record) {
  if (!IsUnsetOrThere<Task>(tables, record.task)) return "transfer_task_fkey";
  return IsUnsetOrThere<Payout>(tables, record.payout) ? ""
                                                       : "transfer_payout_fkey";
}

std::string BrokenReference(const Tables& tables, const Payout& record) {
  return Has<Account>(tables, record.account) ? "" : "payout_account_fkey";
}

std::string BrokenReference(const Tables& tables,
                            const VerifierRecord& record) {
  return Has<Account>(tables, record.key.account) ? ""
                                                  : "verifier_account_fkey";
}

std::string BrokenReference(const Tables& tables, const StoredFile& record) {
  return Has<Account>(tables, record.account) ? "" : "stored_file_account_fkey";
}

std::string BrokenReference(const Tables& tables, const StoredWeights& record) {
  if (!Has<Trial>(tables, record.trial)) return "stored_weights_trial_fkey";
  return Has<Account>(tables, record.account) ? ""
                                              : "stored_weights_account_fkey";
}

std::string BrokenReference(const Tables& tables, const SummaryRecord& record) {
  return Has<Task>(tables, record.task) ? "" : "task_summary_task_fkey";
}

std::string BrokenReference(const Tables& tables, const StorageUse& record) {
  return Has<Account>(tables, record.account) ? "" : "storage_use_account_fkey";
}

std::string BrokenReference(const Tables& tables, const Owed& record) {
  return Has<Account>(tables, record.account) ? "" : "owed_account_fkey";
}

std::string BrokenReference(const Tables& tables, const Ranking& record) {
  return Has<Task>(tables, record.task) ? "" : "ranking_task_fkey";
}

}  // namespace

std::vector<UniqueKey> UniqueKeysOf(AnyRecord record) {
  return std::visit([](const auto* one) { return KeysOf(*one); }, record);
}

std::string BrokenConstraint(const Tables& tables, AnyRecord record) {
  return std::visit(
      [&tables](const auto* one) {
        if (std::string broken = BrokenCheck(*one); !broken.empty()) {
          return broken;
        }
        for (const UniqueKey& key : KeysOf(*one)) {
          if (tables.claims.at(key) > 1) return key.constraint;
        }
        return BrokenReference(tables, *one);
      },
      record);
}

}  // namespace archpool::memory
