// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/numeric/int128.h"
#include "absl/strings/str_cat.h"
#include "common/base/check.h"
#include "common/base/counter_rng.h"
#include "common/base/millionths.h"
#include "common/base/status.h"
#include "common/model/coins.h"
#include "common/nas/cost_table.h"
#include "common/nas/pricing.h"
#include "common/nas/sampling.h"
#include "server/core/leaves/reward.h"
#include "server/core/money/money.h"
#include "server/core/rules/network_setup.h"
#include "server/core/rules/work_price.h"
#include "server/core/state/opened.h"
#include "server/core/state/operator_acts.h"
#include "server/core/state/queries.h"
#include "server/core/state/quotas.h"
#include "server/core/state/storage.h"
#include "server/core/tasks/tasks.h"

namespace archpool::tasks {
namespace {

constexpr int kProbes = 32;
// In which opened tasks are counted; and what one counts for beside its boxes.
constexpr int64_t kBoxesEach = 64;
// The defaults, which the smallest dataset may have.
constexpr int64_t kSegmentsAlways = 16;
constexpr int64_t kBatchSizeAlways = 128;
// How often it is noted that a dataset is registered once more.
constexpr absl::Duration kRegisteredNoted = absl::Hours(1);

// As the pool's, but for what is bounded by the verifiers that work.
PoolPolicy PolicyNow(const Step& step) {
  PoolPolicy policy = step.policy;
  policy.memory_max_bytes =
      step.memory.verifiers.MemoryMaxBytes(step.policy, step.now);
  return policy;
}

// Whether the budget buys at least one network of the space: a task that can
// never give out a trial is refused before money moves.
absl::Status CheckBuysATrial(const TaskSpec& spec,
                             const DatasetManifest& manifest,
                             const PoolPolicy& policy) {
  CounterRng rng(0, 0);
  absl::Status impossible;
  WorkUnits cheapest = 0;
  for (int i = 0; i < kProbes; ++i) {
    const auto rank = static_cast<int64_t>(
        i == 0 ? 0 : rng.Below64(static_cast<uint64_t>(spec.space.size())));
    const absl::StatusOr<Candidate> candidate =
        MakeCandidate(spec.space, spec.space.ArchitectureAt(rank),
                      SetupOf(spec, manifest, policy));
    if (!candidate.ok()) {
      impossible = candidate.status();
      continue;
    }
    const WorkUnits cost =
        TrialWorkUnits(candidate->plan, manifest.train_count,
                       spec.recipe.epochs, manifest.validation_count);
    if (cost <= spec.budget.work_units) return absl::OkStatus();
    if (cheapest == 0 || cost < cheapest) cheapest = cost;
  }
  if (cheapest == 0) {
    return InvalidArgument(
        "NO_POSSIBLE_ARCHITECTURE",
        absl::StrCat("none of ", kProbes,
                     " architectures of the space can be built on this "
                     "dataset within the limits; the last one: ",
                     impossible.message()));
  }
  return InvalidArgument(
      "BUDGET_TOO_SMALL",
      absl::StrCat("budget.core_seconds is ",
                   FormatMillionths(spec.budget.work_units),
                   ", and the cheapest of ", kProbes,
                   " architectures drawn takes ", FormatMillionths(cheapest)));
}

// Whether what the client asks of a training is in proportion to its dataset.
absl::Status CheckTraining(const Recipe& recipe,
                           const DatasetManifest& manifest) {
  if (recipe.batch_size > std::max(kBatchSizeAlways, manifest.train_count)) {
    return InvalidArgument(
        "RECIPE_RANGE",
        absl::StrCat("recipe.batch_size is ", recipe.batch_size,
                     ", and the dataset has ", manifest.train_count,
                     " examples to train with; a batch holds no more"));
  }
  const int64_t steps = (manifest.train_count + recipe.batch_size - 1) /
                        recipe.batch_size * recipe.epochs;
  const int64_t segments_max = std::max(kSegmentsAlways, steps);
  if (recipe.segments > segments_max) {
    return InvalidArgument(
        "RECIPE_RANGE",
        absl::StrCat("recipe.segments is ", recipe.segments,
                     ", and a training takes ", steps, " steps: at most ",
                     segments_max, " segments, a checkpoint for each step"));
  }
  return absl::OkStatus();
}

// Whether the task pays the pool's least price.
absl::Status CheckPrice(const TaskSpec& spec, const PoolPolicy& policy,
                        Amount work_pot) {
  const WorkUnits units = spec.budget.work_units;
  const Amount price = PricePerCoreHour(work_pot, units);
  if (price >= policy.price_min) return absl::OkStatus();
  const int64_t work_ppm =
      1'000'000 - policy.fee_ppm - spec.terms.finders_bonus_ppm;
  const absl::int128 reward =
      (absl::int128(WorkPotFor(policy.price_min, units)) * 1'000'000 +
       work_ppm - 1) /
          work_ppm +
      1;
  const std::string what_helps =
      reward > kAmountMax
          ? "no reward pays that for this budget: ask for less work"
          : absl::StrCat("a reward of ",
                         FormatCoins(static_cast<Amount>(reward)),
                         " coins does, or a smaller budget");
  return FailedPrecondition(
      "PRICE_TOO_LOW",
      absl::StrCat("the reward pays ", DescribePrice(price),
                   " without fee and finder's bonus, and this pool takes ",
                   DescribePrice(policy.price_min), " at least; ", what_helps));
}

// Whether the pool takes another task, and another of this client's.
absl::Status CheckRoom(const PoolState& state, const PoolPolicy& policy,
                       AccountId caller) {
  if (static_cast<int64_t>(state.tasks().all().size()) >=
      policy.open_tasks_max) {
    return FailedPrecondition(
        "TOO_MANY_TASKS",
        "the pool has as many open tasks as it takes; try "
        "again when one has ended");
  }
  const int64_t own = OpenTasksOf(state, caller);
  const int64_t own_max = OpenTasksMax(state, policy, *state.Find(caller));
  if (own >= own_max) {
    return FailedPrecondition(
        "TASK_QUOTA",
        absl::StrCat("this client has ", own,
                     " open tasks and may have no more; try again when one "
                     "has ended, or ask the pool's operator to allow more"));
  }
  return absl::OkStatus();
}

// The first task within the hour may be of any size.
absl::Status CheckPace(const Step& step, const Account& client, int64_t boxes) {
  const OpenedByAccount& opened = step.memory.boxes_opened;
  const auto has_room = [&](absl::Time time) {
    const int64_t own = OpenedBy(opened, client.id, time);
    return own + OpenedByOthers(step.state, opened, client, time) == 0 ||
           own + boxes <= BoxesOpenedMax(step.state, step.memory, step.policy,
                                         client, time);
  };
  if (has_room(step.now)) return absl::OkStatus();
  return ResourceExhausted(
      "TASKS_TOO_OFTEN",
      absl::StrCat("this client opened tasks of ",
                   DescribeOpened(step.state, opened, client, step.now,
                                  "subspaces", has_room),
                   ". Fewer subspaces for each task make room for more tasks"));
}

// Whether the pool opens such a task for that client now, and how its reward is
// divided.
absl::StatusOr<RewardPots> CheckNew(const PoolState& state,
                                    const PoolPolicy& policy, AccountId caller,
                                    const TaskSpec& spec,
                                    const DatasetManifest& manifest) {
  ARCHPOOL_RETURN_IF_ERROR(money::CheckMayMoveMoney(*state.Find(caller)));
  ARCHPOOL_RETURN_IF_ERROR(CheckRoom(state, policy, caller));
  if (policy.fee_ppm + spec.terms.finders_bonus_ppm >= 1'000'000) {
    return InvalidArgument(
        "REWARD_RANGE",
        absl::StrCat("reward.finders_bonus leaves nothing for the work: the "
                     "pool's fee is ",
                     policy.fee_ppm, " ppm"));
  }
  const RewardPots pots = CutReward(spec.terms.reward, policy.fee_ppm,
                                    spec.terms.finders_bonus_ppm);
  ARCHPOOL_RETURN_IF_ERROR(CheckPrice(spec, policy, pots.work));
  const Amount balance = state.money().BalanceOf(Place::Of(caller));
  if (balance < spec.terms.reward) {
    return FailedPrecondition(
        "BALANCE_TOO_LOW",
        absl::StrCat("the reward is ", FormatCoins(spec.terms.reward),
                     " coins and the client's balance ", FormatCoins(balance),
                     "; deposit the difference first"));
  }
  ARCHPOOL_RETURN_IF_ERROR(CheckTraining(spec.recipe, manifest));
  ARCHPOOL_RETURN_IF_ERROR(CheckBuysATrial(spec, manifest, policy));
  return pots;
}

absl::Status CheckKept(const DatasetRecord& dataset) {
  if (!dataset.drop_time) return absl::OkStatus();
  return FailedPrecondition(
      "DATASET_DROPPED",
      "no task was opened on this dataset for long, and its files are no "
      "longer kept; register it again from its files ('archpool task submit' "
      "does so), and open the task then");
}

// What the client knows already becomes accepted trials of the task.
void AdoptKnownResults(Step& step, const Task& task,
                       const std::vector<Trial>& known) {
  const TaskSpec& spec = *task.spec;
  const TaskIndex& index = step.state.IndexOf(task.id);
  bool is_target_met = false;
  for (size_t i = 0; i < std::min(known.size(), kKnownResultsMax); ++i) {
    Trial trial = known[i];
    ARCHPOOL_CHECK(trial.state == TrialState::kAccepted);
    if (index.networks.IsTaken(trial.architecture_id, trial.rung)) continue;
    trial.known_from = trial.id;
    trial.id = step.state.NextTrialId();
    trial.task = task.id;
    trial.subspace = index.boxes.tree().Find(spec.space, trial.architecture);
    trial.resumes = {};
    VerdictIn(trial).is_matured = true;
    trial.create_time = step.now;
    trial.settlement.reset();
    step.state.Put(trial);
    is_target_met |=
        spec.budget.target_accuracy_ppm > 0 &&
        VerifiedAccuracyPpm(trial) >= spec.budget.target_accuracy_ppm;
  }
  if (is_target_met) {
    BeginFinishing(step, task.id, EndReason::kTarget);
  }
}

}  // namespace

absl::StatusOr<SubmitTask::Reply> Execute(Step& step,
                                          const SubmitTask& command) {
  const TaskSpec& spec = command.spec;
  const int64_t boxes = spec.subspaces + kBoxesEach;
  const auto check_pace = [&] {
    return CheckPace(step, *step.state.Find(command.caller), boxes);
  };
  if (command.only_check) {
    ARCHPOOL_RETURN_IF_ERROR(spec.ValidateNew());
    ARCHPOOL_RETURN_IF_ERROR(check_pace());
    ARCHPOOL_RETURN_IF_ERROR(CheckNew(step.state, PolicyNow(step),
                                      command.caller, spec, *command.only_check)
                                 .status());
    return TaskId();
  }
  const TaskId known{step.state.requests().Find(
      RequestKey::OfTask(command.caller, command.request_id))};
  const Task* earlier = step.state.Find(known);
  if (earlier == nullptr && command.earlier) earlier = &*command.earlier;
  if (earlier != nullptr) {
    if (*earlier->spec != spec) return RequestIdReused(earlier->id.ToString());
    return earlier->id;
  }
  if (known.IsSet()) return known;
  ARCHPOOL_RETURN_IF_ERROR(spec.ValidateNew());
  const DatasetRecord* held = step.state.FindDataset(spec.dataset);
  const std::optional<DatasetRecord> dataset =
      held == nullptr ? command.dataset : *held;
  if (!dataset || dataset->owner != command.caller) {
    return NotFound("DATASET_UNKNOWN",
                    "the dataset is not registered by this client");
  }
  ARCHPOOL_RETURN_IF_ERROR(CheckKept(*dataset));
  ARCHPOOL_ASSIGN_OR_RETURN(const RewardPots pots,
                            CheckNew(step.state, PolicyNow(step),
                                     command.caller, spec, dataset->manifest));
  ARCHPOOL_RETURN_IF_ERROR(check_pace());
  NoteOpened(step.memory.boxes_opened, command.caller, boxes, step.now);

  const Task task{.id = step.state.NextTaskId(),
                  .client = command.caller,
                  .request_id = command.request_id,
                  .spec = std::make_shared<const TaskSpec>(spec),
                  .secret = command.secret,
                  .cost_table_version = kCostTableVersion,
                  .rule = step.policy.reward_rule,
                  .create_time = step.now,
                  .deadline = step.now + spec.budget.time_limit,
                  .fee_pot = pots.fee,
                  .bonus_pot = pots.bonus,
                  .work_pot = pots.work};
  // Said with each task of it, so that nobody who watches has to remember it
  // until then, and a pool that held it decides as one that did not.
  step.state.Put(*dataset);
  step.state.Put(task);
  step.state.Post(Place::Of(command.caller), Place::EscrowOf(task.id),
                  spec.terms.reward, TransferKind::kEscrow, task.id, "",
                  step.now);
  const std::vector<Subspace> partition =
      Partition(spec.space, spec.subspaces, kBoxesAtStartMax);
  step.state.ExpectEvents(partition.size() + command.known.size());
  for (const Subspace& box : partition) {
    step.state.Put(SubspaceRecord{
        .id = step.state.NextSubspaceId(), .task = task.id, .box = box});
  }
  AdoptKnownResults(step, task, command.known);
  return task.id;
}

namespace {

// The files have been cut: the splits are durable, and the dataset needs the
// files no more.
void NoteCut(Step& step, const RegisterDataset& command) {
  for (const Digest& digest : command.files) {
    const auto found = step.state.files().find({command.caller, digest});
    if (found == step.state.files().end()) continue;
    StoredFile file = found->second;
    file.cut_time = step.now;
    step.state.Put(file);
  }
}

}  // namespace

absl::StatusOr<RegisterDataset::Reply> Execute(Step& step,
                                               const RegisterDataset& command) {
  NoteCut(step, command);
  const Digest id = command.manifest.Id();
  const DatasetRecord* held = step.state.FindDataset(id);
  const std::optional<DatasetRecord> found =
      held == nullptr ? command.earlier : *held;
  if (found && !found->drop_time) {
    DatasetRecord record = *found;
    if (!record.split_key) record.split_key = command.split_key;
    // A client that registers it again is about to use it.
    if (!record.register_time ||
        step.now >= *record.register_time + kRegisteredNoted) {
      record.register_time = step.now;
    }
    if (record != *found) step.state.Put(record);
    return record;
  }
  const DatasetRecord record{.id = id,
                             .owner = found ? found->owner : command.caller,
                             .manifest = command.manifest,
                             .held_out = command.held_out,
                             .register_time = step.now,
                             .stored_bytes = command.split_bytes,
                             .split_key = command.split_key};
  step.state.Put(record);
  AddStored(step.state, record.owner, command.split_bytes, 0);
  return record;
}

absl::StatusOr<CancelTask::Reply> Execute(Step& step,
                                          const CancelTask& command) {
  const Task* task = step.state.Find(command.task);
  if (task == nullptr || (command.client && *command.client != task->client)) {
    return NotFound("TASK_UNKNOWN",
                    absl::StrCat("there is no open ", command.task.ToString(),
                                 " of this client"));
  }
  if (task->state == TaskState::kActive) {
    NoteAct(step, command.by, "cancel_task", command.task.ToString(), "");
  }
  BeginFinishing(step, command.task, EndReason::kCancelled);
  return step.state.Find(command.task)->state;
}

}  // namespace archpool::tasks
