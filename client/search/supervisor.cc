// SPDX-License-Identifier: Apache-2.0
#include "client/search/supervisor.h"

#include <signal.h>
#include <unistd.h>

#include <fstream>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/base/status.h"
#include "common/base/stop.h"

namespace archpool::search {
namespace {

constexpr absl::Duration kTick = absl::Milliseconds(50);
constexpr int kCannotStart = 127;

}  // namespace

void Supervisor::Want(Part part) {
  const absl::MutexLock lock(&mutex_);
  keeper_.Want(part);
}

void Supervisor::Finish() {
  const absl::MutexLock lock(&mutex_);
  keeper_.StopAll();
}

absl::StatusOr<int> Supervisor::WaitForServer(
    const std::stop_token& stop) const {
  while (!stop.stop_requested()) {
    {
      const absl::MutexLock lock(&mutex_);
      if (port_ != 0) return port_;
    }
    WaitOrStop(stop, kTick);
  }
  return MakeError(absl::StatusCode::kCancelled, "STOPPED",
                   "stopped before the server answered");
}

void Supervisor::ReapEnded() {
  for (const Part part : kParts) {
    std::optional<Process>& process = running_[static_cast<size_t>(part)];
    if (!process) continue;
    const std::optional<Ending> ending = process->Poll();
    if (!ending) continue;
    process.reset();
    keeper_.OnEnded(part, *ending, watch_.elapsed());
  }
}

// It is written whole, once the server answers; what an earlier one wrote is
// removed before the first start.
void Supervisor::ReadPort() {
  if (port_ != 0 || !running_[static_cast<size_t>(Part::kServer)]) return;
  int port = 0;
  if (!(std::ifstream(options_.folder.PortPath()) >> port) || port <= 0) return;
  port_ = port;
  keeper_.OnReady();
}

void Supervisor::Start(Part part) {
  if (part == Part::kServer && port_ == 0) {
    unlink(options_.folder.PortPath().c_str());
  }
  // All the others know the port of the first start.
  absl::StatusOr<Process> process = Process::Start(
      {.program = options_.programs[static_cast<size_t>(part)],
       .arguments = ArgumentsOf(part, options_.folder, port_, options_.machine),
       .log_path = options_.folder.LogPath(NameOf(part)),
       .kept_descriptor = options_.kept_descriptor});
  if (!process.ok()) {
    start_error_ = std::string(process.status().message());
    keeper_.OnEnded(part, {.exit_code = kCannotStart}, watch_.elapsed());
    return;
  }
  running_[static_cast<size_t>(part)].emplace(*std::move(process));
  keeper_.OnStarted(part, watch_.elapsed());
}

void Supervisor::Do(const Keeper::Order& order) {
  std::optional<Process>& process = running_[static_cast<size_t>(order.part)];
  switch (order.act) {
    case Keeper::Act::kStart:
      Start(order.part);
      break;
    case Keeper::Act::kTerminate:
      if (process) process->Signal(SIGTERM);
      break;
    case Keeper::Act::kKill:
      if (process) process->Signal(SIGKILL);
      break;
  }
}

absl::Status Supervisor::Run(const std::stop_token& stop,
                             std::stop_source& failed) {
  std::optional<Keeper::Failure> failure;
  while (true) {
    std::vector<std::string> notes;
    bool is_over = false;
    {
      const absl::MutexLock lock(&mutex_);
      if (stop.stop_requested()) keeper_.StopAll();
      ReapEnded();
      ReadPort();
      for (const Keeper::Order& order : keeper_.Decide(watch_.elapsed())) {
        Do(order);
      }
      notes = keeper_.TakeNotes();
      failure = keeper_.failure();
      is_over = keeper_.IsOver();
    }
    for (const std::string& note : notes) options_.on_note(note);
    if (failure) failed.request_stop();
    if (is_over) break;
    // Not called off: what follows a stop takes turns, too.
    WaitOrStop({}, kTick);
  }
  if (!failure) return absl::OkStatus();
  const absl::MutexLock lock(&mutex_);
  const std::string log = options_.folder.LogPath(NameOf(failure->part));
  const std::string said = start_error_.empty() ? LastLines(log) : start_error_;
  return Internal("PROGRAM_ENDED",
                  absl::StrCat(failure->text,
                               "; what is done is kept, and the same command "
                               "continues it. Its log, ",
                               log, ", ends:\n", said));
}

}  // namespace archpool::search
