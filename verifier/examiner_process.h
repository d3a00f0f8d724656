// SPDX-License-Identifier: Apache-2.0
// Examines in child processes without files, network or the pool's token: bytes
// that crash one cost an audit, not the verifier. A child serves one account
// and one dataset, and stays for the next audit of the same. A child ends with
// the thread that started it. Thread-compatible.
#ifndef ARCHPOOL_VERIFIER_EXAMINER_PROCESS_H_
#define ARCHPOOL_VERIFIER_EXAMINER_PROCESS_H_

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "verifier/evaluator.h"
#include "verifier/examiner.h"

namespace archpool {

struct ChildOptions {
  // What the children compute in.
  std::vector<std::string> arithmetics;
  // What they are told beside kExaminerArgument, which comes first.
  std::vector<std::string> arguments;
  int64_t memory_bytes_max = int64_t{4} << 30;
  size_t children_max = 2;
};

class ExaminerProcess : public Examiner {
 public:
  // Children are this very program with kExaminerArgument, and
  // options.arguments.
  explicit ExaminerProcess(ChildOptions options);
  ~ExaminerProcess() override;

  std::vector<std::string> arithmetics() const override;
  AuditFinding Examine(const wire::AuditOrder& order, const AuditFiles& files,
                       const AuditData& data,
                       const Patience& patience) override;

 private:
  class Child;

  // The child for this order, started where there is none.
  absl::StatusOr<Child*> ChildFor(const wire::AuditOrder& order,
                                  const AuditData& data,
                                  const Patience& patience);

  const ChildOptions options_;
  std::list<std::unique_ptr<Child>> children_;  // the one used last comes first
};

inline constexpr char kExaminerArgument[] = "--examine-for-a-verifier";
// What a child is told in its environment.
inline constexpr char kExaminerMemory[] = "ARCHPOOL_EXAMINER_MEMORY_BYTES";
inline constexpr char kExaminerParent[] = "ARCHPOOL_EXAMINER_PARENT";
inline constexpr char kExaminerLog[] = "ARCHPOOL_EXAMINER_LOG";  // "text,info"

// The child's side: serves until its input closes. `make_evaluator` is called
// before the sandbox closes, and is to take the memory that its libraries keep;
// its error ends the child. The exit code.
using MakeEvaluator =
    std::function<absl::StatusOr<std::unique_ptr<Evaluator>>()>;
int RunExaminerChild(const MakeEvaluator& make_evaluator);

}  // namespace archpool

#endif  // ARCHPOOL_VERIFIER_EXAMINER_PROCESS_H_
