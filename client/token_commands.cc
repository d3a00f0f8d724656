// SPDX-License-Identifier: Apache-2.0
// archpool account token ...
#include <CLI/CLI.hpp>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "client/context.h"
#include "client/doubt.h"
#include "client/render_tokens.h"
#include "client/term.h"
#include "client/times.h"
#include "common/base/durable_file.h"
#include "common/base/status.h"
#include "common/channel/token_file.h"
#include "common/crypto/token.h"
#include "common/model/limits.h"
#include "common/wire/fields.h"

namespace archpool {
namespace {

constexpr char kTermWords[] = "1m to 3660d, for instance 12h or 90d";
constexpr char kOverlapWords[] = "0s to 90d, for instance 1h or 2d";

struct TokenFlags {
  std::string name;
  v1::TokenScope scope = v1::TOKEN_SCOPE_UNSPECIFIED;
  std::string expires;  // "": never
  std::string token_out;
  std::string replaced;         // of a rotation
  std::string overlap = "24h";  // likewise
};

// What is shown of a token that was made.
struct Made {
  Json json;
  std::string page;
};

// Writes a new token to the new file `token_out`, for its owner alone, and asks
// for it. The file stays only where the token was made, or may have been.
absl::Status MakeIntoFile(
    const Context& context, const std::string& token_out,
    const std::function<absl::StatusOr<Made>(const std::string& hash)>& ask) {
  const std::string token = MakeToken();
  ARCHPOOL_ASSIGN_OR_RETURN(
      NewFile file,
      NewFile::Create(token_out, TokenFileText(token, context.ServerPin())));
  absl::StatusOr<Made> made = ask(HashToken(token).AsBytes());
  if (made.ok() || IsInDoubt(made.status())) file.Keep();
  if (!made.ok() && IsInDoubt(made.status())) {
    return InDoubt(
        made.status(),
        absl::StrCat("the token may have been made; it is kept in ", token_out,
                     ": archpool --token-file ", token_out,
                     " account whoami tells. If it was not, remove the file "
                     "and ask again"));
  }
  ARCHPOOL_RETURN_IF_ERROR(made.status());
  made->json["token_file"] = token_out;
  context.Show(made->json,
               absl::StrCat(made->page, "It is in ", token_out, "\n"));
  return absl::OkStatus();
}

// Sets the request's term, if the flags have one.
template <typename Request>
absl::Status SetTerm(const TokenFlags& flags, Request& request) {
  if (flags.expires.empty()) return absl::OkStatus();
  ARCHPOOL_ASSIGN_OR_RETURN(
      const absl::Duration term,
      ReadTerm("--expires", flags.expires, limits::kTokenTerm, kTermWords));
  *request.mutable_term() = wire::ToProto(term);
  return absl::OkStatus();
}

// Has the pool make a token by `method`, with the flags' term, and writes it
// into the flags' file; `describe` says of the response what is said to people.
template <typename Method, typename Request, typename Describe>
absl::Status AskForToken(Context& context, const TokenFlags& flags,
                         Method method, Request request,
                         const Describe& describe) {
  ARCHPOOL_RETURN_IF_ERROR(SetTerm(flags, request));
  ARCHPOOL_ASSIGN_OR_RETURN(PoolClient* const client, context.Client());
  return MakeIntoFile(context, flags.token_out,
                      [&](const std::string& hash) -> absl::StatusOr<Made> {
                        request.set_token_hash(hash);
                        ARCHPOOL_ASSIGN_OR_RETURN(
                            const auto response,
                            client->Call(client->tokens(), method, request));
                        return describe(response);
                      });
}

absl::Status CreateToken(Context& context, const TokenFlags& flags) {
  v1::CreateTokenRequest request;
  request.set_name(flags.name);
  request.set_scope(flags.scope);
  return AskForToken(
      context, flags, &TokenStub::CreateToken, request,
      [](const v1::CreateTokenResponse& response) {
        return Made{ToJson(response.token()),
                    absl::StrCat("Token ", DescribeToken(response.token()),
                                 " is made. ")};
      });
}

// "w-2" after "w", and "w-3" after that.
std::string NextName(const std::string& name) {
  const size_t dash = name.rfind('-');
  int64_t number = 0;
  if (dash != std::string::npos && dash > 0 && dash + 1 < name.size() &&
      name.size() - dash < 8 &&
      absl::SimpleAtoi(name.substr(dash + 1), &number) && number >= 2) {
    return absl::StrCat(name.substr(0, dash + 1), number + 1);
  }
  return absl::StrCat(name, "-2");
}

absl::Status RotateToken(Context& context, const TokenFlags& flags) {
  v1::RotateTokenRequest request;
  request.set_replaced_name(flags.replaced);
  request.set_name(flags.name.empty() ? NextName(flags.replaced) : flags.name);
  ARCHPOOL_ASSIGN_OR_RETURN(const absl::Duration overlap,
                            ReadTerm("--overlap", flags.overlap,
                                     limits::kTokenOverlap, kOverlapWords));
  *request.mutable_overlap() = wire::ToProto(overlap);
  return AskForToken(
      context, flags, &TokenStub::RotateToken, request,
      [](const v1::RotateTokenResponse& response) {
        Json json = ToJson(response.token());
        json["replaced"] = ToJson(response.replaced());
        return Made{
            json, absl::StrCat("Token ", DescribeToken(response.token()),
                               " is made, beside ",
                               DescribeToken(response.replaced()),
                               ": give the new one to those who use the other "
                               "before then. ")};
      });
}

absl::Status ListTokens(Context& context) {
  ARCHPOOL_ASSIGN_OR_RETURN(PoolClient* const client, context.Client());
  ARCHPOOL_ASSIGN_OR_RETURN(
      const v1::ListTokensResponse response,
      client->ListAll(client->tokens(), &TokenStub::ListTokens,
                      v1::ListTokensRequest(),
                      &v1::ListTokensResponse::mutable_tokens));
  context.Show(ListToJson(response.tokens()),
               RenderTokens(response, context.terminal()));
  return absl::OkStatus();
}

absl::Status RevokeToken(Context& context, const std::string& name) {
  ARCHPOOL_ASSIGN_OR_RETURN(PoolClient* const client, context.Client());
  v1::RevokeTokenRequest request;
  request.set_name(name);
  ARCHPOOL_ASSIGN_OR_RETURN(
      const v1::RevokeTokenResponse response,
      client->Call(client->tokens(), &TokenStub::RevokeToken, request));
  context.Show(
      ToJson(response.token()),
      absl::StrCat("Token ", Clean(response.token().name()),
                   " is over: nothing is done by it any more. Workers "
                   "that had it keep their work, and continue once their "
                   "--token-file holds another.\n"));
  return absl::OkStatus();
}

absl::Status ReplaceOwner(Context& context, const std::string& account,
                          const std::string& token_out) {
  v1::ReplaceOwnerTokensRequest request;
  request.set_account_name(account);
  ARCHPOOL_ASSIGN_OR_RETURN(PoolClient* const client, context.Client());
  return MakeIntoFile(
      context, token_out, [&](const std::string& hash) -> absl::StatusOr<Made> {
        request.set_token_hash(hash);
        ARCHPOOL_ASSIGN_OR_RETURN(
            const v1::ReplaceOwnerTokensResponse response,
            client->Call(client->tokens(), &TokenStub::ReplaceOwnerTokens,
                         request));
        Json json = ToJson(response);
        json["account"] = account;
        std::string page = absl::StrCat(
            response.revoked_count(), " of the owner's tokens of ",
            Clean(account), " are over, and ", DescribeToken(response.token()),
            " is made: give it to the account's owner over a line that the "
            "thief does not read, and have it rotated there (archpool account "
            "token rotate). Tokens of other scopes are still in force: the "
            "owner looks through them (archpool account token list). ");
        if (response.has_payout_address_time()) {
          absl::StrAppend(&page, "Its payout address is not paid to before ",
                          FormatMoment(ToTime(response.payout_address_time())),
                          ", and not at all if the owner sets another one. ");
        }
        return Made{json, page};
      });
}

void AddOut(CLI::App& command, TokenFlags& flags) {
  command
      .add_option("--expires", flags.expires,
                  "For how long, 1m to 3660d, such as 12h or 90d; until it is "
                  "revoked by default")
      ->type_name("TIME");
  command
      .add_option("--token-out", flags.token_out,
                  "Writes the token to this new file, for its owner alone; it "
                  "is shown nowhere else")
      ->required();
}

void AddTokenCreate(CLI::App& group, Action& action) {
  static const std::map<std::string, v1::TokenScope> kScopes = {
      {"owner", v1::TOKEN_SCOPE_OWNER},
      {"work", v1::TOKEN_SCOPE_WORK},
      {"spend", v1::TOKEN_SCOPE_SPEND},
      {"read", v1::TOKEN_SCOPE_READ}};
  const auto flags = std::make_shared<TokenFlags>();
  CLI::App* create = group.add_subcommand(
      "create", "Make another token of your account, for one program");
  create->add_option("--name", flags->name, "1 to 64 characters of [a-z0-9-]")
      ->required();
  create
      ->add_option("--scope", flags->scope,
                   "What it is for: work (a worker or a verifier), spend (a "
                   "client's tasks), read (looks\nonly) or owner (everything, "
                   "tokens and payouts too)")
      ->required()
      ->transform(CLI::CheckedTransformer(kScopes).description(""));
  AddOut(*create, *flags);
  create->footer(
      "Example:\n  archpool --token-file alice.token account token create "
      "--name desk-1 \\\n    --scope work --expires 90d --token-out "
      "desk-1.token");
  create->callback([&action, flags] {
    action = [flags](Context& c) { return CreateToken(c, *flags); };
  });
}

void AddRotate(CLI::App& group, Action& action) {
  const auto flags = std::make_shared<TokenFlags>();
  CLI::App* rotate = group.add_subcommand(
      "rotate", "Replace a token: both work for a while, then the new one");
  rotate->add_option("NAME", flags->replaced, "The token that is replaced")
      ->required();
  rotate->add_option("--name", flags->name,
                     "The new one's; NAME-2 and so on by default");
  rotate
      ->add_option("--overlap", flags->overlap,
                   "How long the replaced one still works, up to 90d")
      ->type_name("TIME")
      ->capture_default_str();
  AddOut(*rotate, *flags);
  rotate->callback([&action, flags] {
    action = [flags](Context& c) { return RotateToken(c, *flags); };
  });
}

void AddReplaceOwner(CLI::App& group, Action& action) {
  const auto account = std::make_shared<std::string>();
  const auto token_out = std::make_shared<std::string>();
  CLI::App* replace = group.add_subcommand(
      "replace-owner",
      "For operators: end all tokens of an account's owner, of which one was "
      "stolen, and make a new one");
  replace->add_option("ACCOUNT", *account, "The account's name")->required();
  replace
      ->add_option("--token-out", *token_out,
                   "Writes the token to this new file; it is shown nowhere "
                   "else")
      ->required();
  replace->footer(
      "Example:\n  archpool --token-file operator.token account suspend alice\n"
      "  archpool --token-file operator.token account token replace-owner "
      "alice \\\n    --token-out alice-new.token\n"
      "  archpool --token-file operator.token account resume alice");
  replace->callback([&action, account, token_out] {
    action = [account, token_out](Context& c) {
      return ReplaceOwner(c, *account, *token_out);
    };
  });
}

}  // namespace

void AddTokenCommands(CLI::App& account, Action& action) {
  CLI::App* group = account.add_subcommand(
      "token",
      "The tokens of your account. Those who change them use one of the scope "
      "owner");
  group->require_subcommand(1);
  AddTokenCreate(*group, action);
  AddRotate(*group, action);
  group
      ->add_subcommand("list",
                       "Show names, scopes, last use and ends; never a token")
      ->callback([&action] { action = ListTokens; });
  const auto name = std::make_shared<std::string>();
  CLI::App* revoke = group->add_subcommand("revoke", "End a token at once");
  revoke->add_option("NAME", *name, "The token's")->required();
  revoke->callback([&action, name] {
    action = [name](Context& c) { return RevokeToken(c, *name); };
  });
  AddReplaceOwner(*group, action);
}

}  // namespace archpool
