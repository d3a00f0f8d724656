// SPDX-License-Identifier: Apache-2.0
#include "server/rpc/token_service.h"

#include <optional>
#include <vector>

#include "common/base/status.h"
#include "common/model/limits.h"
#include "common/wire/fields.h"
#include "common/wire/words.h"
#include "server/rpc/paging.h"
#include "server/rpc/records_to_proto.h"

namespace archpool::rpc {
namespace {

constexpr absl::Duration kOverlapByDefault = absl::Hours(24);

template <typename Request>
absl::StatusOr<std::optional<absl::Duration>> ReadTerm(const Request& request) {
  if (!request.has_term()) return std::optional<absl::Duration>();
  ARCHPOOL_ASSIGN_OR_RETURN(
      const absl::Duration term,
      wire::ReadDuration("term", request.term(), limits::kTokenTerm));
  return std::optional(term);
}

absl::StatusOr<archpool::CreateToken> ReadCreate(
    const v1::CreateTokenRequest& request, AccountId caller) {
  archpool::CreateToken command{.caller = caller};
  ARCHPOOL_RETURN_IF_ERROR(wire::CheckName("name", request.name()));
  command.name = request.name();
  const auto scope = wire::FromProto<TokenScope>(request.scope());
  if (!scope) return wire::RequiredError("scope");
  command.scope = *scope;
  ARCHPOOL_ASSIGN_OR_RETURN(command.term, ReadTerm(request));
  ARCHPOOL_ASSIGN_OR_RETURN(
      command.hash, wire::ReadDigest("token_hash", request.token_hash()));
  return command;
}

absl::StatusOr<archpool::RotateToken> ReadRotate(
    const v1::RotateTokenRequest& request, AccountId caller) {
  archpool::RotateToken command{.caller = caller};
  ARCHPOOL_RETURN_IF_ERROR(
      wire::CheckName("replaced_name", request.replaced_name()));
  command.replaced = request.replaced_name();
  ARCHPOOL_RETURN_IF_ERROR(wire::CheckName("name", request.name()));
  command.name = request.name();
  ARCHPOOL_ASSIGN_OR_RETURN(command.term, ReadTerm(request));
  command.overlap = kOverlapByDefault;
  if (request.has_overlap()) {
    ARCHPOOL_ASSIGN_OR_RETURN(command.overlap,
                              wire::ReadDuration("overlap", request.overlap(),
                                                 limits::kTokenOverlap));
  }
  ARCHPOOL_ASSIGN_OR_RETURN(
      command.hash, wire::ReadDigest("token_hash", request.token_hash()));
  return command;
}

absl::StatusOr<archpool::RevokeToken> ReadRevoke(
    const v1::RevokeTokenRequest& request, AccountId caller) {
  ARCHPOOL_RETURN_IF_ERROR(wire::CheckName("name", request.name()));
  return archpool::RevokeToken{.caller = caller, .name = request.name()};
}

absl::StatusOr<archpool::ReplaceOwnerTokens> ReadReplacement(
    const v1::ReplaceOwnerTokensRequest& request, AccountId caller) {
  archpool::ReplaceOwnerTokens command{.by = caller};
  ARCHPOOL_RETURN_IF_ERROR(
      wire::CheckName("account_name", request.account_name()));
  command.account_name = request.account_name();
  ARCHPOOL_ASSIGN_OR_RETURN(
      command.hash, wire::ReadDigest("token_hash", request.token_hash()));
  return command;
}

}  // namespace

grpc::ServerUnaryReactor* TokenService::CreateToken(
    grpc::CallbackServerContext* context, const v1::CreateTokenRequest* request,
    v1::CreateTokenResponse* response) {
  return Serve(
      parts_.gate, context, "/archpool.v1.TokenService/CreateToken", request,
      response, [this](const auto& call) {
        SubmitCommand<archpool::CreateToken>(
            parts_.engine, ReadCreate(*call.request, call.caller.id), call,
            [this](const AccountToken& made, v1::CreateTokenResponse* to) {
              *to->mutable_token() = ToProto(made, parts_.clock.Now());
            });
      });
}

grpc::ServerUnaryReactor* TokenService::ListTokens(
    grpc::CallbackServerContext* context, const v1::ListTokensRequest* request,
    v1::ListTokensResponse* response) {
  return Serve(parts_.gate, context, "/archpool.v1.TokenService/ListTokens",
               request, response, [this](const auto& call) {
                 absl::StatusOr<Page> page = Page::Read(
                     "ListTokens", call.caller.id.ToString(), *call.request);
                 if (!page.ok()) return call.finish(page.status());
                 std::vector<AccountToken> tokens =
                     parts_.accounts.TokensOf(call.caller.id);
                 std::erase_if(tokens, [&page](const AccountToken& one) {
                   return one.key.number <= page->after_id();
                 });
                 const absl::Time now = parts_.clock.Now();
                 FillPage(
                     *page, tokens,
                     [now, &call](const AccountToken& one) -> const v1::Token& {
                       return *call.response->add_tokens() = ToProto(one, now);
                     },
                     [](const AccountToken& one) { return one.key.number; },
                     call.response);
                 call.finish(absl::OkStatus());
               });
}

grpc::ServerUnaryReactor* TokenService::RotateToken(
    grpc::CallbackServerContext* context, const v1::RotateTokenRequest* request,
    v1::RotateTokenResponse* response) {
  return Serve(parts_.gate, context, "/archpool.v1.TokenService/RotateToken",
               request, response, [this](const auto& call) {
                 SubmitCommand<archpool::RotateToken>(
                     parts_.engine, ReadRotate(*call.request, call.caller.id),
                     call,
                     [this](const archpool::RotateToken::Reply& reply,
                            v1::RotateTokenResponse* to) {
                       const absl::Time now = parts_.clock.Now();
                       *to->mutable_token() = ToProto(reply.made, now);
                       *to->mutable_replaced() = ToProto(reply.replaced, now);
                     });
               });
}

grpc::ServerUnaryReactor* TokenService::RevokeToken(
    grpc::CallbackServerContext* context, const v1::RevokeTokenRequest* request,
    v1::RevokeTokenResponse* response) {
  return Serve(
      parts_.gate, context, "/archpool.v1.TokenService/RevokeToken", request,
      response, [this](const auto& call) {
        SubmitCommand<archpool::RevokeToken>(
            parts_.engine, ReadRevoke(*call.request, call.caller.id), call,
            [this](const AccountToken& over, v1::RevokeTokenResponse* to) {
              *to->mutable_token() = ToProto(over, parts_.clock.Now());
            });
      });
}

grpc::ServerUnaryReactor* TokenService::ReplaceOwnerTokens(
    grpc::CallbackServerContext* context,
    const v1::ReplaceOwnerTokensRequest* request,
    v1::ReplaceOwnerTokensResponse* response) {
  return Serve(
      parts_.gate, context, "/archpool.v1.TokenService/ReplaceOwnerTokens",
      request, response, [this](const auto& call) {
        SubmitCommand<archpool::ReplaceOwnerTokens>(
            parts_.engine, ReadReplacement(*call.request, call.caller.id), call,
            [this](const archpool::ReplaceOwnerTokens::Reply& reply,
                   v1::ReplaceOwnerTokensResponse* to) {
              *to->mutable_token() = ToProto(reply.made, parts_.clock.Now());
              to->set_revoked_count(reply.revoked_count);
              if (reply.payout_address_time) {
                *to->mutable_payout_address_time() =
                    wire::ToProto(*reply.payout_address_time);
              }
            });
      });
}

}  // namespace archpool::rpc
