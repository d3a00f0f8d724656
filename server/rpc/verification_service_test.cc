// SPDX-License-Identifier: Apache-2.0
// Verifiers' leases, and what operators ask of verification, over the wire.
#include "common/model/arithmetic.h"
#include "common/wire/api_version.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/rpc_fixture.h"
#include "tests/support/status_matchers.h"

namespace archpool {
namespace {

using Stub = v1::VerificationService::Stub;
using ::testing::ElementsAre;

class VerificationServiceTest : public ::testing::Test {
 protected:
  // A trial of the miner's whose audit waits for verifiers.
  int64_t Commit() {
    const int64_t session = *miner_->OpenSession("w1");
    const auto lease = miner_->AcquireLease(session, absl::ZeroDuration());
    EXPECT_THAT(lease, IsOk());
    const int64_t trial = lease->lease().assignments(0).trial_id();
    const auto asked =
        miner_->Report(session, lease->lease(), trial, "weights", 7);
    EXPECT_THAT(asked, IsOk());
    EXPECT_THAT(miner_->Answer(*asked, "weights"), IsOk());
    return trial;
  }
  absl::StatusOr<v1::VoidTrialResponse> Void(Party& party, int64_t trial) {
    v1::VoidTrialRequest request;
    request.set_trial_id(trial);
    return party.remote.Call(party.verification, &Stub::VoidTrial, request);
  }
  absl::StatusOr<v1::AcquireAuditResponse> Acquire(
      const std::vector<std::string>& arithmetics) {
    v1::AcquireAuditRequest request;
    request.set_verifier_name("v1");
    request.set_client_version(wire::kOwnVersion);
    for (const std::string& one : arithmetics) request.add_arithmetics(one);
    return verifier_->remote.Call(verifier_->verification, &Stub::AcquireAudit,
                                  request);
  }

  RpcFixture fixture_;
  std::unique_ptr<Party> client_ = fixture_.Make("carol", v1::ROLE_CLIENT);
  std::unique_ptr<Party> miner_ = fixture_.Make("alice", v1::ROLE_MINER);
  std::unique_ptr<Party> verifier_ = fixture_.Make("victor", v1::ROLE_VERIFIER);
  const int64_t task_ = fixture_.SubmitTask(
      *client_, "carol", fixture_.Spec(fixture_.RegisterDataset(*client_)));
};

TEST_F(VerificationServiceTest, AVerifierComputesAsThePoolDoes) {
  EXPECT_THAT(Acquire({}), FailsWith("ARITHMETIC_REPLACED"));
  EXPECT_THAT(Acquire({"test/1"}), FailsWith("ARITHMETIC_REPLACED"));
  EXPECT_THAT(Acquire({"test/1", std::string(kArithmetic)}), IsOk());
}

TEST_F(VerificationServiceTest, AVerifierSaysItsVersion) {
  v1::AcquireAuditRequest request;
  request.set_verifier_name("v1");
  request.add_arithmetics(std::string(kArithmetic));
  EXPECT_THAT(verifier_->remote.Call(verifier_->verification,
                                     &Stub::AcquireAudit, request),
              FailsWith("CLIENT_TOO_OLD"));
  EXPECT_EQ(Acquire({std::string(kArithmetic)})->server_version(),
            wire::kOwnVersion);
}

TEST_F(VerificationServiceTest, VerifiersComeInPages) {
  for (const char* name : {"v3", "v1", "v2"}) {
    v1::AcquireAuditRequest request;
    request.set_verifier_name(name);
    request.set_client_version(wire::kOwnVersion);
    request.add_arithmetics(std::string(kArithmetic));
    ASSERT_THAT(verifier_->remote.Call(verifier_->verification,
                                       &Stub::AcquireAudit, request),
                IsOk());
  }
  Party& operators = fixture_.operator_party();
  v1::ListVerifiersRequest request;
  request.set_page_size(2);
  std::vector<std::string> names;
  do {
    const auto page = operators.remote.Call(operators.verification,
                                            &Stub::ListVerifiers, request);
    ASSERT_THAT(page, IsOk());
    EXPECT_EQ(page->working(), 3);
    for (const auto& one : page->verifiers()) {
      names.push_back(one.verifier_name());
    }
    request.set_page_token(page->next_page_token());
  } while (!request.page_token().empty());
  EXPECT_THAT(names, ElementsAre("v1", "v2", "v3"));
}

TEST_F(VerificationServiceTest, ALeaseIsRenewedByItsHolderAlone) {
  Commit();
  const auto audit = Acquire({std::string(kArithmetic)});
  ASSERT_THAT(audit, IsOk());
  ASSERT_TRUE(audit->has_audit());
  EXPECT_GT(audit->audit().renewal_interval().seconds(), 0);
  v1::RenewAuditRequest request;
  request.set_audit_id(audit->audit().audit_id());
  request.set_attempt(audit->audit().attempt());
  request.set_verifier_name("v1");
  const auto renew = [&] {
    return verifier_->remote.Call(verifier_->verification, &Stub::RenewAudit,
                                  request);
  };
  const auto renewed = renew();
  ASSERT_THAT(renewed, IsOk());
  EXPECT_GT(renewed->time_left().seconds(), 0);
  request.set_verifier_name("v2");
  EXPECT_THAT(renew(), FailsWith("AUDIT_SUPERSEDED"));
  request.set_audit_id(99);
  EXPECT_THAT(renew(), FailsWith("AUDIT_UNKNOWN"));
}

TEST_F(VerificationServiceTest, OperatorsSeeVerifiersAndWhatWaitsForThem) {
  Commit();
  ASSERT_THAT(Acquire({std::string(kArithmetic)}), IsOk());
  Party& operators = fixture_.operator_party();
  const auto list = operators.remote.Call(
      operators.verification, &Stub::ListVerifiers, v1::ListVerifiersRequest());
  ASSERT_THAT(list, IsOk());
  ASSERT_EQ(list->verifiers_size(), 1);
  EXPECT_EQ(list->verifiers(0).account_name(), "victor");
  EXPECT_EQ(list->verifiers(0).state(), v1::VERIFIER_STATE_WORKING);
  EXPECT_EQ(list->next_page_token(), "");
  EXPECT_EQ(list->working(), 1);
  EXPECT_EQ(list->audits_waiting(), 0) << "it was taken";
  EXPECT_TRUE(list->has_backlog());
}

TEST_F(VerificationServiceTest, AnOperatorVoidsATrial) {
  const int64_t trial = Commit();
  Party& operators = fixture_.operator_party();
  EXPECT_THAT(Void(*verifier_, trial), FailsWith("ROLE_NOT_ALLOWED"));
  EXPECT_THAT(Void(operators, 999), FailsWith("TRIAL_UNKNOWN"));
  EXPECT_THAT(Void(operators, trial), IsOk());
  EXPECT_THAT(Void(operators, trial), IsOk()) << "once more changes nothing";
  EXPECT_FALSE(Acquire({std::string(kArithmetic)})->has_audit());
}

}  // namespace
}  // namespace archpool
