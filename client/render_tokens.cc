// SPDX-License-Identifier: Apache-2.0
#include "client/render_tokens.h"

#include "absl/strings/str_cat.h"
#include "client/times.h"
#include "common/wire/words.h"

namespace archpool {
namespace {

Table::Cell StateOf(const v1::Token& token) {
  if (token.is_in_force()) return {"in force", Color::kGreen};
  return token.has_revoke_time() ? "revoked" : "expired";
}

std::string EndOf(const v1::Token& token) {
  if (token.has_revoke_time()) return FormatMoment(ToTime(token.revoke_time()));
  if (token.has_expire_time()) return FormatMoment(ToTime(token.expire_time()));
  return "never";
}

}  // namespace

std::string DescribeToken(const v1::Token& token) {
  return absl::StrCat(
      Clean(token.name()), " (", wire::WordOf(token.scope()), ")",
      token.has_expire_time() ? absl::StrCat(", until ", EndOf(token)) : "");
}

std::string RenderTokens(const v1::ListTokensResponse& response,
                         const Terminal& terminal) {
  if (response.tokens().empty()) return "No tokens.\n";
  Table table(
      {{"name"}, {"scope"}, {"state"}, {"made"}, {"last used"}, {"ends"}});
  for (const v1::Token& one : response.tokens()) {
    table.AddRow({one.name(), wire::WordOf(one.scope()), StateOf(one),
                  FormatMoment(ToTime(one.create_time())),
                  one.has_last_use_time()
                      ? FormatMoment(ToTime(one.last_use_time()))
                      : "",
                  EndOf(one)});
  }
  return table.Render(terminal, 0);
}

}  // namespace archpool
