// SPDX-License-Identifier: Apache-2.0
#include "server/rpc/invitation_service.h"

#include <optional>
#include <string>

#include "absl/strings/str_cat.h"
#include "common/base/status.h"
#include "common/crypto/token.h"
#include "common/model/limits.h"
#include "common/wire/fields.h"
#include "common/wire/words.h"
#include "server/rpc/paging.h"
#include "server/rpc/records_to_proto.h"

namespace archpool::rpc {
namespace {

constexpr Range<int64_t> kNumber{1, limits::kInvitationsOpenMax};

// A key as the one number of a page's token, and back.
constexpr int64_t kNumbersPerAccount = 1'000;
static_assert(limits::kInvitationsOpenMax < kNumbersPerAccount);
int64_t PageEndAt(const InvitationKey& key) {
  return key.inviter.value * kNumbersPerAccount + key.number;
}
InvitationKey InvitationAt(int64_t place) {
  return {{place / kNumbersPerAccount}, place % kNumbersPerAccount};
}

absl::StatusOr<Invite> ReadInvite(const v1::CreateInvitationRequest& request,
                                  AccountId caller) {
  const std::optional<Role> role = wire::FromProto<Role>(request.role());
  if (!role) return wire::RequiredError("role");
  if (*role != Role::kClient && *role != Role::kMiner) {
    return InvalidArgument(
        "FIELD_RANGE",
        absl::StrCat("field role is ", ToString(*role),
                     "; clients and miners can be invited, and operators make "
                     "other accounts"));
  }
  archpool::Invite command{.caller = caller, .role = *role};
  ARCHPOOL_RETURN_IF_ERROR(wire::CheckRange("uses_max", request.uses_max(),
                                            limits::kInvitationUses));
  command.uses_max = request.uses_max();
  if (!request.has_term()) return wire::RequiredError("term");
  ARCHPOOL_ASSIGN_OR_RETURN(
      command.term,
      wire::ReadDuration("term", request.term(), limits::kInvitationTerm));
  ARCHPOOL_ASSIGN_OR_RETURN(command.code_hash,
                            wire::ReadDigest("code_hash", request.code_hash()));
  return command;
}

absl::StatusOr<archpool::Join> ReadJoin(const v1::JoinRequest& request) {
  if (request.code().empty()) return wire::RequiredError("code");
  // What it is does not come back in an error.
  if (request.code().size() >
      static_cast<size_t>(limits::kInvitationCodeLengthMax)) {
    return InvalidArgument("FIELD_MALFORMED",
                           absl::StrCat("field code is longer than ",
                                        limits::kInvitationCodeLengthMax,
                                        " bytes; no invitation's is"));
  }
  archpool::Join command{.code_hash = HashToken(request.code())};
  ARCHPOOL_RETURN_IF_ERROR(wire::CheckName("name", request.name()));
  command.name = request.name();
  ARCHPOOL_ASSIGN_OR_RETURN(
      command.token_hash, wire::ReadDigest("token_hash", request.token_hash()));
  return command;
}

}  // namespace

v1::Invitation InvitationService::ToProto(const Invitation& invitation) const {
  v1::Invitation proto;
  proto.set_number(invitation.key.number);
  proto.set_account_name(parts_.accounts.NameOf(invitation.key.inviter));
  proto.set_role(wire::ToProto<v1::Role>(invitation.role));
  proto.set_uses_max(invitation.uses_max);
  proto.set_uses(invitation.uses);
  *proto.mutable_create_time() = wire::ToProto(invitation.create_time);
  *proto.mutable_expire_time() = wire::ToProto(invitation.expire_time);
  proto.set_is_open(invitation.IsOpen(parts_.clock.Now()));
  return proto;
}

grpc::ServerUnaryReactor* InvitationService::CreateInvitation(
    grpc::CallbackServerContext* context,
    const v1::CreateInvitationRequest* request,
    v1::CreateInvitationResponse* response) {
  return Serve(
      parts_.gate, context, "/archpool.v1.InvitationService/CreateInvitation",
      request, response, [this](const auto& call) {
        SubmitCommand<Invite>(
            parts_.engine, ReadInvite(*call.request, call.caller.id), call,
            [this](const Invitation& made, v1::CreateInvitationResponse* to) {
              *to->mutable_invitation() = ToProto(made);
            });
      });
}

grpc::ServerUnaryReactor* InvitationService::ListInvitations(
    grpc::CallbackServerContext* context,
    const v1::ListInvitationsRequest* request,
    v1::ListInvitationsResponse* response) {
  return Serve(
      parts_.gate, context, "/archpool.v1.InvitationService/ListInvitations",
      request, response, [this](const auto& call) {
        const AccountId of =
            call.caller.role == Role::kOperator ? AccountId() : call.caller.id;
        absl::StatusOr<Page> page =
            Page::Read("ListInvitations", of.ToString(), *call.request);
        if (!page.ok()) return call.finish(page.status());
        FillPage(
            *page,
            parts_.invitations.After(InvitationAt(page->after_id()), of,
                                     page->limit()),
            [this, &call](const Invitation& one) -> const v1::Invitation& {
              return *call.response->add_invitations() = ToProto(one);
            },
            [](const Invitation& one) { return PageEndAt(one.key); },
            call.response);
        call.finish(absl::OkStatus());
      });
}

absl::StatusOr<archpool::RevokeInvitation> InvitationService::ReadRevoke(
    const Account& caller, const v1::RevokeInvitationRequest& request) const {
  ARCHPOOL_RETURN_IF_ERROR(
      wire::CheckRange("number", request.number(), kNumber));
  archpool::RevokeInvitation command{.key = {caller.id, request.number()}};
  if (request.account_name().empty() || request.account_name() == caller.name) {
    return command;
  }
  const std::optional<Account> inviter =
      caller.role == Role::kOperator
          ? parts_.accounts.FindByName(request.account_name())
          : std::nullopt;
  if (!inviter) {
    return NotFound("INVITATION_UNKNOWN",
                    "no such account has an invitation that you may revoke; "
                    "archpool invite list shows those that you may");
  }
  command.key.inviter = inviter->id;
  return command;
}

grpc::ServerUnaryReactor* InvitationService::RevokeInvitation(
    grpc::CallbackServerContext* context,
    const v1::RevokeInvitationRequest* request,
    v1::RevokeInvitationResponse* response) {
  return Serve(
      parts_.gate, context, "/archpool.v1.InvitationService/RevokeInvitation",
      request, response, [this](const auto& call) {
        SubmitCommand<archpool::RevokeInvitation>(
            parts_.engine, ReadRevoke(call.caller, *call.request), call,
            [this](const Invitation& over, v1::RevokeInvitationResponse* to) {
              *to->mutable_invitation() = ToProto(over);
            });
      });
}

grpc::ServerUnaryReactor* InvitationService::Join(
    grpc::CallbackServerContext* context, const v1::JoinRequest* request,
    v1::JoinResponse* response) {
  return ServeAnyone(context, "/archpool.v1.InvitationService/Join", request,
                     response, [this, context](const auto& call) {
                       // Before anything is read or looked up.
                       const absl::Status in_time = parts_.limits.Take(
                           JoinSource(context->peer()), parts_.clock.Now());
                       if (!in_time.ok()) return call.finish(in_time);
                       SubmitCommand<archpool::Join>(
                           parts_.engine, ReadJoin(*call.request), call,
                           [](const Account& account, v1::JoinResponse* to) {
                             *to->mutable_account() = rpc::ToProto(account);
                           });
                     });
}

}  // namespace archpool::rpc
