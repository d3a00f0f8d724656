// SPDX-License-Identifier: Apache-2.0
#include "server/intake/dataset_registration.h"

#include <cstddef>
#include <iterator>
#include <optional>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "common/base/status.h"
#include "common/crypto/canonical.h"
#include "common/data/dataset.h"
#include "common/data/split.h"

namespace archpool {
namespace {

// "held-out images" of "held_out_images", "train batches 2" of the second of a
// list.
std::string NameOf(const FormatKey& key, size_t index) {
  std::string name =
      absl::StrReplaceAll(key.key, {{"held_out_", "held-out "}, {"_", " "}});
  if (key.is_list) absl::StrAppend(&name, " ", index + 1);
  return name;
}

std::vector<Digest> FilesOf(const DatasetRequest& request) {
  std::vector<Digest> files;
  for (const auto& [key, digests] : request.files) {
    files.insert(files.end(), digests.begin(), digests.end());
  }
  return files;
}

absl::StatusOr<Dataset> ReadSide(const BlobStore& blobs,
                                 const DatasetRequest& request,
                                 bool is_held_out, SeenFiles& seen) {
  return ReadDatasetFiles(
      *request.format, request.files, is_held_out, request.classes,
      [&](const FormatKey& key, size_t index,
          const Digest& digest) -> absl::StatusOr<DatasetFile> {
        DatasetFile file{.name = NameOf(key, index), .bytes = ""};
        ARCHPOOL_ASSIGN_OR_RETURN(file.bytes,
                                  blobs.ReadAll(digest, kDatasetFileSizeMax));
        return file;
      },
      {}, &seen);
}

// The first format is encoded as it was when there was no other: an equal
// request always makes an equal dataset.
Digest SplitSecret(const DatasetRequest& request, AccountId caller,
                   const Digest& pool_secret) {
  CanonicalWriter writer("archpool/split-secret/v1");
  writer.Int(caller.value);
  if (request.format != &DatasetFormats().front()) {
    writer.Bytes(request.format->word);
  }
  for (const FormatKey& key : request.format->keys) {
    const auto found = request.files.find(key.key);
    if (key.is_list) {
      writer.Int(found == request.files.end() ? 0 : std::ssize(found->second));
    } else if (found == request.files.end()) {
      writer.Fixed(Digest{});
    }
    if (found == request.files.end()) continue;
    for (const Digest& digest : found->second) writer.Fixed(digest);
  }
  writer.Int(request.classes)
      .Int(request.validation_count)
      .Int(request.held_out_count);
  return HmacSha256(pool_secret, writer.encoding());
}

}  // namespace

absl::StatusOr<RegisterDataset> PrepareDataset(const BlobStore& blobs,
                                               const DatasetRequest& request,
                                               AccountId caller,
                                               const Digest& pool_secret,
                                               const MayStore& may_store,
                                               std::vector<BlobHold>& held) {
  const std::vector<Digest> files = FilesOf(request);
  for (const Digest& file : files) held.push_back(blobs.Hold(file));
  SeenFiles seen;
  ARCHPOOL_ASSIGN_OR_RETURN(
      const Dataset train,
      ReadSide(blobs, request, /*is_held_out=*/false, seen));
  std::optional<Dataset> held_out;
  if (HasHeldOutFiles(*request.format, request.files)) {
    ARCHPOOL_ASSIGN_OR_RETURN(
        held_out, ReadSide(blobs, request, /*is_held_out=*/true, seen));
  }
  const Digest split_key = SplitSecret(request, caller, pool_secret);
  ARCHPOOL_ASSIGN_OR_RETURN(
      const DatasetSplit split,
      SplitDataset(train, held_out, request.validation_count,
                   request.held_out_count, split_key));
  RegisterDataset command{.caller = caller,
                          .manifest = split.manifest,
                          .held_out = DigestOf(split.held_out),
                          .files = files,
                          .split_key = split_key};
  int64_t new_bytes = 0;
  for (const auto& [part, digest] :
       {std::pair(&split.train, command.manifest.train),
        std::pair(&split.validation, command.manifest.validation),
        std::pair(&split.held_out, command.held_out)}) {
    held.push_back(blobs.Hold(digest));
    const int64_t bytes = CountedBytes(EncodedSize(*part));
    command.split_bytes += bytes;
    if (!blobs.Size(digest).ok()) new_bytes += bytes;
  }
  if (may_store != nullptr && new_bytes > 0) {
    ARCHPOOL_RETURN_IF_ERROR(may_store(new_bytes));
  }
  for (const Dataset* part :
       {&split.train, &split.validation, &split.held_out}) {
    ARCHPOOL_RETURN_IF_ERROR(
        blobs.Put(EncodeDataset(*part), caller.ToString()).status());
  }
  return command;
}

}  // namespace archpool
