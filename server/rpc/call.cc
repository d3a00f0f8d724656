// SPDX-License-Identifier: Apache-2.0
#include "server/rpc/call.h"

#include <optional>

#include "absl/strings/strip.h"
#include "common/base/status.h"
#include "server/rpc/authorization.h"

namespace archpool::rpc {
namespace {

constexpr char kMetadataKey[] = "authorization";
constexpr size_t kTokenLengthMax = 256;

absl::Status Unauthenticated(absl::string_view reason,
                             absl::string_view message) {
  return MakeError(absl::StatusCode::kUnauthenticated, reason, message);
}

}  // namespace

absl::StatusOr<Account> Gate::Admit(const grpc::CallbackServerContext& context,
                                    absl::string_view method) const {
  const auto& metadata = context.client_metadata();
  const auto found = metadata.find(kMetadataKey);
  absl::string_view token;
  if (found != metadata.end()) {
    token = absl::string_view(found->second.data(), found->second.size());
  }
  if (!absl::ConsumePrefix(&token, "Bearer ") || token.empty()) {
    return Unauthenticated("TOKEN_MISSING",
                           "the call carries no token; send it as metadata: "
                           "\"authorization: Bearer <token>\"");
  }
  std::optional<Account> account;
  if (token.size() <= kTokenLengthMax) account = accounts_.FindByToken(token);
  if (!account) {
    return Unauthenticated("TOKEN_UNKNOWN",
                           "the token belongs to no account of this pool; "
                           "check the token file, or ask the pool's operator");
  }
  const absl::Status allowed = Authorize(method, account->role);
  if (!allowed.ok()) return allowed;
  return *std::move(account);
}

}  // namespace archpool::rpc
