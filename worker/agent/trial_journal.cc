// SPDX-License-Identifier: Apache-2.0
#include "worker/agent/trial_journal.h"

#include <algorithm>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "common/base/durable_file.h"
#include "common/base/status.h"
#include "common/data/read_file.h"

namespace archpool {
namespace {

namespace fs = std::filesystem;
using nlohmann::ordered_json;

constexpr int64_t kEntryBytesMax = 64 << 10;
constexpr absl::string_view kEntrySuffix = ".json";
constexpr absl::string_view kWeightsSuffix = ".safetensors";
// What WriteFileDurably writes beside.
constexpr absl::string_view kUnfinishedSuffix = ".new";

std::vector<std::string> HexOf(const std::vector<Digest>& digests) {
  std::vector<std::string> hex;
  hex.reserve(digests.size());
  for (const Digest& digest : digests) hex.push_back(digest.ToString());
  return hex;
}

// Nothing where one of them is no digest.
std::optional<std::vector<Digest>> DigestsOf(
    const std::vector<std::string>& hex) {
  std::vector<Digest> digests;
  for (const std::string& text : hex) {
    const auto digest = Digest::Parse(text);
    if (!digest.ok()) return std::nullopt;
    digests.push_back(*digest);
  }
  return digests;
}

std::string ToJson(const JournalEntry& entry) {
  const TrialCommitment& commitment = entry.commitment;
  ordered_json json{
      {"trial_key", entry.trial_key.ToString()},
      {"trial_id", commitment.trial.value},
      {"lease_id", commitment.lease.value},
      {"attempt", commitment.attempt},
      {"weights_digest", commitment.weights_digest.ToString()},
      {"weights_size_bytes", commitment.weights_size_bytes},
      {"validation_correct", commitment.validation_correct},
      {"checkpoint_root", commitment.checkpoint_root.ToString()},
      {"final_optimizer", commitment.final_optimizer.ToString()},
      {"final_proof", HexOf(commitment.final_proof)},
      {"train_time_us", absl::ToInt64Microseconds(commitment.train_time)},
      {"is_committed", entry.is_committed}};
  if (commitment.diverged_at_step) {
    json["diverged_at_step"] = *commitment.diverged_at_step;
  }
  return json.dump(2);
}

// Nothing where the text is not an entry.
std::optional<JournalEntry> FromJson(const std::string& text) {
  JournalEntry entry;
  TrialCommitment& commitment = entry.commitment;
  try {
    const ordered_json json = ordered_json::parse(text);
    const auto named =
        DigestsOf({json.at("trial_key").get<std::string>(),
                   json.at("weights_digest").get<std::string>(),
                   json.at("checkpoint_root").get<std::string>(),
                   json.at("final_optimizer").get<std::string>()});
    const auto proof =
        DigestsOf(json.at("final_proof").get<std::vector<std::string>>());
    if (!named || !proof) return std::nullopt;
    entry.trial_key = named->at(0);
    commitment.weights_digest = named->at(1);
    commitment.checkpoint_root = named->at(2);
    commitment.final_optimizer = named->at(3);
    commitment.final_proof = *proof;
    commitment.trial.value = json.at("trial_id").get<int64_t>();
    commitment.lease.value = json.at("lease_id").get<int64_t>();
    commitment.attempt = json.at("attempt").get<int64_t>();
    commitment.weights_size_bytes =
        json.at("weights_size_bytes").get<int64_t>();
    commitment.validation_correct =
        json.at("validation_correct").get<int64_t>();
    if (const auto step = json.find("diverged_at_step"); step != json.end()) {
      commitment.diverged_at_step = step->get<int64_t>();
    }
    commitment.train_time =
        absl::Microseconds(json.at("train_time_us").get<int64_t>());
    entry.is_committed = json.at("is_committed").get<bool>();
  } catch (const ordered_json::exception&) {
    return std::nullopt;
  }
  return entry;
}

// The training that a file of the journal belongs to.
TrainingId IdOf(absl::string_view name) {
  return TrainingIdFromName(name.substr(0, name.find('.')))
      .value_or(TrainingId());
}

// Whether a journal would write a file of this name.
bool IsOwn(absl::string_view name, absl::string_view suffix) {
  return absl::EndsWith(name, suffix) &&
         TrainingIdFromName(absl::StripSuffix(name, suffix)).has_value();
}

}  // namespace

absl::StatusOr<std::unique_ptr<TrialJournal>> TrialJournal::Open(
    std::string directory) {
  ARCHPOOL_RETURN_IF_ERROR(MakeDirectories(directory));
  std::unique_ptr<TrialJournal> journal(new TrialJournal(std::move(directory)));
  ARCHPOOL_RETURN_IF_ERROR(journal->Load());
  return journal;
}

absl::Status TrialJournal::Load() {
  const absl::MutexLock lock(&mutex_);
  std::vector<std::string> names;
  std::error_code error;
  for (const fs::directory_entry& file :
       fs::directory_iterator(directory_, error)) {
    std::error_code ignored;
    // What others put here is theirs.
    if (fs::is_regular_file(file.symlink_status(ignored))) {
      names.push_back(file.path().filename().string());
    }
  }
  if (error) {
    return FailedPrecondition(
        "FILE_UNREADABLE",
        absl::StrCat("cannot read ", directory_, ": ", error.message()));
  }
  for (const std::string& name : names) {
    if (IsOwn(name, kEntrySuffix)) ARCHPOOL_RETURN_IF_ERROR(LoadEntry(name));
  }
  for (const std::string& name : names) {
    const bool is_half_written =
        IsOwn(name, absl::StrCat(kEntrySuffix, kUnfinishedSuffix)) ||
        IsOwn(name, absl::StrCat(kWeightsSuffix, kUnfinishedSuffix));
    const bool is_orphan =
        IsOwn(name, kWeightsSuffix) && !entries_.contains(IdOf(name));
    if (is_half_written || is_orphan) {
      fs::remove(absl::StrCat(directory_, "/", name), error);
    }
  }
  return absl::OkStatus();
}

absl::Status TrialJournal::LoadEntry(const std::string& name) {
  const std::string path = absl::StrCat(directory_, "/", name);
  ARCHPOOL_ASSIGN_OR_RETURN(const std::string text,
                            ReadFile(path, kEntryBytesMax));
  const std::optional<JournalEntry> entry = FromJson(text);
  if (!entry.has_value() || entry->trial_key != IdOf(name).key) {
    return FailedPrecondition(
        "JOURNAL_MALFORMED",
        absl::StrCat(path, " is not a journal entry: move it away"));
  }
  std::error_code error;
  const std::string own_name = entry->id().ToName();
  if (IdOf(name) != entry->id()) {  // an earlier version's: named by key alone
    const std::string bare = entry->trial_key.ToString();
    fs::rename(PathOf(bare, kWeightsSuffix), PathOf(own_name, kWeightsSuffix),
               error);
    fs::rename(path, PathOf(own_name, kEntrySuffix), error);
  }
  if (!fs::exists(PathOf(own_name, kWeightsSuffix), error)) {
    fs::remove(PathOf(own_name, kEntrySuffix), error);
    return absl::OkStatus();
  }
  entries_[entry->id()] = *entry;
  return absl::OkStatus();
}

std::vector<JournalEntry> TrialJournal::Entries() const {
  const absl::MutexLock lock(&mutex_);
  std::vector<JournalEntry> entries;
  entries.reserve(entries_.size());
  for (const auto& [key, entry] : entries_) entries.push_back(entry);
  std::sort(entries.begin(), entries.end(),
            [](const JournalEntry& a, const JournalEntry& b) {
              return a.commitment.trial < b.commitment.trial;
            });
  return entries;
}

std::optional<JournalEntry> TrialJournal::Find(const TrainingId& id) const {
  const absl::MutexLock lock(&mutex_);
  const auto found = entries_.find(id);
  if (found == entries_.end()) return std::nullopt;
  return found->second;
}

absl::StatusOr<JournalEntry> TrialJournal::Add(const Digest& trial_key,
                                               TrialCommitment commitment,
                                               absl::string_view weights) {
  commitment.weights_digest = Sha256(weights);
  commitment.weights_size_bytes = static_cast<int64_t>(weights.size());
  const JournalEntry entry{trial_key, commitment, /*is_committed=*/false};
  // The weights first: an entry always has them.
  ARCHPOOL_RETURN_IF_ERROR(
      WriteFileDurably(PathOf(entry.id().ToName(), kWeightsSuffix), weights));
  ARCHPOOL_RETURN_IF_ERROR(Write(entry));
  const absl::MutexLock lock(&mutex_);
  entries_[entry.id()] = entry;
  return entry;
}

absl::Status TrialJournal::MarkCommitted(const TrainingId& id) {
  const absl::MutexLock lock(&mutex_);
  const auto found = entries_.find(id);
  if (found == entries_.end()) return absl::OkStatus();
  found->second.is_committed = true;
  return Write(found->second);
}

void TrialJournal::Remove(const TrainingId& id) {
  const absl::MutexLock lock(&mutex_);
  std::error_code ignored;
  // The entry first: weights alone are swept up by the next Open.
  fs::remove(PathOf(id.ToName(), kEntrySuffix), ignored);
  fs::remove(PathOf(id.ToName(), kWeightsSuffix), ignored);
  entries_.erase(id);
}

UploadSource TrialJournal::WeightsOf(const JournalEntry& entry) const {
  return {PathOf(entry.id().ToName(), kWeightsSuffix),
          entry.commitment.weights_digest, entry.commitment.weights_size_bytes};
}

std::string TrialJournal::PathOf(absl::string_view name,
                                 absl::string_view suffix) const {
  return absl::StrCat(directory_, "/", name, suffix);
}

absl::Status TrialJournal::Write(const JournalEntry& entry) const {
  return WriteFileDurably(PathOf(entry.id().ToName(), kEntrySuffix),
                          ToJson(entry));
}

}  // namespace archpool
