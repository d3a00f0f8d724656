// SPDX-License-Identifier: Apache-2.0
#include "server/core/pool.h"

#include <type_traits>
#include <utility>

#include "common/base/check.h"
#include "common/base/status.h"
#include "server/core/accounts/accounts.h"
#include "server/core/accounts/tokens.h"
#include "server/core/away.h"
#include "server/core/money/money.h"
#include "server/core/proof/proof.h"
#include "server/core/reactions.h"
#include "server/core/search/search.h"
#include "server/core/state/step.h"
#include "server/core/tasks/tasks.h"
#include "server/core/tick.h"
#include "server/core/upgrade.h"
#include "server/core/work/work.h"

namespace archpool {
namespace {

// In its room.
template <typename Command>
absl::StatusOr<typename Command::Reply> Run(Step& step,
                                            const Command& command) {
  using accounts::Execute;
  using money::Execute;
  using proof::Execute;
  using search::Execute;
  using tasks::Execute;
  using work::Execute;
  return Execute(step, command);
}

// What one report brings about may end the lease of the next.
absl::StatusOr<ReportTrials::Reply> Run(Step& step,
                                        const ReportTrials& command) {
  ARCHPOOL_RETURN_IF_ERROR(work::BeginReports(step, command));
  ReportTrials::Reply reply;
  reply.results.reserve(command.reports.size());
  for (const TrialReport& report : command.reports) {
    ReportTrials::Result& result =
        reply.results.emplace_back(ReportTrials::Result{.trial = report.trial});
    result.status = work::TakeReport(step, command, report);
    React(step);
    if (result.status.ok()) proof::SayWhatIsWanted(step, result);
  }
  work::EndReports(step, command, reply);
  return reply;
}

// The book outlives the state whose audits are taken in its order.
void GiveTurns(PoolState& state, const VerifierBook& verifiers) {
  for (const auto& [miner, turn] : verifiers.served()) {
    state.SetTurn(miner, turn);
  }
}

// Whether the command may see some deadlines that are moved by the time in
// which the pool was away, and others that are not yet.
template <typename Command>
constexpr bool kSeesTimeAdded =
    std::is_same_v<Command, Tick> || std::is_same_v<Command, UpgradeRecords>;

absl::Status IsReturning() {
  return Unavailable("POOL_RETURNS",
                     "the pool was away, and adds that time to every deadline "
                     "before it continues; ask again in a second");
}

// Answers what came of it.
absl::StatusOr<CancelTask::Reply> Run(Step& step, const CancelTask& command) {
  ARCHPOOL_RETURN_IF_ERROR(tasks::Execute(step, command).status());
  React(step);
  const Task* task = step.state.Find(command.task);
  return task == nullptr ? TaskState::kCancelled : task->state;
}

}  // namespace

Pool::Pool(const PoolPolicy& policy, const PoolSnapshot& snapshot,
           const ExpiryHold& hold, VerifierBook verifiers)
    : policy_(policy),
      state_(policy.high_reward_share_ppm),
      memory_(policy.equal_share_ppm) {
  memory_.expiry_hold = hold;
  memory_.verifiers = std::move(verifiers);
  state_.Load(snapshot);
  memory_.verifiers.Restore(state_.verifiers());
  GiveTurns(state_, memory_.verifiers);
}

Pool::Pool(const PoolSnapshot& snapshot, const Pool& other)
    : policy_(other.policy_),
      state_(policy_.high_reward_share_ppm),
      memory_(other.memory_) {
  state_.Load(snapshot);
  GiveTurns(state_, memory_.verifiers);
}

void Pool::ForgetSeen() {
  memory_ = Memory(policy_.equal_share_ppm);
  memory_.verifiers.Restore(state_.verifiers());
  state_.ForgetTurns();
}

Pool::~Pool() = default;
Pool::Pool(Pool&&) noexcept = default;
Pool& Pool::operator=(Pool&&) noexcept = default;

template <typename Command>
absl::StatusOr<typename Command::Reply> Pool::Execute(const Command& command,
                                                      absl::Time now) {
  if (!kSeesTimeAdded<Command> && state_.pool_clock().IsAdding()) {
    return IsReturning();
  }
  Facts facts;
  Step step{state_, memory_, policy_, now, facts};
  absl::StatusOr<typename Command::Reply> reply = Run(step, command);
  ARCHPOOL_CHECK(reply.ok() || facts.empty());  // an error changes nothing
  React(step);
  return reply;
}

template absl::StatusOr<CreateAccount::Reply> Pool::Execute(
    const CreateAccount&, absl::Time);
template absl::StatusOr<SetAccountState::Reply> Pool::Execute(
    const SetAccountState&, absl::Time);
template absl::StatusOr<SetQuotas::Reply> Pool::Execute(const SetQuotas&,
                                                        absl::Time);
template absl::StatusOr<AskForRoom::Reply> Pool::Execute(const AskForRoom&,
                                                         absl::Time);
template absl::StatusOr<ConfirmFile::Reply> Pool::Execute(const ConfirmFile&,
                                                          absl::Time);
template absl::StatusOr<CheckFiles::Reply> Pool::Execute(const CheckFiles&,
                                                         absl::Time);
template absl::StatusOr<AskToRead::Reply> Pool::Execute(const AskToRead&,
                                                        absl::Time);
template absl::StatusOr<EndClaims::Reply> Pool::Execute(const EndClaims&,
                                                        absl::Time);
template absl::StatusOr<SetVisibility::Reply> Pool::Execute(
    const SetVisibility&, absl::Time);
template absl::StatusOr<Invite::Reply> Pool::Execute(const Invite&, absl::Time);
template absl::StatusOr<RevokeInvitation::Reply> Pool::Execute(
    const RevokeInvitation&, absl::Time);
template absl::StatusOr<Join::Reply> Pool::Execute(const Join&, absl::Time);
template absl::StatusOr<CreateToken::Reply> Pool::Execute(const CreateToken&,
                                                          absl::Time);
template absl::StatusOr<RotateToken::Reply> Pool::Execute(const RotateToken&,
                                                          absl::Time);
template absl::StatusOr<RevokeToken::Reply> Pool::Execute(const RevokeToken&,
                                                          absl::Time);
template absl::StatusOr<ReplaceOwnerTokens::Reply> Pool::Execute(
    const ReplaceOwnerTokens&, absl::Time);
template absl::StatusOr<NoteTokenUse::Reply> Pool::Execute(const NoteTokenUse&,
                                                           absl::Time);
template absl::StatusOr<Deposit::Reply> Pool::Execute(const Deposit&,
                                                      absl::Time);
template absl::StatusOr<SetPayoutTerms::Reply> Pool::Execute(
    const SetPayoutTerms&, absl::Time);
template absl::StatusOr<SetRevenueSplit::Reply> Pool::Execute(
    const SetRevenueSplit&, absl::Time);
template absl::StatusOr<SetShareConsent::Reply> Pool::Execute(
    const SetShareConsent&, absl::Time);
template absl::StatusOr<RequestPayout::Reply> Pool::Execute(
    const RequestPayout&, absl::Time);
template absl::StatusOr<BeginSends::Reply> Pool::Execute(const BeginSends&,
                                                         absl::Time);
template absl::StatusOr<DoubtSends::Reply> Pool::Execute(const DoubtSends&,
                                                         absl::Time);
template absl::StatusOr<ReviewPayouts::Reply> Pool::Execute(
    const ReviewPayouts&, absl::Time);
template absl::StatusOr<ReportPayout::Reply> Pool::Execute(const ReportPayout&,
                                                           absl::Time);
template absl::StatusOr<BookLostPayout::Reply> Pool::Execute(
    const BookLostPayout&, absl::Time);
template absl::StatusOr<RegisterDataset::Reply> Pool::Execute(
    const RegisterDataset&, absl::Time);
template absl::StatusOr<SubmitTask::Reply> Pool::Execute(const SubmitTask&,
                                                         absl::Time);
template absl::StatusOr<CancelTask::Reply> Pool::Execute(const CancelTask&,
                                                         absl::Time);
template absl::StatusOr<OpenSession::Reply> Pool::Execute(const OpenSession&,
                                                          absl::Time);
template absl::StatusOr<RankCandidates::Reply> Pool::Execute(
    const RankCandidates&, absl::Time);
template absl::StatusOr<AcquireLease::Reply> Pool::Execute(const AcquireLease&,
                                                           absl::Time);
template absl::StatusOr<RenewLease::Reply> Pool::Execute(const RenewLease&,
                                                         absl::Time);
template absl::StatusOr<ReportTrials::Reply> Pool::Execute(const ReportTrials&,
                                                           absl::Time);
template absl::StatusOr<RevealSegment::Reply> Pool::Execute(
    const RevealSegment&, absl::Time);
template absl::StatusOr<ConfirmUpload::Reply> Pool::Execute(
    const ConfirmUpload&, absl::Time);
template absl::StatusOr<ReviewTrials::Reply> Pool::Execute(const ReviewTrials&,
                                                           absl::Time);
template absl::StatusOr<ReleaseLease::Reply> Pool::Execute(const ReleaseLease&,
                                                           absl::Time);
template absl::StatusOr<AcquireAudit::Reply> Pool::Execute(const AcquireAudit&,
                                                           absl::Time);
template absl::StatusOr<RenewAudit::Reply> Pool::Execute(const RenewAudit&,
                                                         absl::Time);
template absl::StatusOr<ReportAudit::Reply> Pool::Execute(const ReportAudit&,
                                                          absl::Time);
template absl::StatusOr<VoidTrial::Reply> Pool::Execute(const VoidTrial&,
                                                        absl::Time);
template absl::StatusOr<ReviewVerifiers::Reply> Pool::Execute(
    const ReviewVerifiers&, absl::Time);
template absl::StatusOr<Tick::Reply> Pool::Execute(const Tick&, absl::Time);
template absl::StatusOr<SetMaintenance::Reply> Pool::Execute(
    const SetMaintenance&, absl::Time);
template absl::StatusOr<NoteUpload::Reply> Pool::Execute(const NoteUpload&,
                                                         absl::Time);
template absl::StatusOr<ExtendAnswers::Reply> Pool::Execute(
    const ExtendAnswers&, absl::Time);
template absl::StatusOr<UpgradeRecords::Reply> Pool::Execute(
    const UpgradeRecords&, absl::Time);

}  // namespace archpool
