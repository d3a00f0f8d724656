#include "common/crypto/canonical.h"

namespace archpool {

CanonicalWriter& CanonicalWriter::Int(int64_t value) {
  auto bits = static_cast<uint64_t>(value);
  for (int i = 0; i < 8; ++i) {
    encoding_.push_back(static_cast<char>(bits & 0xff));
    bits >>= 8;
  }
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
