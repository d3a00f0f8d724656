// SPDX-License-Identifier: Apache-2.0
#include "verifier/examiner_process.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <cstring>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/base/environment.h"
#include "common/base/status.h"
#include "common/log/log.h"
#include "verifier/finding_text.h"
#include "verifier/frames.h"

extern char** environ;

namespace archpool {
namespace {

constexpr int64_t kFindingBytesMax = 1'024;

// What it does for: a miner's next trial, but nobody else's.
std::string NameOf(const wire::AuditOrder& order) {
  return absl::StrCat(order.miner.ToString(), " ", order.dataset.ToString(),
                      " ", order.held_out.ToString());
}

// This process's, but for what steers numerical libraries: the second opinion
// is to be LibTorch's own.
std::vector<std::string> EnvironmentOf(int64_t memory_bytes_max) {
  std::vector<std::string> variables;
  for (char** variable = environ; *variable != nullptr; ++variable) {
    const absl::string_view text = *variable;
    const absl::string_view name = text.substr(0, text.find('='));
    if (SteersArithmetic(name) || name == kExaminerMemory ||
        name == kExaminerParent || name == kExaminerLog) {
      continue;
    }
    variables.emplace_back(text);
  }
  variables.push_back(absl::StrCat(kExaminerMemory, "=", memory_bytes_max));
  variables.push_back(absl::StrCat(kExaminerParent, "=", getpid()));
  const LogOptions log = CurrentLogOptions();
  variables.push_back(absl::StrCat(kExaminerLog, "=", ToString(log.format), ",",
                                   ToString(log.level)));
  return variables;
}

std::vector<char*> PointersTo(std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  for (std::string& text : texts) pointers.push_back(text.data());
  pointers.push_back(nullptr);
  return pointers;
}

}  // namespace

class ExaminerProcess::Child {
 public:
  static absl::StatusOr<std::unique_ptr<Child>> Start(
      std::string name, const ChildOptions& options) {
    int to_child[2];
    int from_child[2];
    if (pipe2(to_child, O_CLOEXEC) != 0) return Unstartable();
    if (pipe2(from_child, O_CLOEXEC) != 0) {
      close(to_child[0]);
      close(to_child[1]);
      return Unstartable();
    }
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, to_child[0], 0);
    posix_spawn_file_actions_adddup2(&actions, from_child[1], 1);
    std::vector<std::string> variables =
        EnvironmentOf(options.memory_bytes_max);
    std::vector<std::string> arguments = {"archpool-examiner",
                                          kExaminerArgument};
    arguments.insert(arguments.end(), options.arguments.begin(),
                     options.arguments.end());
    pid_t pid = 0;
    const int error =
        posix_spawn(&pid, "/proc/self/exe", &actions, nullptr,
                    PointersTo(arguments).data(), PointersTo(variables).data());
    posix_spawn_file_actions_destroy(&actions);
    close(to_child[0]);
    close(from_child[1]);
    if (error != 0) {
      close(to_child[1]);
      close(from_child[0]);
      return Unstartable();
    }
    return std::unique_ptr<Child>(
        new Child(std::move(name), pid, to_child[1], from_child[0]));
  }

  ~Child() {
    close(input_);
    close(output_);
    kill(pid_, SIGKILL);
    while (waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
    }
  }

  const std::string& name() const { return name_; }

  absl::Status Send(absl::Span<const absl::string_view> frames,
                    const Patience& patience) const {
    for (const absl::string_view frame : frames) {
      ARCHPOOL_RETURN_IF_ERROR(WriteFrame(input_, frame, patience));
    }
    return absl::OkStatus();
  }
  absl::StatusOr<std::string> Receive(const Patience& patience) const {
    return ReadFrame(output_, kFindingBytesMax, patience);
  }

 private:
  Child(std::string name, pid_t pid, int input, int output)
      : name_(std::move(name)), pid_(pid), input_(input), output_(output) {}
  static absl::Status Unstartable() {
    return Unavailable(
        "EXAMINER_NOT_STARTED",
        absl::StrCat("no child could be started: ", std::strerror(errno)));
  }

  const std::string name_;
  const pid_t pid_;
  const int input_;
  const int output_;
};

ExaminerProcess::ExaminerProcess(ChildOptions options)
    : options_(std::move(options)) {
  // A child that ended is an answer, not an end.
  std::signal(SIGPIPE, SIG_IGN);
}

ExaminerProcess::~ExaminerProcess() = default;

std::vector<std::string> ExaminerProcess::arithmetics() const {
  return options_.arithmetics;
}

absl::StatusOr<ExaminerProcess::Child*> ExaminerProcess::ChildFor(
    const wire::AuditOrder& order, const AuditData& data,
    const Patience& patience) {
  const std::string name = NameOf(order);
  const auto known =
      std::find_if(children_.begin(), children_.end(),
                   [&](const auto& child) { return child->name() == name; });
  if (known != children_.end()) {
    children_.splice(children_.begin(), children_, known);
    return children_.front().get();
  }
  while (children_.size() >= options_.children_max) children_.pop_back();
  ARCHPOOL_ASSIGN_OR_RETURN(std::unique_ptr<Child> child,
                            Child::Start(name, options_));
  ARCHPOOL_RETURN_IF_ERROR(
      child->Send({EncodeDataset(data.train), EncodeDataset(data.validation),
                   EncodeDataset(data.held_out)},
                  patience));
  children_.push_front(std::move(child));
  return children_.front().get();
}

AuditFinding ExaminerProcess::Examine(const wire::AuditOrder& order,
                                      const AuditFiles& files,
                                      const AuditData& data,
                                      const Patience& patience) {
  const auto ask = [&]() -> absl::StatusOr<AuditFinding> {
    // An evaluation alone is asked of whatever was trained.
    if (!order.only_evaluates &&
        std::find(options_.arithmetics.begin(), options_.arithmetics.end(),
                  order.arithmetic) == options_.arithmetics.end()) {
      return FailedPrecondition(
          "OTHER_ARITHMETIC",
          absl::StrCat("this verifier does not compute in ", order.arithmetic));
    }
    ARCHPOOL_ASSIGN_OR_RETURN(Child * child, ChildFor(order, data, patience));
    ARCHPOOL_RETURN_IF_ERROR(
        child->Send({order.serialized, files.weights, files.begin_weights,
                     files.begin_optimizer, files.resumed},
                    patience));
    ARCHPOOL_ASSIGN_OR_RETURN(const std::string text, child->Receive(patience));
    return FindingFromText(text);
  };
  absl::StatusOr<AuditFinding> finding = ask();
  if (finding.ok()) return *std::move(finding);
  if (!patience.stop.stop_requested()) {
    LogWarn("examiner_failed",
            "the process that examines a trial failed, and a new one is "
            "started for the next",
            "if it repeats, look at this machine (memory, sandbox) and at the "
            "lines before",
            {{"audit_id", order.audit}, {"error", finding.status()}});
  }
  // Whatever became of it, nothing more is asked of it.
  std::erase_if(children_, [&](const auto& child) {
    return child->name() == NameOf(order);
  });
  const std::string reason = GetReason(finding.status());
  return AuditInconclusive{reason == "CHILD_GONE"   ? "EXAMINER_CRASHED"
                           : reason == "CHILD_SLOW" ? "EXAMINER_TOO_SLOW"
                           : reason.empty()         ? "EXAMINER_FAILED"
                                                    : reason};
}

}  // namespace archpool
