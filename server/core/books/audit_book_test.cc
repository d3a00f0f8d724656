// SPDX-License-Identifier: Apache-2.0
// Every index after many random changes is what the open audits say.
#include "server/core/books/audit_book.h"

#include <vector>

#include "common/base/counter_rng.h"
#include "gtest/gtest.h"
#include "server/core/rules/answer_size.h"
#include "server/core/rules/audit_cost.h"
#include "tests/support/pool_fixture.h"

namespace archpool {
namespace {

class AuditBookTest : public testing::Test {
 protected:
  AuditBookTest() {
    for (int64_t i = 1; i <= 8; ++i) {
      Trial& trial = trials[{i}];
      trial.id = {i};
      trial.task = {1};
      trial.account = {i % 3 + 1};
      trial.state = TrialState::kCommitted;
      trial.commitment = Commitment();
      trial.commitment->session = {i % 4 + 1};
      trial.work_units = 1'000 * i;
      trial.commitment->weights_size_bytes = 100 * i;
      trial.macs = 5'000 * i;
    }
  }
  void Put(const Audit& audit) {
    book.Put(audit, trials.at(audit.trial), spec, manifest);
  }
  // As the core would: asked, waiting, leased, waiting again, done.
  Audit Next(const Audit& before, CounterRng& rng) {
    Audit audit = before;
    switch (before.state) {
      case AuditState::kAsked:
        audit.missing = rng.Below(2) * kPartWeights;
        if (rng.Below(3) == 0) audit.away_until = absl::UnixEpoch();
        audit.is_away = audit.away_until && rng.Below(2) == 0;
        if (audit.missing == 0) audit.state = AuditState::kWaiting;
        break;
      case AuditState::kWaiting:
        audit.state = AuditState::kLeased;
        audit.verifier = {9};
        audit.verifier_name = audit.id.ToString();
        break;
      default:
        audit.state =
            rng.Below(2) == 0 ? AuditState::kDone : AuditState::kWaiting;
        if (rng.Below(3) == 0) audit.kind = AuditKind::kWhole;
        if (rng.Below(4) == 0) {
          audit.looks.push_back({.verifier = {9}, .kind = LookKind::kBlames});
        }
    }
    return audit;
  }
  void ExpectWhatTheRecordsSay() {
    size_t waiting = 0;
    size_t asked = 0;
    size_t due = 0;
    int64_t away = 0;
    WorkUnits backlog = 0;
    absl::btree_map<SessionId, AskedLoad> loads;
    absl::btree_map<AccountId, TrialId> blamed;
    absl::btree_map<AccountId, int64_t> checkpoints;
    for (const auto& [id, audit] : book.all()) {
      const Trial& trial = trials.at(audit.trial);
      EXPECT_EQ(book.Of(trial.id), id);
      const bool is_held = audit.state == AuditState::kLeased;
      EXPECT_EQ(book.HeldBy({9}, id.ToString()), is_held ? id : AuditId{});
      backlog += CostOf(spec, manifest, trial, audit.kind).total();
      if (audit.segment > 0) {
        const bool has_weights = (audit.missing & kPartBeginWeights) == 0;
        checkpoints[trial.account] +=
            audit.opening.begin.optimizer_size_bytes +
            (has_weights ? audit.opening.begin.weights_size_bytes : 0);
      }
      if (audit.away_until) {
        ++due;
        EXPECT_TRUE(book.AwayOf(trial.account).contains(id));
      }
      const bool is_asked = audit.state == AuditState::kAsked;
      away += is_asked && audit.is_away ? 1 : 0;
      if (IsBlamed(audit)) blamed.insert({trial.account, trial.id});
      if (audit.state == AuditState::kWaiting) {
        ++waiting;
        EXPECT_TRUE(book.waiting().miners().at(trial.account).contains(id));
      }
      if (audit.state == AuditState::kAsked) {
        ++asked;
        EXPECT_TRUE(book.AskedOf(trial.account).contains(id));
        const SessionId session = CommitmentOf(trial).session;
        EXPECT_TRUE(book.AskedIn(trial.account, session).contains(id));
        AskedLoad& load = loads[CommitmentOf(trial).session];
        ++load.answers;
        load.bytes += AnswerSizeBytes(trial, audit.missing);
      }
    }
    EXPECT_EQ(book.backlog(), backlog);
    for (int64_t i = 1; i <= 4; ++i) {
      EXPECT_EQ(book.AskedOf(SessionId{i}).answers, loads[{i}].answers);
      EXPECT_EQ(book.AskedOf(SessionId{i}).bytes, loads[{i}].bytes);
      // The first by its id, which is the audit's here.
      EXPECT_EQ(book.BlamedOf(AccountId{i}), blamed[{i}]);
      EXPECT_EQ(book.CheckpointBytesOf(AccountId{i}), checkpoints[{i}]);
      asked -= book.AskedOf(AccountId{i}).size();
    }
    EXPECT_EQ(asked, 0u);
    EXPECT_EQ(book.AwayIn(TaskId{1}), away);
    EXPECT_EQ(book.AwayIn(TaskId{2}), 0);
    for (const auto& [miner, audits] : book.away()) due -= audits.size();
    EXPECT_EQ(due, 0u);
    for (const auto& [miner, audits] : book.waiting().miners()) {
      waiting -= audits.size();
    }
    EXPECT_EQ(waiting, 0u);
  }

  const TaskSpec spec = TinySpec(2);
  const DatasetManifest manifest = TinyManifest();
  absl::btree_map<TrialId, Trial> trials;
  AuditBook book;
};

TEST_F(AuditBookTest, IsWhatItsOpenAuditsSay) {
  CounterRng rng(3, 0);
  for (int i = 0; i < 3'000; ++i) {
    const AuditId id{1 + rng.Below(8)};
    const Audit* before = book.Find(id);
    if (before != nullptr) {
      Put(Next(*before, rng));
    } else {
      Audit audit;
      audit.id = id;
      audit.trial = {id.value};
      audit.task = {1};
      audit.state = AuditState::kAsked;
      audit.missing = kPartWeights | kPartBeginWeights;
      audit.segment = id.value % 2;
      audit.opening.begin.weights_size_bytes = 10 * id.value;
      audit.opening.begin.optimizer_size_bytes = id.value;
      Put(audit);
    }
    ExpectWhatTheRecordsSay();
  }
}

}  // namespace
}  // namespace archpool
