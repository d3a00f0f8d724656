// SPDX-License-Identifier: Apache-2.0
// Where a trial's bytes are examined: in this process, or in a child that can
// do nothing else. Thread-compatible.
#ifndef ARCHPOOL_VERIFIER_EXAMINER_H_
#define ARCHPOOL_VERIFIER_EXAMINER_H_

#include <memory>
#include <string>
#include <vector>

#include "verifier/examination.h"
#include "verifier/frames.h"

namespace archpool {

class Examiner {
 public:
  virtual ~Examiner() = default;
  // The arithmetics that it computes in.
  virtual std::vector<std::string> arithmetics() const = 0;
  // As archpool::Examine; AuditInconclusive where it did not end in the time
  // left, came to an end of its own, or was called off (STOPPED).
  virtual AuditFinding Examine(const wire::AuditOrder& order,
                               const AuditFiles& files, const AuditData& data,
                               const Patience& patience) = 0;
};

// In this process: for tests, and inside the child.
class LocalExaminer : public Examiner {
 public:
  explicit LocalExaminer(std::unique_ptr<Evaluator> evaluator)
      : evaluator_(std::move(evaluator)) {}
  std::vector<std::string> arithmetics() const override {
    return evaluator_->arithmetics();
  }
  AuditFinding Examine(const wire::AuditOrder& order, const AuditFiles& files,
                       const AuditData& data,
                       const Patience& /*patience*/) override {
    return archpool::Examine(order, files, data, *evaluator_);
  }

 private:
  std::unique_ptr<Evaluator> evaluator_;
};

}  // namespace archpool

#endif  // ARCHPOOL_VERIFIER_EXAMINER_H_
