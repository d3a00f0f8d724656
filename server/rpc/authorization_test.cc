// SPDX-License-Identifier: Apache-2.0
#include "server/rpc/authorization.h"

#include <grpcpp/generic/generic_stub.h>

#include <algorithm>
#include <filesystem>
#include <iterator>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/base/status.h"
#include "common/model/arithmetic.h"
#include "common/wire/api_version.h"
#include "common/wire/status_wire.h"
#include "google/protobuf/descriptor.h"
#include "gtest/gtest.h"
#include "tests/support/rpc_fixture.h"
#include "tests/support/status_matchers.h"

namespace archpool::rpc {
namespace {

const Role kAllRoles[] = {Role::kClient, Role::kMiner, Role::kVerifier,
                          Role::kOperator};

// "/archpool.v1.AccountService/WhoAmI" for every method of the protocol. Tests
// run in the source directory.
std::set<std::string> MethodsOfTheProtocol() {
  const auto* const pool = google::protobuf::DescriptorPool::generated_pool();
  std::set<std::string> methods;
  for (const auto& entry :
       std::filesystem::directory_iterator("proto/archpool/v1")) {
    const std::string name =
        absl::StrCat("archpool/v1/", entry.path().filename().string());
    const auto* const file = pool->FindFileByName(name);
    if (file == nullptr) {
      ADD_FAILURE() << name << " is not in this program";
      continue;
    }
    for (int s = 0; s < file->service_count(); ++s) {
      const auto* service = file->service(s);
      for (int m = 0; m < service->method_count(); ++m) {
        methods.insert(absl::StrCat("/", service->full_name(), "/",
                                    service->method(m)->name()));
      }
    }
  }
  return methods;
}

// Every method, as everybody: hundreds of calls that are refused, which the
// pool would answer later and later.
RpcOptions WithoutPace() {
  RpcOptions options;
  options.call_pace.burst = absl::InfiniteDuration();
  return options;
}

// Calls `method`, unary or streaming, with one empty message, as a program of
// that version; of one that says none where it is "".
absl::Status CallEmpty(const std::shared_ptr<grpc::Channel>& channel,
                       const std::string& method,
                       const std::string& authorization,
                       const std::string& version = wire::kOwnVersion) {
  grpc::GenericStub stub(channel);
  grpc::ClientContext context;
  context.set_deadline(absl::ToChronoTime(absl::Now() + absl::Seconds(20)));
  if (!authorization.empty()) {
    context.AddMetadata("authorization", authorization);
  }
  if (!version.empty()) context.AddMetadata(wire::kClientVersionKey, version);
  grpc::CompletionQueue queue;
  const auto next = [&queue] {
    void* tag = nullptr;
    bool ok = false;
    return queue.Next(&tag, &ok) && ok;
  };
  const auto call = stub.PrepareCall(&context, method, &queue);
  call->StartCall(nullptr);
  next();
  grpc::Slice empty;
  call->WriteLast(grpc::ByteBuffer(&empty, 1), grpc::WriteOptions(), nullptr);
  next();
  grpc::ByteBuffer reply;
  do {
    call->Read(&reply, nullptr);
  } while (next());
  grpc::Status status;
  call->Finish(&status, nullptr);
  next();
  return wire::FromGrpc(status);
}

TEST(AuthorizationTest, EveryMethodOfTheProtocolNamesItsRoles) {
  std::set<std::string> named;
  for (const MethodRule& rule : MethodRules()) {
    EXPECT_TRUE(named.insert(rule.method).second) << rule.method;
    EXPECT_TRUE(
        std::any_of(std::begin(kAllRoles), std::end(kAllRoles),
                    [&rule](Role role) { return rule.roles.Contains(role); }))
        << rule.method;
  }
  EXPECT_EQ(named, MethodsOfTheProtocol());
}

// One method alone is served without a token.
TEST(AuthorizationTest, AnyoneMayJoinAndNothingElse) {
  for (const MethodRule& rule : MethodRules()) {
    const bool is_join = rule.method == "/archpool.v1.InvitationService/Join";
    EXPECT_EQ(rule.is_for_anyone, is_join) << rule.method;
    EXPECT_EQ(AuthorizeAnyone(rule.method).ok(), is_join) << rule.method;
  }
  EXPECT_EQ(GetReason(AuthorizeAnyone("/archpool.v1.PoolService/Other")),
            "ROLE_NOT_ALLOWED");
}

TEST(AuthorizationTest, WhatIsNoMethodIsOpenToNobody) {
  for (const Role role : kAllRoles) {
    EXPECT_EQ(GetReason(Authorize("/archpool.v1.PoolService/Other", role)),
              "ROLE_NOT_ALLOWED");
  }
}

// What a token does beside the owner's is little, and is written here once
// more: a scope that grows by mistake hands out what nobody meant to.
TEST(AuthorizationTest, WhatMovesMoneyOrChangesSettingsIsTheOwnersAlone) {
  for (const std::string name :
       {"AccountService/CreateAccount", "AccountService/SuspendAccount",
        "AccountService/ReinstateAccount", "AccountService/SetQuotas",
        "AccountService/SetVisibility", "InvitationService/CreateInvitation",
        "InvitationService/RevokeInvitation", "LedgerService/Deposit",
        "PayoutService/SetPayoutTerms", "PayoutService/SetRevenueSplit",
        "PayoutService/SetShareConsent", "PayoutService/RequestPayout",
        "PoolService/BeginMaintenance", "PoolService/EndMaintenance",
        "TokenService/CreateToken", "TokenService/RotateToken",
        "TokenService/RevokeToken", "TokenService/ReplaceOwnerTokens",
        "VerificationService/VoidTrial"}) {
    const std::string method = absl::StrCat("/archpool.v1.", name);
    EXPECT_THAT(AuthorizeScope(method, TokenScope::kOwner), IsOk()) << name;
    for (const TokenScope scope :
         {TokenScope::kWork, TokenScope::kSpend, TokenScope::kRead}) {
      EXPECT_THAT(AuthorizeScope(method, scope), FailsWith("SCOPE_NOT_ALLOWED"))
          << name << " by " << ToString(scope);
    }
  }
}

// What only looks, by its name, changes nothing; and nothing else is for who
// only looks.
TEST(AuthorizationTest, WhoReadsChangesNothing) {
  for (const MethodRule& rule : MethodRules()) {
    if (!rule.scopes.Contains(TokenScope::kRead)) continue;
    const std::string name = rule.method.substr(rule.method.rfind('/') + 1);
    const bool looks =
        absl::StartsWith(name, "Get") || absl::StartsWith(name, "List") ||
        absl::StartsWith(name, "Check") || name == "WhoAmI" ||
        name == "Explain" || name == "WatchTask" || name == "Download";
    EXPECT_TRUE(looks) << rule.method;
  }
}

TEST(AuthorizationTest, AWorkersTokenReachesWhatWorkersCall) {
  const auto reaches = [](const std::string& name) {
    return AuthorizeScope(absl::StrCat("/archpool.v1.", name),
                          TokenScope::kWork)
        .ok();
  };
  for (const MethodRule& rule : MethodRules()) {
    if (absl::StartsWith(rule.method, "/archpool.v1.WorkService/")) {
      EXPECT_TRUE(rule.scopes.Contains(TokenScope::kWork)) << rule.method;
    }
  }
  for (const std::string name :
       {"BlobService/BeginUpload", "BlobService/Upload", "BlobService/Download",
        "VerificationService/AcquireAudit", "VerificationService/RenewAudit",
        "VerificationService/ReportAudit", "AccountService/WhoAmI"}) {
    EXPECT_TRUE(reaches(name)) << name;
  }
  EXPECT_FALSE(reaches("TaskService/SubmitTask"));
  EXPECT_FALSE(reaches("NoService/Call"));
}

// Every method of the running server, as every role and as nobody. An empty
// message may be refused for what it lacks, never for who sent it.
TEST(AuthorizationTest, TheServerHoldsToTheOptions) {
  RpcFixture fixture(WithoutPace());
  std::map<Role, std::string> tokens;
  for (const Role role : kAllRoles) {
    tokens[role] = MakeToken();
    ASSERT_TRUE(
        fixture.engine
            ->Call(CreateAccount{.name = absl::StrCat("a-", ToString(role)),
                                 .role = role,
                                 .token_hash = HashToken(tokens[role])})
            .ok());
  }
  const auto channel = fixture.operator_party().remote.channel();
  for (const MethodRule& rule : MethodRules()) {
    const std::string& method = rule.method;
    const absl::Status nobody = CallEmpty(channel, method, "");
    if (rule.is_for_anyone) {
      EXPECT_EQ(GetReason(nobody), "FIELD_REQUIRED") << method;
    } else {
      EXPECT_EQ(nobody.code(), absl::StatusCode::kUnauthenticated) << method;
      EXPECT_EQ(GetReason(nobody), "TOKEN_MISSING") << method;
    }
    for (const std::string& bad :
         {"Bearer " + MakeToken(), "Bearer " + std::string(3000, 'x')}) {
      if (rule.is_for_anyone) continue;  // whatever it carries
      const absl::Status stranger = CallEmpty(channel, method, bad);
      EXPECT_EQ(stranger.code(), absl::StatusCode::kUnauthenticated) << method;
      EXPECT_EQ(GetReason(stranger), "TOKEN_UNKNOWN") << method;
    }
    for (const Role role : kAllRoles) {
      const absl::Status status =
          CallEmpty(channel, method, "Bearer " + tokens[role]);
      if (rule.roles.Contains(role)) {
        EXPECT_NE(status.code(), absl::StatusCode::kUnauthenticated) << method;
        EXPECT_NE(status.code(), absl::StatusCode::kUnimplemented) << method;
        EXPECT_NE(GetReason(status), "ROLE_NOT_ALLOWED")
            << method << " as " << ToString(role);
      } else {
        EXPECT_EQ(status.code(), absl::StatusCode::kPermissionDenied) << method;
        EXPECT_EQ(GetReason(status), "ROLE_NOT_ALLOWED")
            << method << " as " << ToString(role);
      }
    }
  }
}

TEST(AuthorizationTest, TheTokenMustFollowTheWordBearer) {
  RpcFixture fixture(WithoutPace());
  const std::string token = MakeToken();
  ASSERT_TRUE(fixture.engine
                  ->Call(CreateAccount{.name = "alice",
                                       .role = Role::kMiner,
                                       .token_hash = HashToken(token)})
                  .ok());
  const auto channel = fixture.operator_party().remote.channel();
  const std::string method = "/archpool.v1.AccountService/WhoAmI";
  EXPECT_TRUE(CallEmpty(channel, method, "Bearer " + token).ok());
  for (const std::string& bad :
       {token, "Basic " + token, std::string("Bearer "), "bearer" + token}) {
    EXPECT_EQ(GetReason(CallEmpty(channel, method, bad)), "TOKEN_MISSING")
        << bad;
  }
}

// What is read as another version's message must not be executed.
TEST(AuthorizationTest, AProgramThatIsTooOldHearsSoWhateverItCalls) {
  RpcFixture fixture(WithoutPace());
  const std::string token = MakeToken();
  ASSERT_TRUE(fixture.engine
                  ->Call(CreateAccount{.name = "alice",
                                       .role = Role::kMiner,
                                       .token_hash = HashToken(token)})
                  .ok());
  const auto channel = fixture.operator_party().remote.channel();
  std::vector<std::string> methods = {
      // Of the first release.
      "/archpool.v1.PoolService/WhoAmI",
      "/archpool.v1.BlobService/DownloadWeights",
      "/archpool.v1.WorkService/ReviewTrials", "/archpool.v1.NoService/Call"};
  for (const MethodRule& rule : MethodRules()) methods.push_back(rule.method);
  for (const std::string& method : methods) {
    for (const std::string version : {"", "0.0.1", "of old"}) {
      const absl::Status status =
          CallEmpty(channel, method, "Bearer " + token, version);
      EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition) << method;
      EXPECT_EQ(GetReason(status), "CLIENT_TOO_OLD") << method;
    }
  }
}

// The first release's message lacks the field: what is known of it by the
// metadata is known by the message, too.
TEST(AuthorizationTest, ASessionIsOpenedByAWorkerThatSaysItsVersion) {
  RpcFixture fixture(WithoutPace());
  const auto miner = fixture.Make("alice", v1::ROLE_MINER);
  v1::OpenSessionRequest request;
  request.set_worker_name("w1");
  request.set_threads(1);
  request.set_arithmetic(std::string(kArithmetic));
  request.set_public_key(miner->key.public_key().AsBytes());
  request.add_protocol_features("of_the_future");
  const auto open = [&] {
    return miner->remote.Call(miner->work, &v1::WorkService::Stub::OpenSession,
                              request);
  };
  EXPECT_THAT(open(), FailsWith("CLIENT_TOO_OLD"));
  request.set_client_version("0.0.9");
  EXPECT_THAT(open(), FailsWith("CLIENT_TOO_OLD"));
  request.set_client_version(wire::kOwnVersion);
  const auto opened = open();
  ASSERT_THAT(opened, IsOk());
  EXPECT_EQ(opened->server_version(), wire::kOwnVersion);
  EXPECT_TRUE(opened->protocol_features().empty());
}

TEST(AuthorizationTest, WhatNobodyServesIsSaidToBeUnknown) {
  RpcFixture fixture(WithoutPace());
  const auto channel = fixture.operator_party().remote.channel();
  for (const std::string method :
       {"/archpool.v1.PoolService/WhoAmI", "/archpool.v9.Other/Call"}) {
    const absl::Status status = CallEmpty(channel, method, "");
    EXPECT_EQ(status.code(), absl::StatusCode::kUnimplemented) << method;
    EXPECT_EQ(GetReason(status), "METHOD_UNKNOWN") << method;
  }
}

}  // namespace
}  // namespace archpool::rpc
