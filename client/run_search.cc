// SPDX-License-Identifier: Apache-2.0
#include "client/run_search.h"

#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "client/brought_dataset.h"
#include "client/search/search_state.h"
#include "client/search/supervisor.h"
#include "client/search_task.h"
#include "client/submit.h"
#include "common/base/durable_file.h"
#include "common/base/status.h"
#include "common/base/work_directory.h"

namespace archpool {
namespace {

using search::Folder;
using search::NextStep;
using search::Part;
using search::SearchState;
using search::Step;
using search::Supervisor;

// As the worker's --threads takes them.
constexpr int64_t kSearchThreadsMax = 1'024;
// Programs of a command that was killed are gone within moments.
constexpr absl::Duration kLeftoversMax = absl::Seconds(15);

// A terminal that is closed ends the search as Ctrl-C does, so that it can be
// continued; and a reader of its output who is gone does not end it.
// What was ignored before, as under nohup, still is.
class QuietEnd {
 public:
  QuietEnd() {
    struct sigaction action = {};
    action.sa_handler = SIG_IGN;
    sigaction(SIGPIPE, &action, &pipe_before_);
    sigaction(SIGHUP, nullptr, &hang_up_before_);
    if (hang_up_before_.sa_handler == SIG_IGN) return;
    action.sa_handler = [](int) { kill(getpid(), SIGTERM); };
    action.sa_flags = SA_RESTART;
    sigaction(SIGHUP, &action, nullptr);
  }
  ~QuietEnd() {
    sigaction(SIGPIPE, &pipe_before_, nullptr);
    sigaction(SIGHUP, &hang_up_before_, nullptr);
  }
  QuietEnd(const QuietEnd&) = delete;
  QuietEnd& operator=(const QuietEnd&) = delete;

 private:
  struct sigaction pipe_before_ = {};
  struct sigaction hang_up_before_ = {};
};

Folder FolderOf(const SearchFlags& flags) {
  std::string root = flags.folder;
  if (root.empty()) {
    root = std::filesystem::path(flags.file).stem().string() + "-search";
  }
  std::error_code error;
  std::filesystem::path whole =
      std::filesystem::absolute(root, error).lexically_normal();
  if (!whole.has_filename()) whole = whole.parent_path();  // "folder/"
  return {whole.string()};
}

absl::StatusOr<std::array<std::string, search::kPartCount>> FindPrograms() {
  std::array<std::string, search::kPartCount> programs;
  const std::string own = search::OwnFolder();
  for (const Part part : search::kParts) {
    ARCHPOOL_ASSIGN_OR_RETURN(
        programs[static_cast<size_t>(part)],
        search::FindProgram(search::ProgramOf(part), own, std::getenv("PATH")));
  }
  return programs;
}

// Its owner's alone: there are tokens in it, and images that nobody is to see.
absl::StatusOr<DirectoryLock> ClaimFolder(const Folder& folder) {
  ARCHPOOL_RETURN_IF_ERROR(MakeDirectories(
      std::filesystem::path(folder.root).parent_path().string()));
  mkdir(folder.root.c_str(), 0700);  // ClaimDirectory judges what is there
  ARCHPOOL_ASSIGN_OR_RETURN(
      DirectoryLock lock,
      ClaimDirectory(folder.root, {.program = "archpool search"}));
  for (const std::string& path : {folder.LogsPath(), folder.TokensPath()}) {
    ARCHPOOL_RETURN_IF_ERROR(MakeDirectories(path));
    if (chmod(path.c_str(), 0700) != 0) {
      return FailedPrecondition(
          "FILE_UNWRITABLE",
          absl::StrCat(path,
                       " cannot be closed to others: it is another "
                       "user's; run as that user"));
    }
  }
  return lock;
}

// What happens beside the task, in FOLDER/logs/search.log and on stderr: later,
// where a live view is on the screen meanwhile. Thread-compatible.
class Notes {
 public:
  Notes(const Folder& folder, const Output& output)
      : log_(folder.LogPath("search"), std::ios::app), output_(output) {}

  void Add(const std::string& note) {
    log_ << absl::FormatTime(absl::RFC3339_sec, absl::Now(),
                             absl::UTCTimeZone())
         << " " << note << std::endl;
    if (output_.is_live) {
      held_.push_back(note);
    } else {
      output_.err << note << std::endl;
    }
  }
  void ShowHeld() {
    for (const std::string& note : held_) output_.err << note << "\n";
    output_.err << std::flush;
    held_.clear();
  }

