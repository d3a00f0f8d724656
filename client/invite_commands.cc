// SPDX-License-Identifier: Apache-2.0
// archpool invite ...
#include <CLI/CLI.hpp>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "client/context.h"
#include "client/doubt.h"
#include "client/invite_code.h"
#include "client/render_invitations.h"
#include "client/term.h"
#include "common/base/durable_file.h"
#include "common/base/status.h"
#include "common/crypto/token.h"
#include "common/model/limits.h"
#include "common/wire/fields.h"

namespace archpool {
namespace {

struct InviteFlags {
  v1::Role role = v1::ROLE_MINER;
  int64_t uses_max = 1;
  std::string expires = "7d";
  std::string code_out;
};

absl::StatusOr<v1::Invitation> AskForInvitation(PoolClient& client,
                                                const InviteFlags& flags,
                                                absl::Duration term,
                                                const std::string& code) {
  v1::CreateInvitationRequest request;
  request.set_code_hash(HashToken(code).AsBytes());
  request.set_role(flags.role);
  request.set_uses_max(flags.uses_max);
  *request.mutable_term() = wire::ToProto(term);
  const auto made = client.Call(client.invitations(),
                                &InvitationStub::CreateInvitation, request);
  if (made.ok()) return made->invitation();
  if (!IsInDoubt(made.status())) return made.status();
  return InDoubt(made.status(),
                 "the invitation may have been made; archpool invite list "
                 "shows it, and archpool invite revoke ends it");
}

absl::Status MakeInvitation(Context& context, const InviteFlags& flags) {
  ARCHPOOL_ASSIGN_OR_RETURN(
      const absl::Duration term,
      ReadTerm("--expires", flags.expires, limits::kInvitationTerm,
               "1m to 90d, for instance 12h or 7d"));
  ARCHPOOL_ASSIGN_OR_RETURN(PoolClient* const client, context.Client());
  const std::string code = MakeInvitationCode();
  const std::string shown =
      InviteCode{.code = code, .server_pin = context.ServerPin()}.ToString();
  std::optional<NewFile> file;
  if (!flags.code_out.empty()) {
    ARCHPOOL_ASSIGN_OR_RETURN(NewFile made,
                              NewFile::Create(flags.code_out, shown + "\n"));
    file.emplace(std::move(made));
  }
  const absl::StatusOr<v1::Invitation> invitation =
      AskForInvitation(*client, flags, term, code);
  if (file && (invitation.ok() || SaysDoubt(invitation.status()))) file->Keep();
  ARCHPOOL_RETURN_IF_ERROR(invitation.status());
  Json json = ToJson(*invitation);
  json[file ? "code_file" : "code"] = file ? flags.code_out : shown;
  const std::string where =
      file ? absl::StrCat("Its code is in ", flags.code_out, ".\n")
           : absl::StrCat("Its code, shown this once:\n", shown, "\n");
  context.Show(
      json, absl::StrCat(RenderInvitation(*invitation), where,
                         "Who has it joins with: archpool account join --code "
                         "CODE --name NAME --token-out FILE\n"));
  return absl::OkStatus();
}

absl::Status ListInvitations(Context& context) {
  ARCHPOOL_ASSIGN_OR_RETURN(PoolClient* const client, context.Client());
  ARCHPOOL_ASSIGN_OR_RETURN(
      const v1::ListInvitationsResponse response,
      client->ListAll(client->invitations(), &InvitationStub::ListInvitations,
                      v1::ListInvitationsRequest(),
                      &v1::ListInvitationsResponse::mutable_invitations));
  context.Show(ListToJson(response.invitations()),
               RenderInvitations(response, context.terminal()));
  return absl::OkStatus();
}

struct RevokeFlags {
  int64_t number = 0;
  std::string account;
};

absl::Status RevokeInvitation(Context& context, const RevokeFlags& flags) {
  ARCHPOOL_ASSIGN_OR_RETURN(PoolClient* const client, context.Client());
  v1::RevokeInvitationRequest request;
  request.set_number(flags.number);
  request.set_account_name(flags.account);
  ARCHPOOL_ASSIGN_OR_RETURN(
      const v1::RevokeInvitationResponse response,
      client->Call(client->invitations(), &InvitationStub::RevokeInvitation,
                   request));
  context.Show(
      ToJson(response.invitation()),
      absl::StrCat("Invitation ", response.invitation().number(), " of ",
                   Clean(response.invitation().account_name()),
                   " is over: nobody joins by it any more. Accounts that did "
                   "stay.\n"));
  return absl::OkStatus();
}

void AddFlags(CLI::App& invite, InviteFlags& flags) {
  static const std::map<std::string, v1::Role> kRoles = {
      {"client", v1::ROLE_CLIENT}, {"miner", v1::ROLE_MINER}};
  invite
      .add_option("--role", flags.role,
                  "What those who join become, client or miner; miner by "
                  "default")
      ->transform(CLI::CheckedTransformer(kRoles).description(""));
  invite.add_option("--uses", flags.uses_max, "How many accounts it makes")
      ->check(
          CLI::Range(limits::kInvitationUses.min, limits::kInvitationUses.max))
      ->capture_default_str();
  invite
      .add_option("--expires", flags.expires,
                  "How long it is open, 1m to 90d, such as 12h or 7d")
      ->capture_default_str();
  invite.add_option("--code-out", flags.code_out,
                    "Writes the code to this new file, for its owner alone, "
                    "instead of showing it");
}

}  // namespace

void AddInviteCommands(CLI::App& app, Action& action) {
  const auto flags = std::make_shared<InviteFlags>();
  CLI::App* invite = app.add_subcommand(
      "invite",
      "Make an invitation and show its code, once: who has it can make an "
      "account, which\nshares with yours what one account may have (an "
      "operator's guests share with nobody)");
  invite->require_subcommand(0, 1);
  AddFlags(*invite, *flags);
  invite->footer(
      "Example:\n  archpool --token-file alice.token invite --uses 2 --expires "
      "1d");
  // Called after those of the subcommands.
  invite->callback([&action, flags, invite] {
    if (!invite->get_subcommands().empty()) return;
    action = [flags](Context& c) { return MakeInvitation(c, *flags); };
  });
  invite
      ->add_subcommand("list",
                       "Show your invitations (operators: those of all)")
      ->callback([&action] { action = ListInvitations; });
  const auto revoke_flags = std::make_shared<RevokeFlags>();
  CLI::App* revoke = invite->add_subcommand(
      "revoke", "Let nobody join by an invitation any more");
  revoke
      ->add_option("NUMBER", revoke_flags->number,
                   "The invitation's, as invite list shows it")
      ->required()
      ->check(CLI::Range(int64_t{1}, limits::kInvitationsOpenMax));
  revoke->add_option("--account", revoke_flags->account,
                     "Whose it is (operators); your own by default");
  revoke->callback([&action, revoke_flags] {
    action = [revoke_flags](Context& c) {
      return RevokeInvitation(c, *revoke_flags);
    };
  });
}

}  // namespace archpool
