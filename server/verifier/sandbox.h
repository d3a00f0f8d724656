// A process that has nothing left but its memory, its clock and the handles it
// holds.
#ifndef ARCHPOOL_SERVER_VERIFIER_SANDBOX_H_
#define ARCHPOOL_SERVER_VERIFIER_SANDBOX_H_

#include <cstdint>

#include "absl/status/status.h"

namespace archpool {

// From now on this process opens no file, reaches no network, starts no program
// and takes at most `memory_bytes_max` of data; it may start threads. What it
// asks for beyond fails with EPERM. Cannot be undone. INTERNAL
// (SANDBOX_FAILED).
absl::Status EnterSandbox(int64_t memory_bytes_max);

}  // namespace archpool

#endif  // ARCHPOOL_SERVER_VERIFIER_SANDBOX_H_
