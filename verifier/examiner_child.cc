// SPDX-License-Identifier: Apache-2.0
// The child's side of ExaminerProcess.
#include <poll.h>
#include <sys/prctl.h>
#include <sys/time.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <thread>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"
#include "common/base/status.h"
#include "common/base/words.h"
#include "common/channel/program.h"
#include "common/log/log.h"
#include "verifier/examiner_process.h"
#include "verifier/finding_text.h"
#include "verifier/frames.h"
#include "verifier/sandbox.h"

namespace archpool {
namespace {

constexpr char kName[] = "archpool-examiner";
constexpr int kInput = 0;
constexpr int kOutput = 1;
// The sizes of the pool's own splits, and of one file; both were bounded
// before.
constexpr int64_t kSplitBytesMax = int64_t{8} << 30;
constexpr int64_t kFileBytesMax = int64_t{1} << 30;
// What an examination needs beside what libraries have taken before it begins.
constexpr int64_t kRoomBytesMin = int64_t{192} << 20;
// No examination takes longer, even if somebody still waits for it.
constexpr int64_t kExaminationSecondsMax = 24 * 3'600;

// Ends this process in this many seconds; 0: not any more.
void SetAlarm(int64_t seconds) {
  itimerval timer{};
  timer.it_value.tv_sec = seconds;
  setitimer(ITIMER_REAL, &timer, nullptr);
}

// A verifier that is killed takes its examinations with it: by the kernel's
// signal, and where that fails because the pipe closes.
bool EndWithParent() {
  int64_t parent = 0;
  const char* text = std::getenv(kExaminerParent);
  if (text == nullptr || !absl::SimpleAtoi(text, &parent)) return false;
  if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || getppid() != parent) {
    return false;
  }
  std::thread([] {
    pollfd closed{.fd = kInput, .events = 0, .revents = 0};
    while (poll(&closed, 1, -1) <= 0) {
    }
    _exit(0);
  }).detach();
  return true;
}

absl::StatusOr<Dataset> ReadSplit() {
  ARCHPOOL_ASSIGN_OR_RETURN(const std::string bytes,
                            ReadFrame(kInput, kSplitBytesMax));
  return DecodeDataset(bytes);
}

absl::StatusOr<AuditFinding> ExamineNext(const AuditData& data,
                                         Evaluator& evaluator) {
  ARCHPOOL_ASSIGN_OR_RETURN(const std::string bytes,
                            ReadFrame(kInput, kFileBytesMax));
  AuditFiles files;
  for (std::string* file : {&files.weights, &files.begin_weights,
                            &files.begin_optimizer, &files.resumed}) {
    ARCHPOOL_ASSIGN_OR_RETURN(*file, ReadFrame(kInput, kFileBytesMax));
  }
  v1::Audit proto;
  if (!proto.ParseFromString(bytes)) {
    return InvalidArgument("AUDIT_MALFORMED", "the order cannot be read");
  }
  ARCHPOOL_ASSIGN_OR_RETURN(const wire::AuditOrder order,
                            wire::AuditFromProto(proto));
  SetAlarm(kExaminationSecondsMax);
  AuditFinding finding = Examine(order, files, data, evaluator);
  SetAlarm(0);
  return finding;
}

absl::Status Serve(Evaluator& evaluator) {
  AuditData data;
  ARCHPOOL_ASSIGN_OR_RETURN(data.train, ReadSplit());
  ARCHPOOL_ASSIGN_OR_RETURN(data.validation, ReadSplit());
  ARCHPOOL_ASSIGN_OR_RETURN(data.held_out, ReadSplit());
  while (true) {
    ARCHPOOL_ASSIGN_OR_RETURN(const AuditFinding finding,
                              ExamineNext(data, evaluator));
    ARCHPOOL_RETURN_IF_ERROR(WriteFrame(kOutput, ToText(finding)));
  }
}

// "json,warn", as the verifier has it.
LogOptions LogOptionsOf(const char* text) {
  LogOptions options;
  if (text == nullptr) return options;
  const std::pair<std::string, std::string> words =
      absl::StrSplit(text, absl::MaxSplits(',', 1));
  options.format = FindWord<LogFormat>(words.first).value_or(options.format);
  options.level = FindWord<LogLevel>(words.second).value_or(options.level);
  return options;
}

}  // namespace

int RunExaminerChild(const MakeEvaluator& make_evaluator) {
  // The verifier's connections, should one have been handed on.
  closefrom(3);
  int64_t memory_bytes_max = 0;
  const char* memory = std::getenv(kExaminerMemory);
  if (memory == nullptr || !absl::SimpleAtoi(memory, &memory_bytes_max) ||
      !EndWithParent()) {
    std::fprintf(stderr, "%s: not started by a verifier\n", kName);
    return 2;
  }
  // To stderr: what leaves through stdout is an answer.
  SetUpLogging(LogOptionsOf(std::getenv(kExaminerLog)));
  const absl::StatusOr<std::unique_ptr<Evaluator>> evaluator = make_evaluator();
  if (!evaluator.ok()) {
    return FinishLogged(kName, evaluator.status());
  }
  // Libraries that find no memory later may ask for it forever.
  const int64_t taken = DataBytes();
  if (taken > memory_bytes_max - kRoomBytesMin) {
    LogError("examiner_too_small",
             "the program takes the memory of an examination before one begins",
             "raise --memory-mib to needed_mib at least",
             {{"taken_mib", taken >> 20},
              {"needed_mib", ((taken + kRoomBytesMin) >> 20) + 1}});
    return 1;
  }
  const absl::Status closed = EnterSandbox(memory_bytes_max);
  if (!closed.ok()) {
    return FinishLogged(kName, closed);
  }
  const absl::Status served = Serve(**evaluator);
  return GetReason(served) == "CHILD_GONE" ? 0 : 1;
}

}  // namespace archpool
