// SPDX-License-Identifier: Apache-2.0
#include "server/payout/restored_payouts.h"

#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/status.h"
#include "common/crypto/canonical.h"
#include "common/data/read_file.h"
#include "common/log/log.h"
#include "common/model/coins.h"
#include "common/model/payout_batch.h"

namespace archpool {
namespace {

using Json = nlohmann::json;

constexpr int64_t kPaidBytesMax = int64_t{16} << 20;
// The rail's clock need not be the database's.
constexpr absl::Duration kClockMargin = absl::Hours(1);

std::optional<std::string> WordAt(const Json& object, const char* name) {
  const auto found = object.find(name);
  if (found == object.end() || !found->is_string()) return std::nullopt;
  return found->get<std::string>();
}

absl::Status PaidMalformed(size_t place, absl::string_view what) {
  return InvalidArgument(
      "PAID_MALFORMED",
      absl::StrCat("entry ", place, " of ", kPaidSinceBackup, " ", what));
}

absl::Status AddPaid(const Json& entry, size_t place, PaidByHand& paid) {
  if (!entry.is_object()) return PaidMalformed(place, "is no object");
  const std::optional<std::string> account = WordAt(entry, "account");
  if (!account) return PaidMalformed(place, "names no account");
  if (const std::optional<std::string> text = WordAt(entry, "key")) {
    const absl::StatusOr<Digest> key = Digest::Parse(*text);
    if (!key.ok()) return PaidMalformed(place, "has a key that is none");
    paid.accounts[*key] = *account;
    return absl::OkStatus();
  }
  const std::string address = WordAt(entry, "address").value_or("");
  const std::string reference = WordAt(entry, "reference").value_or("");
  const std::optional<Amount> amount =
      ParseCoins(WordAt(entry, "coins").value_or(""));
  if (account->empty() || !IsPaidAddress(address) || !amount || *amount == 0) {
    return PaidMalformed(
        place, "needs an account, an address, and coins such as \"12.5\"");
  }
  if (!IsPaymentReference(reference)) {
    return PaidMalformed(place,
                         "needs a reference, as your bank or chain names the "
                         "payment");
  }
  // Tells equal entries apart, wherever they stand in the list: it may be
  // corrected and read again.
  const int64_t alike = std::count_if(
      paid.payments.begin(), paid.payments.end(), [&](const auto& other) {
        return other.account == *account && other.address == address &&
               other.amount == *amount && other.reference == reference;
      });
  paid.payments.push_back({.account = *account,
                           .address = address,
                           .amount = *amount,
                           .reference = reference,
                           .key = CanonicalWriter("archpool/paid-by-hand/v1")
                                      .Int(alike)
                                      .Bytes(*account)
                                      .Bytes(address)
                                      .Int(*amount)
                                      .Bytes(reference)
                                      .Hash()});
  return absl::OkStatus();
}

// nullopt where the operator has not said it yet.
absl::StatusOr<std::optional<PaidByHand>> ReadPaidByHand(
    const std::string& folder) {
  const absl::StatusOr<std::string> text =
      ReadFile(absl::StrCat(folder, "/", kPaidSinceBackup), kPaidBytesMax);
  if (absl::IsNotFound(text.status())) return std::nullopt;
  ARCHPOOL_RETURN_IF_ERROR(text.status());
  ARCHPOOL_ASSIGN_OR_RETURN(PaidByHand paid, ParsePaidByHand(*text));
  return paid;
}

absl::Status Unconfirmed(const std::string& folder) {
  return FailedPrecondition(
      "PAYOUTS_UNCONFIRMED",
      absl::StrCat("the rail cannot tell what it paid since the backup; bring "
                   "the batches that the lost pool wrote back into ",
                   folder,
                   ", and write the list of everything else that was "
                   "paid, [] for nothing, into ",
                   kPaidSinceBackup, " there (docs/backups.md)"));
}

std::vector<BookLostPayout> LostIn(const RailList& list,
                                   const PaidByHand& paid) {
  std::vector<BookLostPayout> lost;
  for (const RailPayout& one : list.payouts) {
    BookLostPayout command{.account = one.account,
                           .key = one.key,
                           .address = one.address,
                           .amount = one.amount,
                           .word = one.answer.word,
                           .reference = one.answer.reference,
                           .reason = one.answer.reason};
    // What it refused moved nothing, and the account's money is where it was.
    if (command.word == RailWord::kRefused) continue;
    const auto said = paid.accounts.find(one.key);
    if (said != paid.accounts.end()) {
      if (said->second.empty()) continue;
      command.account_name = said->second;
    }
    lost.push_back(std::move(command));
  }
  for (const PaidByHand::Payment& payment : paid.payments) {
    lost.push_back({.account_name = payment.account,
                    .key = payment.key,
                    .address = payment.address,
                    .amount = payment.amount,
                    .word = RailWord::kSettled,
                    .is_by_hand = true,
                    .reference = payment.reference});
  }
  return lost;
}

}  // namespace

absl::StatusOr<PaidByHand> ParsePaidByHand(absl::string_view text) {
  const Json list = Json::parse(text.begin(), text.end(), nullptr,
                                /*allow_exceptions=*/false);
  if (!list.is_array()) {
    return InvalidArgument(
        "PAID_MALFORMED",
        absl::StrCat(kPaidSinceBackup,
                     " is no list; write [] where nothing was paid"));
  }
  PaidByHand paid;
  size_t place = 0;
  for (const Json& entry : list) {
    ARCHPOOL_RETURN_IF_ERROR(AddPaid(entry, ++place, paid));
  }
  return paid;
}

RestoredPayouts::RestoredPayouts(const Clock& clock, Engine& engine, Rail& rail,
                                 RestoredPayoutsOptions options)
    : clock_(clock),
      engine_(engine),
      rail_(rail),
      options_(std::move(options)) {}

bool RestoredPayouts::Settle() {
  const absl::Time now = clock_.Now();
  if (is_settled_ || now < next_try_) return is_settled_;
  next_try_ = now + options_.interval;
  const absl::Status tried = TryToSettle();
  is_settled_ = tried.ok();
  if (is_settled_) {
    LogInfo("payouts_resumed",
            "what was paid since the backup is in the books: payouts continue");
  } else if (now >= next_line_) {
    next_line_ = now + options_.line_interval;
    LogWarn("payouts_held",
            "this pool was restored from a backup, and sends nothing until "
            "what was paid since then is in the books",
            "do what the error says; it is tried again every few seconds",
            {{"snapshot_time", options_.snapshot_time}, {"error", tried}});
  }
  return is_settled_;
}

absl::Status RestoredPayouts::TryToSettle() {
  ARCHPOOL_ASSIGN_OR_RETURN(const std::optional<PaidByHand> paid,
                            ReadPaidByHand(options_.folder));
  ARCHPOOL_ASSIGN_OR_RETURN(
      const RailList list,
      rail_.ListSince(options_.snapshot_time - kClockMargin));
  if (!list.is_complete && !paid) return Unconfirmed(options_.folder);
  ARCHPOOL_RETURN_IF_ERROR(HearOfOpen(list));
  ARCHPOOL_RETURN_IF_ERROR(Book(LostIn(list, paid.value_or(PaidByHand()))));
  return options_.end();
}

// What was paid by hand is compared with what is in doubt after this alone.
absl::Status RestoredPayouts::HearOfOpen(const RailList& list) {
  std::map<Digest, const RailPayout*> by_key;
  for (const RailPayout& one : list.payouts) by_key[one.key] = &one;
  ARCHPOOL_ASSIGN_OR_RETURN(const std::vector<Payout> open,
                            engine_.Call(ReviewPayouts()));
  for (const Payout& payout : open) {
    const auto found = by_key.find(payout.key);
    if (found == by_key.end() || found->second->address != payout.address ||
        found->second->amount != payout.amount) {
      continue;
    }
    const RailAnswer& answer = found->second->answer;
    ARCHPOOL_RETURN_IF_ERROR(
        engine_
            .Call(ReportPayout{.payout = payout.id,
                               .word = answer.word,
                               .reference = answer.reference,
                               .reason = answer.reason})
            .status());
  }
  return absl::OkStatus();
}

absl::Status RestoredPayouts::Book(const std::vector<BookLostPayout>& lost) {
  std::vector<Digest> keys;
  keys.reserve(lost.size());
  for (const BookLostPayout& one : lost) keys.push_back(one.key);
  ARCHPOOL_ASSIGN_OR_RETURN(const std::set<Digest> known,
                            options_.find_known(keys));
  absl::Status unmatched;
  for (const BookLostPayout& one : lost) {
    if (known.contains(one.key)) continue;
    const absl::StatusOr<PayoutId> booked = engine_.Call(one);
    if (GetReason(booked.status()) == "ACCOUNT_UNKNOWN") {
      unmatched = FailedPrecondition(
          "PAYOUT_UNMATCHED",
          absl::StrCat("nobody here is paid at '", one.address,
                       "', where the payout ", one.key.ToString(), " of ",
                       FormatCoins(one.amount),
                       " coins went since the backup: say whose it was in ",
                       kPaidSinceBackup,
                       ", with \"\" for an account that is "
                       "not here (docs/backups.md)"));
      continue;
    }
    ARCHPOOL_RETURN_IF_ERROR(booked.status());
    LogInfo("payout_booked",
            "a payout from between the backup and the restore was added to the "
            "books",
            {{"payout_id", *booked},
             {"amount_coins", FormatCoins(one.amount)},
             {"address", one.address},
             {"reference", one.reference}});
  }
  return unmatched;
}

}  // namespace archpool
