// SPDX-License-Identifier: Apache-2.0
// Whatever bytes are found in a folder of receipts, they are refused with a
// reason, or read; and whatever a pool signs, the check comes to an end.
#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"
#include "common/base/check.h"
#include "common/base/status.h"
#include "tests/support/sign_receipts.h"

namespace archpool {
namespace {

void Check(const ReceiptFolder& folder, const SigningKey& key) {
  const auto report = CheckReceipts(folder, key.public_key());
  ARCHPOOL_CHECK(report.ok() || !GetReason(report.status()).empty());
}

}  // namespace
}  // namespace archpool

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace archpool;  // NOLINT: a fuzzer's entry
  static const SigningKey key = *SigningKey::FromSeed(std::string(32, 'k'));
  static const ReceiptFolder honest = SignReceipts(key, AccountId{1}, {}, 0);
  const std::string bytes(reinterpret_cast<const char*>(data), size);
  Check({bytes, honest.statement, honest.receipts}, key);
  Check({honest.seals, bytes, honest.receipts}, key);
  Check({honest.seals, honest.statement, bytes}, key);
  const auto receipts = DecodeReceipts(bytes);
  if (receipts.ok()) Check(SignReceipts(key, AccountId{2}, *receipts, 0), key);
  return 0;
}
