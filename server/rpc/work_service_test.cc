// SPDX-License-Identifier: Apache-2.0
// Leases, heartbeats and audits over real gRPC.
#include <future>
#include <memory>
#include <set>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/wire/work_wire.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/rpc_fixture.h"
#include "tests/support/status_matchers.h"

namespace archpool {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Not;

constexpr absl::Duration kNoWait = absl::ZeroDuration();
constexpr absl::Duration kLongWait = absl::Seconds(20);

class WorkServiceTest : public ::testing::Test {
 protected:
  WorkServiceTest()
      : client_(fixture_.Make("carol", v1::ROLE_CLIENT)),
        miner_(fixture_.Make("alice", v1::ROLE_MINER)),
        verifier_(fixture_.Make("victor", v1::ROLE_VERIFIER)),
        dataset_(fixture_.RegisterDataset(*client_)) {}

  int64_t SubmitTask() {
    return fixture_.SubmitTask(*client_, "carol", fixture_.Spec(dataset_));
  }
  // A lease that must be there.
  v1::LeaseGrant Lease(Party& miner, int64_t session) {
    const auto response = miner.AcquireLease(session, kNoWait);
    EXPECT_THAT(response, IsOk());
    EXPECT_TRUE(response.ok() && response->has_lease());
    return response.ok() ? response->lease() : v1::LeaseGrant();
  }
  // What explain tells the miner.
  std::vector<std::string> Explained() {
    const auto response = miner_->remote.Call(
        miner_->account, &v1::AccountService::Stub::Explain, {});
    EXPECT_THAT(response, IsOk());
    std::vector<std::string> reasons;
    for (const v1::Explanation& one : response->explanations()) {
      reasons.push_back(one.reason());
    }
    return reasons;
  }

