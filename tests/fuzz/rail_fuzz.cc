// SPDX-License-Identifier: Apache-2.0
// Whatever a rail answers, or leaves in the folder of the payout batches: money
// is settled, or comes back, by a clear word about that very payout alone, and
// what is read fits into the books.
#include <cstddef>
#include <cstdint>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "common/base/check.h"
#include "common/base/reason.h"
#include "common/base/status.h"
#include "common/crypto/sha256.h"
#include "common/crypto/signature.h"
#include "common/log/log.h"
#include "common/model/payout_batch.h"
#include "server/payout/file_rail.h"
#include "server/payout/rail_answers.h"
#include "server/payout/restored_payouts.h"
#include "tests/support/temporary_directory.h"

namespace archpool {
namespace {

Payout PayoutOf(int64_t id) {
  return {.id = {id},
          .account = {id},
          .amount = id * 500'000,
          .address = absl::StrCat("addr-", id),
          .key = Sha256(absl::StrCat(id))};
}

void CheckAnswer(const RailAnswer& answer) {
  switch (answer.word) {
    case RailWord::kSettled:
      ARCHPOOL_CHECK(IsPaymentReference(answer.reference));
      break;
    case RailWord::kSent:
      ARCHPOOL_CHECK(answer.reference.empty() ||
                     IsPaymentReference(answer.reference));
      break;
    case RailWord::kRefused:
    case RailWord::kDoubt:
      ARCHPOOL_CHECK(IsReason(answer.reason));
      break;
    case RailWord::kNeverSeen:
      break;
  }
}

void CheckList(const RailList& list) {
  for (const RailPayout& one : list.payouts) {
    ARCHPOOL_CHECK(one.amount >= 0 && one.amount <= kAmountMax);
    ARCHPOOL_CHECK(IsPaidAddress(one.address));
    CheckAnswer(one.answer);
    ARCHPOOL_CHECK(one.answer.word != RailWord::kNeverSeen);
  }
}

void FuzzHttp(const std::string& body) {
  for (const int status : {200, 202, 404, 500}) {
    const RailAnswer answer = ReadRailAnswer(PayoutOf(1), status, body);
    CheckAnswer(answer);
    if (answer.word == RailWord::kDoubt) continue;
    // Of one payout, and of no other.
    ARCHPOOL_CHECK(absl::StrContains(body, PayoutOf(1).key.ToString()));
    ARCHPOOL_CHECK(ReadRailAnswer(PayoutOf(2), status, body).word ==
                   RailWord::kDoubt);
    ARCHPOOL_CHECK((status == 404) == (answer.word == RailWord::kNeverSeen));
    ARCHPOOL_CHECK(status != 500);
  }
  RailList list;
  const auto next = AddRailPage(body, list);
  ARCHPOOL_CHECK(next.ok() ||
                 GetReason(next.status()) == "RAIL_LIST_MALFORMED");
  CheckList(list);
}

// One folder for all inputs: each writes the same two files.
class Folder {
 public:
  Folder() : rail_(*FileRail::Open(directory_.path(), key_)) {
    batch_ = rail_->Send({PayoutOf(1), PayoutOf(2)})[0].reference;
  }

  void Fuzz(const std::string& text) {
    Write(absl::StrCat(batch_, kBatchResultEnd), text);
    for (const int64_t id : {1, 2}) {
      const RailAnswer answer = rail_->LookUp(PayoutOf(id));
      CheckAnswer(answer);
      ARCHPOOL_CHECK(answer.word != RailWord::kNeverSeen);
    }
    // A batch that somebody else wrote, or that a disk spoilt.
    Write(absl::StrCat("0123456789abcdef", kBatchEnd), text);
    CheckAnswer(rail_->LookUp(PayoutOf(3)));
    const auto list = rail_->ListSince(absl::UnixEpoch());
    ARCHPOOL_CHECK(list.ok() || GetReason(list.status()) == "BATCH_MALFORMED");
    if (list.ok()) CheckList(*list);
  }

 private:
  void Write(const std::string& name, const std::string& text) {
    std::ofstream(absl::StrCat(directory_.path(), "/", name),
                  std::ios::binary | std::ios::trunc)
        << text;
  }

  const TemporaryDirectory directory_;
  const SigningKey key_ = *SigningKey::FromSeed(std::string(32, 'k'));
  const std::unique_ptr<FileRail> rail_;
  std::string batch_;
};

void FuzzPaidByHand(const std::string& text) {
  const auto paid = ParsePaidByHand(text);
  if (!paid.ok()) {
    ARCHPOOL_CHECK(GetReason(paid.status()) == "PAID_MALFORMED");
    return;
  }
  for (const PaidByHand::Payment& one : paid->payments) {
    ARCHPOOL_CHECK(one.amount > 0 && one.amount <= kAmountMax);
    ARCHPOOL_CHECK(!one.account.empty() && IsPaidAddress(one.address));
    ARCHPOOL_CHECK(IsPaymentReference(one.reference));
  }
}

}  // namespace
}  // namespace archpool

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace archpool;  // NOLINT: a fuzzer's entry
  static Folder* const folder = [] {
    SetUpLog({.level = LogLevel::kError});
    static Folder made;
    return &made;
  }();
  const std::string bytes(reinterpret_cast<const char*>(data), size);
  FuzzHttp(bytes);
  // Most bytes are no object, as reading them without a disk shows.
  if (absl::StartsWith(bytes, "{")) folder->Fuzz(bytes);
  FuzzPaidByHand(bytes);
  return 0;
}
