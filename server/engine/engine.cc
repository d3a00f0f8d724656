// SPDX-License-Identifier: Apache-2.0
#include "server/engine/engine.h"

#include <cxxabi.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <memory>
#include <string>
#include <utility>
#include <variant>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "common/base/check.h"
#include "common/base/countdown.h"
#include "common/base/status.h"
#include "server/core/upgrade.h"

namespace archpool {
namespace {

// How often the thread looks at what is due where no command comes.
constexpr absl::Duration kTickInterval = absl::Milliseconds(200);
constexpr absl::Duration kSlowFailure = absl::Seconds(2);
constexpr absl::Duration kRecoveryPauseMin = absl::Milliseconds(50);
constexpr absl::Duration kRecoveryPauseMax = absl::Seconds(5);

absl::Time TimeOf(const PoolSnapshot& snapshot) {
  for (const Event& record : snapshot.records) {
    if (const auto* clock = std::get_if<PoolClock>(&record)) return clock->time;
  }
  return absl::InfinitePast();
}

absl::Duration Since(std::chrono::steady_clock::time_point begin) {
  return absl::FromChrono(std::chrono::steady_clock::now() - begin);
}

absl::Status Stopped() {
  return Unavailable("ENGINE_STOPPED",
                     "the pool is stopping, or another server took over; ask "
                     "again");
}

absl::Status CommitFailed(const absl::Status& cause) {
  return Unavailable(
      "COMMIT_FAILED",
      absl::StrCat("the pool's database does not take commands just now (",
                   GetReason(cause),
                   "), and its operator is told; this one may or may not have "
                   "happened: ask again"));
}

absl::Status LookUpFailed(const absl::Status& cause) {
  return Unavailable(
      "LOOK_UP_FAILED",
      absl::StrCat("the pool could not look up what was asked for before (",
                   GetReason(cause),
                   "), and its operator is told; nothing was changed: ask "
                   "again"));
}

absl::Status WentBack(int64_t lacking) {
  return Unavailable(
      "STORE_WENT_BACK",
      absl::StrCat("the database lacks the last ", lacking,
                   " commits that this server was told of, as where a standby "
                   "that lagged took its place; the server waits: bring the "
                   "right one back, or restart this server to continue with "
                   "what this one has"));
}

}  // namespace

Engine::Engine(SteadyClock& clock, Store& store, const PoolPolicy& policy,
               const EngineOptions& options)
    : clock_(clock),
      store_(store),
      policy_(policy),
      options_(options),
      waiting_(options.queue_max) {
  // What the pool lets go of is durable: at a stop, all that waits is one
  // batch.
  constexpr size_t kHeld = std::min(kLatestRequestsMax, kIdleDatasetsMax);
  ARCHPOOL_CHECK(options.queue_max < static_cast<int64_t>(kHeld) &&
                 options.batch_max < static_cast<int64_t>(kHeld));
}

Engine::~Engine() { Stop(); }

void Engine::Subscribe(EngineListener& listener) {
  ARCHPOOL_CHECK(pool_ == nullptr);
  listeners_.push_back(&listener);
}

absl::Status Engine::Start() {
  ARCHPOOL_RETURN_IF_ERROR(TakeOver());
  {
    absl::MutexLock lock(&mutex_);
    running_ = true;
  }
  thread_ = std::thread([this] { Run(); });
  return absl::OkStatus();
}

void Engine::Stop() {
  {
    absl::MutexLock lock(&mutex_);
    stopping_ = true;
  }
  bell_.Ring();
  if (thread_.joinable()) thread_.join();
}

EngineStats Engine::stats() const {
  absl::MutexLock lock(&mutex_);
  EngineStats stats = stats_;
  if (asking_) stats.store_wait = asking_->elapsed();
  return stats;
}

template <typename Ask>
auto Engine::AskStore(const Ask& ask) {
  {
    absl::MutexLock lock(&mutex_);
    asking_.emplace();
  }
  const auto begin = std::chrono::steady_clock::now();
  auto answer = ask();
  last_ask_took_ = Since(begin);
  absl::MutexLock lock(&mutex_);
  asking_.reset();
  return answer;
}

bool Engine::IsRunning() const {
  absl::MutexLock lock(&mutex_);
  return running_ && !stopping_;
}

void Engine::Enqueue(AccountId caller, std::unique_ptr<Pending> pending) {
  absl::Status refusal;
  std::optional<std::unique_ptr<Pending>> refused;
  {
    absl::MutexLock lock(&mutex_);
    if (stopping_ || !running_) {
      refusal = Stopped();
      refused = std::move(pending);
    } else {
      refusal = Unavailable("QUEUE_FULL",
                            "the pool has more commands waiting than it takes; "
                            "ask again in a second");
      refused = waiting_.Add(caller, std::move(pending));
    }
  }
  bell_.Ring();
  if (refused) (*refused)->Refuse(refusal);
}

std::vector<std::unique_ptr<Engine::Pending>> Engine::TakeWaiting() {
  absl::MutexLock lock(&mutex_);
  return waiting_.Take(options_.batch_max);
}

void Engine::Run() {
  TickIfDue();  // before any command: the core begins its receipts by it
  while (IsRunning()) {
    std::vector<std::unique_ptr<Pending>> batch = TakeWaiting();
    if (!batch.empty()) {
      RunBatch(std::move(batch));
    } else if (Now() < next_tick_) {
      bell_.Wait(kTickInterval);
      continue;
    }
    TickIfDue();
  }
  // What came before the stop is still answered, by its result.
  while (true) {
    std::vector<std::unique_ptr<Pending>> rest;
    bool fenced = false;
    {
      absl::MutexLock lock(&mutex_);
      rest = waiting_.TakeAll();
      fenced = !running_;
      if (rest.empty()) {
        running_ = false;
        return;
      }
    }
    if (fenced) {
      for (auto& pending : rest) pending->Refuse(Stopped());
    } else {
      RunBatch(std::move(rest));
    }
  }
}

void Engine::TickIfDue() {
  const absl::Time now = Now();
  if (now < next_tick_ || !IsRunning()) return;
  {
    absl::MutexLock lock(&mutex_);
    if (due_since_ == absl::InfiniteFuture()) {
      due_since_ = now;
      command_after_tick_ = waiting_.next_number();
    }
    if (waiting_.OldestNumber() < command_after_tick_) return;
  }
  const Tick tick{.closes_until =
                      std::exchange(due_since_, absl::InfiniteFuture())};
  next_tick_ = now + kTickInterval;
  absl::Status committed;
  bool more = true;
  while (more && committed.ok() && IsRunning()) {
    const auto begin = std::chrono::steady_clock::now();
    // At its own time: what many ticks take is no gap between two.
    const absl::StatusOr<Tick::Reply> ticked = pool_->Execute(tick, Now());
    NoteCommand(typeid(Tick), Since(begin));
    more = ticked.ok() && ticked->more;
    committed = CommitEvents();
    if (ticked.ok() && ticked->settles && committed.ok()) next_tick_ = now;
  }
  if (!committed.ok()) return Recover(committed);
  absl::MutexLock lock(&mutex_);
  stats_.held = CountHeld(pool_->state());
}

void Engine::RunBatch(std::vector<std::unique_ptr<Pending>> batch) {
  const absl::Status committed = ExecuteAndCommit(absl::MakeSpan(batch));
  if (committed.ok()) return;
  if (committed.code() != absl::StatusCode::kFailedPrecondition) {
    for (auto& pending : batch) pending->Refuse(CommitFailed(committed));
    Recover(committed);
    return;
  }
  Recover(committed);
  // The database refused a row: run again one by one, so that only the command
  // that is to blame fails.
  for (auto& pending : batch) {
    const absl::Status alone = ExecuteAndCommit(absl::MakeSpan(&pending, 1));
    if (alone.ok()) continue;
    Recover(alone);
    pending->Refuse(alone.code() == absl::StatusCode::kFailedPrecondition
                        ? Internal("STORE_REFUSED", alone.message())
                        : CommitFailed(alone));
  }
}

absl::Status Engine::ExecuteAndCommit(
    absl::Span<std::unique_ptr<Pending>> batch) {
  if (!IsLoaded()) return Stopped();
  const absl::Time now = Now();
  for (auto& pending : batch) LookUpAndExecute(*pending, now);
  ARCHPOOL_RETURN_IF_ERROR(CommitEvents());
  {
    absl::MutexLock lock(&mutex_);
    stats_.commands += static_cast<int64_t>(batch.size());
  }
  for (auto& pending : batch) pending->Release();
  return absl::OkStatus();
}

void Engine::LookUpAndExecute(Pending& pending, absl::Time now) {
  const absl::Status known =
      AskStore([&] { return pending.LookUp(pool_->state(), store_); });
  if (!known.ok()) return pending.Hold(LookUpFailed(known));
  const auto begin = std::chrono::steady_clock::now();
  pending.Execute(*pool_, now);
  NoteCommand(pending.type(), Since(begin));
}

void Engine::NoteCommand(const std::type_info& command, absl::Duration took) {
  absl::MutexLock lock(&mutex_);
  if (took <= stats_.longest_command) return;
  stats_.longest_command = took;
  int status = 0;
  const std::unique_ptr<char, decltype(&std::free)> name(
      abi::__cxa_demangle(command.name(), nullptr, nullptr, &status),
      &std::free);
  stats_.longest_command_name = std::string(absl::StripPrefix(
      name == nullptr ? command.name() : name.get(), "archpool::"));
}

absl::Status Engine::CommitEvents() {
  const std::vector<Event> events = pool_->TakeEvents();
  if (events.empty()) return absl::OkStatus();
  ARCHPOOL_RETURN_IF_ERROR(
      AskStore([&] { return store_.Commit(generation_, sequence_, events); }));
  ++sequence_;
  {
    absl::MutexLock lock(&mutex_);
    ++stats_.commits;
  }
  for (EngineListener* listener : listeners_) listener->OnCommit(events);
  return absl::OkStatus();
}

absl::Status Engine::TakeOver() {
  if (pool_ != nullptr) {
    expiry_hold_ = pool_->expiry_hold();
    verifiers_ = pool_->verifiers();
  }
  pool_.reset();
  ARCHPOOL_ASSIGN_OR_RETURN(const LoadedPool loaded,
                            AskStore([this] { return store_.TakeOver(); }));
  if (loaded.sequence < sequence_) return WentBack(sequence_ - loaded.sequence);
  ARCHPOOL_RETURN_IF_ERROR(CheckRecords(loaded.snapshot));
  if (last_now_ == absl::InfinitePast()) {
    // Its records may be of a time a little later than was noted.
    clock_.AdvanceTo(TimeOf(loaded.snapshot) + NoteInterval(policy_));
  }
  generation_ = loaded.generation;
  sequence_ = loaded.sequence;
  pool_ = std::make_unique<Pool>(policy_, loaded.snapshot, expiry_hold_,
                                 verifiers_);
  // Its events are committed with those of the first batch.
  ARCHPOOL_RETURN_IF_ERROR(pool_->Execute(UpgradeRecords{}, Now()).status());
  for (EngineListener* listener : listeners_) {
    listener->OnLoad(loaded.snapshot);
  }
  return absl::OkStatus();
}

void Engine::Recover(const absl::Status& cause) {
  {
    absl::MutexLock lock(&mutex_);
    ++stats_.commit_failures;
  }
  if (NoteStoreFailure(cause)) return;
  // Callers that have waited for a slow failure do not wait for more.
  if (last_ask_took_ >= kSlowFailure) RefuseWaiting(cause);
  absl::Duration pause = kRecoveryPauseMin;
  for (absl::Status taken = TakeOver(); !taken.ok(); taken = TakeOver()) {
    if (NoteStoreFailure(taken)) return;
    {
      absl::MutexLock lock(&mutex_);
      if (stopping_) {
        running_ = false;
        return;
      }
    }
    RefuseWaiting(taken);
    // Commands ring too; only a stop ends the pause.
    for (const Countdown rest(pause); !rest.IsOver() && IsRunning();) {
      bell_.Wait(rest.left());
    }
    pause = std::min(2 * pause, kRecoveryPauseMax);
  }
  absl::MutexLock lock(&mutex_);
  stats_.is_store_failing = false;
}

void Engine::RefuseWaiting(const absl::Status& cause) {
  std::vector<std::unique_ptr<Pending>> refused;
  {
    absl::MutexLock lock(&mutex_);
    refused = waiting_.TakeAll();
  }
  for (auto& pending : refused) pending->Refuse(CommitFailed(cause));
}

bool Engine::NoteStoreFailure(const absl::Status& failure) {
  absl::MutexLock lock(&mutex_);
  stats_.store_failure = failure;
  stats_.is_store_failing = true;
  if (!absl::IsAborted(failure)) return false;
  // Another server is the writer now; taking over again would fence it off in
  // turn, forever.
  running_ = false;
  return true;
}

absl::Time Engine::Now() {
  last_now_ = std::max(last_now_, clock_.Now());
  return last_now_;
}

}  // namespace archpool
