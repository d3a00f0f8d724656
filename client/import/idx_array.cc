// SPDX-License-Identifier: Apache-2.0
#include "client/import/idx_array.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <memory>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "client/import/picture.h"
#include "common/base/status.h"
#include "common/data/dataset_file.h"
#include "common/data/foreign_file.h"
#include "common/data/read_file.h"

namespace archpool {
namespace {

constexpr size_t kIdxMagicBytes = 4;
constexpr size_t kIdxExtentBytes = 4;
constexpr size_t kIdxAxesMax = 8;
// As in NumPy's header: numbers times 8 bytes stay far within 63 bits.
constexpr int64_t kIdxCountMax = int64_t{1} << 48;
// Behind gzip's header, which may hold a file's name, there are some bytes.
constexpr size_t kIdxBeginBytes = size_t{64} << 10;

struct IdxType {
  uint8_t code;
  NpyKind kind;
  size_t item_bytes;
  const char* name;
};
constexpr IdxType kIdxTypes[] = {
    {0x08, NpyKind::kUnsigned, 1, "uint8"},
    {0x09, NpyKind::kSigned, 1, "int8"},
    {0x0b, NpyKind::kSigned, 2, "int16"},
    {0x0c, NpyKind::kSigned, 4, "int32"},
    {0x0d, NpyKind::kFloat, 4, "float32"},
    {0x0e, NpyKind::kFloat, 8, "float64"},
};

const IdxType* FindIdxType(uint8_t code) {
  for (const IdxType& type : kIdxTypes) {
    if (type.code == code) return &type;
  }
  return nullptr;
}

class InflatedBytes : public ByteSource {
 public:
  InflatedBytes(std::string name, std::string bytes)
      : name_(std::move(name)),
        bytes_(std::move(bytes)),
        reader_(name_, bytes_) {}

  absl::StatusOr<size_t> Read(absl::Span<uint8_t> out) override {
    return reader_.Read(out);
  }

 private:
  const std::string name_;
  const std::string bytes_;
  DatasetFileReader reader_;  // of both
};

absl::Status NoIdxArray(absl::string_view name, const std::string& begin) {
  if (begin.empty()) return MalformedNumpy(name, "is empty");
  const std::string foreign = DescribeForeignFile(begin);
  return MalformedNumpy(
      name, foreign.empty() ? "does not begin with 0x0000: it is no IDX file"
                            : foreign);
}

absl::Status ReadIdxExtents(absl::string_view name, ByteSource& source,
                            size_t axes, NpyHeader& header) {
  std::vector<uint8_t> bytes(axes * kIdxExtentBytes);
  ARCHPOOL_ASSIGN_OR_RETURN(const size_t count,
                            source.Read(absl::MakeSpan(bytes)));
  if (count < bytes.size()) {
    return MalformedNumpy(
        name, absl::StrCat("ends after ", kIdxMagicBytes + count, " of ",
                           kIdxMagicBytes + bytes.size(),
                           " bytes of its header: it is cut off"));
  }
  for (size_t axis = 0; axis < axes; ++axis) {
    int64_t extent = 0;
    for (size_t i = 0; i < kIdxExtentBytes; ++i) {
      extent = extent << 8 | bytes[axis * kIdxExtentBytes + i];
    }
    if (__builtin_mul_overflow(header.count, extent, &header.count) ||
        header.count > kIdxCountMax) {
      return MalformedNumpy(name,
                            "announces more numbers than any file can hold");
    }
    header.shape.push_back(extent);
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<NpyHeader> ReadIdxHeader(absl::string_view name,
                                        ByteSource& source) {
  std::array<uint8_t, kIdxMagicBytes> magic;
  ARCHPOOL_ASSIGN_OR_RETURN(const size_t count,
                            source.Read(absl::MakeSpan(magic)));
  if (count < magic.size() || magic[0] != 0 || magic[1] != 0) {
    // What else it is shows in a few bytes more.
    std::array<uint8_t, 60> more;
    ARCHPOOL_ASSIGN_OR_RETURN(const size_t more_count,
                              source.Read(absl::MakeSpan(more)));
    std::string begin(magic.begin(),
                      magic.begin() + static_cast<std::ptrdiff_t>(count));
    begin.append(more.begin(),
                 more.begin() + static_cast<std::ptrdiff_t>(more_count));
    return NoIdxArray(name, begin);
  }
  const IdxType* const type = FindIdxType(magic[2]);
  if (type == nullptr) {
    return MalformedNumpy(
        name, absl::StrCat("has the element type 0x",
                           absl::Hex(magic[2], absl::kZeroPad2),
                           " (its third byte); IDX has 0x08 and 0x09 (bytes), "
                           "0x0b and 0x0c (integers), 0x0d and 0x0e (floats)"));
  }
  const size_t axes = magic[3];
  if (axes == 0 || axes > kIdxAxesMax) {
    return MalformedNumpy(
        name, absl::StrCat("has ", axes,
                           " axes (its fourth byte); images have 3 or 4, and "
                           "labels 1"));
  }
  NpyHeader header{.kind = type->kind,
                   .item_bytes = type->item_bytes,
                   .is_big_endian = type->item_bytes > 1,
                   .is_fortran = false,
                   .shape = {},
                   .count = 1,
                   .type = type->name};
  ARCHPOOL_RETURN_IF_ERROR(ReadIdxExtents(name, source, axes, header));
  return header;
}

NamedSource IdxSource(const std::string& path) {
  const std::string name = Printable(path);
  return {
      .name = name,
      .open = [path, name]() -> absl::StatusOr<std::unique_ptr<ByteSource>> {
        ARCHPOOL_ASSIGN_OR_RETURN(std::string bytes,
                                  ReadFile(path, kDatasetFileSizeMax));
        return std::make_unique<InflatedBytes>(name, std::move(bytes));
      }};
}

bool IsWideIdx(const std::string& path) {
  const auto file = FileSource(path).open();
  if (!file.ok()) return false;
  std::string begin(kIdxBeginBytes, '\0');
  const absl::StatusOr<size_t> size = (*file)->Read(
      absl::MakeSpan(reinterpret_cast<uint8_t*>(begin.data()), begin.size()));
  if (!size.ok()) return false;
  begin.resize(*size);
  DatasetFileReader reader(path, begin);
  const absl::StatusOr<absl::string_view> magic = reader.Peek(kIdxMagicBytes);
  if (!magic.ok() || magic->size() < kIdxMagicBytes) return false;
  const auto type = static_cast<uint8_t>((*magic)[2]);
  return (*magic)[0] == 0 && (*magic)[1] == 0 && type != kIdxTypes[0].code &&
         FindIdxType(type) != nullptr;
}

}  // namespace archpool
