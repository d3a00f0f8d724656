// SPDX-License-Identifier: Apache-2.0
// Whatever bytes are found in a folder of receipts, they are refused with a
// reason, or read; and whatever a pool signs, of an account or of its own books
// with what its operators did, the check comes to an end.
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

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

// Whose receipts they say they are, where that is a number that a test's pool
// may have: others are refused at their first receipt.
AccountId OwnerOf(const std::vector<std::string>& receipts) {
  constexpr int64_t kAccountMax = 100;
  if (receipts.empty()) return AccountId{2};
  const auto first = DecodeReceipt(receipts.front());
  if (!first.ok() || first->account.value < 0 ||
      first->account.value > kAccountMax) {
    return AccountId{2};
  }
  return first->account;
}

// What can be read says the same once it is written again.
void CheckWays(const std::string& encoding) {
  const auto receipt = DecodeReceipt(encoding);
  if (!receipt.ok()) {
    ARCHPOOL_CHECK(GetReason(receipt.status()) == "RECEIPT_MALFORMED");
    return;
  }
  const auto again = DecodeReceipt(Encode(*receipt));
  ARCHPOOL_CHECK(again.ok() && *again == *receipt);
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
  if (!receipts.ok()) return 0;
  for (const std::string& one : *receipts) CheckWays(one);
  Check(SignReceipts(key, OwnerOf(*receipts), *receipts, 0), key);
  return 0;
}
