// SPDX-License-Identifier: Apache-2.0
// Whatever bytes a client sends as a task are refused with a reason, or read
// as a task that survives the way out and in again.
#include <cstddef>
#include <cstdint>

#include "archpool/v1/task.pb.h"
#include "common/base/check.h"
#include "common/base/status.h"
#include "common/wire/task_spec_wire.h"
#include "google/protobuf/stubs/logging.h"

// libprotobuf would print a line for every text that is no UTF-8.
static const google::protobuf::LogSilencer log_silencer;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  archpool::v1::SubmitTaskRequest request;
  if (!request.ParseFromArray(data, static_cast<int>(size))) return 0;
  const auto spec = archpool::wire::TaskSpecFromProto(request.spec());
  if (!spec.ok()) {
    ARCHPOOL_CHECK(!archpool::GetReason(spec.status()).empty());
    return 0;
  }
  const auto again =
      archpool::wire::TaskSpecFromProto(archpool::wire::ToProto(*spec));
  ARCHPOOL_CHECK(again.ok() && *again == *spec);
  return 0;
}
