#include "server/payout/file_rail.h"

#include <spdlog/spdlog.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "common/base/durable_file.h"
#include "common/base/hex.h"
#include "common/base/millionths.h"
#include "common/base/reason.h"
#include "common/base/status.h"
#include "common/crypto/canonical.h"
#include "common/data/read_file.h"
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
                                                         SigningKey key) {
  ARCHPOOL_RETURN_IF_ERROR(MakeDirectories(directory));
  std::unique_ptr<FileRail> rail(
      new FileRail(std::move(directory), std::move(key)));
  // Whoever confirms a batch sees by it that the batch is the pool's.
  ARCHPOOL_RETURN_IF_ERROR(
      WriteFileDurably(absl::StrCat(rail->directory_, "/", kBatchKeyName),
                       ToHex(rail->key_.public_key().bytes) + "\n"));
  rail->Load();
  return rail;
}

bool FileRail::Load() {
  std::error_code error;
  bool is_whole = true;
  for (const auto& file :
       std::filesystem::directory_iterator(directory_, error)) {
    const std::string name = file.path().filename().string();
    if (!absl::EndsWith(name, kBatchEnd)) continue;
    const std::string batch(absl::StripSuffix(name, kBatchEnd));
    if (absl::EndsWith(name, kBatchResultEnd) &&
        IsBatchName(absl::StripSuffix(name, kBatchResultEnd))) {
      continue;
    }
    if (!IsBatchName(batch)) {
      Warn(name, absl::StrCat("skipping ", file.path().string(),
                              ", which is no batch of payouts"));
      continue;
    }
    const absl::Status loaded = LoadBatch(batch, file.path().string());
    if (loaded.ok()) continue;
    is_whole = false;
    Warn(name, absl::StrCat(
                   loaded.message(),
                   "; restore it: a payout that no other batch holds stays in "
                   "doubt until then"));
  }
  return is_whole && !error;
}

// Once for each file: it is looked at as often as a payout is in doubt.
void FileRail::Warn(const std::string& name, const std::string& message) {
  if (warned_.insert(name).second) spdlog::warn("{}", message);
}

absl::Status FileRail::LoadBatch(const std::string& name,
                                 const std::string& path) {
  ARCHPOOL_ASSIGN_OR_RETURN(const std::string text,
                            ReadFile(path, kFileBytesMax));
  const Json batch = Parse(text);
  const auto payouts = batch.is_object() ? batch.find("payouts") : batch.end();
  if (!batch.is_object() || payouts == batch.end() || !payouts->is_array()) {
    return FailedPrecondition(
        "BATCH_MALFORMED",
        absl::StrCat(path, " is no batch of payouts any more"));
  }
  for (const Json& payout : *payouts) {
    entries_[TextAt(payout, "key")] = {name, TextAt(payout, "address"),
                                       TextAt(payout, "coins")};
  }
  return absl::OkStatus();
}

std::vector<RailAnswer> FileRail::Send(absl::Span<const Payout> payouts) {
  Json list = Json::array();
  Amount total = 0;
  for (const Payout& payout : payouts) {
    list.push_back({{"key", payout.key.ToString()},
                    {"payout", payout.id.ToString()},
                    {"address", payout.address},
                    {"coins", FormatMillionths(payout.amount)}});
    total += payout.amount;
  }
  const std::string name = NameOf(payouts);
  const std::string text = Json({{"batch", name},
                                 {"total", FormatMillionths(total)},
                                 {"payouts", list}})
                               .dump(2) +
                           "\n";
  const std::string path = absl::StrCat(directory_, "/", name, kBatchEnd);
  const std::string signature = ToHex(key_.Sign(BatchToSign(text)).bytes);
  // The batch is there when its file is: its signature first.
  absl::Status written = WriteFileDurably(path + ".sig", signature + "\n");
  if (written.ok()) written = WriteFileDurably(path, text);
  std::vector<RailAnswer> answers;
  for (const Payout& payout : payouts) {
    if (!written.ok()) {
      answers.push_back(Doubt("BATCH_UNWRITABLE"));
      continue;
    }
    entries_[payout.key.ToString()] = {name, payout.address,
                                       FormatMillionths(payout.amount)};
    answers.push_back({RailWord::kSent, name, ""});
  }
  if (written.ok()) {
    spdlog::info(
        "wrote {} (payouts: {}, coins: {}); pay it, then: archpool payout "
        "confirm {} --reference TEXT",
        path, payouts.size(), FormatMillionths(total), path);
  } else {
    spdlog::error("cannot write {}: {}", path, std::string(written.message()));
  }
  return answers;
}

RailAnswer FileRail::LookUp(const Payout& payout) {
  const std::string key = payout.key.ToString();
  auto found = entries_.find(key);
  if (found == entries_.end()) {
    // A write that failed may have left its file all the same.
    if (!Load()) return Doubt("BATCH_MALFORMED");
    found = entries_.find(key);
  }
  if (found == entries_.end()) return {RailWord::kNeverSeen, "", ""};
  if (found->second.address != payout.address ||
      found->second.coins != FormatMillionths(payout.amount)) {
    return Doubt("BATCH_DIFFERS");
  }
  return Result(found->second, key);
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
