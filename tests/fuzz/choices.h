// SPDX-License-Identifier: Apache-2.0
// A fuzzer's bytes as a series of choices. Where the bytes end, every further
// choice is 0: users give 0 to what an honest caller would do, so that a short
// input is an honest one and each byte more departs from it. Not thread-safe.
#ifndef ARCHPOOL_TESTS_FUZZ_CHOICES_H_
#define ARCHPOOL_TESTS_FUZZ_CHOICES_H_

#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"

namespace archpool {

class Choices {
 public:
  // `bytes` outlive the choices.
  explicit Choices(absl::string_view bytes) : bytes_(bytes) {}

  bool IsOver() const { return bytes_.empty(); }

  uint8_t Byte() {
    if (bytes_.empty()) return 0;
    const auto byte = static_cast<uint8_t>(bytes_.front());
    bytes_.remove_prefix(1);
    return byte;
  }
  // Below `count`, which is at most 256; 0 where there is nothing to choose.
  size_t Below(size_t count) { return count == 0 ? 0 : Byte() % count; }
  // Any 64 bits, of the eight bytes that come next.
  int64_t Number() {
    uint64_t number = 0;
    for (int i = 0; i < 8; ++i) number = number << 8 | Byte();
    return static_cast<int64_t>(number);
  }
  uint16_t Short() {
    const unsigned high = Byte();
    return static_cast<uint16_t>(high << 8 | Byte());
  }
  // The next bytes, fewer where they end before.
  absl::string_view Take(size_t count) {
    const absl::string_view taken = bytes_.substr(0, count);
    bytes_.remove_prefix(taken.size());
    return taken;
  }

 private:
  absl::string_view bytes_;
};

}  // namespace archpool

#endif  // ARCHPOOL_TESTS_FUZZ_CHOICES_H_
