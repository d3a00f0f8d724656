// SPDX-License-Identifier: Apache-2.0
#include "server/backup/manifest.h"

#include <nlohmann/json.hpp>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "common/base/status.h"

namespace archpool {
namespace {

using Json = nlohmann::json;

constexpr int64_t kFormat = 1;
constexpr char kSumWord[] = "sha256 ";

// What is not as it was written throws nothing: it is told by `is_whole`.
class ManifestReader {
 public:
  explicit ManifestReader(const Json& object) : object_(object) {
    is_whole_ = object.is_object();
  }
  bool is_whole() const { return is_whole_; }

  std::string Text(const char* name) {
    const Json* value = Find(name);
    if (value == nullptr || !value->is_string()) return Missing<std::string>();
    return value->get<std::string>();
  }
  int64_t Int(const char* name) {
    const Json* value = Find(name);
    if (value == nullptr || !value->is_number_integer()) {
      return Missing<int64_t>();
    }
    return value->get<int64_t>();
  }
  absl::Time Time(const char* name) { return absl::FromUnixMicros(Int(name)); }
  Digest Sum(const char* name) { return Parse(Text(name)); }
  const Json& List(const char* name) {
    static const Json* const kNone = new Json(Json::array());
    const Json* value = Find(name);
    if (value != nullptr && value->is_array()) return *value;
    is_whole_ = false;
    return *kNone;
  }
  Digest Parse(const std::string& text) {
    const absl::StatusOr<Digest> digest = Digest::Parse(text);
    return digest.ok() ? *digest : Missing<Digest>();
  }

 private:
  const Json* Find(const char* name) const {
    if (!object_.is_object()) return nullptr;
    const auto found = object_.find(name);
    return found == object_.end() ? nullptr : &*found;
  }
  template <typename Value>
  Value Missing() {
    is_whole_ = false;
    return Value();
  }

