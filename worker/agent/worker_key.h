// SPDX-License-Identifier: Apache-2.0
// The key that a worker's commitments are signed with, in a file of its own.
#ifndef ARCHPOOL_WORKER_AGENT_WORKER_KEY_H_
#define ARCHPOOL_WORKER_AGENT_WORKER_KEY_H_

#include <string>

#include "absl/status/statusor.h"
#include "common/crypto/signature.h"

namespace archpool {

// The key in `path`, readable by its owner alone; made where there is none.
// FAILED_PRECONDITION (KEY_UNREADABLE); the disk's errors.
absl::StatusOr<SigningKey> LoadOrMakeKey(const std::string& path);

}  // namespace archpool

#endif  // ARCHPOOL_WORKER_AGENT_WORKER_KEY_H_
