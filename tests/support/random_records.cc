// SPDX-License-Identifier: Apache-2.0
#include "tests/support/random_records.h"

#include <algorithm>
#include <iterator>
#include <memory>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/check.h"
#include "tests/support/random_spec.h"

namespace archpool {

template <typename Record>
const Record& RandomRecords::Any() {
  ARCHPOOL_CHECK(!All<Record>().empty());
  return std::next(All<Record>().begin(), Below(Count<Record>()))->second;
}

template <typename Record>
int64_t RandomRecords::NewOrEarlier() {
  const int64_t last = Count<Record>();
  return last == 0 || Coin() ? last + 1 : 1 + Below(last);
}

std::vector<Event> RandomRecords::Next(int count) {
  events_.clear();
  // What others refer to has to be there.
  if (All<Account>().empty()) {
    PutAccount();
    PutDataset();
    PutTask();
    PutSubspace();
    PutSession();
    PutLease();
    PutTrial();
  }
  using Step = void (RandomRecords::*)();
  static constexpr Step kSteps[] = {
      &RandomRecords::PutAccount,  &RandomRecords::PutDataset,
      &RandomRecords::PutTask,     &RandomRecords::PutSubspace,
      &RandomRecords::PutSession,  &RandomRecords::PutLease,
      &RandomRecords::PutTrial,    &RandomRecords::PutAudit,
      &RandomRecords::PutTransfer, &RandomRecords::PutBalance,
      &RandomRecords::PutRanking,  &RandomRecords::PutPayout,
      &RandomRecords::PutOwed,     &RandomRecords::PutReceipt,
      &RandomRecords::PutClock};
  while (static_cast<int>(events_.size()) < count) {
    (this->*kSteps[Below(std::size(kSteps))])();
  }
  return events_;
}

void RandomRecords::PutAccount() {
  const AccountId id{NewOrEarlier<Account>()};
  Emit(Account{
      .id = id,
      .name = absl::StrCat(RandomText(), "#", id.value),
      .role = Value<Role>(),
      .token_hash = RandomDigest(),
      .state = Value<AccountState>(),
      .trials_accepted = Large(),
      .trials_within_group = id.value,
      .trials_rejected = Large(),
      .trials_abandoned = Large(),
      .rejections_in_a_row = Large(),
      .claims_too_low = Large(),
      .performance = RandomPerformance(),
      .accuracy_ppm = RandomMoments(),
      .audit_rate_ppm = Large(),
      .payout_address = RandomText(),
      .payout_threshold = Large(),
      .split = Coin()
                   ? std::vector<RevenuePart>()
                   : std::vector<RevenuePart>{{id, Large()}, {AccountId{9}, 1}},
      .units_credited = Below(1'000'000'000'000),
      .give_ups = Large(),
      .give_up_time = Coin() ? std::optional(RandomTime()) : std::nullopt,
      .quotas = {.open_tasks = Large(),
                 .leases = Large(),
                 .sessions = Large(),
                 .stored_bytes = id.value},
      // No draws: other records depend on how many there were.
      .group = id.value % 3 == 1 ? "somebody" : "",
      .invited_by = {id.value % 2 == 0 ? 1 : 0},
      .shares_from = id.value % 3 == 0 ? std::vector<AccountId>()
                                       : std::vector<AccountId>{{3}, {7}},
      .is_public = id.value % 2 == 0,
      .void_until = id.value % 3 == 1
                        ? std::optional(absl::FromUnixMicros(id.value))
                        : std::nullopt,
      .examine_until = id.value % 3 != 1
                           ? std::optional(absl::FromUnixMicros(id.value + 1))
                           : std::nullopt,
      .next_address =
          id.value % 3 == 2
              ? std::optional(NextAddress{absl::StrCat("next of ", id.value),
                                          absl::FromUnixMicros(id.value + 2)})
              : std::nullopt,
      .address_wait_time = id.value % 2 == 1
                               ? std::optional(absl::FromUnixMicros(id.value))
                               : std::nullopt});
}

void RandomRecords::PutRanking() {
  const Task& task = Any<Task>();
  Ranking ranking{.task = task.id, .verdicts_seen = Large()};
  for (int64_t i = Below(5); i > 0; --i) {
    ranking.candidates.push_back(
        task.spec->space.ArchitectureAt(Below(task.spec->space.size())));
  }
  Emit(ranking);
}

void RandomRecords::PutDataset() {
  const bool is_new = All<DatasetRecord>().empty() || Coin();
  const Digest id = is_new ? RandomDigest() : Any<DatasetRecord>().id;
  DatasetManifest manifest;
  manifest.shape = {Large(), Large(), Large()};
  manifest.classes = Large();
  manifest.train_count = Large();
  manifest.validation_count = Large();
  manifest.held_out_count = Large();
  manifest.train = RandomDigest();
  manifest.validation = RandomDigest();
  manifest.mean_ppm = Large();
  manifest.deviation_ppm = Large();
  Emit(DatasetRecord{
      .id = id,
      .owner = Any<Account>().id,
      .manifest = manifest,
      .held_out = RandomDigest(),
      .register_time = manifest.classes % 2 == 0
                           ? std::nullopt
                           : std::optional(absl::FromUnixMicros(
                                 manifest.train_count % 1'000'000)),
      .stored_bytes = manifest.validation_count,
      .drop_time = manifest.classes % 3 == 0 ? std::optional(absl::UnixEpoch())
                                             : std::nullopt,
      .split_key = id.bytes[0] < 50 ? std::nullopt : std::optional(id)});
}

void RandomRecords::PutTask() {
  const TaskId id{NewOrEarlier<Task>()};
  const auto earlier = All<Task>().find(id);
  // A task's space never changes, so that its boxes stay boxes of it.
  const auto spec = earlier != All<Task>().end()
                        ? earlier->second.spec
                        : std::make_shared<const TaskSpec>(
                              RandomSpec(rng_, Any<DatasetRecord>().id));
  const Amount reward = spec->terms.reward;
  const auto state = Value<TaskState>();
  Task task{.id = id,
            .client = Any<Account>().id,
            .request_id = absl::StrCat(RandomText(), "#", id.value),
            .spec = spec,
            .secret = RandomDigest(),
            .cost_table_version = Large(),
            .state = state,
            .end_reason = state == TaskState::kActive
                              ? std::nullopt
                              : std::optional(Value<EndReason>()),
            .create_time = RandomTime(),
            .deadline = RandomTime(),
            .time_away = absl::Nanoseconds(Large())};
  task.fee_pot = Below(reward + 1);
  task.bonus_pot = Below(reward - task.fee_pot + 1);
  task.work_pot = reward - task.fee_pot - task.bonus_pot;
  if (IsEnded(state)) {
    task.end_time = RandomTime();
    task.fee = Below(reward + 1);
    task.refund = Below(reward - task.fee + 1);
  }
  Emit(task);
  if (IsEnded(state)) Emit(SummaryOf(task));
}

void RandomRecords::PutSubspace() {
  const SubspaceId id{NewOrEarlier<SubspaceRecord>()};
  const Task& task = Any<Task>();
  const std::vector<Subspace> boxes =
      Partition(task.spec->space, 1 + Below(8), 4096);
  SubspaceRecord record{
      .id = id,
      .task = task.id,
      .box =
          boxes[static_cast<size_t>(Below(static_cast<int64_t>(boxes.size())))],
      .state = Value<SubspaceState>(),
      .attempt = Large()};
  if (Coin()) {
    record.split_off = SplitOff{.parent = {1 + Large() % id.value},
                                .dimension = Large(),
                                .choices = rng_.Next(),
                                .prior_ppm = Large()};
  }
  if (record.state == SubspaceState::kPruned) {
    record.prune_reason = absl::StrCat("P", RandomText());
  }
  Emit(record);
}

void RandomRecords::PutSession() {
  const SessionId id{Count<Session>() + 1};
  const AccountId account = Any<Account>().id;
  const std::string worker_name = absl::StrCat("w", Below(3));
  // The name moves on: its holder closes within the same commit.
  for (auto [earlier_id, earlier] : All<Session>()) {
    if (earlier.account == account && earlier.worker_name == worker_name &&
        earlier.state == SessionState::kOpen) {
      earlier.state = SessionState::kClosed;
      Emit(earlier);
      break;
    }
  }
  Emit(Session{.id = id,
               .account = account,
               .worker_name = worker_name,
               .threads = 1 + Large(),
               .arithmetic = RandomText(),
               .key = Coin() ? PublicKey{RandomDigest().bytes} : PublicKey{},
               .state = Value<SessionState>(),
               .create_time = RandomTime(),
               .performance = RandomPerformance()});
}

void RandomRecords::PutLease() {
  const LeaseId id{Count<Lease>() + 1};
  const SubspaceRecord& subspace = Any<SubspaceRecord>();
  for (auto [earlier_id, earlier] : All<Lease>()) {
    if (earlier.subspace == subspace.id &&
        earlier.state == LeaseState::kActive &&
        earlier.role == LeaseRole::kPrimary) {
      earlier.state = ValueAfterFirst<LeaseState>();
      Emit(earlier);
      break;
    }
  }
  Lease lease{.id = id,
              .task = subspace.task,
              .subspace = subspace.id,
              .session = Any<Session>().id,
              .account = Any<Account>().id,
              .attempt = Large(),
              .role = Value<LeaseRole>(),
              .state = Value<LeaseState>(),
              .trials_target = Large(),
              .create_time = RandomTime(),
              .expire_time = RandomTime(),
              .deadline = RandomTime(),
              .has_high_reward = Coin()};
  if (Coin()) {
    lease.backup_need = BackupNeed{.reason = Value<BackupReason>(),
                                   .wanted = Large(),
                                   .miss_ppm = Large()};
  }
  if (Coin()) lease.check_time = RandomTime();
  if (lease.role == LeaseRole::kBackup) {
    lease.primary = LeaseId{1 + Large() % id.value};
  }
  for (int64_t i = Below(4); i > 0; --i) lease.trials.push_back({1 + Large()});
  Emit(lease);
}

void RandomRecords::PutTrial() {
  const TrialId id{NewOrEarlier<Trial>()};
  const Lease& lease = Any<Lease>();
  const auto state = Value<TrialState>();
  Trial trial{.id = id,
              .task = lease.task,
              .subspace = lease.subspace,
              .lease = lease.id,
              .account = lease.account,
              .architecture_id = RandomDigest(),
              .parameters = Large(),
              .macs = Large(),
              .work_units = Large(),
              .state = state,
              .create_time = RandomTime()};
  Commitment commitment;
  commitment.weights_size_bytes = Large();
  commitment.train_time = absl::Nanoseconds(Large());
  for (int64_t i = Below(130); i > 0; --i) {
    trial.architecture.choices.push_back(static_cast<uint8_t>(Below(256)));
  }
  if (state != TrialState::kAssigned && state != TrialState::kAbandoned) {
    trial.is_at_chance = Coin();
    if (Below(2) == 0) commitment.diverged_at_step = Below(1025);
    commitment.checkpoint_root = RandomDigest();
    commitment.signature.bytes[static_cast<size_t>(Below(64))] = 1;
    commitment.session = SessionId{1 + Large() % Count<Session>()};
    trial.arithmetic = RandomText();
    commitment.draw_ppm = Large();
    trial.audit_time = absl::Nanoseconds(Large());
    commitment.weights_digest = RandomDigest();
    commitment.claimed_correct = Large();
    if (Coin()) commitment.commit_time = RandomTime();
    trial.commitment = commitment;
    trial.upload_deadline = RandomTime();
  }
  if (state == TrialState::kAccepted) {
    Verdict& verdict = trial.verdict.emplace();
    verdict.basis = Value<TrialBasis>();
    verdict.is_barred = Coin();
    verdict.is_matured = Coin();
    if (verdict.basis != TrialBasis::kSampledOut) {
      trial.measured.emplace();
      trial.measured->validation_correct = Large();
      trial.measured->held_out_correct = Large();
      verdict.verified_accuracy_ppm = Below(1'000'001);
    }
    SetSettlement(trial, {.pay = Large(), .finders_bonus = Large()});
  }
  if (state == TrialState::kRejected) {
    trial.reason = absl::StrCat("R", RandomText());
    trial.verdict.emplace().is_barred = Coin();
    if (Coin()) trial.verdict->verified_accuracy_ppm = Below(1'000'001);
    SetSettlement(trial, {.pay = Coin() ? Large() : 0});
  }
  if (state == TrialState::kAbandoned && Coin()) trial.reason = kSuperseded;
  Emit(trial);
  if (trial.commitment) {
    Emit(StoredWeights{.trial = trial.id,
                       .account = trial.account,
                       .digest = commitment.weights_digest,
                       .size_bytes = 1 + commitment.weights_size_bytes / 2});
  }
}

Opening RandomRecords::RandomOpening() {
  const auto proof = [this] {
    std::vector<Digest> digests(
        static_cast<size_t>(Below(static_cast<int64_t>(kProofLengthMax) + 1)));
    for (Digest& digest : digests) digest = RandomDigest();
    return digests;
  };
  return {.begin = {.weights = RandomDigest(),
                    .weights_size_bytes = Large(),
                    .optimizer = RandomDigest(),
                    .optimizer_size_bytes = Large()},
          .begin_proof = proof(),
          .end = RandomDigest(),
          .end_proof = proof(),
          .start_proof = proof()};
}

void RandomRecords::PutAudit() {
  const AuditId id{Count<Audit>() + 1};
  const TrialId trial = Any<Trial>().id;
  for (auto [earlier_id, earlier] : All<Audit>()) {
    if (earlier.trial == trial && earlier.state != AuditState::kDone) {
      earlier.state = AuditState::kDone;
      earlier.expire_time.reset();
      Emit(earlier);
      break;
    }
  }
  Audit audit{.id = id,
              .trial = trial,
              .task = All<Trial>().at(trial).task,
              .kind = Value<AuditKind>(),
              .state = Value<AuditState>(),
              .segment = Large(),
              .measures_all = Coin(),
              .opening = Coin() ? RandomOpening() : Opening(),
              .attempt = Large(),
              .verifier_name = RandomText(),
              .refused_time = absl::Nanoseconds(Large()),
              .is_planted = id.value % 2 == 1,
              .planted_count = id.value};
  if (audit.state == AuditState::kLeased || Coin()) {
    audit.verifier = Any<Account>().id;
  }
  for (int64_t looks = Below(3); looks > 0; --looks) {
    audit.looks.push_back({Any<Account>().id, RandomText(), Value<LookKind>(),
                           Coin(), Large(), RandomText(), RandomTime(),
                           RandomTime()});
    audit.looks.back().has_failed_again = audit.looks.back().count % 2 == 1;
  }
  if (Coin()) audit.lease_time = audit.wait_time = RandomTime();
  if (Coin()) audit.decide_time = RandomTime();
  if (id.value % 3 == 0) audit.away_until = audit.decide_time;
  audit.is_away = id.value % 2 == 0;
  if (audit.state == AuditState::kAsked) audit.missing = 1 + Below(15);
  if (audit.state == AuditState::kAsked || audit.state == AuditState::kLeased) {
    audit.expire_time = RandomTime();
  }
  Emit(audit);
}

// What was asked of a rail stays, and what has ended.
void RandomRecords::PutPayout() {
  const PayoutId id{NewOrEarlier<Payout>()};
  Payout payout{
      .id = id,
      .account = Any<Account>().id,
      .amount = 1 + Large(),
      .address = absl::StrCat("#", RandomText()),
      .request_id = Coin() ? absl::StrCat(RandomText(), "#", id.value) : "",
      .key = RandomDigest(),
      .create_time = RandomTime()};
  const auto earlier = All<Payout>().find(id);
  if (earlier != All<Payout>().end()) {
    if (IsEnded(earlier->second.state)) return;
    payout = earlier->second;
  }
  payout.state = Value<PayoutState>();
  payout.attempt = Large();
  payout.reference = RandomText();
  payout.reason = RandomText();
  if (IsEnded(payout.state)) payout.end_time = RandomTime();
  Emit(payout);
}

void RandomRecords::PutOwed() {
  const AccountId account = Any<Account>().id;
  const int64_t position = Below(4);
  Emit(Owed{position, account, Coin() ? 0 : Large()});
}

void RandomRecords::PutClock() {
  PoolClock clock{.time = RandomTime()};
  if (Coin()) {
    clock.maintenance_since = RandomTime();
    clock.added = AddedTime{.begin = *clock.maintenance_since,
                            .end = clock.time,
                            .kind = DueKind::kAudit,
                            .done_to = 7};
  }
  Emit(clock);
  const int64_t count = absl::ToUnixMicros(clock.time);
  const VerifierKey key = {All<Account>().begin()->first,
                           (count & 1) != 0 ? "b'\"\\{}, ä\n" : "B"};
  Emit(VerifierRecord{key, 1, count, 3, 4, 5});
  StoredFile file{
      .account = key.account,
      .size_bytes = 1 + (count & 7),
      .create_time = clock.time,
      .cut_time = (count & 8) != 0 ? std::optional(clock.time) : std::nullopt};
  file.digest.bytes[0] = static_cast<uint8_t>(count & 3);
  Emit(file);
  Emit(StorageUse{key.account, count, count + 1});
  const int64_t number = 1 + (count & 1);
  Emit(
      Invitation{.key = {key.account, number},
                 .role = Role::kClient,
                 .code_hash = Sha256(absl::StrCat("code ", number, " ", count)),
                 .uses_max = 5,
                 .uses = 3,
                 .create_time = clock.time,
                 .expire_time = clock.time + absl::Microseconds(number)});
  Emit(AccountToken{
      .key = {key.account, number},
      .name = absl::StrCat("token-", count),
      .scope = static_cast<TokenScope>(count % kCountOf<TokenScope>),
      .hash = Sha256(absl::StrCat("token ", number, " ", count)),
      .create_time = clock.time,
      .expire_time = count % 2 == 0 ? std::optional(clock.time) : std::nullopt,
      .revoke_time = count % 3 == 0 ? std::optional(clock.time) : std::nullopt,
      .last_use_time =
          count % 5 == 0 ? std::nullopt : std::optional(clock.time)});
}

void RandomRecords::PutReceipt() {
  const ReceiptId id{Count<Receipt>() + 1};
  Emit(Receipt{id, AccountId{Below(3)}, absl::StrCat("#", RandomText())});
}

void RandomRecords::PutTransfer() {
  const TransferId id{Count<Transfer>() + 1};
  const Place from = RandomPlace();
  Place to = RandomPlace();
  while (to == from) to = RandomPlace();
  Transfer transfer{.id = id,
                    .from = from,
                    .to = to,
                    .amount = 1 + Large(),
                    .kind = static_cast<TransferKind>(Below(6)),
                    .create_time = RandomTime()};
  if (Coin()) transfer.task = Any<Task>().id;
  if (transfer.kind == TransferKind::kDeposit && Coin()) {
    transfer.request_id = absl::StrCat(RandomText(), "#", id.value);
  }
  Emit(transfer);
}

void RandomRecords::PutBalance() {
  Balance balance{.place = RandomPlace(), .amount = Large()};
  if (balance.place.kind == PlaceKind::kOutside) {
    balance.amount = -balance.amount;
  }
  Emit(balance);
}

bool RandomRecords::IsOpen(TaskId task) const {
  return !IsEnded(All<Task>().at(task).state);
}

}  // namespace archpool
