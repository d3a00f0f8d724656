// SPDX-License-Identifier: Apache-2.0
#include "server/payout/rail_answers.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/reason.h"
#include "common/base/status.h"
#include "common/crypto/sha256.h"
#include "common/model/coins.h"
#include "common/model/payout_batch.h"

namespace archpool {
namespace {

using Json = nlohmann::json;

constexpr size_t kReferenceLengthMax = 200;

RailAnswer Doubt(std::string reason) {
  return {RailWord::kDoubt, "", std::move(reason)};
}

std::string TextAt(const Json& object, const char* name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_string() ? found->get<std::string>()
                                                     : "";
}

bool IsReference(const std::string& text) {
  return !text.empty() && text.size() <= kReferenceLengthMax &&
         std::all_of(text.begin(), text.end(),
                     [](char c) { return c > ' ' && c < 0x7f; });
}

// What it says became of a payout, whichever it is.
RailAnswer StateIn(const Json& answer) {
  const std::string state = TextAt(answer, "state");
  const std::string reference = TextAt(answer, "reference");
  if (state == "settled" && IsReference(reference)) {
    return {RailWord::kSettled, reference, ""};
  }
  if (state == "sent") {
    return {RailWord::kSent, IsReference(reference) ? reference : "", ""};
  }
  if (state == "refused") {
    const std::string reason = TextAt(answer, "reason");
    return {RailWord::kRefused, "", IsReason(reason) ? reason : "REFUSED"};
  }
  return Doubt("ANSWER_MALFORMED");
}

}  // namespace

RailAnswer ReadRailAnswer(const Payout& payout, int status,
                          const std::string& body) {
  const Json answer = Json::parse(body, nullptr, /*allow_exceptions=*/false);
  if (!answer.is_object() || TextAt(answer, "key") != payout.key.ToString()) {
    return Doubt(absl::StrCat("HTTP_", status));
  }
  if (status == 404 && TextAt(answer, "state") == "never_seen") {
    return {RailWord::kNeverSeen, "", ""};
  }
  if (status < 200 || status > 202) return Doubt(absl::StrCat("HTTP_", status));
  // A key that stands for another payout there must not settle this one.
  if (TextAt(answer, "address") != payout.address ||
      TextAt(answer, "coins") != FormatCoins(payout.amount)) {
    return Doubt("RAIL_DIFFERS");
  }
  return StateIn(answer);
}

absl::Status RailListMalformed(absl::string_view what) {
  return Unavailable("RAIL_LIST_MALFORMED",
                     absl::StrCat("the rail's list of payouts makes no sense (",
                                  what, "); it is asked again"));
}

absl::StatusOr<std::string> AddRailPage(const std::string& body,
                                        RailList& list) {
  const Json page = Json::parse(body, nullptr, /*allow_exceptions=*/false);
  if (!page.is_object()) return RailListMalformed("no object");
  const auto payouts = page.find("payouts");
  if (payouts == page.end() || !payouts->is_array()) {
    return RailListMalformed("no payouts");
  }
  for (const Json& one : *payouts) {
    if (!one.is_object()) return RailListMalformed("a payout that is none");
    const absl::StatusOr<Digest> key = Digest::Parse(TextAt(one, "key"));
    const std::optional<Amount> amount = ParseCoins(TextAt(one, "coins"));
    if (!key.ok() || !amount || !IsPaidAddress(TextAt(one, "address"))) {
      return RailListMalformed("a payout without key, address or coins");
    }
    list.payouts.push_back({.key = *key,
                            .address = TextAt(one, "address"),
                            .amount = *amount,
                            .account = {},
                            .answer = StateIn(one)});
  }
  return TextAt(page, "next");
}

}  // namespace archpool
