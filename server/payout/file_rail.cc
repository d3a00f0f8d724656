// SPDX-License-Identifier: Apache-2.0
#include "server/payout/file_rail.h"

#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "common/base/durable_file.h"
#include "common/base/hex.h"
#include "common/base/reason.h"
#include "common/base/status.h"
#include "common/crypto/canonical.h"
#include "common/data/read_file.h"
#include "common/log/log.h"
#include "common/model/coins.h"
#include "common/model/payout_batch.h"

namespace archpool {
namespace {

using Json = nlohmann::json;

constexpr int64_t kFileBytesMax = int64_t{16} << 20;

// As the file that people read; nothing is thrown.
Json Parse(const std::string& text) {
  return Json::parse(text, nullptr, /*allow_exceptions=*/false);
}

std::string TextAt(const Json& object, const char* name) {
  if (!object.is_object()) return "";
  const auto found = object.find(name);
  return found != object.end() && found->is_string() ? found->get<std::string>()
                                                     : "";
}

int64_t NumberAt(const Json& object, const char* name) {
  if (!object.is_object()) return 0;
  const auto found = object.find(name);
  return found != object.end() && found->is_number_integer()
             ? found->get<int64_t>()
             : 0;
}

// The same payouts make the same name: a batch sent again replaces itself.
std::string NameOf(absl::Span<const Payout> payouts) {
  CanonicalWriter writer("archpool/payout-batch-name/v1");
  for (const Payout& payout : payouts) writer.Fixed(payout.key);
  return writer.Hash().ToString().substr(0, 16);
}

RailAnswer Doubt(std::string reason) {
  return {RailWord::kDoubt, "", std::move(reason)};
}

}  // namespace

absl::StatusOr<std::unique_ptr<FileRail>> FileRail::Open(std::string directory,
                                                         SigningKey key,
                                                         size_t entries_max) {
  ARCHPOOL_RETURN_IF_ERROR(MakeDirectories(directory));
  std::unique_ptr<FileRail> rail(
      new FileRail(std::move(directory), std::move(key), entries_max));
  // The operator who confirms a batch sees by it that the batch is the pool's.
  ARCHPOOL_RETURN_IF_ERROR(
      WriteFileDurably(absl::StrCat(rail->directory_, "/", kBatchKeyName),
                       ToHex(rail->key_.public_key().bytes) + "\n"));
  rail->ReadBatches([&rail](const Batch& batch) {
    rail->Keep(batch);
    return true;
  });
  return rail;
}

void FileRail::Keep(const Batch& batch) {
  for (const auto& [key, entry] : batch) {
    entries_[key] = entry;
    kept_.push_back(key);
  }
  for (; kept_.size() > entries_max_; kept_.pop_front()) {
    entries_.erase(kept_.front());
  }
}

bool FileRail::ReadBatches(const std::function<bool(const Batch& batch)>& use) {
  std::error_code error;
  bool is_whole = true;
  for (const auto& file :
       std::filesystem::directory_iterator(directory_, error)) {
    const std::string name = file.path().filename().string();
    if (!absl::EndsWith(name, kBatchEnd) || name == kPaidSinceBackup) continue;
    const std::string batch(absl::StripSuffix(name, kBatchEnd));
    if (absl::EndsWith(name, kBatchResultEnd) &&
        IsBatchName(absl::StripSuffix(name, kBatchResultEnd))) {
      continue;
    }
    if (!IsBatchName(batch)) {
      if (warned_.insert(name).second) {
        LogWarn("batch_skipped",
                "a file among the payout batches is none and is skipped",
                "move it elsewhere", {{"path", file.path().string()}});
      }
      continue;
    }
    const absl::StatusOr<Batch> read = ReadBatch(batch, file.path().string());
    if (read.ok()) {
      if (!use(*read)) break;
      continue;
    }
    is_whole = false;
    if (warned_.insert(name).second) {
      LogWarn("batch_unreadable", "a batch of payouts cannot be read",
              "restore the file from a backup: its payouts stay in doubt until "
              "then",
              {{"path", file.path().string()}, {"error", read.status()}});
    }
  }
  return is_whole && !error;
}

absl::StatusOr<FileRail::Batch> FileRail::ReadBatch(
    const std::string& name, const std::string& path) const {
  ARCHPOOL_ASSIGN_OR_RETURN(const std::string text,
                            ReadFile(path, kFileBytesMax));
  const Json batch = Parse(text);
  const auto payouts = batch.is_object() ? batch.find("payouts") : batch.end();
  if (!batch.is_object() || payouts == batch.end() || !payouts->is_array()) {
    return FailedPrecondition(
        "BATCH_MALFORMED",
        absl::StrCat(path, " is no batch of payouts any more"));
  }
  Batch entries;
  for (const Json& payout : *payouts) {
    entries[TextAt(payout, "key")] = {name, TextAt(payout, "address"),
                                      TextAt(payout, "coins"),
                                      NumberAt(payout, "account_id")};
  }
  return entries;
}

std::vector<RailAnswer> FileRail::Send(absl::Span<const Payout> payouts) {
  Json list = Json::array();
  Amount total = 0;
  for (const Payout& payout : payouts) {
    list.push_back({{"key", payout.key.ToString()},
                    {"payout", payout.id.ToString()},
                    {"account_id", payout.account.value},
                    {"address", payout.address},
                    {"coins", FormatCoins(payout.amount)}});
    total += payout.amount;
  }
  const std::string name = NameOf(payouts);
  const std::string text =
      Json({{"batch", name}, {"total", FormatCoins(total)}, {"payouts", list}})
          .dump(2) +
      "\n";
  const std::string path = absl::StrCat(directory_, "/", name, kBatchEnd);
  const std::string signature = ToHex(key_.Sign(BatchToSign(text)).bytes);
  // The batch is there when its file is: its signature first.
  absl::Status written = WriteFileDurably(path + ".sig", signature + "\n");
  if (written.ok()) written = WriteFileDurably(path, text);
  if (!written.ok()) {
    LogError("batch_unwritable", "a batch of payouts could not be written",
             "free space on the disk of --data-dir, or repair it; the next "
             "round tries again",
             {{"path", path}, {"error", written}});
    return std::vector<RailAnswer>(payouts.size(), Doubt("BATCH_UNWRITABLE"));
  }
  Batch batch;
  for (const Payout& payout : payouts) {
    batch[payout.key.ToString()] = {
        name, payout.address, FormatCoins(payout.amount), payout.account.value};
  }
  Keep(batch);
  LogInfo("batch_written",
          "a batch of payouts is to be paid by hand; pay it, then: archpool "
          "payout confirm PATH --reference TEXT",
          {{"path", path},
           {"payouts", payouts.size()},
           {"total_coins", FormatCoins(total)}});
  return std::vector<RailAnswer>(payouts.size(), {RailWord::kSent, name, ""});
}

RailAnswer FileRail::LookUp(const Payout& payout) {
  const std::string key = payout.key.ToString();
  std::optional<Entry> entry;
  if (const auto found = entries_.find(key); found != entries_.end()) {
    entry = found->second;
  } else {
    // A write that failed may have left its file anyway; and only the
    // latest batches are kept.
    const bool is_whole = ReadBatches([&](const Batch& batch) {
      const auto in_file = batch.find(key);
      if (in_file == batch.end()) return true;
      entry = in_file->second;
      Keep(batch);
      return false;
    });
    if (!entry && !is_whole) return Doubt("BATCH_MALFORMED");
  }
  if (!entry) return {RailWord::kNeverSeen, "", ""};
  if (entry->address != payout.address ||
      entry->coins != FormatCoins(payout.amount)) {
    return Doubt("BATCH_DIFFERS");
  }
  return Result(*entry, key);
}

absl::StatusOr<RailList> FileRail::ListSince(absl::Time /*time*/) {
  RailList list;
  bool is_read = true;
  const bool is_whole = ReadBatches([&](const Batch& batch) {
    for (const auto& [key, entry] : batch) {
      const absl::StatusOr<Digest> digest = Digest::Parse(key);
      const std::optional<Amount> amount = ParseCoins(entry.coins);
      is_read = is_read && digest.ok() && amount.has_value() &&
                IsPaidAddress(entry.address);
      if (!is_read) return false;
      list.payouts.push_back({.key = *digest,
                              .address = entry.address,
                              .amount = *amount,
                              .account = {entry.account},
                              .answer = Result(entry, key)});
    }
    return true;
  });
  if (is_whole && is_read) return list;
  return FailedPrecondition(
      "BATCH_MALFORMED",
      absl::StrCat("a batch of payouts in ", directory_,
                   " cannot be read; restore the file from a backup, or move "
                   "it elsewhere if it is none"));
}

RailAnswer FileRail::Result(const Entry& entry, const std::string& key) const {
  const RailAnswer waits{RailWord::kSent, entry.batch, ""};
  const absl::StatusOr<std::string> text =
      ReadFile(absl::StrCat(directory_, "/", entry.batch, kBatchResultEnd),
               kFileBytesMax);
  if (!text.ok()) return waits;
  const Json result = Parse(*text);
  if (!result.is_object()) return Doubt("RESULT_MALFORMED");
  const auto said = result.find(key);
  if (said == result.end()) return waits;
  const std::string state = TextAt(*said, "state");
  const std::string reference = TextAt(*said, "reference");
  if (state == "settled" && IsPaymentReference(reference)) {
    return {RailWord::kSettled, reference, ""};
  }
  if (state == "refused") {
    const std::string reason = TextAt(*said, "reason");
    return {RailWord::kRefused, "", IsReason(reason) ? reason : "REFUSED"};
  }
  return Doubt("RESULT_MALFORMED");
}

}  // namespace archpool
