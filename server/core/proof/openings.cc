// SPDX-License-Identifier: Apache-2.0
// What miners are asked for after a commitment, and what they answer.
#include <algorithm>
#include <set>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/base/status.h"
#include "common/model/limits.h"
#include "server/core/leaves/audit_draw.h"
#include "server/core/proof/parts.h"
#include "server/core/proof/proof.h"
#include "server/core/rules/answer_size.h"
#include "server/core/state/answers.h"
#include "server/core/state/queries.h"
#include "server/core/state/storage.h"

namespace archpool::proof {
namespace {

// Where the parts are all here, verifiers may take it.
void Receive(Step& step, Audit audit, int64_t parts) {
  audit.missing &= ~parts;
  if (audit.missing == 0 && audit.state == AuditState::kAsked) {
    AwaitVerifiers(step.state, step.policy, audit, step.now);
    if (audit.away_until) {
      step.facts.push_back(AbsenceEnded{step.state.Find(audit.trial)->account});
    }
    audit.away_until.reset();
    audit.is_away = false;
  }
  step.state.Put(audit);
}

// Which parts of the opened checkpoint a file is; 0: none.
int64_t CheckpointParts(const Audit& audit, const Digest& digest) {
  if ((audit.missing & kPartOpening) != 0) return 0;
  int64_t parts = 0;
  if (digest == audit.opening.begin.weights) parts |= kPartBeginWeights;
  if (digest == audit.opening.begin.optimizer) parts |= kPartBeginOptimizer;
  return parts;
}

absl::Status TrialUnknown(TrialId trial) {
  return NotFound(
      "TRIAL_UNKNOWN",
      absl::StrCat(trial.ToString(), " is no open trial of this account"));
}

AuditRequest RequestOf(const Step& step, const Audit& audit) {
  AuditRequest request{audit.id, audit.trial, audit.segment,
                       *audit.expire_time};
  if (audit.away_until) {
    request.waited =
        std::max(absl::ZeroDuration(),
                 step.now - (*audit.away_until - step.policy.away_term));
  }
  return request;
}

// Workers of the account that were heard.
std::vector<SessionId> AbleToAnswer(Step& step, AccountId account) {
  std::vector<SessionId> able;
  for (const SessionId id : step.state.sessions().Of(account)) {
    if (!step.memory.heirs.IsSilent(id, step.policy.silence_term, step.now)) {
      able.push_back(id);
    }
  }
  return able;
}

// The lease may be long over: what is needed to train the trial again.
LeaseGrant GrantAgain(const Step& step, const Trial& trial,
                      const Audit& audit) {
  const Task& task = *step.state.Find(trial.task);
  LeaseGrant grant;
  grant.lease = {.id = trial.lease,
                 .task = trial.task,
                 .subspace = trial.subspace,
                 .attempt = 1,
                 .trials_target = 1,
                 .create_time = trial.create_time,
                 .expire_time = *audit.expire_time,
                 .deadline = *audit.expire_time};
  grant.lease.trials.push_back(trial.id);
  grant.assignments.push_back(AssignmentOf(step.state, task, trial));
  grant.spec = task.spec;
  grant.manifest = ManifestOf(step.state, task.id);
  return grant;
}

}  // namespace

absl::StatusOr<RevealSegment::Reply> Execute(Step& step,
                                             const RevealSegment& command) {
  const Trial* trial = step.state.Find(command.trial);
  const Audit* found =
      trial == nullptr || trial->account != command.caller
          ? nullptr
          : step.state.Find(step.state.audits().Of(command.trial));
  if (found == nullptr || found->kind != AuditKind::kSegment ||
      IsVoid(step.state, *trial)) {
    return NotFound(
        "AUDIT_UNKNOWN",
        absl::StrCat("nothing is asked of ", command.trial.ToString(),
                     " of this account; drop the opening"));
  }
  if (found->state != AuditState::kAsked) return RevealSegment::Reply();
  const Opening& opening = command.opening;
  const int64_t segments = step.state.Find(found->task)->spec->recipe.segments;
  if (!IsOpening(CommitmentOf(*trial).checkpoint_root, segments, found->segment,
                 opening)) {
    return InvalidArgument(
        "OPENING_FALSE",
        absl::StrCat("this is not segment ", found->segment, " of the ",
                     segments, " that were committed to; open that one"));
  }
  const int64_t size_max = WeightsSizeMaxBytes(*trial);
  if (found->segment > 0 && (opening.begin.weights_size_bytes < 1 ||
                             opening.begin.weights_size_bytes > size_max ||
                             opening.begin.optimizer_size_bytes < 1 ||
                             opening.begin.optimizer_size_bytes > size_max)) {
    return InvalidArgument(
        "WEIGHTS_SIZE", absl::StrCat("a checkpoint's files take 1 to ",
                                     size_max, " bytes each for this network"));
  }
  Audit audit = *found;
  // What came for another opening says nothing of this one.
  if (found->segment > 0 && audit.opening.begin != opening.begin) {
    audit.missing |= kPartBeginWeights | kPartBeginOptimizer;
  }
  audit.opening = opening;
  Receive(step, audit, kPartOpening);
  return RevealSegment::Reply();
}

absl::StatusOr<ConfirmUpload::Reply> Execute(Step& step,
                                             const ConfirmUpload& command) {
  const Trial* found = step.state.Find(command.trial);
  if (found == nullptr || found->account != command.caller) {
    return TrialUnknown(command.trial);
  }
  const bool is_void = IsVoid(step.state, *found);
  if (is_void || found->state == TrialState::kRejected ||
      found->state == TrialState::kAssigned ||
      found->state == TrialState::kAbandoned) {
    const TrialState state = is_void ? TrialState::kRejected : found->state;
    return FailedPrecondition(
        "UPLOAD_TOO_LATE",
        absl::StrCat(command.trial.ToString(), " is ", ToString(state),
                     "; its files are not wanted"));
  }
  Trial trial = *found;
  const Audit* audit = step.state.Find(step.state.audits().Of(trial.id));
  const bool is_weights = !command.is_checkpoint &&
                          command.digest == CommitmentOf(trial).weights_digest;
  int64_t parts = is_weights ? int64_t{kPartWeights} : 0;
  if (command.is_checkpoint && audit != nullptr) {
    parts = CheckpointParts(*audit, command.digest);
  }
  if (parts == 0) {
    return FailedPrecondition(
        "UPLOAD_NOT_WANTED",
        absl::StrCat(command.trial.ToString(), " has no such file"));
  }
  // Asked for once: with the commitment, or later of one that was not drawn.
  if (is_weights && (trial.state == TrialState::kCommitted ||
                     (BasisOf(trial) == TrialBasis::kSampledOut &&
                      audit != nullptr && (audit->missing & parts) != 0))) {
    const Commitment& commitment = CommitmentOf(trial);
    AddStored(step.state, trial.account, 0, commitment.weights_size_bytes);
    step.state.Put(StoredWeights{.trial = trial.id,
                                 .account = trial.account,
                                 .digest = commitment.weights_digest,
                                 .size_bytes = commitment.weights_size_bytes});
  }
  if (is_weights && trial.state == TrialState::kCommitted) {
    trial.state = TrialState::kUploaded;
    step.state.Put(trial);
    if (audit == nullptr) {
      AcceptTrial(step, trial, TrialBasis::kSampledOut);
      return TrialState::kAccepted;
    }
  }
  if (audit != nullptr && (audit->missing & parts) != 0) {
    Receive(step, *audit, parts);
  }
  return trial.state;
}

namespace {

// Answers that are asked for, and that the worker may be the one to give, in
// the order of their ids: of what it committed or keeps, and of what workers
// committed that are gone or silent. Of an account with a thousand workers the
// others' are not looked at.
std::vector<AuditId> PerhapsWanted(const Step& step, const Session& session,
                                   const std::set<TrialId>& kept) {
  const AuditBook& audits = step.state.audits();
  std::vector<AuditId> wanted;
  for (const SessionId id : audits.SessionsAsked(session.account)) {
    if (id == session.id || step.state.Find(id) == nullptr ||
        step.memory.heirs.IsSilent(id, step.policy.silence_term, step.now)) {
      const auto& asked = audits.AskedIn(session.account, id);
      wanted.insert(wanted.end(), asked.begin(), asked.end());
    }
  }
  for (const TrialId trial : kept) {
    const AuditId id = audits.Of(trial);
    if (audits.AskedOf(session.account).contains(id)) wanted.push_back(id);
  }
  std::sort(wanted.begin(), wanted.end());
  wanted.erase(std::unique(wanted.begin(), wanted.end()), wanted.end());
  return wanted;
}

}  // namespace

absl::StatusOr<ReviewTrials::Reply> Execute(Step& step,
                                            const ReviewTrials& command) {
  ARCHPOOL_ASSIGN_OR_RETURN(
      const Session session,
      OwnSession(step.state, command.caller, command.session));
  if (step.memory.heirs.IsSilent(session.id, step.policy.silence_term,
                                 step.now)) {
    // What kept this one away may have kept the account's others away as well.
    for (const SessionId id : step.state.sessions().Of(command.caller)) {
      step.memory.heirs.Forget(id);
    }
  }
  step.memory.heirs.Hear(session.id, step.now);
  NoteReturn(step, session.account);  // the reply says what time it has
  ReviewTrials::Reply reply;
  const std::set<TrialId> kept(command.kept.begin(), command.kept.end());
  for (const TrialId id : command.kept) {
    const Trial* trial = step.state.Find(id);
    const AuditId open = step.state.audits().Of(id);
    if (trial == nullptr || trial->account != command.caller ||
        trial->state == TrialState::kRejected || IsVoid(step.state, *trial) ||
        (IsMatured(*trial) && !open.IsSet())) {
      reply.settled.push_back(id);
    }
  }
  std::vector<SessionId> able;  // once it is asked for
  const auto is_heir = [&](const Audit& audit, const Trial& trial) {
    if (able.empty()) able = AbleToAnswer(step, session.account);
    const SessionId first = HeirOf(audit.id, able);
    const absl::Duration alone =
        AnswerTime(step.state, step.policy, trial, audit.missing, {});
    const bool is_late = *audit.expire_time - step.now < alone / 2;
    if (!is_late || first == session.id || able.size() < 2) {
      return first == session.id;
    }
    // The first may be inside a long training, while others idle.
    std::vector<SessionId> others = able;
    std::erase(others, first);
    return HeirOf(audit.id, others) == session.id;
  };
  for (const AuditId id : PerhapsWanted(step, session, kept)) {
    const Audit& audit = *step.state.Find(id);
    const Trial& trial = *step.state.Find(audit.trial);
    if (IsVoid(step.state, trial)) continue;
    const Commitment& commitment = CommitmentOf(trial);
    const auto is_inherited = [&] {
      return step.state.Find(commitment.session) == nullptr ||
             is_heir(audit, trial);
    };
    if (!kept.contains(trial.id) && commitment.session != session.id &&
        !is_inherited()) {
      continue;
    }
    reply.asked.push_back(
        {RequestOf(step, audit), GrantAgain(step, trial, audit)});
    if (std::ssize(reply.asked) == limits::kAskedMax) break;
  }
  return reply;
}

void Draw(Step& step, Trial trial, bool measures_all) {
  const Task& task = *step.state.Find(trial.task);
  if (DrawOf(task, trial).lot_ppm < CommitmentOf(trial).draw_ppm) {
    AskSegment(step, trial, measures_all);
  } else if (!WantsWeights(task.spec->recipe, trial)) {
    AcceptTrial(step, std::move(trial), TrialBasis::kSampledOut);
  }
}

void SayWhatIsWanted(const Step& step, ReportTrials::Result& result) {
  const Trial* trial = step.state.Find(result.trial);
  if (trial == nullptr) return;  // its task has ended
  const Audit* audit = step.state.Find(step.state.audits().Of(trial->id));
  result.upload_deadline =
      trial->upload_deadline.value_or(absl::InfiniteFuture());
  result.wants_weights =
      trial->state == TrialState::kCommitted ||
      (audit != nullptr && (audit->missing & kPartWeights) != 0);
  if (audit != nullptr && audit->state == AuditState::kAsked) {
    result.audit = RequestOf(step, *audit);
  }
}

}  // namespace archpool::proof
