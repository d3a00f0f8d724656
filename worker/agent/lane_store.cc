// SPDX-License-Identifier: Apache-2.0
#include "worker/agent/lane_store.h"

#include <algorithm>
#include <filesystem>
#include <map>
#include <optional>
#include <set>
#include <system_error>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "common/base/durable_file.h"
#include "common/base/status.h"
#include "common/crypto/sha256.h"
#include "common/data/read_file.h"
#include "common/log/log.h"

namespace archpool {
namespace {

namespace fs = std::filesystem;

constexpr size_t kNameLengthMax = 64;
constexpr int64_t kNamesBytesMax = int64_t{16} << 20;
// If a name has no room for a lane's number, this many digits of its
// digest stand for its end: two such names stay two.
constexpr size_t kDigestLength = 8;

std::string JournalDirectory(const std::string& directory) {
  return directory + "/trials";
}

std::string VaultDirectory(const std::string& directory) {
  return directory + "/training";
}

bool HoldsAnything(const std::string& directory) {
  std::error_code error;
  return fs::directory_iterator(directory, error) != fs::directory_iterator();
}

// What was begun in another arithmetic cannot be continued here: an audit
// would find it false.
absl::Status AdoptArithmetic(const std::string& directory,
                             const std::string& arithmetic,
                             TrialJournal& journal, CheckpointVault& vault) {
  const std::string path = directory + "/arithmetic";
  // Versions for which it hung on the machine wrote this in its place.
  const std::string older_path = directory + "/hardware-class";
  absl::StatusOr<std::string> earlier = ReadFile(path, 256);
  if (earlier.ok() && *earlier == arithmetic) return absl::OkStatus();
  if (!earlier.ok()) earlier = ReadFile(older_path, 256);
  if (earlier.ok()) {
    LogWarn("arithmetic_changed",
            "this program computes in another arithmetic than before: trials "
            "that were not reported are dropped",
            "nothing need be done; stop workers before you update them, and "
            "nothing is dropped",
            {{"earlier", *earlier}, {"now", arithmetic}});
    for (const JournalEntry& entry : journal.Entries()) {
      if (!entry.is_committed) journal.Remove(entry.id());
    }
    vault.RemoveUnkept();
  }
  ARCHPOOL_RETURN_IF_ERROR(WriteFileDurably(path, arithmetic));
  std::error_code none_there;
  std::filesystem::remove(older_path, none_there);
  return absl::OkStatus();
}

// The trainings that this directory answers for.
std::set<TrainingId> Waiting(const TrialJournal& journal,
                             const CheckpointVault& vault) {
  std::set<TrainingId> waiting;
  for (const JournalEntry& entry : journal.Entries()) {
    waiting.insert(entry.id());
  }
  for (const auto& [trial, key] : vault.Kept()) waiting.insert({key, trial});
  return waiting;
}

// By which name the pool knows trainings that another worker than the present
// one left: a line for each, "NAME KEY-TRIAL".
using EarlierNames = std::map<TrainingId, std::string>;

EarlierNames ReadEarlierNames(const std::string& path) {
  EarlierNames names;
  const absl::StatusOr<std::string> text = ReadFile(path, kNamesBytesMax);
  if (!text.ok()) return names;
  for (const absl::string_view line :
       absl::StrSplit(*text, '\n', absl::SkipEmpty())) {
    const std::pair<absl::string_view, absl::string_view> parts =
        absl::StrSplit(line, absl::MaxSplits(' ', 1));
    const std::optional<TrainingId> id = TrainingIdFromName(parts.second);
    if (id) names.emplace(*id, parts.first);
  }
  return names;
}

absl::Status WriteEarlierNames(const std::string& path,
                               const EarlierNames& names) {
  if (names.empty()) {
    std::error_code none_there;
    fs::remove(path, none_there);
    return absl::OkStatus();
  }
  std::string text;
  for (const auto& [id, name] : names) {
    absl::StrAppend(&text, name, " ", id.ToName(), "\n");
  }
  return WriteFileDurably(path, text);
}

// Under another name the pool hears of trials that this directory still answers
// for, but not of what was trained and not reported: that is on leases of the
// earlier name's, which is remembered until nothing of its is here.
absl::Status AdoptName(const std::string& directory, const std::string& name,
                       const TrialJournal& journal,
                       const CheckpointVault& vault) {
  const std::string path = directory + "/worker-name";
  const std::string earlier_path = directory + "/earlier-names";
  const std::set<TrainingId> waiting = Waiting(journal, vault);
  EarlierNames earlier = ReadEarlierNames(earlier_path);
  const absl::StatusOr<std::string> last = ReadFile(path, 256);
  if (last.ok() && *last != name) {
    for (const TrainingId& id : waiting) earlier.try_emplace(id, *last);
  }
  std::erase_if(earlier, [&](const auto& one) {
    return one.second == name || !waiting.contains(one.first);
  });
  ARCHPOOL_RETURN_IF_ERROR(WriteEarlierNames(earlier_path, earlier));
  std::map<std::string, size_t> trials;
  for (const auto& [id, earlier_name] : earlier) ++trials[earlier_name];
  for (const auto& [earlier_name, count] : trials) {
    LogWarn("worker_renamed",
            "this directory holds trials of a worker of another name, whom the "
            "pool may still ask and pay",
            "start it with its old --name, and give another worker a directory "
            "of its own",
            {{"trials", count},
             {"directory", directory},
             {"earlier_name", earlier_name}});
  }
  if (last.ok() && *last == name) return absl::OkStatus();
  return WriteFileDurably(path, name);
}

}  // namespace

std::string LaneDirectory(const std::string& work_dir, int64_t lane) {
  return lane == 1 ? work_dir : absl::StrCat(work_dir, "/lanes/", lane);
}

std::string LaneName(const std::string& name, int64_t lane) {
  if (lane == 1) return name;
  const std::string suffix = absl::StrCat("-lane-", lane);
  if (name.size() + suffix.size() <= kNameLengthMax) return name + suffix;
  const std::string digest =
      "-" + Sha256(name).ToString().substr(0, kDigestLength);
  return absl::StrCat(
      name.substr(0, kNameLengthMax - suffix.size() - digest.size()), digest,
      suffix);
}

std::vector<int64_t> LanesLeft(const std::string& work_dir, int64_t lanes) {
  std::vector<int64_t> left;
  std::error_code error;
  for (const fs::directory_entry& entry :
       fs::directory_iterator(work_dir + "/lanes", error)) {
    int64_t lane = 0;
    const std::string directory = entry.path().string();
    if (!absl::SimpleAtoi(entry.path().filename().string(), &lane) ||
        lane <= std::max<int64_t>(lanes, 1) ||
        LaneDirectory(work_dir, lane) != directory) {
      continue;
    }
    if (HoldsAnything(JournalDirectory(directory)) ||
        HoldsAnything(VaultDirectory(directory))) {
      left.push_back(lane);
    }
  }
  std::sort(left.begin(), left.end());
  return left;
}

absl::StatusOr<LaneStore> OpenLaneStore(const std::string& directory,
                                        const std::string& name,
                                        const std::string& arithmetic,
                                        int64_t checkpoint_bytes_max) {
  LaneStore store;
  ARCHPOOL_ASSIGN_OR_RETURN(store.journal,
                            TrialJournal::Open(JournalDirectory(directory)));
  ARCHPOOL_ASSIGN_OR_RETURN(
      store.vault,
      CheckpointVault::Open(VaultDirectory(directory), checkpoint_bytes_max));
  ARCHPOOL_RETURN_IF_ERROR(
      AdoptArithmetic(directory, arithmetic, *store.journal, *store.vault));
  ARCHPOOL_RETURN_IF_ERROR(
      AdoptName(directory, name, *store.journal, *store.vault));
  store.attempts = AttemptLog::Load(directory + "/attempts.json");
  return store;
}

}  // namespace archpool
