// SPDX-License-Identifier: Apache-2.0
#include "server/rpc/call.h"

#include <optional>

#include "absl/strings/strip.h"
#include "common/base/status.h"
#include "common/wire/api_version.h"
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

absl::string_view MetadataOf(const grpc::ServerContextBase& context,
                             absl::string_view key) {
  const auto& metadata = context.client_metadata();
  const auto found = metadata.find(grpc::string_ref(key.data(), key.size()));
  if (found == metadata.end()) return "";
  return {found->second.data(), found->second.size()};
}

absl::Status CheckVersion(const grpc::ServerContextBase& context) {
  return wire::CheckClientVersion(MetadataOf(context, wire::kClientVersionKey));
}

absl::Status AdmitAnyone(const grpc::CallbackServerContext& context,
                         absl::string_view method) {
  ARCHPOOL_RETURN_IF_ERROR(CheckVersion(context));
  return AuthorizeAnyone(method);
}

absl::StatusOr<Account> Gate::Admit(const grpc::CallbackServerContext& context,
                                    absl::string_view method) const {
  absl::string_view token = MetadataOf(context, kMetadataKey);
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
  if (on_caller_ != nullptr) on_caller_(context.peer(), account->id);
  // Before the request is read: another version's may mean something else.
  ARCHPOOL_RETURN_IF_ERROR(CheckVersion(context));
  ARCHPOOL_RETURN_IF_ERROR(Authorize(method, account->role));
  return *std::move(account);
}

}  // namespace archpool::rpc
