// SPDX-License-Identifier: Apache-2.0
// archpool payout ...
#include <CLI/CLI.hpp>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "client/confirm_batch.h"
#include "client/context.h"
#include "client/doubt.h"
#include "client/map_reader.h"
#include "client/render_pool.h"
#include "common/base/millionths.h"
#include "common/base/status.h"
#include "common/crypto/random.h"
#include "common/model/ids.h"

namespace archpool {
namespace {

absl::StatusOr<int64_t> ParseCoins(const std::string& flag,
                                   const std::string& text) {
  const std::optional<int64_t> amount = ParseMillionths(text);
  if (amount.has_value() && *amount >= 0 && *amount <= kAmountMax) {
    return *amount;
  }
  return InvalidArgument(
      "AMOUNT_MALFORMED",
      absl::StrCat(flag, " ", Clean(text),
                   " is no amount: give coins with up to six decimals"));
}

struct TermsFlags {
  std::optional<std::string> address;
  std::optional<std::string> threshold;
  bool is_clearing = false;
};

absl::Status SetTerms(Context& context, const TermsFlags& flags) {
  v1::SetPayoutTermsRequest request;
  if (flags.is_clearing) {
    request.set_address("");
    request.set_threshold_micros(0);
  }
  if (flags.address.has_value()) request.set_address(*flags.address);
  if (flags.threshold.has_value()) {
    ARCHPOOL_ASSIGN_OR_RETURN(const int64_t threshold,
                              ParseCoins("--threshold", *flags.threshold));
    request.set_threshold_micros(threshold);
  }
  ARCHPOOL_ASSIGN_OR_RETURN(PoolClient* const client, context.Client());
  ARCHPOOL_ASSIGN_OR_RETURN(
      const v1::SetPayoutTermsResponse response,
      client->Call(client->payouts(), &PayoutStub::SetPayoutTerms, request));
  std::string page =
      response.threshold_micros() == 0
          ? "Nothing is paid out: there is no address.\n"
          : absl::StrCat("Nothing is paid out: there is no address. With one, ",
                         "all goes by itself from ",
                         FormatCoins(response.threshold_micros()),
                         " coins on.\n");
  if (!response.address().empty()) {
    page = absl::StrCat(
        "Payouts go to ", Clean(response.address()),
        response.threshold_micros() == 0
            ? ", when you ask for them: archpool payout request"
            : absl::StrCat(", by themselves from ",
                           FormatCoins(response.threshold_micros()),
                           " coins on"),
        ".\n");
  }
  Json json = {{"address", response.address()},
               {"threshold", FormatCoins(response.threshold_micros())},
               {"next_address", nullptr}};
  if (response.has_next_address()) {
    const int64_t left = response.next_address_left().seconds();
    json["next_address"] = response.next_address();
    json["next_address_seconds_left"] = left;
    absl::StrAppend(
        &page, "The new address ", Clean(response.next_address()),
        " is paid to in ", absl::FormatDuration(absl::Seconds(left)),
        "; until then nothing is paid by itself. If you did not set it, "
        "archpool payout set ",
        response.address().empty()
            ? "--clear"
            : absl::StrCat("--address ", Clean(response.address())),
        " takes it back: do that now, and revoke your tokens.\n");
  }
  context.Show(json, page);
  return absl::OkStatus();
}

// NAME=PERCENT.
absl::StatusOr<v1::RevenuePart> ParsePart(const std::string& text) {
  const std::pair<std::string, std::string> parts =
      absl::StrSplit(text, absl::MaxSplits('=', 1));
  const std::optional<int64_t> percent = ParseMillionths(parts.second);
  if (!percent.has_value() || *percent < 0 || *percent > 100'000'000 ||
      *percent % 100 != 0) {
    return InvalidArgument(
        "PART_MALFORMED",
        absl::StrCat("--part ", Clean(text),
                     ": give NAME=PERCENT with up to four decimals, such as "
                     "alice=97.5"));
  }
  v1::RevenuePart part;
  part.set_account_name(parts.first);
  part.set_share_ppm(*percent / 100);
  return part;
}

struct SplitFlags {
  std::vector<std::string> parts;
  bool is_clearing = false;
};

absl::Status SetSplit(Context& context, const SplitFlags& flags) {
  v1::SetRevenueSplitRequest request;
  request.set_clear(flags.is_clearing);
  for (const std::string& text : flags.parts) {
    ARCHPOOL_ASSIGN_OR_RETURN(*request.add_parts(), ParsePart(text));
  }
  ARCHPOOL_ASSIGN_OR_RETURN(PoolClient* const client, context.Client());
  ARCHPOOL_ASSIGN_OR_RETURN(
      const v1::SetRevenueSplitResponse response,
      client->Call(client->payouts(), &PayoutStub::SetRevenueSplit, request));
  std::string page = "You keep all that you are paid.\n";
  if (!response.parts().empty()) {
    page = "Your pay for work goes to\n";
    for (const v1::RevenuePart& part : response.parts()) {
      absl::StrAppend(
          &page, "  ", Clean(part.account_name()), "  ",
          FormatMillionths(part.share_ppm() * 100), " %",
          part.is_accepted()
              ? "\n"
              : ", which it no longer accepts: it stays with you\n");
    }
  }
  context.Show(ListToJson(response.parts()), page);
  return absl::OkStatus();
}

absl::Status SetConsent(Context& context, const std::string& name,
                        bool is_given) {
  v1::SetShareConsentRequest request;
  request.set_account_name(name);
  request.set_is_given(is_given);
  ARCHPOOL_ASSIGN_OR_RETURN(PoolClient* const client, context.Client());
  ARCHPOOL_ASSIGN_OR_RETURN(
      const v1::SetShareConsentResponse response,
      client->Call(client->payouts(), &PayoutStub::SetShareConsent, request));
  Json json = Json::array();
  std::string page = "Nobody shares with you what it is paid.\n";
  if (!response.account_names().empty()) {
    page = "These may share with you what they are paid:\n";
  }
  for (const std::string& payer : response.account_names()) {
    json.push_back(Clean(payer));
    absl::StrAppend(&page, "  ", Clean(payer), "\n");
  }
  context.Show(json, page);
  return absl::OkStatus();
}

void AddConsent(CLI::App& group, Action& action) {
  const auto name = std::make_shared<std::string>();
  CLI::App* accept = group.add_subcommand(
      "accept",
      "Allow an account to share its pay with you (clients and miners). "
      "Without a name, list the accounts that you allow");
  accept->add_option("NAME", *name, "The account that shares");
  accept->callback([&action, name] {
    action = [name](Context& c) { return SetConsent(c, *name, true); };
  });
  CLI::App* decline = group.add_subcommand(
      "decline", "Withdraw that: the account keeps your part");
  decline->add_option("NAME", *name, "The account that shares")->required();
  decline->callback([&action, name] {
    action = [name](Context& c) { return SetConsent(c, *name, false); };
  });
}

struct RequestFlags {
  std::string amount = "0";  // 0: all there is
  std::string request_id;
};

absl::Status RequestPayout(Context& context, const RequestFlags& flags) {
  v1::RequestPayoutRequest request;
  ARCHPOOL_ASSIGN_OR_RETURN(const int64_t amount,
                            ParseCoins("--amount", flags.amount));
  if (amount != 0) request.set_amount_micros(amount);
  request.set_request_id(flags.request_id.empty() ? RandomSecret().ToString()
                                                  : flags.request_id);
  ARCHPOOL_ASSIGN_OR_RETURN(PoolClient* const client, context.Client());
  const absl::StatusOr<v1::RequestPayoutResponse> response =
      client->Call(client->payouts(), &PayoutStub::RequestPayout, request);
  if (!response.ok() && IsInDoubt(response.status())) {
    return InDoubt(response.status(),
                   absl::StrCat("the payout may have been set aside: archpool "
                                "payout list tells. With --request-id ",
                                request.request_id(),
                                " the same command sets nothing aside twice"));
  }
  ARCHPOOL_RETURN_IF_ERROR(response.status());
  context.Show({{"payout_id", response->payout_id()}},
               absl::StrCat("payout-", response->payout_id(),
                            " is set aside and on its way; archpool payout "
                            "list shows its state.\n"));
  return absl::OkStatus();
}

struct PayoutListFlags {
  bool open_only = false;
  int64_t count_max = 100;
};

absl::Status ListPayouts(Context& context, const PayoutListFlags& flags) {
  ARCHPOOL_ASSIGN_OR_RETURN(PoolClient* const client, context.Client());
  v1::ListPayoutsRequest request;
  request.set_open_only(flags.open_only);
  ARCHPOOL_ASSIGN_OR_RETURN(
      const v1::ListPayoutsResponse response,
      client->ListAll(client->payouts(), &PayoutStub::ListPayouts, request,
                      &v1::ListPayoutsResponse::mutable_payouts,
                      flags.count_max));
  context.Show(ListToJson(response.payouts()),
               RenderPayouts(response, context.terminal()));
  return absl::OkStatus();
}

absl::Status ConfirmPayouts(Context& context,
                            const BatchConfirmation& confirmation) {
  ARCHPOOL_ASSIGN_OR_RETURN(const ConfirmedBatch confirmed,
                            ConfirmBatch(confirmation));
  context.Show({{"result", confirmed.result_path},
                {"payouts", confirmed.settled + confirmed.refused},
                {"settled", confirmed.settled},
                {"refused", confirmed.refused},
                {"is_new", confirmed.is_new}},
               absl::StrCat(confirmed.is_new ? "Wrote " : "Nothing new for ",
                            confirmed.result_path, ": ", confirmed.settled,
                            " settled, ", confirmed.refused, " refused.\n"));
  return absl::OkStatus();
}

void AddConfirm(CLI::App& group, Action& action) {
  const auto flags = std::make_shared<BatchConfirmation>();
  CLI::App* confirm = group.add_subcommand(
      "confirm",
      "Record the outcome of a manually paid batch, in a file next to it "
      "(operators)");
  confirm->add_option("BATCH.json", flags->path, "The batch")->required();
  confirm->add_option("--reference", flags->reference,
                      "The payment's name at your bank or chain; needed "
                      "unless all were refused");
  confirm->add_option("--refused", flags->refused,
                      "KEY=REASON of a payout that was not paid and never will "
                      "be; may be repeated");
  confirm->callback([&action, flags] {
    action = [flags](Context& c) { return ConfirmPayouts(c, *flags); };
  });
}

void AddTerms(CLI::App& group, Action& action) {
  const auto terms = std::make_shared<TermsFlags>();
  CLI::App* set = group.add_subcommand(
      "set",
      "Set where your money goes, and when (clients and miners). Options that "
      "are not given stay as they are; without any, show them");
  CLI::Option* address =
      set->add_option("--address", terms->address,
                      "An address in the form that the pool's rail expects");
  CLI::Option* threshold = set->add_option(
      "--threshold", terms->threshold,
      "Pay out the whole balance automatically once it reaches this many "
      "coins; 0: only on request");
  set->add_flag("--clear", terms->is_clearing,
                "Remove address and threshold: nothing is paid out")
      ->excludes(address)
      ->excludes(threshold);
  set->callback([&action, terms] {
    action = [terms](Context& c) { return SetTerms(c, *terms); };
  });
}

}  // namespace

void AddPayoutCommands(CLI::App& app, Action& action) {
  CLI::App* group = app.add_subcommand("payout", "Money that leaves the pool");
  group->require_subcommand(1);

  AddTerms(*group, action);
  const auto split_flags = std::make_shared<SplitFlags>();
  CLI::App* split = group->add_subcommand(
      "split",
      "Share your pay for work with other accounts (clients and miners). "
      "Without a flag, show the split");
  CLI::Option* part = split->add_option(
      "--part", split_flags->parts,
      "NAME=PERCENT, once for each account, your own too; they add up to 100 "
      "and replace the earlier parts. The other accounts must first run: "
      "archpool payout accept YOU");
  split
      ->add_flag("--clear", split_flags->is_clearing,
                 "Keep all of your pay again")
      ->excludes(part);
  split->callback([&action, split_flags] {
    action = [split_flags](Context& c) { return SetSplit(c, *split_flags); };
  });

  AddConsent(*group, action);
  const auto request = std::make_shared<RequestFlags>();
  CLI::App* ask = group->add_subcommand(
      "request", "Request a payout now (clients and miners)");
  ask->add_option("--amount", request->amount, "In coins; 0: the whole balance")
      ->capture_default_str();
  ask->add_option("--request-id", request->request_id,
                  "A second request with the same id does nothing");
  ask->callback([&action, request] {
    action = [request](Context& c) { return RequestPayout(c, *request); };
  });

  const auto listing = std::make_shared<PayoutListFlags>();
  CLI::App* list = group->add_subcommand(
      "list", "List payouts, newest first (operators: of all accounts)");
  list->add_flag("--open", listing->open_only,
                 "Only payouts that have not ended");
  list->add_option("--limit", listing->count_max, "Maximum number of rows")
      ->check(CLI::Range(1, 100'000))
      ->capture_default_str();
  list->callback([&action, listing] {
    action = [listing](Context& c) { return ListPayouts(c, *listing); };
  });
  AddConfirm(*group, action);
}

}  // namespace archpool
