#include "common/crypto/canonical.h"

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

}  // namespace archpool
