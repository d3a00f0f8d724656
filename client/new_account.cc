// SPDX-License-Identifier: Apache-2.0
#include "client/new_account.h"

#include "absl/strings/str_cat.h"
#include "client/doubt.h"
#include "common/base/durable_file.h"
#include "common/base/status.h"
#include "common/channel/token_file.h"
#include "common/wire/words.h"

namespace archpool {

std::string MadeLine(const v1::Account& account) {
  return absl::StrCat("Account ", Clean(account.name()), " (",
                      wire::WordOf(account.role()), ") is made.");
}

absl::Status MakeAccountIntoFile(
    const Context& context, const std::string& token_out,
    const std::string& token,
    const std::function<absl::StatusOr<v1::Account>()>& ask) {
  ARCHPOOL_ASSIGN_OR_RETURN(
      NewFile file,
      NewFile::Create(token_out, TokenFileText(token, context.ServerPin())));
  const absl::StatusOr<v1::Account> account = ask();
  if (account.ok() || IsInDoubt(account.status())) file.Keep();
  if (!account.ok() && IsInDoubt(account.status())) {
    return InDoubt(
        account.status(),
        absl::StrCat("the account may have been made; its token is kept in ",
                     token_out, ": archpool --token-file ", token_out,
                     " account whoami tells. If it was not, "
                     "remove the file and ask again"));
  }
  ARCHPOOL_RETURN_IF_ERROR(account.status());
  Json json = ToJson(*account);
  json["token_file"] = token_out;
  context.Show(json, absl::StrCat(MadeLine(*account), " Its token is in ",
                                  token_out, "\n"));
  return absl::OkStatus();
}

}  // namespace archpool
