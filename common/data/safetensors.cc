// SPDX-License-Identifier: Apache-2.0
#include "common/data/safetensors.h"

#include <bit>
#include <cstddef>
#include <cstring>
#include <iterator>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/base/check.h"
#include "common/base/status.h"
#include "common/data/safetensors_header.h"

namespace archpool {
namespace {

static_assert(
    std::endian::native == std::endian::little,
    "safetensors is little-endian, and values are copied as they are");
static_assert(sizeof(float) == 4);

constexpr size_t kLengthBytes = 8;
constexpr size_t kAlignmentBytes = 8;

// Reads floats out of bytes of any alignment. As an iterator it lets a vector
// be filled without being zeroed first, which would cost as much as the copy.
class FloatIterator {
 public:
  using iterator_category = std::random_access_iterator_tag;
  using value_type = float;
  using difference_type = std::ptrdiff_t;
  using pointer = const float*;
  using reference = float;

  explicit FloatIterator(const char* bytes) : bytes_(bytes) {}
  float operator*() const {
    float value;
    std::memcpy(&value, bytes_, sizeof(value));
    return value;
  }
  float operator[](difference_type n) const { return *(*this + n); }
  FloatIterator& operator++() { return *this += 1; }
  FloatIterator operator++(int) {
    const FloatIterator before = *this;
    ++*this;
    return before;
  }
  FloatIterator& operator--() { return *this += -1; }
  FloatIterator& operator+=(difference_type n) {
    bytes_ += n * static_cast<difference_type>(sizeof(float));
    return *this;
  }
  FloatIterator operator+(difference_type n) const {
    FloatIterator moved = *this;
    return moved += n;
  }
  difference_type operator-(const FloatIterator& other) const {
    return (bytes_ - other.bytes_) /
           static_cast<difference_type>(sizeof(float));
  }
  friend bool operator==(const FloatIterator&, const FloatIterator&) = default;

 private:
  const char* bytes_;
};

uint64_t ReadLength(absl::string_view bytes) {
  uint64_t length;
  std::memcpy(&length, bytes.data(), kLengthBytes);
  return length;
}

}  // namespace

absl::StatusOr<TensorMap> ParseSafetensors(absl::string_view bytes,
                                           const SafetensorsLimits& limits) {
  if (static_cast<int64_t>(bytes.size()) > limits.bytes_max) {
    return InvalidArgument(
        "SAFETENSORS_TOO_LARGE",
        absl::StrCat("safetensors: ", bytes.size(), " bytes; at most ",
                     limits.bytes_max, " are accepted"));
  }
  if (bytes.size() < kLengthBytes) {
    return InvalidArgument(
        "SAFETENSORS_MALFORMED",
        absl::StrCat("safetensors: ", bytes.size(),
                     " bytes cannot hold the 8-byte header length"));
  }
  const uint64_t header_bytes = ReadLength(bytes);
  if (header_bytes > bytes.size() - kLengthBytes) {
    return InvalidArgument(
        "SAFETENSORS_MALFORMED",
        absl::StrCat("safetensors: a header of ", header_bytes,
                     " bytes is announced, but only ",
                     bytes.size() - kLengthBytes, " bytes follow"));
  }
  if (static_cast<int64_t>(header_bytes) > limits.header_bytes_max) {
    return InvalidArgument(
        "SAFETENSORS_TOO_LARGE",
        absl::StrCat("safetensors: a header of ", header_bytes,
                     " bytes; at most ", limits.header_bytes_max,
                     " are accepted"));
  }
  ARCHPOOL_ASSIGN_OR_RETURN(
      std::vector<TensorEntry> entries,
      ParseSafetensorsHeader(bytes.substr(kLengthBytes, header_bytes), limits));
  const absl::string_view data = bytes.substr(kLengthBytes + header_bytes);
  const int64_t end_bytes = entries.empty() ? 0 : entries.back().end_bytes;
  if (static_cast<uint64_t>(end_bytes) != data.size()) {
    return InvalidArgument("SAFETENSORS_MALFORMED",
                           absl::StrCat("safetensors: the tensors need ",
                                        end_bytes, " bytes of data, but ",
                                        data.size(), " follow the header"));
  }
  TensorMap tensors;
  for (TensorEntry& entry : entries) {
    Tensor tensor;
    tensor.shape = std::move(entry.shape);
    tensor.values.assign(FloatIterator(data.data() + entry.begin_bytes),
                         FloatIterator(data.data() + entry.end_bytes));
    tensors.emplace(std::move(entry.name), std::move(tensor));
  }
  return tensors;
}

std::string SerializeSafetensors(const TensorMap& tensors) {
  size_t data_bytes = 0;
  for (const auto& [name, tensor] : tensors) {
    size_t elements = 1;
    for (const int64_t extent : tensor.shape) {
      elements *= static_cast<size_t>(extent);
    }
    ARCHPOOL_CHECK(elements == tensor.values.size());
    data_bytes += tensor.values.size() * sizeof(float);
  }
  std::string header = SerializeSafetensorsHeader(tensors);
  const size_t padding_bytes =
      (kAlignmentBytes - header.size() % kAlignmentBytes) % kAlignmentBytes;
  header.append(padding_bytes, ' ');

  std::string bytes;
  bytes.reserve(kLengthBytes + header.size() + data_bytes);
  const uint64_t header_bytes = header.size();
  bytes.append(reinterpret_cast<const char*>(&header_bytes), kLengthBytes);
  bytes += header;
  for (const auto& [name, tensor] : tensors) {
    bytes.append(reinterpret_cast<const char*>(tensor.values.data()),
                 tensor.values.size() * sizeof(float));
  }
  return bytes;
}

std::string WithFormatMetadata(absl::string_view file) {
  uint64_t length = 0;
  if (file.size() < kLengthBytes) return std::string(file);
  std::memcpy(&length, file.data(), kLengthBytes);
  if (length > file.size() - kLengthBytes) return std::string(file);
  const absl::string_view header = file.substr(kLengthBytes, length);
  const absl::string_view data = file.substr(kLengthBytes + length);
  if (!ParseSafetensorsHeader(header, SafetensorsLimits()).ok() ||
      absl::StrContains(header, "\"__metadata__\"")) {
    return std::string(file);
  }
  const bool is_empty =
      header.find_first_not_of("{ \t\r\n") == header.find('}');
  std::string longer =
      absl::StrCat(R"({"__metadata__":{"format":"pt"})", is_empty ? "" : ",",
                   header.substr(header.find('{') + 1));
  longer.append(
      (kAlignmentBytes - longer.size() % kAlignmentBytes) % kAlignmentBytes,
      ' ');
  length = longer.size();
  std::string prefix(kLengthBytes, '\0');
  std::memcpy(prefix.data(), &length, kLengthBytes);
  return absl::StrCat(prefix, longer, data);
}

}  // namespace archpool
