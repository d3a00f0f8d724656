// archpool account ...
#include <CLI/CLI.hpp>
#include <map>
#include <memory>

#include "absl/strings/str_cat.h"
#include "client/context.h"
#include "client/render_pool.h"
#include "common/base/durable_file.h"
#include "common/base/status.h"
#include "common/crypto/sha256.h"

namespace archpool {
namespace {

using Stub = v1::PoolService::Stub;

struct CreateFlags {
  std::string name;
  v1::Role role = v1::ROLE_UNSPECIFIED;
  std::string token_out;
};

absl::Status Create(Context& context, const CreateFlags& flags) {
  ARCHPOOL_ASSIGN_OR_RETURN(PoolClient* const client, context.Client());
  // The token is shown once: a file that cannot be written is found before.
  if (!flags.token_out.empty()) {
    ARCHPOOL_RETURN_IF_ERROR(WriteFileDurably(flags.token_out, ""));
  }
  v1::CreateAccountRequest request;
  request.set_name(flags.name);
  request.set_role(flags.role);
  ARCHPOOL_ASSIGN_OR_RETURN(
      const v1::CreateAccountResponse response,
      client->Call(client->pool(), &Stub::CreateAccount, request));
  Json json = ToJson(response.account());
  std::string page =
      absl::StrCat("Account ", Clean(response.account().name()), " (",
                   WordOf(response.account().role()), ") is made. Its token");
  if (flags.token_out.empty()) {
    json["token"] = response.token();
    absl::StrAppend(&page, ", shown this once:\n", Clean(response.token()),
                    "\n");
  } else {
    ARCHPOOL_RETURN_IF_ERROR(WriteFileDurably(
        flags.token_out, absl::StrCat(response.token(), "\n")));
    json["token_file"] = flags.token_out;
    absl::StrAppend(&page, " is in ", flags.token_out, "\n");
  }
  context.Show(json, page);
  return absl::OkStatus();
}

absl::Status List(Context& context) {
  ARCHPOOL_ASSIGN_OR_RETURN(PoolClient* const client, context.Client());
  ARCHPOOL_ASSIGN_OR_RETURN(const v1::ListAccountsResponse response,
                            client->Call(client->pool(), &Stub::ListAccounts,
                                         v1::ListAccountsRequest()));
  context.Show(ListToJson(response.accounts()),
               RenderAccounts(response, context.terminal()));
  return absl::OkStatus();
}

absl::Status SetState(Context& context, const std::string& name,
                      v1::Account::State state) {
  ARCHPOOL_ASSIGN_OR_RETURN(PoolClient* const client, context.Client());
  v1::SetAccountStateRequest request;
  request.set_name(name);
  request.set_state(state);
  ARCHPOOL_ASSIGN_OR_RETURN(
      const v1::SetAccountStateResponse response,
      client->Call(client->pool(), &Stub::SetAccountState, request));
  context.Show(ToJson(response.account()),
               RenderAccount(response.account(), context.terminal()));
  return absl::OkStatus();
}

absl::Status ShowTerms(Context& context) {
  ARCHPOOL_ASSIGN_OR_RETURN(PoolClient* const client, context.Client());
  ARCHPOOL_ASSIGN_OR_RETURN(
      const v1::GetTermsResponse terms,
      client->Call(client->pool(), &Stub::GetTerms, v1::GetTermsRequest()));
  std::string key = "unknown";
  if (const auto digest = Digest::FromBytes(terms.receipt_key()); digest.ok()) {
    key = digest->ToString();
  }
  context.Show(
      {{"reward_rule", Clean(terms.reward_rule())},
       {"window_work_units", terms.window_work_units()},
       {"fee_ppm", terms.fee_ppm()},
       {"payout_minimum", FormatCoins(terms.payout_minimum())},
       {"receipt_key", key},
       {"text", Clean(terms.text())}},
      absl::StrCat(Wrap(Clean(terms.text()), context.terminal().width, 0),
                   "The least that is paid out, in coins: ",
                   FormatCoins(terms.payout_minimum()),
                   ".\nReceipts are signed with the key ", key, "\n"));
  return absl::OkStatus();
}

absl::Status WhoAmI(Context& context) {
  ARCHPOOL_ASSIGN_OR_RETURN(PoolClient* const client, context.Client());
  ARCHPOOL_ASSIGN_OR_RETURN(
      const v1::WhoAmIResponse response,
      client->Call(client->pool(), &Stub::WhoAmI, v1::WhoAmIRequest()));
  context.Show(ToJson(response.account()),
               RenderAccount(response.account(), context.terminal()));
  return absl::OkStatus();
}

}  // namespace

void AddAccountCommands(CLI::App& app, Action& action) {
  CLI::App* group =
      app.add_subcommand("account", "Accounts of the pool, and your own");
  group->require_subcommand(1);
  const auto name = std::make_shared<std::string>();
  const auto flags = std::make_shared<CreateFlags>();
  static const std::map<std::string, v1::Role> kRoles = {
      {"client", v1::ROLE_CLIENT},
      {"miner", v1::ROLE_MINER},
      {"verifier", v1::ROLE_VERIFIER},
      {"operator", v1::ROLE_OPERATOR}};

  CLI::App* create = group->add_subcommand(
      "create", "Makes an account and shows its token, once (operators)");
  create->add_option("--name", flags->name, "1 to 64 characters of [a-z0-9-]")
      ->required();
  create
      ->add_option("--role", flags->role, "client, miner, verifier or operator")
      ->required()
      ->transform(CLI::CheckedTransformer(kRoles).description(""));
  create->add_option("--token-out", flags->token_out,
                     "Writes the token to this file, for its owner alone, "
                     "instead of showing it");
  create->footer(
      "Example:\n  archpool --token-file operator.token account create "
      "--name alice --role miner "
      "\\\n    --token-out alice.token");
  create->callback([&action, flags] {
    action = [flags](Context& c) { return Create(c, *flags); };
  });

  group->add_subcommand("list", "Every account with its standing (operators)")
      ->callback([&action] { action = List; });

  const auto add_state = [&](const char* word, const char* help,
                             v1::Account::State state) {
    CLI::App* command = group->add_subcommand(word, help);
    command->add_option("name", *name, "The account")->required();
    command->callback([&action, name, state] {
      action = [name, state](Context& c) { return SetState(c, *name, state); };
    });
  };
  add_state("suspend", "Gives the account no more leases (operators)",
            v1::Account::STATE_SUSPENDED);
  add_state("resume", "Lifts a suspension (operators)",
            v1::Account::STATE_ACTIVE);

  group->add_subcommand("terms", "What the pool pays by, and its receipts' key")
      ->callback([&action] { action = ShowTerms; });
  group->add_subcommand("whoami", "Whose token this is, and its standing")
      ->callback([&action] { action = WhoAmI; });
}

}  // namespace archpool
