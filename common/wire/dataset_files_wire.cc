// SPDX-License-Identifier: Apache-2.0
#include "common/wire/dataset_files_wire.h"

#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/check.h"
#include "common/base/status.h"
#include "common/wire/fields.h"
#include "google/protobuf/descriptor.h"

namespace archpool::wire {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

// dataset_files_wire_test holds that each is there.
const FieldDescriptor* FieldOf(const Message& files, const FormatKey& key) {
  const FieldDescriptor* const field = files.GetDescriptor()->FindFieldByName(
      absl::StrCat(key.key, key.is_list ? "_digests" : "_digest"));
  ARCHPOOL_CHECK(field != nullptr && field->is_repeated() == key.is_list);
  return field;
}

absl::StatusOr<std::vector<Digest>> ReadKey(const std::string& path,
                                            const Message& files,
                                            const FormatKey& key) {
  const auto* const reflection = files.GetReflection();
  const FieldDescriptor* const field = FieldOf(files, key);
  const std::string name = Join(path, field->name());
  std::vector<Digest> digests;
  if (!key.is_list) {
    ARCHPOOL_ASSIGN_OR_RETURN(
        digests.emplace_back(),
        ReadDigest(name, reflection->GetString(files, field)));
    return digests;
  }
  const int count = reflection->FieldSize(files, field);
  if (count == 0) return RequiredError(name);
  ARCHPOOL_RETURN_IF_ERROR(CheckCount(name, count, kDatasetFilesMax));
  for (int i = 0; i < count; ++i) {
    ARCHPOOL_ASSIGN_OR_RETURN(
        digests.emplace_back(),
        ReadDigest(At(name, i),
                   reflection->GetRepeatedString(files, field, i)));
  }
  return digests;
}

bool IsThere(const Message& files, const FormatKey& key) {
  const auto* const reflection = files.GetReflection();
  const FieldDescriptor* const field = FieldOf(files, key);
  return key.is_list ? reflection->FieldSize(files, field) > 0
                     : !reflection->GetString(files, field).empty();
}

}  // namespace

absl::StatusOr<DatasetFiles> DatasetFilesFromProto(
    const v1::RegisterDatasetRequest& request) {
  const auto* const reflection = request.GetReflection();
  const FieldDescriptor* const chosen = reflection->GetOneofFieldDescriptor(
      request, request.GetDescriptor()->FindOneofByName("files"));
  if (chosen == nullptr) return RequiredError("files");
  DatasetFiles read{.format = FindDatasetFormat(chosen->name()), .digests = {}};
  ARCHPOOL_CHECK(read.format != nullptr);
  const Message& files = reflection->GetMessage(request, chosen);
  bool has_held_out = false;
  for (const FormatKey& key : read.format->keys) {
    has_held_out = has_held_out || (key.is_held_out && IsThere(files, key));
  }
  for (const FormatKey& key : read.format->keys) {
    if (key.is_held_out && !has_held_out) continue;
    ARCHPOOL_ASSIGN_OR_RETURN(read.digests[key.key],
                              ReadKey(read.format->word, files, key));
  }
  return read;
}

void SetDatasetFiles(const DatasetFormat& format, const DatasetDigests& digests,
                     v1::RegisterDatasetRequest* request) {
  const FieldDescriptor* const chosen =
      request->GetDescriptor()->FindFieldByName(format.word);
  ARCHPOOL_CHECK(chosen != nullptr);
  Message* const files =
      request->GetReflection()->MutableMessage(request, chosen);
  for (const FormatKey& key : format.keys) {
    const auto found = digests.find(key.key);
    if (found == digests.end()) continue;
    const FieldDescriptor* const field = FieldOf(*files, key);
    for (const Digest& digest : found->second) {
      if (key.is_list) {
        files->GetReflection()->AddString(files, field, digest.AsBytes());
      } else {
        files->GetReflection()->SetString(files, field, digest.AsBytes());
      }
    }
  }
}

}  // namespace archpool::wire
