// SPDX-License-Identifier: Apache-2.0
// A client's task file. Goal: no text crashes, hangs or fills the memory; it is
// read, or refused with a line that says where.
#include <cstddef>
#include <cstdint>

#include "absl/strings/match.h"
#include "client/task_file.h"
#include "common/base/check.h"
#include "common/base/status.h"

namespace archpool {
namespace {

void Fuzz(absl::string_view input) {
  const auto exists = [](const std::string&) { return std::string(); };
  const absl::StatusOr<TaskFile> task =
      ParseTaskFile(input, "task.yaml", exists, exists);
  if (task.ok()) {
    ARCHPOOL_CHECK(task->spec.space.size() > 0);
    TaskSpec spec = task->spec;
    spec.dataset = Sha256(absl::string_view("a dataset"));
    ARCHPOOL_CHECK(spec.Validate().ok());
    return;
  }
  ARCHPOOL_CHECK(GetReason(task.status()) == "TASK_FILE_INVALID");
  ARCHPOOL_CHECK(absl::StartsWith(task.status().message(), "task.yaml:"));
}

}  // namespace
}  // namespace archpool

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  archpool::Fuzz({reinterpret_cast<const char*>(data), size});
  return 0;
}
