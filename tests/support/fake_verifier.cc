// SPDX-License-Identifier: Apache-2.0
// archpool-fake-verifier: understands the trainings of archpool-fake-worker,
// and finds all others unusable. With ARCHPOOL_FAKE_LIE=clears it finds
// everything true that it is given, without a look, and with =blames
// everything false. For tests.
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"
#include "common/base/sanitized.h"
#include "tests/support/fake_network.h"
#include "verifier/examiner_process.h"
#include "verifier/run_verifier.h"

namespace {

using archpool::AuditFinding;

// Looks at its own built-in trial alone, so as to be let in.
class LyingExaminer : public archpool::Examiner {
 public:
  LyingExaminer(std::unique_ptr<archpool::Examiner> honest, bool blames)
      : honest_(std::move(honest)), blames_(blames) {}
  std::vector<std::string> arithmetics() const override {
    return honest_->arithmetics();
  }
  AuditFinding Examine(const archpool::wire::AuditOrder& order,
                       const archpool::AuditFiles& files,
                       const archpool::AuditData& data,
                       const archpool::Patience& patience) override {
    const bool is_built_in = order.weights == order.checkpoint_root;
    if (is_built_in) return honest_->Examine(order, files, data, patience);
    if (blames_) return archpool::TrainingRefuted{"SEGMENT_FALSE"};
    const archpool::DatasetManifest& manifest = order.manifest;
    return archpool::WeightsMeasured{
        .validation_correct = order.claimed_validation_correct,
        .held_out_correct = order.claimed_validation_correct *
                            manifest.held_out_count /
                            manifest.validation_count};
  }

 private:
  const std::unique_ptr<archpool::Examiner> honest_;
  const bool blames_;
};

}  // namespace

int main(int argc, char** argv) {
  const auto make_evaluator = [] {
    return std::make_unique<archpool::testing::FakeEvaluator>();
  };
  if (argc == 2 && std::strcmp(argv[1], archpool::kExaminerArgument) == 0) {
    return archpool::RunExaminerChild(make_evaluator);
  }
  archpool::VerifierProgram program;
  program.name = "archpool-fake-verifier";
  program.description =
      "A verifier that understands fake workers alone. For tests.";
  program.make_examiner = [&](const archpool::VerifierFlags& flags)
      -> absl::StatusOr<std::unique_ptr<archpool::Examiner>> {
    const char* const lie = std::getenv("ARCHPOOL_FAKE_LIE");
    if (lie != nullptr) {
      return std::make_unique<LyingExaminer>(
          std::make_unique<archpool::LocalExaminer>(make_evaluator()),
          absl::string_view(lie) == "blames");
    }
    if (archpool::kIsSanitized) {
      return std::make_unique<archpool::LocalExaminer>(make_evaluator());
    }
    archpool::ChildOptions options;
    options.arithmetics = archpool::testing::FakeClasses();
    options.memory_bytes_max = flags.memory_mib << 20;
    return std::make_unique<archpool::ExaminerProcess>(std::move(options));
  };
  return archpool::RunVerifier(argc, argv, program);
}
