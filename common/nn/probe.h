// Which arithmetic this process really has: a short training whose bits tell.
// Internal to common/nn; HardwareClass (common/nn/trial.h) ends with it.
#ifndef ARCHPOOL_COMMON_NN_PROBE_H_
#define ARCHPOOL_COMMON_NN_PROBE_H_

#include <string>

namespace archpool::nn {

// The first eight hex digits of the digest of where a fixed, seeded training
// ends; "unknown" where LibTorch failed. Takes some milliseconds.
// REQUIRES: ConfigureRuntime was called.
std::string ProbeArithmetic();

}  // namespace archpool::nn

#endif  // ARCHPOOL_COMMON_NN_PROBE_H_
