// SPDX-License-Identifier: Apache-2.0
#include "common/data/dataset_file.h"

#include <algorithm>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "common/base/status.h"

namespace archpool {

DatasetFileReader::DatasetFileReader(absl::string_view name,
                                     absl::string_view bytes)
    : name_(name), plain_(bytes) {
  if (IsGzip(bytes)) gzip_ = std::make_unique<GzipReader>(bytes);
}

absl::StatusOr<absl::string_view> DatasetFileReader::Peek(size_t count_max) {
  peeked_.resize(count_max);
  ARCHPOOL_ASSIGN_OR_RETURN(const size_t count,
                            ReadOn(absl::MakeSpan(peeked_)));
  peeked_.resize(count);
  return absl::string_view(reinterpret_cast<const char*>(peeked_.data()),
                           count);
}

absl::StatusOr<size_t> DatasetFileReader::Read(absl::Span<uint8_t> out) {
  const size_t again = std::min(out.size(), peeked_.size() - given_);
  std::copy_n(peeked_.begin() + static_cast<std::ptrdiff_t>(given_), again,
              out.begin());
  given_ += again;
  ARCHPOOL_ASSIGN_OR_RETURN(const size_t count, ReadOn(out.subspan(again)));
  return again + count;
}

absl::StatusOr<size_t> DatasetFileReader::ReadOn(absl::Span<uint8_t> out) {
  if (gzip_ == nullptr) {
    const size_t count = std::min(out.size(), plain_.size());
    if (count > 0) std::memcpy(out.data(), plain_.data(), count);
    plain_.remove_prefix(count);
    return count;
  }
  const absl::StatusOr<size_t> count = gzip_->Read(out);
  if (count.ok()) return *count;
  return MakeError(count.status().code(), GetReason(count.status()),
                   absl::StrCat(name_, ": ", count.status().message()));
}

}  // namespace archpool
