// SPDX-License-Identifier: Apache-2.0
#include "client/watch.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <set>
#include <thread>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/clock.h"
#include "client/render_task.h"
#include "client/render_watch.h"
#include "client/text.h"
#include "common/base/status.h"
#include "common/base/stop.h"

namespace archpool {
namespace {

constexpr absl::Duration kFramePause = absl::Milliseconds(500);
constexpr size_t kEventsKept = 50;
constexpr size_t kHeightDefault = 24;
// Frames are laid out for this many columns, and cut where there are less.
constexpr size_t kWidthMin = 60;
constexpr size_t kWidthMax = 120;

struct ScreenSize {
  size_t width = 0;
  size_t height = 0;
  friend bool operator==(const ScreenSize&, const ScreenSize&) = default;
};

// Asked for each frame: people resize windows.
ScreenSize MeasureScreen(const Terminal& terminal) {
  winsize size{};
  if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_row == 0 ||
      size.ws_col == 0) {
    return {terminal.width, kHeightDefault};
  }
  return {size.ws_col, size.ws_row};
}

// Draws frames over each other. Thread-compatible.
class Screen {
 public:
  explicit Screen(std::ostream& out) : out_(out) {}

  // A line that the terminal would wrap is cut: what is drawn over is counted
  // in lines. The cursor is hidden within the one write alone, so that nothing
  // that ends or stops the program can leave it so.
  void Draw(const std::vector<std::string>& lines, const ScreenSize& size) {
    std::string frame = "\x1b[?25l";
    if (size_ != size && lines_drawn_ > 0) {
      // The terminal has laid out again what was there.
      absl::StrAppend(&frame, "\x1b[2J\x1b[H");
    } else if (lines_drawn_ > 0) {
      absl::StrAppend(&frame, "\x1b[", lines_drawn_, "F");
    }
    for (const std::string& line : lines) {
      absl::StrAppend(&frame, CutLine(line, size.width), "\x1b[K\n");
    }
    absl::StrAppend(&frame, "\x1b[J\x1b[?25h");
    out_ << frame << std::flush;
    lines_drawn_ = lines.size();
    size_ = size;
  }

 private:
  std::ostream& out_;
  size_t lines_drawn_ = 0;
  ScreenSize size_;
};

// Collects what the view shows. Thread-safe.
class Watcher {
 public:
  Watcher(Context& context, PoolClient& client, int64_t task_id)
      : context_(context), client_(client), task_id_(task_id) {}

  // Takes a state of the task.
  void OnTask(const v1::Task& task) {
    const absl::MutexLock lock(&mutex_);
    const bool is_first = view_.task.task_id() == 0;
    for (WatchEvent& event :
         TaskEvents(is_first ? task : view_.task, task, absl::Now())) {
      Add(std::move(event));
    }
    view_.task = task;
  }

  // Asks for what the task itself does not say. The view does without what
  // cannot be had just now.
  void Refresh() {
    // The first page has more of them than a screen.
    const absl::StatusOr<v1::ListWorkersResponse> workers = client_.CallOnce(
        client_.pool(), &PoolStub::ListWorkers, v1::ListWorkersRequest());
    std::vector<v1::Trial> trials;
    bool has_trials = false;
    if (workers.ok()) {
      absl::StatusOr<std::vector<v1::Trial>> listed =
          client_.ListTrials(task_id_, decided_below_);
      has_trials = listed.ok();
      if (has_trials) trials = *std::move(listed);
    }
    const absl::MutexLock lock(&mutex_);
    view_.is_server_away = IsTransient(workers.status());
    if (workers.ok()) {
      view_.workers.assign(workers->workers().begin(),
                           workers->workers().end());
    }
    if (has_trials) AddVerdicts(trials);
    has_refreshed_ = has_refreshed_ || has_trials;
  }

  std::vector<std::string> Frame(const ScreenSize& size) const {
    const absl::MutexLock lock(&mutex_);
    Terminal terminal = context_.terminal();
    terminal.width = std::clamp(size.width, kWidthMin, kWidthMax);
    // One line less than the screen: the cursor stands on the last one.
    return RenderWatch(view_, absl::Now(), terminal, size.height - 1);
  }
  bool has_task() const {
    const absl::MutexLock lock(&mutex_);
    return view_.task.task_id() != 0;
  }
  v1::Task task() const {
    const absl::MutexLock lock(&mutex_);
    return view_.task;
  }
  std::vector<WatchEvent> TakeNewEvents() {
    const absl::MutexLock lock(&mutex_);
    return std::exchange(new_events_, {});
  }

