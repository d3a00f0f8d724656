// SPDX-License-Identifier: Apache-2.0
#include "server/rpc/authorization.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "archpool/v1/account.grpc.pb.h"
#include "archpool/v1/blob.grpc.pb.h"
#include "archpool/v1/invitation.grpc.pb.h"
#include "archpool/v1/ledger.grpc.pb.h"
#include "archpool/v1/payout.grpc.pb.h"
#include "archpool/v1/pool.grpc.pb.h"
#include "archpool/v1/receipt.grpc.pb.h"
#include "archpool/v1/roles.pb.h"
#include "archpool/v1/task.grpc.pb.h"
#include "archpool/v1/token.grpc.pb.h"
#include "archpool/v1/verification.grpc.pb.h"
#include "archpool/v1/work.grpc.pb.h"
#include "common/base/check.h"
#include "common/base/status.h"
#include "common/wire/words.h"
#include "google/protobuf/descriptor.h"

namespace archpool::rpc {
namespace {

constexpr Role kAllRoles[] = {Role::kClient, Role::kMiner, Role::kVerifier,
                              Role::kOperator};

// A message of each service's file: its descriptors are there once a message is
// asked for its own.
std::vector<const google::protobuf::FileDescriptor*> Files() {
  return {v1::WhoAmIRequest::descriptor()->file(),
          v1::BeginUploadRequest::descriptor()->file(),
          v1::JoinRequest::descriptor()->file(),
          v1::DepositRequest::descriptor()->file(),
          v1::RequestPayoutRequest::descriptor()->file(),
          v1::GetTermsRequest::descriptor()->file(),
          v1::GetStatementRequest::descriptor()->file(),
          v1::GetTaskRequest::descriptor()->file(),
          v1::CreateTokenRequest::descriptor()->file(),
          v1::AcquireAuditRequest::descriptor()->file(),
          v1::HeartbeatRequest::descriptor()->file()};
}

MethodRule RuleOf(const google::protobuf::MethodDescriptor& method) {
  MethodRule rule{.method = absl::StrCat("/", method.service()->full_name(),
                                         "/", method.name()),
                  .roles = {},
                  .scopes = {}};
  const v1::MethodRoles& roles = method.options().GetExtension(v1::roles);
  for (const int value : roles.allow()) {
    const auto role = wire::FromProto<Role>(static_cast<v1::Role>(value));
    ARCHPOOL_CHECK(role.has_value());
    rule.roles.Add(*role);
  }
  for (const int value : roles.scopes()) {
    const auto scope =
        wire::FromProto<TokenScope>(static_cast<v1::TokenScope>(value));
    ARCHPOOL_CHECK(scope.has_value());
    rule.scopes.Add(*scope);
  }
  rule.is_for_anyone = roles.anyone();
  return rule;
}

std::vector<MethodRule> ReadRules() {
  std::vector<MethodRule> rules;
  for (const auto* const file : Files()) {
    for (int s = 0; s < file->service_count(); ++s) {
      const auto* const service = file->service(s);
      for (int m = 0; m < service->method_count(); ++m) {
        rules.push_back(RuleOf(*service->method(m)));
      }
    }
  }
  std::sort(rules.begin(), rules.end(),
            [](const MethodRule& a, const MethodRule& b) {
              return a.method < b.method;
            });
  return rules;
}

std::string RolesOf(const MethodRule& rule) {
  std::vector<std::string> names;
  for (const Role role : kAllRoles) {
    if (rule.roles.Contains(role)) names.emplace_back(ToString(role));
  }
  return absl::StrJoin(names, " or ");
}

std::string ScopesOf(const MethodRule& rule) {
  std::vector<std::string> names;
  for (size_t i = 0; i < kCountOf<TokenScope>; ++i) {
    const auto scope = static_cast<TokenScope>(i);
    if (rule.scopes.Contains(scope)) names.emplace_back(ToString(scope));
  }
  return absl::StrJoin(names, " or ");
}

// nullptr where the method has none.
const MethodRule* FindRule(absl::string_view method) {
  const std::vector<MethodRule>& rules = MethodRules();
  const auto rule =
      std::lower_bound(rules.begin(), rules.end(), method,
                       [](const MethodRule& one, absl::string_view name) {
                         return one.method < name;
                       });
  return rule == rules.end() || rule->method != method ? nullptr : &*rule;
}

}  // namespace

const std::vector<MethodRule>& MethodRules() {
  static const auto* const kRules = new std::vector<MethodRule>(ReadRules());
  return *kRules;
}

absl::Status Authorize(absl::string_view method, Role role) {
  const MethodRule* const rule = FindRule(method);
  if (rule == nullptr) {
    return PermissionDenied("ROLE_NOT_ALLOWED",
                            absl::StrCat(method, " is open to no role"));
  }
  if (rule->roles.Contains(role)) return absl::OkStatus();
  return PermissionDenied(
      "ROLE_NOT_ALLOWED",
      absl::StrCat("the account's role is ", ToString(role), "; ", method,
                   " is for the role ", RolesOf(*rule),
                   ": use the token of such an account"));
}

absl::Status AuthorizeScope(absl::string_view method, TokenScope scope) {
  const MethodRule* const rule = FindRule(method);
  if (rule != nullptr && rule->scopes.Contains(scope)) return absl::OkStatus();
  return PermissionDenied(
      "SCOPE_NOT_ALLOWED",
      absl::StrCat("the token is of the scope ", ToString(scope), "; ", method,
                   " is for tokens of the scope ",
                   rule == nullptr ? "owner" : ScopesOf(*rule),
                   ": use such a token of the account (archpool account token "
                   "list shows its tokens)"));
}

bool NeedsCertificate(absl::string_view method, Role role) {
  if (role != Role::kVerifier) return false;
  const MethodRule* const rule = FindRule(method);
  return rule != nullptr && rule->roles.Contains(Role::kVerifier) &&
         !rule->roles.Contains(Role::kOperator) &&
         rule->scopes.Contains(TokenScope::kWork);
}

absl::Status AuthorizeAnyone(absl::string_view method) {
  const MethodRule* const rule = FindRule(method);
  if (rule != nullptr && rule->is_for_anyone) return absl::OkStatus();
  return PermissionDenied("ROLE_NOT_ALLOWED",
                          absl::StrCat(method, " needs an account's token"));
}

}  // namespace archpool::rpc
