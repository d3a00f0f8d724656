// SPDX-License-Identifier: Apache-2.0
// A process that has nothing left but its memory, its clock and the handles it
// holds.
#ifndef ARCHPOOL_VERIFIER_SANDBOX_H_
#define ARCHPOOL_VERIFIER_SANDBOX_H_

#include <cstdint>

#include "absl/status/status.h"

namespace archpool {

// From now on this process, with all threads that it has, opens no file,
// reaches no network, starts no program, signals nobody else and takes at most
// `memory_bytes_max` of data, shared memory none; it may start threads. What it
// asks for beyond fails with EPERM. Cannot be undone. INTERNAL
// (SANDBOX_FAILED).
absl::Status EnterSandbox(int64_t memory_bytes_max);

// The data that this process has taken, as EnterSandbox bounds it; -1 where the
// kernel does not say.
int64_t DataBytes();

}  // namespace archpool

#endif  // ARCHPOOL_VERIFIER_SANDBOX_H_
