// SPDX-License-Identifier: Apache-2.0
#include "common/model/receipt.h"

#include <tuple>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/status.h"
#include "common/crypto/canonical.h"

namespace archpool {
namespace {

constexpr char kReceiptDomain[] = "archpool/receipt/v1";
constexpr char kStatementDomain[] = "archpool/receipt-statement/v1";
constexpr char kSealDomain[] = "archpool/receipt-epoch/v1";

// One overload per type of field, in both directions.
void Put(int64_t value, CanonicalWriter& to) { to.Int(value); }
void Put(bool value, CanonicalWriter& to) { to.Int(value ? 1 : 0); }
void Put(const std::string& value, CanonicalWriter& to) { to.Bytes(value); }
void Put(const Digest& value, CanonicalWriter& to) { to.Fixed(value); }
void Put(absl::Time value, CanonicalWriter& to) {
  to.Int(absl::ToUnixMicros(value));
}
template <typename Tag>
void Put(Id<Tag> value, CanonicalWriter& to) {
  to.Int(value.value);
}

void Take(CanonicalReader& from, int64_t& value) { value = from.Int(); }
void Take(CanonicalReader& from, bool& value) { value = from.Int() != 0; }
void Take(CanonicalReader& from, std::string& value) {
  value = std::string(from.Bytes());
}
void Take(CanonicalReader& from, Digest& value) { value = from.Fixed(); }
void Take(CanonicalReader& from, absl::Time& value) {
  value = absl::FromUnixMicros(from.Int());
}
template <typename Tag>
void Take(CanonicalReader& from, Id<Tag>& value) {
  value.value = from.Int();
}

template <typename Record>
void PutFields(const Record& record, CanonicalWriter& to) {
  std::apply([&to](const auto&... field) { (Put(field, to), ...); },
             Record::Fields(record));
}
template <typename Record>
void TakeFields(CanonicalReader& from, Record& record) {
  std::apply([&from](auto&... field) { (Take(from, field), ...); },
             Record::Fields(record));
}

absl::Status MalformedReceipt(const char* what) {
  return InvalidArgument("RECEIPT_MALFORMED",
                         absl::StrCat("these bytes are no ", what,
                                      " of archpool; fetch it again"));
}

template <typename Record>
absl::StatusOr<Record> DecodeFields(const char* domain, const char* what,
                                    absl::string_view encoding) {
  CanonicalReader reader(domain, encoding);
  Record record;
  TakeFields(reader, record);
  if (!reader.IsDone()) return MalformedReceipt(what);
  return record;
}

// Reads the body that is number `kind` of the variant's types.
template <size_t kKind = 0>
bool TakeBody(CanonicalReader& from, int64_t kind, ReceiptBody& body) {
  if constexpr (kKind == std::variant_size_v<ReceiptBody>) {
    return false;
  } else {
    if (kind != static_cast<int64_t>(kKind)) {
      return TakeBody<kKind + 1>(from, kind, body);
    }
    TakeFields(from, body.emplace<kKind>());
    return true;
  }
}

}  // namespace

std::string Encode(const ReceiptContent& receipt) {
  CanonicalWriter writer(kReceiptDomain);
  writer.Int(receipt.id.value)
      .Int(receipt.account.value)
      .Int(static_cast<int64_t>(receipt.body.index()));
  std::visit([&writer](const auto& body) { PutFields(body, writer); },
             receipt.body);
  return writer.encoding();
}

absl::StatusOr<ReceiptContent> DecodeReceipt(absl::string_view encoding) {
  CanonicalReader reader(kReceiptDomain, encoding);
  ReceiptContent receipt;
  receipt.id.value = reader.Int();
  receipt.account.value = reader.Int();
  const int64_t kind = reader.Int();
  if (!TakeBody(reader, kind, receipt.body) || !reader.IsDone()) {
    return MalformedReceipt("receipt");
  }
  return receipt;
}

std::string Encode(const ReceiptStatement& statement) {
  CanonicalWriter writer(kStatementDomain);
  PutFields(statement, writer);
  return writer.encoding();
}

absl::StatusOr<ReceiptStatement> DecodeStatement(absl::string_view encoding) {
  return DecodeFields<ReceiptStatement>(kStatementDomain, "statement",
                                        encoding);
}

std::string Encode(const Seal& seal) {
  CanonicalWriter writer(kSealDomain);
  PutFields(seal, writer);
  return writer.encoding();
}

absl::StatusOr<Seal> DecodeSeal(absl::string_view encoding) {
  return DecodeFields<Seal>(kSealDomain, "seal", encoding);
}

bool IsAfterRestore(const Seal& seal, int64_t number_before) {
  return seal.number > number_before + 1 &&
         seal.number == absl::ToUnixSeconds(seal.time);
}

Digest SignedSeal::Id() const {
  return CanonicalWriter("archpool/receipt-epoch-id/v1")
      .Bytes(Encode(seal))
      .Bytes(signature.AsBytes())
      .Hash();
}

}  // namespace archpool
