// SPDX-License-Identifier: Apache-2.0
// archpool account ...
#include <CLI/CLI.hpp>
#include <map>
#include <memory>
#include <optional>
#include <ostream>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "client/context.h"
#include "client/doubt.h"
#include "client/invite_code.h"
#include "client/new_account.h"
#include "client/render_pool.h"
#include "client/render_tokens.h"
#include "common/base/standard_streams.h"
#include "common/base/status.h"
#include "common/channel/token_file.h"
#include "common/crypto/sha256.h"
#include "common/crypto/token.h"
#include "common/wire/words.h"

namespace archpool {
namespace {

struct CreateFlags {
  std::string name;
  v1::Role role = v1::ROLE_UNSPECIFIED;
  std::string token_out;
};

absl::StatusOr<v1::Account> AskForAccount(PoolClient& client,
                                          const CreateFlags& flags,
                                          const std::string& token) {
  v1::CreateAccountRequest request;
  request.set_name(flags.name);
  request.set_role(flags.role);
  request.set_token_hash(HashToken(token).AsBytes());
  ARCHPOOL_ASSIGN_OR_RETURN(
      v1::CreateAccountResponse response,
      client.Call(client.accounts(), &AccountStub::CreateAccount, request));
  return std::move(*response.mutable_account());
}

// The token is shown before the account is there: an output that takes nothing
// would lose it for good.
absl::Status CreateOnScreen(Context& context, PoolClient& client,
                            const CreateFlags& flags,
                            const std::string& token) {
  std::ostream& out = context.output().out;
  const std::optional<Pin> pin = context.ServerPin();
  if (context.is_json()) {
    out << "{\n  \"token\": \"" << token << "\",";
    if (pin) out << "\n  \"server_pin\": \"" << pin->ToString() << "\",";
  } else {
    out << "The token of " << Clean(flags.name) << ", shown this once"
        << (pin ? ", with the server's pin; save both lines as a token file"
                : "")
        << ":\n"
        << TokenFileText(token, pin);
  }
  ARCHPOOL_RETURN_IF_ERROR(FlushOutput(out));
  const absl::StatusOr<v1::Account> account =
      AskForAccount(client, flags, token);
  if (context.is_json()) {
    const std::string rest =
        (account.ok() ? ToJson(*account) : Json({{"account_id", nullptr}}))
            .dump(2);
    out << rest.substr(1) << "\n";
  } else if (account.ok()) {
    out << MadeLine(*account) << "\n";
  }
  if (!account.ok() && IsInDoubt(account.status())) {
    return InDoubt(account.status(),
                   "the account may have been made, with the token that was "
                   "shown; archpool account list tells");
  }
  ARCHPOOL_RETURN_IF_ERROR(account.status());
  return FlushOutput(out);
}

absl::Status CreateAccount(Context& context, const CreateFlags& flags) {
  ARCHPOOL_ASSIGN_OR_RETURN(PoolClient* const client, context.Client());
  // A pool that is away, or does not know the caller, makes no account: found
  // out before a token is made for one.
  ARCHPOOL_RETURN_IF_ERROR(
      client
          ->Call(client->accounts(), &AccountStub::WhoAmI, v1::WhoAmIRequest())
          .status());
  const std::string token = MakeToken();
  if (flags.token_out.empty()) {
    return CreateOnScreen(context, *client, flags, token);
  }
  return MakeAccountIntoFile(context, flags.token_out, token, [&] {
    return AskForAccount(*client, flags, token);
  });
}

struct JoinFlags {
  std::string code;
  std::string code_file;
  std::string name;
  std::string token_out;
};

absl::Status JoinPool(Context& context, const JoinFlags& flags) {
  std::string code = flags.code;
  if (!flags.code_file.empty()) {
    ARCHPOOL_ASSIGN_OR_RETURN(code, ReadTokenFile(flags.code_file));
  }
  if (code.empty()) {
    return InvalidArgument("CODE_UNSET",
                           "no code is given: name the invitation's with "
                           "--code, or the file that it stands in with "
                           "--code-file");
  }
  ARCHPOOL_ASSIGN_OR_RETURN(const InviteCode invited, InviteCode::Parse(code));
  std::optional<FoundPin> found;
  if (invited.server_pin) {
    found = FoundPin{*invited.server_pin, "the invitation's code"};
  }
  ARCHPOOL_ASSIGN_OR_RETURN(PoolClient* const client, context.Stranger(found));
  const std::string token = MakeToken();
  return MakeAccountIntoFile(
      context, flags.token_out, token, [&]() -> absl::StatusOr<v1::Account> {
        v1::JoinRequest request;
        request.set_code(invited.code);
        request.set_name(flags.name);
        request.set_token_hash(HashToken(token).AsBytes());
        ARCHPOOL_ASSIGN_OR_RETURN(v1::JoinResponse response,
                                  client->Call(client->invitations(),
                                               &InvitationStub::Join, request));
        return std::move(*response.mutable_account());
      });
}

absl::Status ListAccounts(Context& context) {
  ARCHPOOL_ASSIGN_OR_RETURN(PoolClient* const client, context.Client());
  ARCHPOOL_ASSIGN_OR_RETURN(
      const v1::ListAccountsResponse response,
      client->ListAll(client->accounts(), &AccountStub::ListAccounts,
                      v1::ListAccountsRequest(),
                      &v1::ListAccountsResponse::mutable_accounts));
  context.Show(ListToJson(response.accounts()),
               RenderAccounts(response, context.terminal()));
  return absl::OkStatus();
}

// Suspends the account or lifts its suspension.
template <typename Request, typename Response>
absl::Status SetAccountState(
    Context& context, const std::string& name,
    grpc::Status (AccountStub::*method)(grpc::ClientContext*, const Request&,
                                        Response*)) {
  ARCHPOOL_ASSIGN_OR_RETURN(PoolClient* const client, context.Client());
  Request request;
  request.set_account_name(name);
  ARCHPOOL_ASSIGN_OR_RETURN(const Response response,
                            client->Call(client->accounts(), method, request));
  context.Show(ToJson(response.account()),
               RenderAccount(response.account(), context.terminal()));
  return absl::OkStatus();
}

absl::Status SetVisibility(Context& context, const std::string& word) {
  ARCHPOOL_ASSIGN_OR_RETURN(PoolClient* const client, context.Client());
  v1::SetVisibilityRequest request;
  request.set_is_public(word == "public");
  ARCHPOOL_ASSIGN_OR_RETURN(
      const v1::SetVisibilityResponse response,
      client->Call(client->accounts(), &AccountStub::SetVisibility, request));
  context.Show(ToJson(response.account()),
               RenderAccount(response.account(), context.terminal()));
  return absl::OkStatus();
}

struct QuotaFlags {
  std::string name;
  int64_t open_tasks = -1;  // less than 0: stays as it is
  int64_t leases = -1;
  int64_t sessions = -1;
  int64_t stored_mib = -1;
  std::optional<std::string> group;  // "": out of the one that it is in
};

absl::StatusOr<v1::Quotas> GetOrSetQuotas(PoolClient& client,
                                          const QuotaFlags& flags) {
  if (flags.open_tasks < 0 && flags.leases < 0 && flags.sessions < 0 &&
      flags.stored_mib < 0 && !flags.group) {
    v1::GetQuotasRequest request;
    request.set_account_name(flags.name);
    ARCHPOOL_ASSIGN_OR_RETURN(
        const v1::GetQuotasResponse response,
        client.Call(client.accounts(), &AccountStub::GetQuotas, request));
    return response.quotas();
  }
  v1::SetQuotasRequest request;
  request.set_account_name(flags.name);
  if (flags.open_tasks >= 0) request.set_open_tasks(flags.open_tasks);
  if (flags.leases >= 0) request.set_leases(flags.leases);
  if (flags.sessions >= 0) request.set_sessions(flags.sessions);
  if (flags.stored_mib >= 0) request.set_stored_bytes(flags.stored_mib << 20);
  if (flags.group) request.set_group(*flags.group);
  ARCHPOOL_ASSIGN_OR_RETURN(
      const v1::SetQuotasResponse response,
      client.Call(client.accounts(), &AccountStub::SetQuotas, request));
  return response.quotas();
}

absl::Status ShowQuotas(Context& context, const QuotaFlags& flags) {
  ARCHPOOL_ASSIGN_OR_RETURN(PoolClient* const client, context.Client());
  ARCHPOOL_ASSIGN_OR_RETURN(const v1::Quotas quotas,
                            GetOrSetQuotas(*client, flags));
  Json json = {{"account", Clean(quotas.account_name())},
               {"proven", quotas.is_proven()},
               {"group", nullptr},
               {"pause_left_seconds", quotas.pause_left().seconds()}};
  std::string page = absl::StrCat("Account ", Clean(quotas.account_name()),
                                  quotas.is_proven() ? " (proven)" : "", "\n");
  if (quotas.has_group()) {
    json["group"] = Clean(quotas.group());
    absl::StrAppend(&page, "  of the group ", Clean(quotas.group()),
                    ", whose accounts share what one may have\n");
  }
  const auto add = [&](const char* word, const char* text,
                       const v1::Quotas::Line& line, int64_t unit = 1) {
    json[word] = {{"held", line.held()},
                  {"max", line.max()},
                  {"allowed", line.allowed()}};
    absl::StrAppend(
        &page, "  ", text, ": ", (line.held() + unit - 1) / unit, " of ",
        line.max() / unit,
        line.allowed() > 0
            ? absl::StrCat(" (an operator allows ", line.allowed() / unit, ")")
            : "",
        "\n");
  };
  add("open_tasks", "open tasks", quotas.open_tasks());
  add("leases", "leases", quotas.leases());
  add("sessions", "workers", quotas.sessions());
  if (quotas.has_watches()) {  // an older server does not say
    add("subspaces_opened", "subspaces of tasks opened within the hour",
        quotas.subspaces_opened());
    add("sessions_opened", "sessions opened within the hour",
        quotas.sessions_opened());
    add("watches", "watched tasks", quotas.watches());
  }
  if (quotas.has_stored_bytes()) {
    add("stored_bytes", "MiB stored with the pool", quotas.stored_bytes(),
        int64_t{1} << 20);
  }
  if (quotas.pause_left().seconds() > 0) {
    absl::StrAppend(&page, quotas.has_group() ? "  its group" : " ",
                    " gave up too many leases: gets the next in ",
                    quotas.pause_left().seconds(), " s\n");
  }
  context.Show(json, page);
  return absl::OkStatus();
}

absl::Status ShowTerms(Context& context) {
  ARCHPOOL_ASSIGN_OR_RETURN(PoolClient* const client, context.Client());
  ARCHPOOL_ASSIGN_OR_RETURN(
      const v1::GetTermsResponse terms,
      client->Call(client->pool(), &PoolStub::GetTerms, v1::GetTermsRequest()));
  std::string key = "unknown";
  if (const auto digest = Digest::FromBytes(terms.receipt_key()); digest.ok()) {
    key = digest->ToString();
  }
  context.Show(
      {{"reward_rule", wire::WordOf(terms.reward_rule())},
       {"window_work_units", terms.window_work_units()},
       {"fee_ppm", terms.fee_ppm()},
       {"payout_minimum", FormatCoins(terms.payout_min_micros())},
       {"receipt_key", key},
       {"text", Clean(terms.text())}},
      absl::StrCat(
          Wrap(Clean(terms.text()), context.terminal().width, 0),
          "Smallest payout, in coins: ", FormatCoins(terms.payout_min_micros()),
          ".\nReceipts are signed with the key ", key, "\n"));
  return absl::OkStatus();
}

absl::Status WhoAmI(Context& context) {
  ARCHPOOL_ASSIGN_OR_RETURN(PoolClient* const client, context.Client());
  ARCHPOOL_ASSIGN_OR_RETURN(
      const v1::WhoAmIResponse response,
      client->Call(client->accounts(), &AccountStub::WhoAmI,
                   v1::WhoAmIRequest()));
  Json answer = ToJson(response.account());
  answer["server_version"] = response.server_version();
  std::string token_line;
  if (response.has_token()) {  // an older server does not say
    answer["token"] = ToJson(response.token());
    token_line =
        absl::StrCat("  token   ", DescribeToken(response.token()), "\n");
  }
  context.Show(answer, absl::StrCat(RenderAccount(response.account(),
                                                  context.terminal()),
                                    token_line, "  server  of version ",
                                    Clean(response.server_version()), "\n"));
  return absl::OkStatus();
}

void AddCreate(CLI::App& group, Action& action) {
  const auto flags = std::make_shared<CreateFlags>();
  static const std::map<std::string, v1::Role> kRoles = {
      {"client", v1::ROLE_CLIENT},
      {"miner", v1::ROLE_MINER},
      {"verifier", v1::ROLE_VERIFIER},
      {"operator", v1::ROLE_OPERATOR}};

  CLI::App* create = group.add_subcommand(
      "create", "Create an account and show its token, once (operators)");
  create->add_option("--name", flags->name, "1 to 64 characters of [a-z0-9-]")
      ->required();
  create
      ->add_option("--role", flags->role, "client, miner, verifier or operator")
      ->required()
      ->transform(CLI::CheckedTransformer(kRoles).description(""));
  create->add_option("--token-out", flags->token_out,
                     "Writes the token to this new file, for its owner alone, "
                     "instead of showing it");
  create->footer(
      "Example:\n  archpool --token-file operator.token account create "
      "--name alice --role miner "
      "\\\n    --token-out alice.token");
  create->callback([&action, flags] {
    action = [flags](Context& c) { return CreateAccount(c, *flags); };
  });
}

void AddJoin(CLI::App& group, Action& action) {
  const auto flags = std::make_shared<JoinFlags>();
  CLI::App* join = group.add_subcommand(
      "join", "Make an account of your own, by an invitation (needs no token)");
  join->add_option("--name", flags->name, "1 to 64 characters of [a-z0-9-]")
      ->required();
  CLI::Option* code =
      join->add_option("--code", flags->code, "The invitation's code");
  join->add_option("--code-file", flags->code_file,
                   "The file that the code stands in")
      ->excludes(code);
  join->add_option("--token-out", flags->token_out,
                   "Writes the account's token to this new file, for its owner "
                   "alone")
      ->required();
  join->footer(
      "Example:\n  archpool account join --code inv_... --name bob "
      "--token-out bob.token");
  join->callback([&action, flags] {
    action = [flags](Context& c) { return JoinPool(c, *flags); };
  });
}

void AddVisibility(CLI::App& group, Action& action) {
  const auto word = std::make_shared<std::string>();
  CLI::App* visibility =
      group.add_subcommand("visibility",
                           "Whether clients and other miners see your "
                           "account's name, or its number alone (at first)");
  visibility->add_option("STATE", *word, "public or private")
      ->required()
      ->check(CLI::IsMember({"public", "private"}).description(""));
  visibility->callback([&action, word] {
    action = [word](Context& c) { return SetVisibility(c, *word); };
  });
}

void AddQuota(CLI::App& group, Action& action) {
  const auto quota_flags = std::make_shared<QuotaFlags>();
  CLI::App* quota = group.add_subcommand(
      "quota",
      "Show an account's quotas and their use; operators may raise them");
  quota->add_option("name", quota_flags->name,
                    "The account; your own by default");
  const auto add_quota = [quota](const char* flag, int64_t& value,
                                 const char* help, int64_t max = 1'000'000) {
    quota->add_option(flag, value, help)->check(CLI::Range(int64_t{0}, max));
  };
  add_quota("--open-tasks", quota_flags->open_tasks,
            "Let a client have this many open tasks; 0 restores the default");
  add_quota(
      "--leases", quota_flags->leases,
      "Let a miner have this many leases at once; 0 restores the default");
  add_quota("--sessions", quota_flags->sessions,
            "Let a miner have this many workers; 0 restores the default");
  add_quota("--stored-mib", quota_flags->stored_mib,
            "Let a client's files and datasets take this many MiB of the "
            "pool's disk; 0 restores the default",
            int64_t{1} << 30);
  quota->add_option(
      "--group", quota_flags->group,
      "Let accounts with this group's name share what one account may have; "
      "\"\" takes the account out");
  quota->callback([&action, quota_flags] {
    action = [quota_flags](Context& c) { return ShowQuotas(c, *quota_flags); };
  });
}

}  // namespace

void AddAccountCommands(CLI::App& app, Action& action) {
  CLI::App* group =
      app.add_subcommand("account", "Accounts of the pool, and your own");
  group->require_subcommand(1);
  const auto name = std::make_shared<std::string>();
  AddCreate(*group, action);
  AddJoin(*group, action);
  AddTokenCommands(*group, action);
  group
      ->add_subcommand("list",
                       "List all accounts with their standing (operators)")
      ->callback([&action] { action = ListAccounts; });

  const auto add_state = [&](const char* word, const char* help, auto method) {
    CLI::App* command = group->add_subcommand(word, help);
    command->add_option("name", *name, "The account")->required();
    command->callback([&action, name, method] {
      action = [name, method](Context& c) {
        return SetAccountState(c, *name, method);
      };
    });
  };
  add_state("suspend", "Stop leasing to an account (operators)",
            &AccountStub::SuspendAccount);
  add_state("resume", "Lift a suspension (operators)",
            &AccountStub::ReinstateAccount);

  AddQuota(*group, action);
  AddVisibility(*group, action);
  group
      ->add_subcommand("terms",
                       "Show payment terms and the key that signs receipts")
      ->callback([&action] { action = ShowTerms; });
  group
      ->add_subcommand("whoami",
                       "Show the account of this token and its standing")
      ->callback([&action] { action = WhoAmI; });
}

}  // namespace archpool