 private:
  void Add(WatchEvent event) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    new_events_.push_back(event);
    view_.events.push_back(std::move(event));
    if (view_.events.size() > kEventsKept) view_.events.pop_front();
  }

  void AddVerdicts(const std::vector<v1::Trial>& trials)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    bool are_all_decided = true;
    for (const v1::Trial& trial : trials) {
      const bool is_decided = trial.state() == v1::TRIAL_STATE_ACCEPTED ||
                              trial.state() == v1::TRIAL_STATE_REJECTED ||
                              trial.state() == v1::TRIAL_STATE_ABANDONED;
      are_all_decided = are_all_decided && is_decided;
      if (are_all_decided) decided_below_ = trial.trial_id();
      if (!is_decided || !told_.insert(trial.trial_id()).second) continue;
      // What was decided before the watching began is no news.
      if (!has_refreshed_) continue;
      for (WatchEvent& event : TrialEvents(trial, absl::Now())) {
        Add(std::move(event));
      }
    }
    told_.erase(told_.begin(), told_.upper_bound(decided_below_));
  }

  Context& context_;
  PoolClient& client_;
  const int64_t task_id_;
  mutable absl::Mutex mutex_;
  WatchView view_ ABSL_GUARDED_BY(mutex_);
  std::vector<WatchEvent> new_events_ ABSL_GUARDED_BY(mutex_);
  std::set<int64_t> told_ ABSL_GUARDED_BY(mutex_);
  bool has_refreshed_ ABSL_GUARDED_BY(mutex_) = false;
  // Every trial up to this one is decided. Written and read by Refresh alone.
  int64_t decided_below_ = 0;
};

void PrintLines(Watcher& watcher, std::ostream& out, std::string& last_line) {
  for (const WatchEvent& event : watcher.TakeNewEvents()) {
    out << RenderEventLine(event) << "\n";
  }
  if (!watcher.has_task()) return;
  const std::string line = RenderWatchLine(watcher.task());
  if (line != last_line) {
    out << RenderEventLine({absl::Now(), line}) << "\n";
  }
  last_line = line;
  out << std::flush;
}

// Shows the view until `stop`, on a thread of its own.
void ShowLive(Watcher& watcher, std::ostream& out, const Terminal& terminal,
              const std::stop_token& stop) {
  Screen screen(out);
  while (true) {
    const bool is_last = stop.stop_requested();
    watcher.Refresh();
    if (watcher.has_task()) {
      const ScreenSize size = MeasureScreen(terminal);
      screen.Draw(watcher.Frame(size), size);
    }
    if (is_last) return;
    WaitOrStop(stop, kFramePause);
  }
}

void ShowLines(Watcher& watcher, std::ostream& out,
               const std::stop_token& stop) {
  std::string last_line;
  while (true) {
    const bool is_last = stop.stop_requested();
    watcher.Refresh();
    PrintLines(watcher, out, last_line);
    if (is_last) return;
    WaitOrStop(stop, kFramePause);
  }
}

}  // namespace

absl::StatusOr<v1::Task> WatchTask(Context& context, int64_t task_id) {
  ARCHPOOL_ASSIGN_OR_RETURN(PoolClient* const client, context.Client());
  // A task that is not there is said before anything is drawn.
  ARCHPOOL_ASSIGN_OR_RETURN(const v1::Task task, client->GetTask(task_id));
  Watcher watcher(context, *client, task_id);
  watcher.OnTask(task);
  std::jthread viewer;
  const Output& output = context.output();
  if (!context.is_json()) {
    context.SetDrawnOver(output.is_live);
    viewer = std::jthread([&](const std::stop_token& stop) {
      output.is_live ? ShowLive(watcher, output.out, output.terminal, stop)
                     : ShowLines(watcher, output.out, stop);
    });
  }
  const absl::Status watched =
      client->WatchTask(task_id, [&watcher](const v1::Task& state) {
        watcher.OnTask(state);
        return !IsEnded(state.state());
      });
  viewer.request_stop();
  if (viewer.joinable()) viewer.join();
  context.SetDrawnOver(false);
  ARCHPOOL_RETURN_IF_ERROR(watched);
  return watcher.task();
}

}  // namespace archpool
