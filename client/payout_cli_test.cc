// SPDX-License-Identifier: Apache-2.0
// archpool payout set and split against a service that keeps what it is told.
#include <grpcpp/grpcpp.h>

#include "archpool/v1/payout.grpc.pb.h"
#include "common/channel/program.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/service_cli_fixture.h"

namespace archpool {
namespace {

using ::testing::HasSubstr;

class FakePayoutService : public v1::PayoutService::Service {
 public:
  grpc::Status SetPayoutTerms(grpc::ServerContext*,
                              const v1::SetPayoutTermsRequest* request,
                              v1::SetPayoutTermsResponse* response) override {
    terms_asked = *request;
    response->set_address("addr");
    response->set_threshold_micros(50'000'000);
    if (request->address() == "next") {
      response->set_next_address("next");
      response->mutable_next_address_left()->set_seconds(7'200);
    }
    return grpc::Status::OK;
  }
  grpc::Status SetRevenueSplit(grpc::ServerContext*,
                               const v1::SetRevenueSplitRequest* request,
                               v1::SetRevenueSplitResponse* response) override {
    split_asked = *request;
    *response->mutable_parts() = parts;
    return grpc::Status::OK;
  }
  grpc::Status SetShareConsent(grpc::ServerContext*,
                               const v1::SetShareConsentRequest* request,
                               v1::SetShareConsentResponse* response) override {
    consent_asked = *request;
    if (request->is_given()) response->add_account_names("carol");
    return grpc::Status::OK;
  }

  v1::SetPayoutTermsRequest terms_asked;
  v1::SetRevenueSplitRequest split_asked;
  v1::SetShareConsentRequest consent_asked;
  google::protobuf::RepeatedPtrField<v1::RevenuePart> parts;
};

class PayoutCliTest : public ServiceCliTest<FakePayoutService> {
 protected:
  int Run(const std::vector<std::string>& words) {
    return RunBelow({"payout"}, words);
  }

  FakePayoutService& payouts_ = service_;
};

TEST_F(PayoutCliTest, SendsOnlyWhatIsNamed) {
  ASSERT_EQ(Run({"set", "--address", "b"}), kExitDone);
  EXPECT_EQ(payouts_.terms_asked.address(), "b");
  EXPECT_FALSE(payouts_.terms_asked.has_threshold_micros());
  ASSERT_EQ(Run({"set", "--threshold", "0"}), kExitDone);
  EXPECT_FALSE(payouts_.terms_asked.has_address());
  EXPECT_TRUE(payouts_.terms_asked.has_threshold_micros());
  ASSERT_EQ(Run({"set"}), kExitDone);
  EXPECT_FALSE(payouts_.terms_asked.has_address());
  EXPECT_FALSE(payouts_.terms_asked.has_threshold_micros());
  EXPECT_THAT(out_, HasSubstr("Payouts go to addr, by themselves from 50"));
}

TEST_F(PayoutCliTest, SaysThatANewAddressWaits) {
  ASSERT_EQ(Run({"set", "--address", "next"}), kExitDone);
  EXPECT_THAT(out_, HasSubstr("Payouts go to addr"));
  EXPECT_THAT(out_, HasSubstr("The new address next is paid to in 2h"));
  EXPECT_THAT(out_, HasSubstr("payout set --address addr takes it back"));
  ASSERT_EQ(Run({"set", "--address", "next", "--json"}), kExitDone);
  EXPECT_THAT(out_, HasSubstr("\"next_address_seconds_left\": 7200"));
}

TEST_F(PayoutCliTest, TakesBackWhatItIsToldTo) {
  ASSERT_EQ(Run({"set", "--clear"}), kExitDone);
  EXPECT_TRUE(payouts_.terms_asked.has_address());
  EXPECT_EQ(payouts_.terms_asked.address(), "");
  EXPECT_TRUE(payouts_.terms_asked.has_threshold_micros());
  EXPECT_EQ(Run({"set", "--clear", "--address", "b"}), kExitBadInput);
  ASSERT_EQ(Run({"split"}), kExitDone);
  EXPECT_FALSE(payouts_.split_asked.clear());
  EXPECT_EQ(payouts_.split_asked.parts_size(), 0);
  ASSERT_EQ(Run({"split", "--clear"}), kExitDone);
  EXPECT_TRUE(payouts_.split_asked.clear());
  EXPECT_EQ(Run({"split", "--clear", "--part", "a=100"}), kExitBadInput);
}

TEST_F(PayoutCliTest, AcceptsAndDeclinesToShareInOthersPay) {
  ASSERT_EQ(Run({"accept", "carol"}), kExitDone);
  EXPECT_EQ(payouts_.consent_asked.account_name(), "carol");
  EXPECT_TRUE(payouts_.consent_asked.is_given());
  EXPECT_THAT(out_, HasSubstr("carol"));
  ASSERT_EQ(Run({"decline", "carol"}), kExitDone);
  EXPECT_FALSE(payouts_.consent_asked.is_given());
  EXPECT_THAT(out_, HasSubstr("Nobody shares with you"));
  EXPECT_EQ(Run({"decline"}), kExitBadInput);
  ASSERT_EQ(Run({"accept"}), kExitDone);
  EXPECT_EQ(payouts_.consent_asked.account_name(), "");
}

TEST_F(PayoutCliTest, ShowsWhichPartsAreAccepted) {
  v1::RevenuePart* part = payouts_.parts.Add();
  part->set_account_name("bob");
  part->set_share_ppm(25'000);
  ASSERT_EQ(Run({"split"}), kExitDone);
  EXPECT_THAT(out_, HasSubstr("bob  2.5 %, which it no longer accepts"));
  part->set_is_accepted(true);
  ASSERT_EQ(Run({"split"}), kExitDone);
  EXPECT_THAT(out_, HasSubstr("bob  2.5 %\n"));
}

}  // namespace
}  // namespace archpool