 private:
  std::ofstream log_;
  const Output& output_;
  std::vector<std::string> held_;
};

// A pool that refused its first task holds nothing that anybody could want.
void Discard(const Folder& folder) {
  std::error_code ignored;
  for (const std::string& path : folder.AllPaths()) {
    std::filesystem::remove_all(path, ignored);
  }
  for (const char* name : {"lock", kDirectoryMarker}) {
    std::filesystem::remove(absl::StrCat(folder.root, "/", name), ignored);
  }
  rmdir(folder.root.c_str());
}

struct ClaimedFolder {
  Folder folder;
  bool is_new = false;  // this call made it
  std::array<std::string, search::kPartCount> programs;
  int kept_descriptor = -1;
};

// Runs what `next` says, on this thread the programs and on another their
// client.
absl::Status RunPrograms(Context& context, const SearchFlags& flags,
                         const TaskFile& file, const NextStep& next,
                         const ClaimedFolder& claimed) {
  const Folder& folder = claimed.folder;
  const QuietEnd quiet;
  Notes notes(folder, context.output());
  search::Machine machine{.threads = flags.threads};
  if (machine.threads == 0) {
    machine.threads = std::clamp<int64_t>(std::thread::hardware_concurrency(),
                                          1, kSearchThreadsMax);
  }
  Supervisor supervisor(
      {.folder = folder,
       .machine = machine,
       .programs = claimed.programs,
       .kept_descriptor = claimed.kept_descriptor,
       .on_note = [&notes](const std::string& note) { notes.Add(note); }});
  std::stop_source quit;
  const std::stop_callback on_stop(context.stop(),
                                   [&] { quit.request_stop(); });
  SearchTask task(context, folder, {file, flags.file}, next, supervisor,
                  quit.get_token());
  absl::Status driven;
  std::jthread driver([&] {
    driven = task.Drive();
    supervisor.Finish();
  });
  const absl::Status kept = supervisor.Run(context.stop(), quit);
  driver.join();
  notes.ShowHeld();
  if (task.has_ended()) return task.ShowEnd();
  if (context.stop().stop_requested()) {
    context.output().err << "Stopped. What is done is kept in " << folder.root
                         << ", and the same command continues it." << std::endl;
    return driven;
  }
  ARCHPOOL_RETURN_IF_ERROR(kept);
  if (claimed.is_new && !task.is_open() && absl::IsInvalidArgument(driven)) {
    Discard(folder);
  }
  return driven;
}

}  // namespace

absl::Status RunSearch(Context& context, const SearchFlags& flags) {
  ARCHPOOL_ASSIGN_OR_RETURN(const TaskFile file, LoadTaskFile(flags.file));
  ClaimedFolder claimed{.folder = FolderOf(flags)};
  const Folder& folder = claimed.folder;
  std::error_code error;
  if (!std::filesystem::exists(folder.StatePath(), error)) {
    // Nothing is made for what cannot be searched.
    TaskFile tried = file;
    ARCHPOOL_ASSIGN_OR_RETURN(const ImportedDataset imported,
                              BringDataset(context, tried.dataset));
    ARCHPOOL_RETURN_IF_ERROR(LookAtTask(tried).status());
  }
  ARCHPOOL_ASSIGN_OR_RETURN(claimed.programs, FindPrograms());
  claimed.is_new = !std::filesystem::exists(folder.root, error);
  ARCHPOOL_ASSIGN_OR_RETURN(const DirectoryLock lock, ClaimFolder(folder));
  ARCHPOOL_ASSIGN_OR_RETURN(const std::optional<SearchState> known,
                            ReadSearchState(folder));
  ARCHPOOL_ASSIGN_OR_RETURN(
      const NextStep next,
      search::DecideStep(known, FingerprintOf(file), flags.is_again,
                         folder.root, flags.file));
  if (next.step == Step::kShow) {
    return ShowEndedSearch(context, folder, next.state);
  }
  ARCHPOOL_ASSIGN_OR_RETURN(
      const search::RunningLock running,
      search::RunningLock::Acquire(folder.RunningPath(), kLeftoversMax));
  claimed.kept_descriptor = running.descriptor();
  return RunPrograms(context, flags, file, next, claimed);
}

}  // namespace archpool
