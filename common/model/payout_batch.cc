// SPDX-License-Identifier: Apache-2.0
#include "common/model/payout_batch.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "common/base/hex.h"
#include "common/crypto/canonical.h"

namespace archpool {
namespace {

constexpr size_t kNameDigits = 16;
constexpr size_t kLineBytesMax = 200;

bool IsLine(absl::string_view text) {
  return !text.empty() && text.size() <= kLineBytesMax &&
         std::all_of(text.begin(), text.end(), [](char c) {
           return absl::ascii_isprint(static_cast<unsigned char>(c));
         });
}

}  // namespace

bool IsBatchName(absl::string_view name) {
  return name.size() == kNameDigits &&
         name.find_first_not_of("0123456789abcdef") == absl::string_view::npos;
}

std::string BatchToSign(absl::string_view text) {
  return CanonicalWriter("archpool/payout-batch/v1").Bytes(text).encoding();
}

bool IsBatchSigned(absl::string_view text, absl::string_view signature_hex,
                   absl::string_view public_key_hex) {
  const auto signature_bytes =
      FromHex(absl::StripAsciiWhitespace(signature_hex));
  const auto key_bytes = FromHex(absl::StripAsciiWhitespace(public_key_hex));
  if (!signature_bytes.ok() || !key_bytes.ok()) return false;
  const auto signature = Signature::FromBytes(
      std::string(signature_bytes->begin(), signature_bytes->end()));
  const auto key =
      PublicKey::FromBytes(std::string(key_bytes->begin(), key_bytes->end()));
  return signature.ok() && key.ok() &&
         VerifySignature(*key, BatchToSign(text), *signature);
}

bool IsPaymentReference(absl::string_view text) { return IsLine(text); }

bool IsPaidAddress(absl::string_view text) { return IsLine(text); }

}  // namespace archpool
