// SPDX-License-Identifier: Apache-2.0
// Whom a program takes for its pool. That the system's authorities are asked,
// integration_tls shows with a real server.
#include "common/tls/server_check.h"

#include <string>

#include "absl/time/clock.h"
#include "common/tls/certificate.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/status_matchers.h"

namespace archpool {
namespace {

using ::testing::HasSubstr;

ServerTrust Pinned(const Pin& pin) {
  return {.by = ServerTrust::By::kPin, .pin = pin, .source = "--server-pin"};
}

Pin PinOf(const std::string& chain) { return ReadChain(chain)->pin; }

class ServerCheckTest : public ::testing::Test {
 protected:
  std::string ChainAt(absl::Time now) const {
    return IssueCertificate(key_, authority_, {}, now).certificates;
  }
  const absl::Time now_ = absl::Now();
  const SigningKey key_ = SigningKey::Generate();
  const std::string authority_ = MakeAuthority(key_, now_);
  const std::string chain_ = ChainAt(now_);
};

TEST_F(ServerCheckTest, ThePinDecidesWhateverTheMachineIsCalled) {
  for (const char* host : {"127.0.0.1", "pool.example.org", "::1", ""}) {
    EXPECT_THAT(CheckServer(Pinned(PinOf(authority_)), chain_, host), IsOk())
        << host;
  }
}

// Nobody's clock is evidence.
TEST_F(ServerCheckTest, ThePinDecidesWhateverTheTime) {
  for (const absl::Duration off :
       {absl::Hours(24 * 400), -absl::Hours(24 * 400)}) {
    EXPECT_THAT(CheckServer(Pinned(PinOf(authority_)), ChainAt(now_ + off),
                            "127.0.0.1"),
                IsOk());
  }
}

TEST_F(ServerCheckTest, AWrongPinIsSaidWithBothPins) {
  const Pin wrong{Sha256("another")};
  const absl::Status status = CheckServer(Pinned(wrong), chain_, "127.0.0.1");
  EXPECT_THAT(status, FailsWith("SERVER_PIN_MISMATCH"));
  const std::string said(status.message());
  EXPECT_THAT(said, HasSubstr(wrong.ToString()));
  EXPECT_THAT(said, HasSubstr(PinOf(authority_).ToString()));
  EXPECT_THAT(said, HasSubstr("--server-pin"));
}

// Anybody has the pool's certificates, and can show them behind one of theirs.
TEST_F(ServerCheckTest, ThePinnedCertificateBehindAnothersIsNoProof) {
  const SigningKey thief = SigningKey::Generate();
  const std::string thiefs = MakeAuthority(thief, now_);
  const std::string stolen =
      IssueCertificate(thief, thiefs, {}, now_).certificates;
  EXPECT_THAT(CheckServer(Pinned(PinOf(authority_)), stolen + authority_, "x"),
              FailsWith("SERVER_UNTRUSTED"));
  EXPECT_THAT(
      CheckServer(Pinned(PinOf(authority_)),
                  IssueCertificate(thief, authority_, {}, now_).certificates,
                  "x"),
      FailsWith("SERVER_UNTRUSTED"))
      << "the authority's name, another's signature";
}

// The pin of the server's own key: it needs no authority.
TEST_F(ServerCheckTest, AServersOwnKeyMayBePinned) {
  const auto facts = ReadChain(chain_);
  ASSERT_THAT(facts, IsOk());
  EXPECT_THAT(CheckServer(Pinned(facts->first_pin), chain_, "x"), IsOk());
}

TEST_F(ServerCheckTest, TheSystemKnowsNoPoolsAuthority) {
  const absl::Status status = CheckServer({}, chain_, "pool.example.org");
  EXPECT_THAT(status, FailsWith("SERVER_UNTRUSTED"));
  EXPECT_THAT(std::string(status.message()), HasSubstr("--server-pin"));
}

TEST_F(ServerCheckTest, NoCertificatesAreNoServer) {
  EXPECT_THAT(CheckServer(Pinned(PinOf(authority_)), "", "x"),
              FailsWith("CERTIFICATE_MALFORMED"));
}

}  // namespace
}  // namespace archpool
