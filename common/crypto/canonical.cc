// SPDX-License-Identifier: Apache-2.0
#include "common/crypto/canonical.h"

#include <algorithm>
#include <array>

namespace archpool {

CanonicalWriter& CanonicalWriter::Int(int64_t value) {
  // One append: architecture ids are made of thousands of integers.
  auto bits = static_cast<uint64_t>(value);
  std::array<char, 8> bytes;
  for (char& byte : bytes) {
    byte = static_cast<char>(bits & 0xff);
    bits >>= 8;
  }
  encoding_.append(bytes.data(), bytes.size());
  return *this;
}

CanonicalWriter& CanonicalWriter::Bytes(absl::string_view bytes) {
  Int(static_cast<int64_t>(bytes.size()));
  encoding_.append(bytes.data(), bytes.size());
  return *this;
}

CanonicalWriter& CanonicalWriter::Fixed(const Digest& digest) {
  encoding_.append(digest.bytes.begin(), digest.bytes.end());
  return *this;
}

CanonicalReader::CanonicalReader(absl::string_view domain,
                                 absl::string_view encoding)
    : rest_(encoding) {
  ok_ = Bytes() == domain && ok_;
}

absl::string_view CanonicalReader::Take(size_t size_bytes) {
  if (!ok_ || size_bytes > rest_.size()) {
    ok_ = false;
    return {};
  }
  const absl::string_view taken = rest_.substr(0, size_bytes);
  rest_.remove_prefix(size_bytes);
  return taken;
}

int64_t CanonicalReader::Int() {
  uint64_t bits = 0;
  const absl::string_view bytes = Take(8);
  for (auto byte = bytes.rbegin(); byte != bytes.rend(); ++byte) {
    bits = bits << 8 | static_cast<uint8_t>(*byte);
  }
  return static_cast<int64_t>(bits);
}

absl::string_view CanonicalReader::Bytes() {
  return Take(static_cast<size_t>(Int()));
}

Digest CanonicalReader::Fixed() {
  Digest digest;
  const absl::string_view bytes = Take(digest.bytes.size());
  std::copy(bytes.begin(), bytes.end(), digest.bytes.begin());
  return digest;
}

}  // namespace archpool
