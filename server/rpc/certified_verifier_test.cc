// SPDX-License-Identifier: Apache-2.0
// Verifiers that need a certificate, over real gRPC and real handshakes.
#include <sys/stat.h>

#include <fstream>
#include <memory>
#include <set>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/base/countdown.h"
#include "common/base/status.h"
#include "common/channel/certificate_holder.h"
#include "common/model/arithmetic.h"
#include "common/tls/verifier_certificate.h"
#include "common/wire/api_version.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/rpc/authorization.h"
#include "server/tls/verifier_certificates.h"
#include "tests/support/rpc_fixture.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temporary_directory.h"

namespace archpool {
namespace {

using ::testing::HasSubstr;

CheckedPair NewServerPair() {
  const SigningKey key = SigningKey::Generate();
  const absl::Time now = absl::Now();
  CertificatePair pair =
      IssueCertificate(key, MakeAuthority(key, now), {}, now);
  const auto facts = CheckPair(pair);
  EXPECT_THAT(facts, IsOk());
  return {std::move(pair), *facts};
}

// What a test needs besides the pool.
struct Papers {
  explicit Papers(CertificateDemand demand) {
    auto opened =
        VerifierCertificates::Open(folder.path(), key.public_key(), demand);
    EXPECT_THAT(opened, IsOk());
    certificates = *std::move(opened);
  }
  rpc::RpcOptions Options() const {
    rpc::RpcOptions options;
    options.certificate = &served;
    options.verifier_certificates = certificates.get();
    return options;
  }

  const TemporaryDirectory folder;
  const SigningKey key = SigningKey::Generate();
  const ServedCertificate served{NewServerPair()};
  std::unique_ptr<VerifierCertificates> certificates;
};

class CertifiedVerifierTest : public ::testing::Test {
 protected:
  // A holder of a new certificate by that authority.
  std::shared_ptr<CertificateHolder> Certify(
      const SigningKey& authority, const std::string& account,
      int64_t series = 1, absl::Duration left = absl::Hours(24 * 90)) {
    const CertificateRequest made = MakeCertificateRequest();
    const absl::Time now = absl::Now();
    const auto certificate = SignVerifierCertificate(
        authority, made.request,
        {.account = account, .series = series, .not_after = now + left}, now);
    EXPECT_THAT(certificate, IsOk());
    const std::string stem = absl::StrCat(papers_.folder.path(), "/", ++count_);
    const CertificateFiles files{stem + ".pem", stem + ".key"};
    std::ofstream(files.certificate) << *certificate;
    std::ofstream(files.key) << made.key;
    EXPECT_EQ(chmod(files.key.c_str(), 0600), 0);
    auto holder = CertificateHolder::Open(files);
    EXPECT_THAT(holder, IsOk());
    return *std::move(holder);
  }
  std::shared_ptr<CertificateHolder> Certify(const std::string& account,
                                             int64_t series = 1) {
    return Certify(papers_.key, account, series);
  }
  // Victor's token over a connection that shows that.
  std::unique_ptr<Party> Victor(std::shared_ptr<CertificateHolder> holder) {
    return std::make_unique<Party>(fixture_.site(), victor_->token,
                                   std::move(holder));
  }
  static absl::Status Ask(Party& party) {
    return party.AcquireAudit(absl::ZeroDuration()).status();
  }