  RpcFixture fixture_;
  std::unique_ptr<Party> client_;
  std::unique_ptr<Party> miner_;
  std::unique_ptr<Party> verifier_;
  std::string dataset_;
};

TEST_F(WorkServiceTest, ALeaseHoldsWhatItsWorkerNeeds) {
  const int64_t task = SubmitTask();
  const int64_t session = *miner_->OpenSession("w1");
  const v1::LeaseGrant proto = Lease(*miner_, session);
  const auto lease = wire::LeaseFromProto(proto);
  ASSERT_THAT(lease, IsOk());
  EXPECT_EQ(lease->task, TaskId{task});
  EXPECT_EQ(lease->assignments.size(), 2u);
  EXPECT_EQ(lease->manifest.train_count, 40);
  EXPECT_GT(lease->expire_left, absl::ZeroDuration());
  EXPECT_LE(lease->expire_left, PoolPolicy().silence_term * 2);
  EXPECT_GT(proto.deadline_left().seconds(), 0);
  // Asking again answers the same lease.
  EXPECT_EQ(Lease(*miner_, session).lease_id(), proto.lease_id());
}

TEST_F(WorkServiceTest, AWorkerTakesItsNextLeaseAheadAndNoMore) {
  SubmitTask();
  const int64_t session = *miner_->OpenSession("w1");
  const v1::LeaseGrant first = Lease(*miner_, session);
  EXPECT_GT(first.trials_target(), 0);
  EXPECT_GT(first.deadline_time().seconds(), first.expire_time().seconds());
  const std::vector<int64_t> one = {first.lease_id()};
  const auto second = miner_->AcquireLease(session, kNoWait, one);
  ASSERT_THAT(second, IsOk());
  ASSERT_TRUE(second->has_lease());
  EXPECT_NE(second->lease().lease_id(), first.lease_id());
  EXPECT_EQ(miner_->AcquireLease(session, kNoWait, one)->lease().lease_id(),
            second->lease().lease_id())
      << "where the answer was lost";
  const auto third = miner_->AcquireLease(
      session, kNoWait, {first.lease_id(), second->lease().lease_id()});
  EXPECT_EQ(third->idle_reason(), "LEASES_HELD");
  EXPECT_THAT(miner_->AcquireLease(session, kNoWait, {0}),
              FailsWith("FIELD_REQUIRED"));
}

// Two machines of one account, started with the same command.
TEST_F(WorkServiceTest, ANameIsOneMachinesWhileThatIsHeard) {
  Party other(fixture_.address(), miner_->token);  // a key of its own
  const int64_t session = *miner_->OpenSession("w1");
  EXPECT_THAT(Explained(), Not(Contains("WORKER_NAME_IN_USE")));
  EXPECT_THAT(other.OpenSession("w1"), FailsWith("WORKER_NAME_IN_USE"));
  EXPECT_THAT(Explained(), Contains("WORKER_NAME_IN_USE"));
  EXPECT_THAT(miner_->Heartbeat(session, {}), IsOk());
  EXPECT_THAT(other.OpenSession("w2"), IsOk());
  // The same machine, started again.
  EXPECT_THAT(miner_->OpenSession("w1"), IsOk());
  const auto bob = fixture_.Make("bob", v1::ROLE_MINER);
  EXPECT_THAT(bob->OpenSession("w1"), IsOk());
}

TEST(SilentWorkerTest, ANameIsFreeOnceItsMachineIsSilent) {
  rpc::RpcOptions options;
  options.policy.silence_term = absl::Milliseconds(100);
  RpcFixture fixture(options);
  const auto miner = fixture.Make("alice", v1::ROLE_MINER);
  Party other(fixture.address(), miner->token);
  ASSERT_THAT(miner->OpenSession("w1"), IsOk());
  const absl::Time begin = absl::Now();
  absl::StatusOr<int64_t> session = other.OpenSession("w1");
  while (!session.ok() && absl::Now() - begin < absl::Seconds(20)) {
    EXPECT_THAT(session, FailsWith("WORKER_NAME_IN_USE"));
    session = other.OpenSession("w1");
  }
  EXPECT_THAT(session, IsOk());
}

// What a machine whose clock is wrong needs is how much time is left.
TEST_F(WorkServiceTest, DeadlinesComeAsTimeLeft) {
  SubmitTask();
  const int64_t session = *miner_->OpenSession("w1");
  const v1::LeaseGrant lease = Lease(*miner_, session);
  const auto reported = miner_->Report(
      session, lease, lease.assignments(0).trial_id(), "weights", 9);
  ASSERT_THAT(reported, IsOk());
  ASSERT_TRUE(reported->has_audit());
  EXPECT_GT(reported->audit().deadline_left().seconds(), 0);
  EXPECT_GT(reported->upload_deadline_left().seconds(), 0);
  ASSERT_THAT(miner_->Answer(*reported, "weights"), IsOk());
  const auto audit = verifier_->AcquireAudit(kLongWait);
  ASSERT_THAT(audit, IsOk());
  EXPECT_GT(audit->audit().expire_left().seconds(), 0);
  EXPECT_LT(audit->audit().expire_left().seconds(), 3'600);
  EXPECT_TRUE(audit->has_server_time());
}

TEST_F(WorkServiceTest, NoWorkSaysWhy) {
  const int64_t session = *miner_->OpenSession("w1");
  const auto idle = miner_->AcquireLease(session, kNoWait);
  ASSERT_THAT(idle, IsOk());
  EXPECT_FALSE(idle->has_lease());
  EXPECT_EQ(idle->idle_reason(), "NO_OPEN_TASK");
  EXPECT_NE(idle->idle_message(), "");
}

TEST_F(WorkServiceTest, ExplainSaysWhyAWorkerGotNoWork) {
  SubmitTask();
  const int64_t session = *miner_->OpenSession("w1");
  const auto ask = [&] { return miner_->AcquireLease(session, kNoWait); };
  ASSERT_THAT(fixture_.engine->Call(SetMaintenance{true}), IsOk());
  EXPECT_EQ(ask()->idle_reason(), "MAINTENANCE");
  EXPECT_THAT(Explained(), Contains("MAINTENANCE"));
  ASSERT_THAT(fixture_.engine->Call(SetMaintenance{false}), IsOk());
  EXPECT_TRUE(ask()->has_lease());
  EXPECT_THAT(Explained(), ElementsAre("ALL_WELL"));
}

TEST_F(WorkServiceTest, AWaitingWorkerIsWokenByANewTask) {
  const int64_t session = *miner_->OpenSession("w1");
  auto waiting = std::async(std::launch::async, [&] {
    return miner_->AcquireLease(session, kLongWait);
  });
  const absl::Time start = absl::Now();
  SubmitTask();
  const auto response = waiting.get();
  ASSERT_THAT(response, IsOk());
  EXPECT_TRUE(response->has_lease());
  EXPECT_EQ(response->idle_reason(), "");
  EXPECT_LT(absl::Now() - start, kLongWait / 2);
}

TEST_F(WorkServiceTest, AWaitEndsWithTheReasonWhenItsTimeIsOver) {
  const int64_t session = *miner_->OpenSession("w1");
  const absl::Time start = absl::Now();
  const auto response = miner_->AcquireLease(session, absl::Milliseconds(200));
  ASSERT_THAT(response, IsOk());
  EXPECT_EQ(response->idle_reason(), "NO_OPEN_TASK");
  EXPECT_GE(absl::Now() - start, absl::Milliseconds(200));
}

// Nobody is left out: all wait, all boxes come at once, each gets one.
TEST_F(WorkServiceTest, ManyWaitingWorkersAreAllServed) {
  std::vector<std::future<absl::StatusOr<v1::AcquireLeaseResponse>>> waiting;
  for (int i = 0; i < 4; ++i) {
    const int64_t session = *miner_->OpenSession(absl::StrCat("w", i));
    waiting.push_back(std::async(std::launch::async, [this, session] {
      return miner_->AcquireLease(session, kLongWait);
    }));
  }
  SubmitTask();
  std::set<int64_t> leases;
  for (auto& one : waiting) {
    const auto response = one.get();
    ASSERT_THAT(response, IsOk());
    leases.insert(response->lease().lease_id());
  }
  EXPECT_EQ(leases.size(), 4u);
}

TEST_F(WorkServiceTest, AReleasedLeaseWakesTheNextWorker) {
  v1::TaskSpec spec = fixture_.Spec(dataset_);
  spec.set_subspaces(1);
  fixture_.SubmitTask(*client_, "carol", spec);
  const int64_t first = *miner_->OpenSession("w1");
  const int64_t second = *miner_->OpenSession("w2");
  const v1::LeaseGrant lease = Lease(*miner_, first);
  auto waiting = std::async(std::launch::async, [&] {
    return miner_->AcquireLease(second, kLongWait);
  });
  v1::ReleaseLeaseRequest release;
  release.set_session_id(first);
  release.set_lease_id(lease.lease_id());
  release.set_attempt(lease.attempt());
  ASSERT_THAT(miner_->remote.Call(
                  miner_->work, &v1::WorkService::Stub::ReleaseLease, release),
              IsOk());
  const auto response = waiting.get();
  ASSERT_THAT(response, IsOk());
  EXPECT_EQ(response->lease().attempt(), lease.attempt() + 1);
}

TEST_F(WorkServiceTest, AWorkerIsGivenNoMoreThanItSaysThatItCanTake) {
  SubmitTask();
  v1::AcquireLeaseRequest request;
  request.set_session_id(*miner_->OpenSession("w1"));
  request.mutable_wait()->set_seconds(0);
  const auto acquire = [&] {
    return miner_->remote.Call(miner_->work,
                               &v1::WorkService::Stub::AcquireLease, request);
  };
  request.set_memory_bytes(1'000);
  auto response = acquire();
  ASSERT_THAT(response, IsOk());
  EXPECT_EQ(response->idle_reason(), "TOO_LARGE_HERE");
  request.set_memory_bytes(-1);
  EXPECT_THAT(acquire(), FailsWith("FIELD_RANGE"));
  request.set_memory_bytes(0);
  request.set_checkpoints_bytes(1'000);
  response = acquire();
  ASSERT_THAT(response, IsOk());
  EXPECT_EQ(response->idle_reason(), "TOO_LARGE_HERE");
  request.set_checkpoints_bytes(-1);
  EXPECT_THAT(acquire(), FailsWith("FIELD_RANGE"));
  request.set_checkpoints_bytes(0);
  request.set_upload_bytes_per_second(1);
  response = acquire();
  ASSERT_THAT(response, IsOk());
  EXPECT_EQ(response->idle_reason(), "TOO_LARGE_HERE");
  request.set_upload_bytes_per_second(-1);
  EXPECT_THAT(acquire(), FailsWith("FIELD_RANGE"));
  request.set_upload_bytes_per_second(0);
  response = acquire();
  ASSERT_THAT(response, IsOk());
  EXPECT_TRUE(response->has_lease());
}

// A client that hangs up frees its place, and a server that stops does not wait
// for those that wait.
TEST_F(WorkServiceTest, HangingUpAndStoppingEndAWait) {
  const int64_t session = *miner_->OpenSession("w1");
  std::stop_source hang_up;
  v1::AcquireLeaseRequest request;
  request.set_session_id(session);
  request.mutable_wait()->set_seconds(20);
  auto waiting = std::async(std::launch::async, [&] {
    return miner_->remote.Call(
        miner_->work, &v1::WorkService::Stub::AcquireLease, request,
        {.deadline = kLongWait, .stop = hang_up.get_token()});
  });
  hang_up.request_stop();
  EXPECT_EQ(waiting.get().status().code(), absl::StatusCode::kCancelled);

  const int64_t before = fixture_.engine->stats().commands;
  auto other = std::async(std::launch::async, [&] {
    return miner_->AcquireLease(session, kLongWait);
  });
  while (fixture_.engine->stats().commands == before) std::this_thread::yield();
  const absl::Time start = absl::Now();
  fixture_.server->Stop();
  EXPECT_LT(absl::Now() - start, kLongWait / 2);
  EXPECT_TRUE(fixture_.engine->IsRunning()) << "it is not the server's to stop";
  const auto response = other.get();
  EXPECT_TRUE(response.ok() ||
              response.status().code() == absl::StatusCode::kUnavailable)
      << response.status();
}

TEST_F(WorkServiceTest, HeartbeatsKeepLeasesAndNameThoseThatEnded) {
  const int64_t task = SubmitTask();
  const int64_t session = *miner_->OpenSession("w1");
  const v1::LeaseGrant lease = Lease(*miner_, session);
  auto beat = miner_->Heartbeat(session, {lease.lease_id(), 999});
  ASSERT_THAT(beat, IsOk());
  EXPECT_THAT(beat->ended_lease_ids(), ElementsAre(999));

  v1::CancelTaskRequest cancel;
  cancel.set_task_id(task);
  ASSERT_THAT(client_->remote.Call(client_->task,
                                   &v1::TaskService::Stub::CancelTask, cancel),
              IsOk());
  // The training under way may be finished.
  beat = miner_->Heartbeat(session, {lease.lease_id()});
  ASSERT_THAT(beat, IsOk());
  EXPECT_THAT(beat->ended_lease_ids(), IsEmpty());
  v1::ReleaseLeaseRequest release;
  release.set_session_id(session);
  release.set_lease_id(lease.lease_id());
  release.set_attempt(lease.attempt());
  ASSERT_THAT(miner_->remote.Call(
                  miner_->work, &v1::WorkService::Stub::ReleaseLease, release),
              IsOk());
  beat = miner_->Heartbeat(session, {lease.lease_id()});
  ASSERT_THAT(beat, IsOk());
  EXPECT_THAT(beat->ended_lease_ids(), ElementsAre(lease.lease_id()));
}

// Heartbeats cost a commit only when a lease has less than half its term left.
TEST_F(WorkServiceTest, HeartbeatsOfAFreshLeaseCostNoCommand) {
  SubmitTask();
  const int64_t session = *miner_->OpenSession("w1");
  const v1::LeaseGrant lease = Lease(*miner_, session);
  const int64_t before = fixture_.engine->stats().commands;
  for (int i = 0; i < 10; ++i) {
    const auto beat = miner_->Heartbeat(session, {lease.lease_id()});
    ASSERT_THAT(beat, IsOk());
    EXPECT_THAT(beat->ended_lease_ids(), IsEmpty());
  }
  EXPECT_EQ(fixture_.engine->stats().commands, before);
}

TEST_F(WorkServiceTest, ASessionIsItsOwnersAlone) {
  const auto mallory = fixture_.Make("mallory", v1::ROLE_MINER);
  const int64_t session = *miner_->OpenSession("w1");
  EXPECT_THAT(mallory->Heartbeat(session, {}), FailsWith("SESSION_UNKNOWN"));
  EXPECT_THAT(mallory->AcquireLease(session, kNoWait),
              FailsWith("SESSION_UNKNOWN"));
  EXPECT_THAT(miner_->Heartbeat(12345, {}), FailsWith("SESSION_UNKNOWN"));
}

// A restart forgets what is only in memory; the store knows the session.
TEST_F(WorkServiceTest, SessionsAndLeasesOutliveARestart) {
  SubmitTask();
  const int64_t session = *miner_->OpenSession("w1");
  const int64_t other = *miner_->OpenSession("w2");
  const v1::LeaseGrant lease = Lease(*miner_, session);
  fixture_.Restart();
  // The token is as good as before.
  Party miner(fixture_.address(), miner_->token);
  auto beat = miner.Heartbeat(session, {lease.lease_id()});
  ASSERT_THAT(beat, IsOk());
  EXPECT_THAT(beat->ended_lease_ids(), IsEmpty());
  EXPECT_EQ(Lease(miner, session).lease_id(), lease.lease_id());
  const auto mallory = fixture_.Make("mallory", v1::ROLE_MINER);
  EXPECT_THAT(mallory->Heartbeat(other, {}), FailsWith("SESSION_UNKNOWN"));
}

TEST_F(WorkServiceTest, RequestsAreValidatedBeforeTheyReachTheCore) {
  const int64_t session = *miner_->OpenSession("w1");
  EXPECT_THAT(miner_->OpenSession("no spaces"), FailsWith("FIELD_MALFORMED"));
  EXPECT_THAT(miner_->AcquireLease(0, kNoWait), FailsWith("FIELD_REQUIRED"));
  EXPECT_THAT(miner_->AcquireLease(session, absl::Seconds(31)),
              FailsWith("FIELD_RANGE"));
  EXPECT_THAT(miner_->Heartbeat(session, std::vector<int64_t>(65, 1)),
              FailsWith("FIELD_TOO_MANY"));
  EXPECT_THAT(miner_->Heartbeat(session, {-1}), FailsWith("FIELD_RANGE"));
  EXPECT_THAT(miner_->Review(session, {0}), FailsWith("FIELD_REQUIRED"));
  EXPECT_THAT(miner_->Review(session, std::vector<int64_t>(1'025, 1)),
              FailsWith("FIELD_TOO_MANY"));
  v1::LeaseGrant lease;
  lease.set_lease_id(1);
  EXPECT_THAT(miner_->Report(session, lease, 1, "w", 1),
              FailsWith("FIELD_RANGE"));
  lease.set_attempt(1);
  EXPECT_THAT(miner_->Report(session, lease, 1, "", 1),
              FailsWith("FIELD_RANGE"));
  EXPECT_THAT(miner_->Report(session, lease, 1, "w", -1),
              FailsWith("FIELD_RANGE"));
}

TEST_F(WorkServiceTest, AVerifierWaitsForAnAuditAndItsFindingBinds) {
  SubmitTask();
  const int64_t session = *miner_->OpenSession("w1");
  const v1::LeaseGrant lease = Lease(*miner_, session);
  const int64_t trial = lease.assignments(0).trial_id();
  auto waiting = std::async(std::launch::async,
                            [&] { return verifier_->AcquireAudit(kLongWait); });
  const std::string weights = "weights of a trial";
  const auto asked = miner_->Report(session, lease, trial, weights, 7);
  ASSERT_THAT(asked, IsOk());
  EXPECT_TRUE(asked->wants_weights());
  EXPECT_TRUE(asked->has_audit()) << "a new miner's first trial";
  ASSERT_THAT(miner_->Answer(*asked, weights), IsOk());

  const auto response = waiting.get();
  ASSERT_THAT(response, IsOk());
  const auto audit = wire::AuditFromProto(response->audit());
  ASSERT_THAT(audit, IsOk());
  EXPECT_EQ(audit->assignment.trial, TrialId{trial});
  EXPECT_EQ(audit->claimed_validation_correct, 7);
  EXPECT_EQ(audit->weights, Sha256(weights));
  EXPECT_EQ(*verifier_->DownloadWeights(trial), weights);

  const auto reply = verifier_->Measure(response->audit(), 7, 6);
  ASSERT_THAT(reply, IsOk());
  EXPECT_EQ(reply->trial_state(), v1::TRIAL_STATE_ACCEPTED);
  EXPECT_THAT(verifier_->Measure(response->audit(), 7, 6),
              FailsWith("AUDIT_UNKNOWN"));
}

TEST_F(WorkServiceTest, ACommitmentIsSignedWithItsSessionsKey) {
  SubmitTask();
  const int64_t session = *miner_->OpenSession("w1");
  const v1::LeaseGrant lease = Lease(*miner_, session);
  const int64_t trial = lease.assignments(0).trial_id();
  // The same account from another machine: the token alone signs nothing.
  Party thief(fixture_.address(), miner_->token);
  EXPECT_THAT(thief.Report(session, lease, trial, "w", 7),
              FailsWith("SIGNATURE_FALSE"));
  EXPECT_THAT(miner_->Report(session, lease, trial, "w", 7), IsOk());
}

TEST_F(WorkServiceTest, AnOpeningMustBeTheCommitments) {
  SubmitTask();
  const int64_t session = *miner_->OpenSession("w1");
  const v1::LeaseGrant lease = Lease(*miner_, session);
  const int64_t trial = lease.assignments(0).trial_id();
  const auto asked = miner_->Report(session, lease, trial, "w", 7);
  ASSERT_THAT(asked, IsOk());
  EXPECT_THAT(miner_->Answer(*asked, "other weights"),
              FailsWith("OPENING_FALSE"));
  const auto mallory = fixture_.Make("mallory", v1::ROLE_MINER);
  EXPECT_THAT(mallory->Answer(*asked, "w"), FailsWith("AUDIT_UNKNOWN"));
  const std::vector<int64_t> kept = {trial, trial + 1'000};
  auto answer = miner_->Review(session, kept);
  ASSERT_THAT(answer, IsOk());
  ASSERT_EQ(answer->asked_size(), 1);
  EXPECT_EQ(answer->asked(0).request().segment(), asked->audit().segment());
  EXPECT_EQ(answer->asked(0).lease().assignments(0).trial_key(),
            lease.assignments(0).trial_key());
  EXPECT_EQ(answer->settled_trial_ids(0), trial + 1'000);
  ASSERT_THAT(miner_->Answer(*asked, "w"), IsOk());
  answer = miner_->Review(session, kept);
  ASSERT_THAT(answer, IsOk());
  EXPECT_EQ(answer->asked_size(), 0);
}

TEST_F(WorkServiceTest, ARefusedReportSaysWhyForItsTrialAlone) {
  SubmitTask();
  const int64_t session = *miner_->OpenSession("w1");
  const v1::LeaseGrant lease = Lease(*miner_, session);
  const int64_t trial = lease.assignments(0).trial_id();
  auto result = miner_->Report(session, lease, trial, "w", 11);
  ASSERT_THAT(result, IsOk());
  EXPECT_EQ(result->refusal_reason(), "CLAIM_RANGE");
  EXPECT_NE(result->refusal_message(), "");
  result = miner_->Report(session, lease, trial, "w", 10);
  ASSERT_THAT(result, IsOk());
  EXPECT_EQ(result->refusal_reason(), "");
  EXPECT_TRUE(result->has_upload_deadline_time());
  result = miner_->Report(session, lease, trial, "other", 10);
  ASSERT_THAT(result, IsOk());
  EXPECT_EQ(result->refusal_reason(), "COMMITMENT_BOUND");
}

}  // namespace
}  // namespace archpool
