// SPDX-License-Identifier: Apache-2.0
// How much memory programs may take on this machine, as its kernel says it.
#ifndef ARCHPOOL_WORKER_AGENT_MACHINE_MEMORY_H_
#define ARCHPOOL_WORKER_AGENT_MACHINE_MEMORY_H_

#include <cstdint>
#include <string>

namespace archpool {

// The least of what is installed and of what the control groups (v1, v2) that
// this process is in may take; 0: neither can be read. Files are read under
// `root` ("": this machine's own).
int64_t MachineMemoryBytes(const std::string& root = "");

// The least of that and of this process's own limits, where it has any.
int64_t ProcessMemoryBytes();

}  // namespace archpool

#endif  // ARCHPOOL_WORKER_AGENT_MACHINE_MEMORY_H_