  Papers papers_{CertificateDemand::kRequired};
  RpcFixture fixture_{papers_.Options()};
  std::unique_ptr<Party> victor_ = fixture_.Make("victor", v1::ROLE_VERIFIER);
  int count_ = 0;
};

TEST_F(CertifiedVerifierTest, TheAccountsOwnOpensItsWork) {
  const auto certified = Victor(Certify("victor"));
  EXPECT_THAT(Ask(*certified), IsOk());
  const absl::Status bare = Ask(*victor_);
  EXPECT_THAT(bare, FailsWith("CERTIFICATE_REQUIRED"));
  EXPECT_TRUE(absl::IsUnauthenticated(bare)) << "it has none to wait with";
  EXPECT_THAT(std::string(bare.message()), HasSubstr("--certificate"));
  EXPECT_THAT(victor_->DownloadSplit(std::string(32, 'x'), v1::SPLIT_HELD_OUT),
              FailsWith("CERTIFICATE_REQUIRED"));
  EXPECT_THAT(victor_->WhoAmI(), IsOk()) << "its account's own matters";
}

// What is refused is answered as what may pass: the files may get better ones.
TEST_F(CertifiedVerifierTest, AnyOtherIsRefusedWithItsReason) {
  const SigningKey stranger = SigningKey::Generate();
  const struct {
    std::shared_ptr<CertificateHolder> holder;
    const char* reason;
  } cases[] = {
      {Certify("wanda"), "CERTIFICATE_OF_ANOTHER"},
      {Certify(stranger, "victor"), "CERTIFICATE_UNTRUSTED"},
      {Certify(papers_.key, "victor", 1, -absl::Minutes(1)),
       "CERTIFICATE_EXPIRED"},
  };
  for (const auto& one : cases) {
    const absl::Status status = Ask(*Victor(one.holder));
    EXPECT_THAT(status, FailsWith(one.reason));
    EXPECT_TRUE(absl::IsUnavailable(status)) << status;
  }
}

TEST_F(CertifiedVerifierTest, RevokingHoldsForConnectionsThatAreOpen) {
  const auto certified = Victor(Certify("victor"));
  EXPECT_THAT(Ask(*certified), IsOk());
  const auto series = RevokeCertificates(papers_.folder.path(), "victor");
  ASSERT_THAT(series, IsOk());
  papers_.certificates->Round();
  EXPECT_THAT(Ask(*certified), FailsWith("CERTIFICATE_REVOKED"));
  EXPECT_THAT(Ask(*Victor(Certify("victor", *series))), IsOk());
}

TEST_F(CertifiedVerifierTest, ItIsSuspendedWithItsAccount) {
  const auto certified = Victor(Certify("victor"));
  EXPECT_THAT(Ask(*certified), IsOk());
  Party& chief = fixture_.operator_party();
  v1::SuspendAccountRequest suspend;
  suspend.set_account_name("victor");
  EXPECT_THAT(
      chief.remote.Call(chief.account,
                        &v1::AccountService::Stub::SuspendAccount, suspend),
      IsOk());
  EXPECT_THAT(Ask(*certified), FailsWith("CERTIFICATE_SUSPENDED"));
  v1::ReinstateAccountRequest reinstate;
  reinstate.set_account_name("victor");
  EXPECT_THAT(
      chief.remote.Call(chief.account,
                        &v1::AccountService::Stub::ReinstateAccount, reinstate),
      IsOk());
  EXPECT_THAT(Ask(*certified), IsOk());
}

TEST_F(CertifiedVerifierTest, NobodyElseIsAsked) {
  const auto miner = fixture_.Make("alice", v1::ROLE_MINER);
  EXPECT_THAT(miner->OpenSession("w1"), IsOk());
  const auto client = fixture_.Make("client", v1::ROLE_CLIENT);
  fixture_.RegisterDataset(*client);
}

TEST_F(CertifiedVerifierTest, ItsEndIsToldBeforeItComes) {
  const auto left_of = [](Party& party) {
    grpc::ClientContext context;
    party.remote.Prepare(context, absl::Seconds(20));
    v1::AcquireAuditRequest request;
    request.set_verifier_name("v1");
    v1::AcquireAuditResponse response;
    party.verification.AcquireAudit(&context, request, &response);
    const auto& metadata = context.GetServerTrailingMetadata();
    const auto found = metadata.find(wire::kCertificateSecondsLeftKey);
    return found == metadata.end()
               ? 0
               : std::stoi(
                     std::string(found->second.data(), found->second.size()));
  };
  EXPECT_EQ(left_of(*Victor(Certify("victor"))), 0);
  const int left =
      left_of(*Victor(Certify(papers_.key, "victor", 1, absl::Hours(24))));
  EXPECT_GT(left, 23 * 3600);
  EXPECT_LE(left, 24 * 3600);
}

// The connection follows the files, and the stub that is made for the call.
TEST_F(CertifiedVerifierTest, ARenewedOneIsShownWithoutARestart) {
  const TemporaryDirectory folder;
  const CertificateFiles files{folder.path() + "/v.pem",
                               folder.path() + "/v.key"};
  const auto put = [&](const CertificatePair& pair) {
    std::ofstream(files.certificate) << pair.certificates;
    std::ofstream(files.key) << pair.key;
    ASSERT_EQ(chmod(files.key.c_str(), 0600), 0);
  };
  put(*Certify("wanda")->Current());
  const auto holder = CertificateHolder::Open(files);
  ASSERT_THAT(holder, IsOk());
  Remote remote(fixture_.site(), victor_->token);
  remote.Show(*holder);
  const auto ask = [&remote] {
    v1::VerificationService::Stub stub(remote.channel());
    v1::AcquireAuditRequest request;
    request.set_verifier_name("v1");
    request.add_arithmetics(std::string(kArithmetic));
    request.set_client_version(wire::kOwnVersion);
    return remote
        .Call(stub, &v1::VerificationService::Stub::AcquireAudit, request)
        .status();
  };
  EXPECT_THAT(ask(), FailsWith("CERTIFICATE_OF_ANOTHER"));
  put(*Certify("victor")->Current());
  const Countdown patience(absl::Seconds(20));
  absl::Status last = ask();
  while (!last.ok() && !patience.IsOver()) {
    EXPECT_THAT(last, FailsWith("CERTIFICATE_OF_ANOTHER"));
    absl::SleepFor(absl::Milliseconds(100));
    last = ask();
  }
  EXPECT_THAT(last, IsOk());
}

// A thief of the token has no certificate, and costs the account nothing.
TEST(CertifiedPaceTest, WhoShowsNoneIsNobodysDebt) {
  const Papers papers(CertificateDemand::kRequired);
  rpc::RpcOptions options = papers.Options();
  options.call_pace.rate_per_s = 1;
  options.call_pace.burst = absl::Seconds(20);
  options.call_pace.nothing_cost = 3'600;
  options.call_pace.debt_max = absl::Hours(24);
  options.call_pace.delay_max = absl::Milliseconds(300);
  RpcFixture fixture(options);
  const auto victor = fixture.Make("victor", v1::ROLE_VERIFIER);
  for (int i = 0; i < 3; ++i) {
    EXPECT_THAT(victor->AcquireAudit(absl::ZeroDuration()),
                FailsWith("CERTIFICATE_REQUIRED"));
  }
  grpc::ClientContext context;
  victor->remote.Prepare(context, absl::Seconds(20));
  v1::WhoAmIResponse response;
  EXPECT_TRUE(victor->account.WhoAmI(&context, {}, &response).ok());
  EXPECT_EQ(context.GetServerTrailingMetadata().count(wire::kAnswerLateKey),
            0u);
}

// Before an operator requires them, the log says who has none yet.
TEST(AcceptedCertificatesTest, WhoShowsNoneIsServed) {
  const Papers papers(CertificateDemand::kAccepted);
  RpcFixture fixture(papers.Options());
  const auto victor = fixture.Make("victor", v1::ROLE_VERIFIER);
  EXPECT_THAT(victor->AcquireAudit(absl::ZeroDuration()), IsOk());
}

TEST(NeedsCertificateTest, TheWorkOfVerifiersAndNothingElse) {
  std::set<std::string> named;
  for (const rpc::MethodRule& rule : rpc::MethodRules()) {
    if (rpc::NeedsCertificate(rule.method, Role::kVerifier)) {
      named.insert(rule.method);
    }
    for (const Role role : {Role::kClient, Role::kMiner, Role::kOperator}) {
      EXPECT_FALSE(rpc::NeedsCertificate(rule.method, role)) << rule.method;
    }
  }
  EXPECT_EQ(named, (std::set<std::string>{
                       "/archpool.v1.BlobService/Download",
                       "/archpool.v1.VerificationService/AcquireAudit",
                       "/archpool.v1.VerificationService/RenewAudit",
                       "/archpool.v1.VerificationService/ReportAudit"}));
}

}  // namespace
}  // namespace archpool
