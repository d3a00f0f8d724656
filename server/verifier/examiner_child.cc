// The child's side of ExaminerProcess.
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <utility>

#include "absl/strings/numbers.h"
#include "common/base/status.h"
#include "common/channel/program.h"
#include "server/verifier/examiner_process.h"
#include "server/verifier/finding_text.h"
#include "server/verifier/frames.h"
#include "server/verifier/sandbox.h"

namespace archpool {
namespace {

constexpr int kInput = 0;
constexpr int kOutput = 1;
// Of the pool's own splits, and of one file; both were bounded before.
constexpr int64_t kSplitBytesMax = int64_t{8} << 30;
constexpr int64_t kFileBytesMax = int64_t{1} << 30;

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
  return Examine(order, files, data, evaluator);
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

}  // namespace

int RunExaminerChild(
    const std::function<std::unique_ptr<Evaluator>()>& make_evaluator) {
  // The verifier's connections, should one have been handed on.
  closefrom(3);
  int64_t memory_bytes_max = 0;
  const char* memory = std::getenv("ARCHPOOL_EXAMINER_MEMORY_BYTES");
  if (memory == nullptr || !absl::SimpleAtoi(memory, &memory_bytes_max)) {
    std::fprintf(stderr, "archpool-examiner: started by no verifier\n");
    return 2;
  }
  SetUpLogging();  // to stderr: what leaves through stdout is an answer
  const std::unique_ptr<Evaluator> evaluator = make_evaluator();
  const absl::Status closed = EnterSandbox(memory_bytes_max);
  if (!closed.ok()) {
    std::fprintf(stderr, "archpool-examiner: %s\n", closed.ToString().c_str());
    return 1;
  }
  const absl::Status served = Serve(*evaluator);
  return GetReason(served) == "CHILD_GONE" ? 0 : 1;
}

}  // namespace archpool
