// SPDX-License-Identifier: Apache-2.0
#include "server/rpc/authorization.h"

#include <grpcpp/generic/generic_stub.h>

#include <map>
#include <memory>
#include <set>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "archpool/v1/receipt.pb.h"
#include "common/base/status.h"
#include "common/wire/status_wire.h"
#include "google/protobuf/descriptor.h"
#include "gtest/gtest.h"
#include "tests/support/rpc_fixture.h"

namespace archpool::rpc {
namespace {

const Role kAllRoles[] = {Role::kClient, Role::kMiner, Role::kVerifier,
                          Role::kOperator};

// "/archpool.v1.PoolService/WhoAmI" for every method of the protocol.
std::set<std::string> MethodsOfTheProtocol() {
  const google::protobuf::FileDescriptor* files[] = {
      v1::WhoAmIRequest::descriptor()->file(),
      v1::GetTaskRequest::descriptor()->file(),
      v1::BeginUploadRequest::descriptor()->file(),
      v1::HeartbeatRequest::descriptor()->file(),
      v1::AcquireAuditRequest::descriptor()->file(),
      v1::DepositRequest::descriptor()->file(),
      v1::RequestPayoutRequest::descriptor()->file(),
      v1::GetStatementRequest::descriptor()->file()};
  std::set<std::string> methods;
  for (const auto* file : files) {
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

// Calls `method`, unary or streaming, with one empty message.
absl::Status CallEmpty(const std::shared_ptr<grpc::Channel>& channel,
                       const std::string& method,
                       const std::string& authorization) {
  grpc::GenericStub stub(channel);
  grpc::ClientContext context;
  context.set_deadline(absl::ToChronoTime(absl::Now() + absl::Seconds(20)));
  if (!authorization.empty()) {
    context.AddMetadata("authorization", authorization);
  }
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

TEST(AuthorizationTest, TheTableNamesEveryMethodOnceAndNothingElse) {
  std::set<std::string> named;
  for (const MethodRule& rule : MethodRules()) {
    EXPECT_TRUE(named.insert(std::string(rule.method)).second) << rule.method;
  }
  EXPECT_EQ(named, MethodsOfTheProtocol());
}

TEST(AuthorizationTest, WhatIsNotInTheTableIsOpenToNobody) {
  for (const Role role : kAllRoles) {
    EXPECT_EQ(GetReason(Authorize("/archpool.v1.PoolService/Other", role)),
              "ROLE_NOT_ALLOWED");
  }
}

// Every method of the running server, as every role and as nobody. An empty
// message may be refused for what it lacks, never for who sent it.
TEST(AuthorizationTest, TheServerHoldsTheTable) {
  RpcFixture fixture;
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
    const std::string method(rule.method);
    const absl::Status nobody = CallEmpty(channel, method, "");
    EXPECT_EQ(nobody.code(), absl::StatusCode::kUnauthenticated) << method;
    EXPECT_EQ(GetReason(nobody), "TOKEN_MISSING") << method;
    for (const std::string& bad :
         {"Bearer " + MakeToken(), "Bearer " + std::string(3000, 'x')}) {
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
  RpcFixture fixture;
  const std::string token = MakeToken();
  ASSERT_TRUE(fixture.engine
                  ->Call(CreateAccount{.name = "alice",
                                       .role = Role::kMiner,
                                       .token_hash = HashToken(token)})
                  .ok());
  const auto channel = fixture.operator_party().remote.channel();
  const std::string method = "/archpool.v1.PoolService/WhoAmI";
  EXPECT_TRUE(CallEmpty(channel, method, "Bearer " + token).ok());
  for (const std::string& bad :
       {token, "Basic " + token, std::string("Bearer "), "bearer" + token}) {
    EXPECT_EQ(GetReason(CallEmpty(channel, method, bad)), "TOKEN_MISSING")
        << bad;
  }
}

}  // namespace
}  // namespace archpool::rpc
