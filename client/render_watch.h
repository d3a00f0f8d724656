// SPDX-License-Identifier: Apache-2.0
// The live view of a task: one frame, and the events that happened between two.
// Pure functions.
#ifndef ARCHPOOL_CLIENT_RENDER_WATCH_H_
#define ARCHPOOL_CLIENT_RENDER_WATCH_H_

#include <cstddef>
#include <deque>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "archpool/v1/pool.pb.h"
#include "archpool/v1/task.pb.h"
#include "client/text.h"

namespace archpool {

// Something that happened, ready to be shown.
struct WatchEvent {
  absl::Time time;
  std::string text;
  Color color = Color::kNone;
};

struct WatchView {
  v1::Task task;
  std::vector<v1::WorkerStatus> workers;
  std::deque<WatchEvent> events;  // newest last
  bool is_server_away = false;    // the rest is what it said last
};

// At most `height` lines.
std::vector<std::string> RenderWatch(const WatchView& view, absl::Time now,
                                     const Terminal& terminal, size_t height);

// What is new in `after`: the task's state, a better network, backups.
std::vector<WatchEvent> TaskEvents(const v1::Task& before,
                                   const v1::Task& after, absl::Time now);
// The verdict on a trial, where it has one: accepted or rejected.
std::vector<WatchEvent> TrialEvents(const v1::Trial& trial, absl::Time now);

// "17:05:09 task-1 active: 12 accepted, 1 rejected, best 91.25 %": for logs.
std::string RenderWatchLine(const v1::Task& task);
std::string RenderEventLine(const WatchEvent& event);

}  // namespace archpool

#endif  // ARCHPOOL_CLIENT_RENDER_WATCH_H_
