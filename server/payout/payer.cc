// SPDX-License-Identifier: Apache-2.0
#include "server/payout/payer.h"

#include <algorithm>
#include <utility>

#include "common/base/check.h"
#include "common/base/status.h"
#include "common/base/stop.h"
#include "common/log/log.h"
#include "common/model/coins.h"

namespace archpool {

Payer::Payer(const Clock& clock, Engine& engine, Rail& rail,
             PayerOptions options)
    : clock_(clock),
      engine_(engine),
      rail_(rail),
      options_(std::move(options)) {}

Payer::~Payer() { Stop(); }

void Payer::Start() {
  thread_ = std::jthread([this](const std::stop_token& stop) {
    while (!stop.stop_requested()) {
      const absl::Status round = Round();
      if (!round.ok()) {
        LogWarn("payouts_wait", "a payout round failed",
                "the next round tries again; if it repeats, do what the error "
                "says",
                {{"error", round}});
      }
      WaitOrStop(stop, options_.interval);
    }
  });
}

void Payer::Stop() {
  if (!thread_.joinable()) return;
  stop_.request_stop();
  thread_.request_stop();
  thread_.join();
}

absl::Status Payer::Round() {
  has_begun_ = has_begun_ || options_.may_begin();
  if (!has_begun_) return absl::OkStatus();
  if (is_in_doubt_) {
    ARCHPOOL_RETURN_IF_ERROR(engine_.Call(DoubtSends()).status());
    is_in_doubt_ = false;
  }
  const absl::Status sent = Send();
  if (!sent.ok()) is_in_doubt_ = true;
  ARCHPOOL_RETURN_IF_ERROR(sent);
  return AskAfterOpen();
}

absl::Status Payer::Send() {
  options_.at("payout.before_begin");
  ARCHPOOL_ASSIGN_OR_RETURN(const std::vector<Payout> begun,
                            engine_.Call(BeginSends{options_.batch_max}));
  if (begun.empty()) return absl::OkStatus();
  options_.at("payout.begun");
  const std::vector<RailAnswer> answers = rail_.Send(begun);
  ARCHPOOL_CHECK(answers.size() == begun.size());
  options_.at("payout.sent");
  for (size_t i = 0; i < begun.size(); ++i) {
    ARCHPOOL_RETURN_IF_ERROR(Report(begun[i], answers[i]));
    options_.at("payout.reported");
  }
  return absl::OkStatus();
}

absl::Status Payer::AskAfterOpen() {
  ARCHPOOL_ASSIGN_OR_RETURN(const std::vector<Payout> open,
                            engine_.Call(ReviewPayouts()));
  std::map<PayoutId, LookUps> still_open;
  for (const Payout& payout : open) {
    LookUps& now = still_open[payout.id];
    const auto known = look_ups_.find(payout.id);
    if (known != look_ups_.end()) now = known->second;
  }
  look_ups_ = std::move(still_open);
  for (const Payout& payout : open) {
    LookUps& asked = look_ups_[payout.id];
    if (clock_.Now() < asked.next_time) continue;
    asked.pause =
        std::clamp(2 * asked.pause, options_.look_up_min, options_.look_up_max);
    asked.next_time = clock_.Now() + asked.pause;
    options_.at("payout.before_look_up");
    const RailAnswer answer = rail_.LookUp(payout);
    options_.at("payout.looked_up");
    ARCHPOOL_RETURN_IF_ERROR(Report(payout, answer));
    if (answer.reason == kRailUnreachable || stop_.stop_requested()) break;
  }
  return absl::OkStatus();
}

absl::Status Payer::Report(const Payout& payout, const RailAnswer& answer) {
  const absl::StatusOr<PayoutState> state =
      engine_.Call(ReportPayout{.payout = payout.id,
                                .word = answer.word,
                                .reference = answer.reference,
                                .reason = answer.reason});
  // The commit of an earlier report was in doubt, and had come through.
  if (GetReason(state.status()) == "PAYOUT_ENDED") return absl::OkStatus();
  ARCHPOOL_RETURN_IF_ERROR(state.status());
  if (*state == PayoutState::kSettled || *state == PayoutState::kRefused) {
    LogInfo("payout_moved", "a payout has a new state",
            {{"payout_id", payout.id},
             {"amount_coins", FormatCoins(payout.amount)},
             {"state", ToString(*state)},
             {"reference", answer.reference},
             {"reason", answer.reason}});
  }
  return absl::OkStatus();
}

}  // namespace archpool