  const Json& object_;
  bool is_whole_;
};

// Whether it names something below its folder. The system would read a path up
// to its first NUL, and so another one than was checked.
bool IsWithin(absl::string_view path) {
  if (path.empty() || absl::StrContains(path, '\0')) return false;
  for (const absl::string_view part : absl::StrSplit(path, '/')) {
    if (part.empty() || part == "." || part == "..") return false;
  }
  return true;
}

absl::StatusOr<std::string> CheckSum(absl::string_view text,
                                     const std::string& path) {
  const absl::Status cut_off =
      BackupDamaged(path, "it is cut off, or was changed");
  const size_t at = text.rfind(kSumWord);
  if (at == absl::string_view::npos) return cut_off;
  absl::string_view sum = text.substr(at + sizeof(kSumWord) - 1);
  if (!absl::ConsumeSuffix(&sum, "\n")) return cut_off;
  const absl::string_view body = text.substr(0, at);
  if (sum != Sha256(body).ToString()) return cut_off;
  return std::string(body);
}

}  // namespace

absl::Status BackupDamaged(const std::string& path, absl::string_view what) {
  return FailedPrecondition(
      "BACKUP_DAMAGED",
      absl::StrCat("the backup's file ", path, " is damaged: ", what,
                   "; restore from another copy of this backup, or from an "
                   "earlier one (--backup ID)"));
}

std::string EncodeManifest(const BackupManifest& manifest) {
  Json files = Json::array();
  for (const BackedUpFile& file : manifest.files) {
    files.push_back({{"path", file.path},
                     {"size_bytes", file.size_bytes},
                     {"sha256", file.digest.ToString()}});
  }
  Json lost = Json::array();
  for (const Digest& digest : manifest.lost_blobs) {
    lost.push_back(digest.ToString());
  }
  const Json json = {
      {"format", kFormat},
      {"id", manifest.id},
      {"program_version", manifest.program_version},
      {"snapshot_time_us", absl::ToUnixMicros(manifest.snapshot_time)},
      {"end_time_us", absl::ToUnixMicros(manifest.end_time)},
      {"schema_version", manifest.schema_version},
      {"postgres_major", manifest.postgres_major},
      {"schema", manifest.schema},
      {"secret_fingerprint", manifest.secret_fingerprint
                                 ? manifest.secret_fingerprint->ToString()
                                 : std::string()},
      {"files", files},
      {"blob_count", manifest.blob_count},
      {"blob_bytes", manifest.blob_bytes},
      {"lost_blobs", lost}};
  const std::string body =
      json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
  return absl::StrCat(body, kSumWord, Sha256(body).ToString(), "\n");
}

absl::StatusOr<BackupManifest> ParseManifest(absl::string_view text,
                                             const std::string& path) {
  ARCHPOOL_ASSIGN_OR_RETURN(const std::string body, CheckSum(text, path));
  const Json json = Json::parse(body, nullptr, /*allow_exceptions=*/false);
  ManifestReader reader(json);
  if (reader.Int("format") > kFormat) {
    return FailedPrecondition(
        "BACKUP_TOO_NEW",
        absl::StrCat(path, " was written by archpool-server ",
                     reader.Text("program_version"),
                     ", which is newer than this program: use that one"));
  }
  BackupManifest manifest;
  manifest.id = reader.Text("id");
  manifest.program_version = reader.Text("program_version");
  manifest.snapshot_time = reader.Time("snapshot_time_us");
  manifest.end_time = reader.Time("end_time_us");
  manifest.schema_version = reader.Int("schema_version");
  manifest.postgres_major = static_cast<int>(reader.Int("postgres_major"));
  manifest.schema = reader.Text("schema");
  const std::string fingerprint = reader.Text("secret_fingerprint");
  if (!fingerprint.empty()) {
    manifest.secret_fingerprint = reader.Parse(fingerprint);
  }
  bool is_whole = true;
  for (const Json& one : reader.List("files")) {
    ManifestReader file(one);
    manifest.files.push_back({.path = file.Text("path"),
                              .size_bytes = file.Int("size_bytes"),
                              .digest = file.Sum("sha256")});
    is_whole = is_whole && file.is_whole() &&
               IsWithin(manifest.files.back().path) &&
               manifest.files.back().size_bytes >= 0;
  }
  manifest.blob_count = reader.Int("blob_count");
  manifest.blob_bytes = reader.Int("blob_bytes");
  for (const Json& one : reader.List("lost_blobs")) {
    manifest.lost_blobs.push_back(
        reader.Parse(one.is_string() ? one.get<std::string>() : ""));
  }
  if (!is_whole || !reader.is_whole()) {
    return BackupDamaged(path, "it does not say what a manifest says");
  }
  return manifest;
}

std::string EncodeBlobList(const std::vector<ListedBlob>& blobs) {
  std::string text;
  for (const ListedBlob& blob : blobs) {
    absl::StrAppend(&text, blob.digest.ToString(), " ", blob.size_bytes, "\n");
  }
  return text;
}

absl::StatusOr<std::vector<ListedBlob>> ParseBlobList(absl::string_view text,
                                                      const std::string& path) {
  std::vector<ListedBlob> blobs;
  if (text.empty()) return blobs;
  if (!absl::ConsumeSuffix(&text, "\n")) {
    return BackupDamaged(path, "its last line is cut off");
  }
  for (const absl::string_view line : absl::StrSplit(text, '\n')) {
    const std::pair<absl::string_view, absl::string_view> parts =
        absl::StrSplit(line, absl::MaxSplits(' ', 1));
    const absl::StatusOr<Digest> digest = Digest::Parse(parts.first);
    int64_t size = -1;
    if (!digest.ok() || !absl::SimpleAtoi(parts.second, &size) || size < 0 ||
        (!blobs.empty() && !(blobs.back().digest < *digest))) {
      return BackupDamaged(
          path, absl::StrCat("line ", blobs.size() + 1,
                             " is not a digest and a size in order"));
    }
    blobs.push_back({*digest, size});
  }
  return blobs;
}

}  // namespace archpool
