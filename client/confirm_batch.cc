// SPDX-License-Identifier: Apache-2.0
#include "client/confirm_batch.h"

#include <filesystem>
#include <set>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "client/json.h"
#include "client/text.h"
#include "common/base/durable_file.h"
#include "common/base/reason.h"
#include "common/base/status.h"
#include "common/data/read_file.h"
#include "common/model/payout_batch.h"

namespace archpool {
namespace {

constexpr int64_t kBatchBytesMax = int64_t{16} << 20;
constexpr int64_t kKeyBytesMax = 1024;

using Keys = std::set<std::string>;

absl::Status Malformed(const std::string& path, absl::string_view what) {
  return InvalidArgument("BATCH_MALFORMED",
                         absl::StrCat(path, " is no batch of payouts: ", what));
}

// The keys of a batch that the pool wrote and nobody changed.
absl::StatusOr<Keys> ReadBatch(const std::string& path,
                               const std::string& folder,
                               const std::string& name) {
  ARCHPOOL_ASSIGN_OR_RETURN(const std::string text,
                            ReadFile(path, kBatchBytesMax));
  const Json batch = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!batch.is_object() || batch.value("batch", Json()) != Json(name) ||
      !batch.contains("payouts") || !batch["payouts"].is_array() ||
      batch["payouts"].empty()) {
    return Malformed(path,
                     absl::StrCat("it does not hold the payouts of ", name));
  }
  Keys keys;
  for (const Json& payout : batch["payouts"]) {
    if (!payout.is_object() || !payout.contains("key") ||
        !payout["key"].is_string() ||
        !keys.insert(payout["key"].get<std::string>()).second) {
      return Malformed(path, "a payout has no key of its own");
    }
  }
  const absl::StatusOr<std::string> signature = ReadFile(
      absl::StrCat(folder, "/", name, kBatchSignatureEnd), kKeyBytesMax);
  const absl::StatusOr<std::string> key =
      ReadFile(absl::StrCat(folder, "/", kBatchKeyName), kKeyBytesMax);
  for (const auto* file : {&signature, &key}) {
    if (file->ok()) continue;
    return InvalidArgument(
        "BATCH_UNSIGNED",
        absl::StrCat("whether the pool wrote ", path,
                     " cannot be told: ", file->status().message(),
                     "; confirm it in the folder that the pool wrote it to"));
  }
  if (!IsBatchSigned(text, *signature, *key)) {
    return InvalidArgument(
        "BATCH_UNSIGNED",
        absl::StrCat(path,
                     " is not as the pool signed it: compare what was "
                     "paid with archpool payout list"));
  }
  return keys;
}

// Adds one KEY=REASON.
absl::Status AddRefusal(const std::string& text, const Keys& keys,
                        Json& result) {
  const std::pair<std::string, std::string> parts =
      absl::StrSplit(text, absl::MaxSplits('=', 1));
  if (!keys.contains(parts.first) || !IsReason(parts.second)) {
    return InvalidArgument(
        "REFUSAL_MALFORMED",
        absl::StrCat("--refused ", Clean(text),
                     ": give KEY=REASON with a key of the batch, such as "
                     "ADDRESS_UNKNOWN for the reason"));
  }
  if (result.contains(parts.first)) {
    return InvalidArgument("REFUSAL_MALFORMED",
                           absl::StrCat("--refused names ", parts.first,
                                        " twice; keep one of the two"));
  }
  result[parts.first] = {{"state", "refused"}, {"reason", parts.second}};
  return absl::OkStatus();
}

absl::StatusOr<Json> MakeResult(const BatchConfirmation& confirmation,
                                const Keys& keys) {
  Json result = Json::object();
  for (const std::string& refusal : confirmation.refused) {
    ARCHPOOL_RETURN_IF_ERROR(AddRefusal(refusal, keys, result));
  }
  if (result.size() == keys.size() && confirmation.reference.empty()) {
    return result;
  }
  if (!IsPaymentReference(confirmation.reference)) {
    return InvalidArgument(
        "REFERENCE_MALFORMED",
        "--reference takes 1 to 200 printable characters of ASCII, as your "
        "bank or chain names the payment");
  }
  for (const std::string& key : keys) {
    if (result.contains(key)) continue;
    result[key] = {{"state", "settled"}, {"reference", confirmation.reference}};
  }
  return result;
}

// Whether an earlier result says all of `result` already.
absl::StatusOr<bool> IsSaid(const std::string& path, const Json& result) {
  std::error_code error;
  if (!std::filesystem::exists(path, error)) return false;
  ARCHPOOL_ASSIGN_OR_RETURN(const std::string text,
                            ReadFile(path, kBatchBytesMax));
  const Json said = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!said.is_object()) {
    return FailedPrecondition(
        "CONFIRMED_OTHERWISE",
        absl::StrCat(path,
                     " is there and cannot be read as a result; look at "
                     "it, and remove it if it says nothing"));
  }
  for (const auto& [key, word] : said.items()) {
    if (result.contains(key) && result[key] == word) continue;
    return FailedPrecondition(
        "CONFIRMED_OTHERWISE",
        absl::StrCat(
            path, " says of ", Clean(key), ": ",
            Clean(word.dump(-1, ' ', false, Json::error_handler_t::replace)),
            ". The pool may have booked that: archpool payout list tells. "
            "Only if it has not, remove that file and confirm again"));
  }
  return said.size() == result.size();
}

}  // namespace

absl::StatusOr<ConfirmedBatch> ConfirmBatch(
    const BatchConfirmation& confirmation) {
  const std::filesystem::path path(confirmation.path);
  const std::string name = path.stem().string();
  if (path.extension() != kBatchEnd || !IsBatchName(name)) {
    return Malformed(confirmation.path,
                     "name the file BATCH.json that the pool wrote, 16 hex "
                     "digits and .json");
  }
  const std::string folder =
      path.has_parent_path() ? path.parent_path().string() : ".";
  ARCHPOOL_ASSIGN_OR_RETURN(const Keys keys,
                            ReadBatch(confirmation.path, folder, name));
  ARCHPOOL_ASSIGN_OR_RETURN(const Json result, MakeResult(confirmation, keys));
  ConfirmedBatch confirmed{
      .result_path = absl::StrCat(folder, "/", name, kBatchResultEnd),
      .settled = keys.size() - confirmation.refused.size(),
      .refused = confirmation.refused.size()};
  ARCHPOOL_ASSIGN_OR_RETURN(const bool is_said,
                            IsSaid(confirmed.result_path, result));
  confirmed.is_new = !is_said;
  if (is_said) return confirmed;
  ARCHPOOL_RETURN_IF_ERROR(
      WriteFileDurably(confirmed.result_path, result.dump(2) + "\n"));
  return confirmed;
}

}  // namespace archpool
