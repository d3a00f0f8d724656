#include <algorithm>
#include <set>

#include "absl/strings/str_cat.h"
#include "common/base/counter_rng.h"
#include "common/base/status.h"
#include "common/crypto/canonical.h"
#include "common/nas/cost_table.h"
#include "common/nas/sampling.h"
#include "server/core/pool.h"
#include "server/core/pool_internal.h"

namespace archpool {
namespace {

// Draws of one subspace that are too dear for what is left of the budget.
constexpr int kTooDearMax = 4;
// Where the usual draws find nothing new in a subspace: it is gone through
// whole if it is this small, else drawn from this often, before it counts as
// completed.
constexpr int64_t kLastLookAttempts = 4096;
constexpr int kLongLooksMax = 2;  // of one request
// Subspaces that one request looks into: bounds what a request costs.
constexpr size_t kSubspacesTriedMax = 64;

Digest DrawKey(const Task& task, SubspaceId subspace) {
  return HmacSha256(
      task.secret,
      CanonicalWriter("archpool/draw/v1").Int(subspace.value).encoding());
}

// No trial of the subspace may still come to nothing and free its network.
bool IsSettled(const TaskIndex& index, SubspaceId subspace) {
  const auto score = index.scores.find(subspace);
  return score == index.scores.end() ||
         score->second.trials == score->second.accepted;
}

}  // namespace

namespace internal {

int64_t TrialsLeft(const Task& task, const TaskIndex& index) {
  const int64_t trials_max = task.spec->budget.trials_max;
  if (trials_max == 0) return INT64_MAX;
  return trials_max - index.assigned_count - index.pending_count -
         index.accepted_count;
}

Digest TrialKey(const Task& task, const Digest& architecture_id,
                AccountId account) {
  return HmacSha256(task.secret, CanonicalWriter("archpool/trial-key/v1")
                                     .Fixed(architecture_id)
                                     .Int(account.value)
                                     .encoding());
}

}  // namespace internal

absl::StatusOr<AcquireLease::Reply> Pool::Execute(const AcquireLease& command,
                                                  absl::Time now) {
  ARCHPOOL_ASSIGN_OR_RETURN(
      const Session session,
      internal::OwnSession(state_, command.caller, command.session));
  const Account& account = *state_.Find(command.caller);
  if (account.state == AccountState::kSuspended) {
    return FailedPrecondition(
        "ACCOUNT_SUSPENDED",
        absl::StrCat("account '", account.name, "' is suspended after ",
                     account.trials_rejected,
                     " rejected trials; ask the pool's operator"));
  }
  const auto& held = state_.LeasesOf(session.id);
  if (!held.empty()) return GrantOf(*state_.Find(*held.begin()));
  if (state_.LeaseCount(account.id) >=
      policy_.leases_on_trust + account.trials_accepted) {
    return AcquireLease::Reply{
        .grant = {},
        .idle_reason = "LEASES_ON_TRUST",
        .idle_message = absl::StrCat(
            "account '", account.name, "' holds ",
            state_.LeaseCount(account.id),
            " leases; it may hold one more for each trial accepted of it")};
  }

  std::vector<std::pair<size_t, TaskId>> tasks;
  for (const auto& [id, task] : state_.tasks()) {
    if (task.state != TaskState::kActive) continue;
    tasks.emplace_back(state_.IndexOf(id).leases.size(), id);
  }
  std::sort(tasks.begin(), tasks.end());
  AcquireLease::Reply idle{
      .grant = {},
      .idle_reason = "NO_OPEN_TASK",
      .idle_message =
          "no client has an open task; work comes as soon as one "
          "does"};
  for (const auto& [leases, id] : tasks) {
    AcquireLease::Reply reply = LeaseFrom(id, session, now);
    if (reply.grant) return reply;
    idle = std::move(reply);
  }
  return idle;
}

AcquireLease::Reply Pool::GrantOf(const Lease& lease) const {
  const Task& task = *state_.Find(lease.task);
  LeaseGrant grant{
      .lease = lease,
      .assignments = {},
      .spec = task.spec,
      .manifest = state_.FindDataset(task.spec->dataset)->manifest};
  for (const TrialId id : lease.trials) {
    const Trial& trial = *state_.Find(id);
    if (trial.state != TrialState::kAssigned) continue;
    grant.assignments.push_back(
        {.trial = id,
         .architecture = trial.architecture,
         .architecture_id = trial.architecture_id,
         .trial_key =
             internal::TrialKey(task, trial.architecture_id, trial.account)});
  }
  return {.grant = std::move(grant), .idle_reason = "", .idle_message = ""};
}

AcquireLease::Reply Pool::LeaseFrom(TaskId id, const Session& session,
                                    absl::Time now) {
  const Task& task = *state_.Find(id);
  const TaskIndex& index = state_.IndexOf(id);
  const int64_t outstanding = index.assigned_count + index.pending_count;
  bool too_dear = internal::TrialsLeft(task, index) <= 0;
  if (!too_dear) {
    // Most leases come from the first; drawing changes the order, so a copy of
    // a few is walked.
    std::vector<SubspaceId> promising;
    for (const auto& [promise, subspace] : index.open) {
      promising.push_back(subspace);
      if (promising.size() == kSubspacesTriedMax) break;
    }
    int long_looks = 0;
    for (const SubspaceId subspace : promising) {
      const Drawn drawn = Draw(task, *state_.Find(subspace), session,
                               long_looks < kLongLooksMax, now);
      long_looks += drawn.looked_long ? 1 : 0;
      if (drawn.lease.IsSet()) return GrantOf(*state_.Find(drawn.lease));
      too_dear |= drawn.too_dear;
    }
  }
  if (too_dear && outstanding > 0) {
    return {.grant = {},
            .idle_reason = "BUDGET_RESERVED",
            .idle_message = absl::StrCat(
                "what is left of the budget of ", id.ToString(),
                " is being worked on; wait for verdicts or the next task")};
  }
  if (outstanding > 0) {
    return {
        .grant = {},
        .idle_reason = "ALL_SUBSPACES_LEASED",
        .idle_message = absl::StrCat("every open subspace of ", id.ToString(),
                                     " is leased to another worker")};
  }
  const bool completed =
      index.completed_subspaces == static_cast<int64_t>(index.subspaces.size());
  if (!too_dear && !completed) {
    return {.grant = {},
            .idle_reason = "SEARCHING",
            .idle_message = absl::StrCat("nothing new was found yet in ",
                                         id.ToString(), "; ask again")};
  }
  internal::BeginFinishing(
      state_, id, too_dear ? EndReason::kBudget : EndReason::kExhausted, now);
  return {.grant = {},
          .idle_reason = "NO_OPEN_TASK",
          .idle_message = absl::StrCat(id.ToString(), " has ended")};
}

Pool::DrawnTrials Pool::DrawTrials(const Task& task,
                                   const SubspaceRecord& subspace,
                                   bool may_look_long) const {
  const TaskSpec& spec = *task.spec;
  const DatasetManifest& manifest = state_.FindDataset(spec.dataset)->manifest;
  const TaskIndex& index = state_.IndexOf(task.id);
  const NetworkTerms terms{.input_shape = manifest.shape,
                           .classes = manifest.classes,
                           .limits = spec.limits};
  const int64_t count_max =
      std::min(spec.trials_per_lease, internal::TrialsLeft(task, index));
  WorkUnits units_left =
      spec.budget.work_units - index.accepted_units - index.reserved_units;
  CounterRng rng(DrawKey(task, subspace.id).Prefix64(),
                 static_cast<uint64_t>(subspace.attempt));
  std::set<Digest> seen;
  const auto is_taken = [&](const Digest& id) {
    return index.architectures.contains(id) || seen.contains(id);
  };
  DrawnTrials drawn;
  int too_dear = 0;
  while (static_cast<int64_t>(drawn.trials.size()) < count_max &&
         too_dear < kTooDearMax) {
    std::optional<Candidate> candidate =
        SampleCandidate(spec.space, subspace.box, terms, is_taken, rng);
    if (!candidate && seen.empty() && may_look_long) {
      candidate = SampleCandidate(spec.space, subspace.box, terms, is_taken,
                                  rng, kLastLookAttempts);
      drawn.looked_long = true;
      drawn.nothing_left = !candidate && IsSettled(index, subspace.id);
    }
    if (!candidate) break;
    seen.insert(candidate->id);
    const WorkUnits cost =
        TrialWorkUnits(candidate->plan, manifest.train_count,
                       spec.recipe.epochs, manifest.validation_count);
    if (cost > units_left) {
      ++too_dear;
      continue;
    }
    units_left -= cost;
    drawn.trials.push_back(
        Trial{.task = task.id,
              .subspace = subspace.id,
              .architecture = std::move(candidate->architecture),
              .architecture_id = candidate->id,
              .parameters = candidate->plan.parameters,
              .macs = candidate->plan.macs,
              .work_units = cost});
  }
  drawn.too_dear = too_dear > 0;
  return drawn;
}

Pool::Drawn Pool::Draw(const Task& task, SubspaceRecord subspace,
                       const Session& session, bool may_look_long,
                       absl::Time now) {
  DrawnTrials drawn = DrawTrials(task, subspace, may_look_long);
  if (drawn.trials.empty()) {
    if (drawn.nothing_left) {
      subspace.state = SubspaceState::kCompleted;
      state_.Put(subspace);
    }
    return {.lease = {},
            .too_dear = drawn.too_dear,
            .looked_long = drawn.looked_long};
  }
  Lease lease{.id = state_.NextLeaseId(),
              .task = task.id,
              .subspace = subspace.id,
              .session = session.id,
              .account = session.account,
              .attempt = subspace.attempt + 1,
              .create_time = now,
              .expire_time = now + policy_.lease_term};
  for (Trial& trial : drawn.trials) {
    trial.id = state_.NextTrialId();
    trial.lease = lease.id;
    trial.account = session.account;
    trial.create_time = now;
    lease.trials.push_back(trial.id);
    state_.Put(trial);
  }
  subspace.state = SubspaceState::kLeased;
  subspace.attempt = lease.attempt;
  state_.Put(subspace);
  state_.Put(lease);
  return {.lease = lease.id, .too_dear = false, .looked_long = false};
}

}  // namespace archpool
