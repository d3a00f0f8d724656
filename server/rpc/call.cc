// SPDX-License-Identifier: Apache-2.0
#include "server/rpc/call.h"

#include <grpc/grpc_security_constants.h>

#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
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

absl::Status Revoked(const AccountToken& token) {
  return Unauthenticated(
      "TOKEN_REVOKED",
      absl::StrCat("the token '", token.name,
                   "' was revoked by its account, or by an operator who "
                   "replaced a stolen one: put one that is in force into the "
                   "token file (archpool account token create makes one)"));
}

// The one that the connection showed, in PEM; "" for none. That the other side
// has its key, the handshake has proved.
std::string CertificateOf(const grpc::ServerContextBase& context) {
  const auto line = context.auth_context();
  if (line == nullptr) return "";
  const std::vector<grpc::string_ref> shown =
      line->FindPropertyValues(GRPC_X509_PEM_CERT_PROPERTY_NAME);
  return shown.empty()
             ? ""
             : std::string(shown.front().data(), shown.front().size());
}

absl::Status CheckInForceAt(const AccountToken& token, absl::Time now) {
  if (token.IsInForce(now)) return absl::OkStatus();
  if (token.revoke_time) return Revoked(token);
  return Unauthenticated(
      "TOKEN_EXPIRED",
      absl::StrCat("the token '", token.name, "' expired ",
                   absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", *token.expire_time,
                                    absl::UTCTimeZone()),
                   ": put one that is in force into the token file (archpool "
                   "account token create makes one)"));
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

absl::StatusOr<KnownCaller> Gate::Recognise(
    const grpc::ServerContextBase& context) const {
  absl::string_view token = MetadataOf(context, kMetadataKey);
  if (!absl::ConsumePrefix(&token, "Bearer ") || token.empty()) {
    return Unauthenticated("TOKEN_MISSING",
                           "the call carries no token; send it as metadata: "
                           "\"authorization: Bearer <token>\"");
  }
  std::optional<KnownCaller> caller;
  if (token.size() <= kTokenLengthMax) caller = accounts_.FindByToken(token);
  if (!caller) {
    return Unauthenticated("TOKEN_UNKNOWN",
                           "the token belongs to no account of this pool; "
                           "check the token file, or ask the pool's operator");
  }
  return *std::move(caller);
}

AccountId Gate::PayerOf(const grpc::ServerContextBase& context,
                        const absl::Status& refusal) const {
  if (absl::StartsWith(GetReason(refusal), "CERTIFICATE_")) return AccountId();
  const absl::StatusOr<KnownCaller> caller = Recognise(context);
  const bool is_known = caller.ok() && caller->token.IsInForce(clock_.Now());
  return is_known ? caller->account.id : AccountId();
}

absl::Status Gate::CheckCertificate(grpc::CallbackServerContext& context,
                                    absl::string_view method,
                                    const Account& account,
                                    absl::Time now) const {
  if (certificates_ == nullptr || !NeedsCertificate(method, account.role)) {
    return absl::OkStatus();
  }
  ARCHPOOL_ASSIGN_OR_RETURN(
      const std::optional<absl::Duration> left,
      certificates_->Admit(account.name, CertificateOf(context), now,
                           account.state == AccountState::kSuspended));
  if (left && *left <= kTokenEndsSoon) {
    context.AddTrailingMetadata(wire::kCertificateSecondsLeftKey,
                                absl::StrCat(absl::ToInt64Seconds(*left)));
  }
  return absl::OkStatus();
}

absl::StatusOr<KnownCaller> Gate::Admit(grpc::CallbackServerContext& context,
                                        absl::string_view method) const {
  ARCHPOOL_ASSIGN_OR_RETURN(KnownCaller caller, Recognise(context));
  const absl::Time now = clock_.Now();
  ARCHPOOL_RETURN_IF_ERROR(CheckInForceAt(caller.token, now));
  // Before the connection counts as the account's: it may be a thief's.
  ARCHPOOL_RETURN_IF_ERROR(
      CheckCertificate(context, method, caller.account, now));
  if (on_caller_ != nullptr) {
    ARCHPOOL_RETURN_IF_ERROR(on_caller_(context.peer(), caller.token));
  }
  // Before the request is read: another version's may mean something else.
  ARCHPOOL_RETURN_IF_ERROR(CheckVersion(context));
  ARCHPOOL_RETURN_IF_ERROR(Authorize(method, caller.account.role));
  ARCHPOOL_RETURN_IF_ERROR(AuthorizeScope(method, caller.token.scope));
  NoteUse(caller.token, now);
  if (const std::optional<absl::Time> end = caller.token.expire_time;
      end && *end - now <= kTokenEndsSoon) {
    context.AddTrailingMetadata(wire::kTokenSecondsLeftKey,
                                absl::StrCat(absl::ToInt64Seconds(*end - now)));
  }
  return caller;
}

void Gate::Answer(grpc::ServerContextBase& context, AccountId account,
                  bool came_to_nothing, std::function<void()> send) const {
  if (pace_ == nullptr) return send();
  pace_->Send(account, came_to_nothing,
              [&context, send = std::move(send)](absl::Duration late) {
                if (late > absl::ZeroDuration()) {
                  context.AddTrailingMetadata(
                      wire::kAnswerLateKey,
                      absl::StrCat(absl::ToInt64Milliseconds(late)));
                }
                send();
              });
}

absl::Status Gate::CheckInForce(const AccountToken& token) const {
  const std::optional<AccountToken> now = accounts_.Find(token.key);
  if (now && AreEqualInConstantTime(now->hash, token.hash)) {
    return CheckInForceAt(*now, clock_.Now());
  }
  // Its number is another one's by now.
  return Revoked(token);
}

void Gate::NoteUse(const AccountToken& token, absl::Time now) const {
  const absl::Time noted = token.last_use_time.value_or(token.create_time);
  if (now - noted < kTokenUseNoted) return;
  {
    absl::MutexLock lock(&mutex_);
    absl::Time& asked =
        noted_.try_emplace(token.key, absl::InfinitePast()).first->second;
    if (now - asked < kTokenUseNoted) return;
    asked = now;
  }
  // Whether it comes to that matters to nobody who waits.
  engine_.Submit<NoteTokenUse>(
      {.key = token.key, .hash = token.hash},
      [](const absl::StatusOr<NoteTokenUse::Reply>&) {}, token.key.account);
}

}  // namespace archpool::rpc
