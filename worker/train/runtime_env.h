// The environment that numerical libraries read while they are loaded, before
// main.
#ifndef ARCHPOOL_WORKER_TRAIN_RUNTIME_ENV_H_
#define ARCHPOOL_WORKER_TRAIN_RUNTIME_ENV_H_

#include <cstdint>

namespace archpool {

// Where OpenMP and BLAS were not loaded for `threads` threads, sets their
// variables and executes this program anew, with the same arguments; otherwise
// returns. Without it, each keeps a pool of one thread per core that does
// nothing but take memory and turns. REQUIRES: no other thread runs.
void PinRuntimeThreads(int64_t threads, char** argv);

}  // namespace archpool

#endif  // ARCHPOOL_WORKER_TRAIN_RUNTIME_ENV_H_
