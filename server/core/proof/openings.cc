// What miners are asked for after a commitment, and what they answer.
#include <algorithm>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/status.h"
#include "server/core/leaves/audit_draw.h"
#include "server/core/pool.h"
#include "server/core/pool_internal.h"

namespace archpool {
namespace {

// A worker answers these, and asks again.
constexpr size_t kAskedMax = 16;
// Leases that show a worker's pace, and how many times the training may take.
constexpr int64_t kPacesMin = 3;
constexpr int64_t kPaceRoom = 4;

// Where the parts are all here, verifiers may take it.
void Receive(PoolState& state, const PoolPolicy& policy, Audit audit,
             int64_t parts, absl::Time now) {
  audit.missing &= ~parts;
  if (audit.missing == 0 && audit.state == AuditState::kAsked) {
    internal::AwaitVerifiers(state, policy, audit, now);
  }
  state.Put(audit);
}

// Which parts of the opened checkpoint a file is; 0: none.
int64_t CheckpointParts(const Audit& audit, const Digest& digest) {
  if ((audit.missing & kPartOpening) != 0) return 0;
  int64_t parts = 0;
  if (digest == audit.opening.begin.weights) parts |= kPartBeginWeights;
  if (digest == audit.opening.begin.optimizer) parts |= kPartBeginOptimizer;
  return parts;
}

// How long the trial's miner needs to train it once more: by the pace that was
// measured of it, with room for what else it does meanwhile.
absl::Duration TrainingAgain(const PoolState& state, const PoolPolicy& policy,
                             const Trial& trial) {
  const Session* session = state.Find(trial.session);
  const Moments& of_account =
      state.Find(trial.account)->performance.pace_permille;
  const Moments& pace =
      session != nullptr &&
              session->performance.pace_permille.count >= kPacesMin
          ? session->performance.pace_permille
          : of_account;
  const absl::Duration work = absl::Microseconds(trial.work_units);
  const absl::Duration slowest = policy.slowness_max * work;
  if (pace.count < kPacesMin) {
    // As it took the first time: whoever trained nothing is not waited for.
    const absl::Duration took = trial.commit_time - trial.create_time;
    return std::min(slowest, kPaceRoom * std::max(work, took));
  }
  return std::clamp(kPaceRoom * pace.sum / pace.count * work / 1'000, work,
                    slowest);
}

absl::Status TrialUnknown(TrialId trial) {
  return NotFound(
      "TRIAL_UNKNOWN",
      absl::StrCat(trial.ToString(), " is no open trial of this account"));
}

AuditRequest RequestOf(const Audit& audit, const Trial& trial) {
  return {audit.id, audit.trial, audit.segment, audit.expire_time,
          trial.segments};
}

}  // namespace

namespace internal {

bool WantsWeights(const Recipe& recipe, const Trial& trial) {
  return trial.rung < recipe.last_rung();
}

int64_t WeightsSizeMaxBytes(const Trial& trial) {
  return 4 * (3 * trial.parameters + 1024) + (1 << 20);
}

int64_t AnswerSizeBytes(const Trial& trial, int64_t parts) {
  int64_t files = 0;
  for (const int64_t part :
       {kPartWeights, kPartBeginWeights, kPartBeginOptimizer}) {
    if ((parts & part) != 0) ++files;
  }
  return files * trial.weights_size_bytes;
}

absl::Duration AnswerTime(const PoolState& state, const PoolPolicy& policy,
                          const Trial& trial, int64_t parts,
                          const AskedLoad& before) {
  const int64_t size_bytes = AnswerSizeBytes(trial, parts) + before.bytes;
  const absl::Duration sending =
      absl::Microseconds(size_bytes * 1'000'000 / policy.upload_rate_min);
  return policy.upload_term + sending +
         before.answers * policy.answer_handling +
         TrainingAgain(state, policy, trial);
}

absl::Time AnswerDeadline(const PoolState& state, const PoolPolicy& policy,
                          const Trial& trial, int64_t parts, absl::Time now) {
  return now +
         AnswerTime(state, policy, trial, parts, state.AskedOf(trial.session));
}

}  // namespace internal

absl::StatusOr<OpenSegment::Reply> Pool::Execute(const OpenSegment& command,
                                                 absl::Time now) {
  const Trial* trial = state_.Find(command.trial);
  const Audit* found = trial == nullptr || trial->account != command.caller
                           ? nullptr
                           : state_.Find(state_.AuditOf(command.trial));
  if (found == nullptr || found->kind != AuditKind::kSegment) {
    return NotFound(
        "AUDIT_UNKNOWN",
        absl::StrCat("nothing is asked of ", command.trial.ToString(),
                     " of this account; drop the opening"));
  }
  if (found->state != AuditState::kAsked) return OpenSegment::Reply();
  const Opening& opening = command.opening;
  const int64_t segments =
      SegmentsOf(state_.Find(found->task)->spec->recipe, *trial);
  if (!IsOpening(trial->checkpoint_root, segments, found->segment, opening)) {
    return InvalidArgument(
        "OPENING_FALSE",
        absl::StrCat("this is not segment ", found->segment, " of the ",
                     segments, " that were committed to; open that one"));
  }
  const int64_t size_max = internal::WeightsSizeMaxBytes(*trial);
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
  Receive(state_, policy_, audit, kPartOpening, now);
  return OpenSegment::Reply();
}

absl::StatusOr<ConfirmUpload::Reply> Pool::Execute(const ConfirmUpload& command,
                                                   absl::Time now) {
  const Trial* found = state_.Find(command.trial);
  if (found == nullptr || found->account != command.caller) {
    return TrialUnknown(command.trial);
  }
  if (found->state == TrialState::kRejected ||
      found->state == TrialState::kAssigned ||
      found->state == TrialState::kAbandoned) {
    return FailedPrecondition(
        "UPLOAD_TOO_LATE",
        absl::StrCat(command.trial.ToString(), " is ", ToString(found->state),
                     "; its files are not wanted"));
  }
  Trial trial = *found;
  const Audit* audit = state_.Find(state_.AuditOf(trial.id));
  const bool is_weights =
      !command.is_checkpoint && command.digest == trial.weights_digest;
  int64_t parts = is_weights ? int64_t{kPartWeights} : 0;
  if (command.is_checkpoint && audit != nullptr) {
    parts = CheckpointParts(*audit, command.digest);
  }
  if (parts == 0) {
    return FailedPrecondition(
        "UPLOAD_NOT_WANTED",
        absl::StrCat(command.trial.ToString(), " has no such file"));
  }
  if (is_weights && trial.state == TrialState::kCommitted) {
    trial.state = TrialState::kUploaded;
    state_.Put(trial);
    if (audit == nullptr) {
      internal::AcceptTrial(state_, policy_, trial, TrialBasis::kSampledOut,
                            now);
      return TrialState::kAccepted;
    }
  }
  if (audit != nullptr && (audit->missing & parts) != 0) {
    Receive(state_, policy_, *audit, parts, now);
  }
  return trial.state;
}

// Workers of the account that were heard and compute like this one, itself
// included.
std::vector<SessionId> Pool::AbleToAnswer(const Session& like, absl::Time now) {
  const std::string hardware_class = HardwareClassOf(like);
  std::vector<SessionId> able;
  for (const SessionId id : state_.SessionsOf(like.account)) {
    if (HardwareClassOf(*state_.Find(id)) == hardware_class &&
        !heirs_.IsSilent(id, policy_.silence_term, now)) {
      able.push_back(id);
    }
  }
  return able;
}

absl::StatusOr<ReviewTrials::Reply> Pool::Execute(const ReviewTrials& command,
                                                  absl::Time now) {
  ARCHPOOL_ASSIGN_OR_RETURN(
      const Session session,
      internal::OwnSession(state_, command.caller, command.session));
  if (heirs_.IsSilent(session.id, policy_.silence_term, now)) {
    // What kept this one away may have kept the account's others away as well.
    for (const SessionId id : state_.SessionsOf(command.caller)) {
      heirs_.Forget(id);
    }
  }
  heirs_.Hear(session.id, now);
  ReviewTrials::Reply reply;
  const std::set<TrialId> kept(command.kept.begin(), command.kept.end());
  for (const TrialId id : command.kept) {
    const Trial* trial = state_.Find(id);
    const AuditId open = state_.AuditOf(id);
    if (trial == nullptr || trial->account != command.caller ||
        trial->state == TrialState::kRejected ||
        (trial->is_matured && !open.IsSet())) {
      reply.settled.push_back(id);
    }
  }
  const std::string hardware_class = HardwareClassOf(session);
  std::vector<SessionId> able;  // once it is asked for
  const auto is_heir = [&](const Audit& audit, const Trial& trial) {
    if (able.empty()) able = AbleToAnswer(session, now);
    const SessionId first = HeirOf(audit.id, able);
    const absl::Duration alone =
        internal::AnswerTime(state_, policy_, trial, audit.missing, {});
    const bool is_late = audit.expire_time - now < alone / 2;
    if (!is_late || first == session.id || able.size() < 2) {
      return first == session.id;
    }
    // The first may be inside a long training, while others idle.
    std::vector<SessionId> others = able;
    std::erase(others, first);
    return HeirOf(audit.id, others) == session.id;
  };
  for (const AuditId id : state_.AskedOf(command.caller)) {
    const Audit& audit = *state_.Find(id);
    const Trial& trial = *state_.Find(audit.trial);
    const auto is_inherited = [&] {
      if (trial.hardware_class != hardware_class) return false;
      if (state_.Find(trial.session) == nullptr) return true;
      return heirs_.IsSilent(trial.session, policy_.silence_term, now) &&
             is_heir(audit, trial);
    };
    if (!kept.contains(trial.id) && trial.session != session.id &&
        !is_inherited()) {
      continue;
    }
    reply.asked.push_back({RequestOf(audit, trial), GrantAgain(trial, audit)});
    if (reply.asked.size() == kAskedMax) break;
  }
  return reply;
}

// The lease may be long over: what is needed to train the trial again.
LeaseGrant Pool::GrantAgain(const Trial& trial, const Audit& audit) const {
  const Task& task = *state_.Find(trial.task);
  return {.lease = {.id = trial.lease,
                    .task = trial.task,
                    .subspace = trial.subspace,
                    .attempt = 1,
                    .trials = {trial.id},
                    .trials_target = 1,
                    .create_time = trial.create_time,
                    .expire_time = audit.expire_time,
                    .deadline = audit.expire_time},
          .assignments = {AssignmentOf(task, trial)},
          .spec = task.spec,
          .manifest = state_.FindDataset(task.spec->dataset)->manifest};
}

void Pool::Draw(Trial trial, bool measures_all, absl::Time now) {
  const Task& task = *state_.Find(trial.task);
  if (DrawOf(task, trial).lot_ppm < trial.draw_ppm) {
    internal::AskSegment(state_, policy_, trial, measures_all, now);
  } else if (!internal::WantsWeights(task.spec->recipe, trial)) {
    internal::AcceptTrial(state_, policy_, std::move(trial),
                          TrialBasis::kSampledOut, now);
  }
}

void Pool::SayWhatIsWanted(ReportTrials::Result& result) const {
  const Trial* trial = state_.Find(result.trial);
  if (trial == nullptr) return;  // its task has ended
  const Audit* audit = state_.Find(state_.AuditOf(trial->id));
  result.upload_deadline = trial->upload_deadline;
  result.wants_weights =
      trial->state == TrialState::kCommitted ||
      (audit != nullptr && (audit->missing & kPartWeights) != 0);
  if (audit != nullptr && audit->state == AuditState::kAsked) {
    result.audit = RequestOf(*audit, *trial);
  }
}

}  // namespace archpool
