// SPDX-License-Identifier: Apache-2.0
// Real handshakes between Remote and a port with these credentials.
#include "server/rpc/tls_credentials.h"

#include <grpcpp/grpcpp.h>

#include <memory>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "archpool/v1/account.grpc.pb.h"
#include "common/channel/remote.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/status_matchers.h"

namespace archpool::rpc {
namespace {

using ::testing::HasSubstr;

class Accounts : public v1::AccountService::Service {
 public:
  grpc::Status WhoAmI(grpc::ServerContext* context,
                      const v1::WhoAmIRequest* /*request*/,
                      v1::WhoAmIResponse* /*response*/) override {
    saw_token = context->client_metadata().count("authorization") > 0;
    return grpc::Status::OK;
  }
  bool saw_token = false;
};

// A server on a port of its own; without a certificate it speaks plain text.
class Port {
 public:
  explicit Port(const ServedCertificate* served)
      : credentials_(served == nullptr ? grpc::InsecureServerCredentials()
                                       : MakeTlsCredentials(*served)) {
    grpc::ServerBuilder builder;
    builder.AddListeningPort("127.0.0.1:0", credentials_, &port_);
    builder.RegisterService(&accounts);
    server_ = builder.BuildAndStart();
  }
  ~Port() { server_->Shutdown(); }

  std::string address() const { return absl::StrCat("127.0.0.1:", port_); }

  Accounts accounts;

 private:
  const std::shared_ptr<grpc::ServerCredentials> credentials_;
  int port_ = 0;
  std::unique_ptr<grpc::Server> server_;
};

absl::Status Call(const Remote& remote) {
  v1::AccountService::Stub stub(remote.channel());
  return remote.Call(stub, &v1::AccountService::Stub::WhoAmI, {}).status();
}

class TlsCredentialsTest : public ::testing::Test {
 protected:
  CheckedPair Issue() const {
    CertificatePair pair = IssueCertificate(key_, authority_, {}, now_);
    const auto facts = CheckPair(pair);
    EXPECT_THAT(facts, IsOk());
    return {std::move(pair), *facts};
  }
  static absl::Status CallOnce(const ServerSite& site) {
    return Call(Remote(site, "ap_1", Line::kSeparate));
  }
  ServerSite Pinned(const Port& port, const Pin& pin) const {
    return {
        port.address(),
        {.by = ServerTrust::By::kPin, .pin = pin, .source = "--server-pin"}};
  }

  const absl::Time now_ = absl::Now();
  const SigningKey key_ = SigningKey::Generate();
  const std::string authority_ = MakeAuthority(key_, now_);
  ServedCertificate served_{Issue()};
  const Pin pin_ = served_.Current()->served.facts.pin;
};

TEST_F(TlsCredentialsTest, ThePinOpensTheLineAndAnotherSendsNothing) {
  Port port(&served_);
  EXPECT_THAT(CallOnce(Pinned(port, pin_)), IsOk());
  EXPECT_TRUE(port.accounts.saw_token);
  port.accounts.saw_token = false;
  const absl::Status status = CallOnce(Pinned(port, Pin{Sha256("another")}));
  EXPECT_THAT(status, FailsWith("SERVER_PIN_MISMATCH"));
  EXPECT_TRUE(IsAnotherServer(status)) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr(pin_.ToString()));
  EXPECT_THAT(CallOnce({port.address(), {}}), FailsWith("SERVER_UNTRUSTED"));
  EXPECT_FALSE(port.accounts.saw_token);
}

TEST_F(TlsCredentialsTest, WhoeverSpeaksOtherwiseIsToldSo) {
  Port port(&served_);
  EXPECT_THAT(CallOnce(ServerSite::Plaintext(port.address())),
              FailsWith("SERVER_SPEAKS_TLS"));
  Port plain(nullptr);
  EXPECT_THAT(CallOnce(Pinned(plain, pin_)),
              FailsWith("SERVER_SPEAKS_PLAINTEXT"));
  EXPECT_FALSE(plain.accounts.saw_token);
  EXPECT_THAT(CallOnce({"127.0.0.1:1", Pinned(port, pin_).trust}),
              FailsWith("SERVER_UNREACHABLE"));
}

// What the chain says of the key that is served.
std::string ServedTo(const ServerSite& site) {
  const absl::Status status = Call(
      Remote({site.address,
              {.by = ServerTrust::By::kPin, .pin = {}, .source = "nobody"}},
             "", Line::kSeparate));
  return std::string(status.message());
}

TEST_F(TlsCredentialsTest, NewConnectionsGetTheNewCertificate) {
  Port port(&served_);
  const Remote open(Pinned(port, pin_), "ap_1", Line::kSeparate);
  EXPECT_THAT(Call(open), IsOk());
  const SigningKey other = SigningKey::Generate();
  CertificatePair pair =
      IssueCertificate(other, MakeAuthority(other, now_), {}, now_);
  const auto facts = CheckPair(pair);
  ASSERT_THAT(facts, IsOk());
  served_.Serve({std::move(pair), *facts});
  EXPECT_THAT(ServedTo(Pinned(port, pin_)), HasSubstr(facts->pin.ToString()));
  EXPECT_THAT(CallOnce(Pinned(port, facts->pin)), IsOk());
  EXPECT_THAT(Call(open), IsOk()) << "what is open stays so";
}

// The last gate: the keeper lets no such pair through.
TEST_F(TlsCredentialsTest, APairThatDoesNotMatchKeepsTheLast) {
  Port port(&served_);
  EXPECT_THAT(CallOnce(Pinned(port, pin_)), IsOk());
  CheckedPair mixed = Issue();
  mixed.pair.key = Issue().pair.key;
  served_.Serve(std::move(mixed));
  EXPECT_THAT(CallOnce(Pinned(port, pin_)), IsOk());
}

}  // namespace
}  // namespace archpool::rpc
