// Which variables of a process's environment change how it computes.
#ifndef ARCHPOOL_COMMON_BASE_ENVIRONMENT_H_
#define ARCHPOOL_COMMON_BASE_ENVIRONMENT_H_

#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace archpool {

// Whether a numerical library (LibTorch, oneDNN, MKL, OpenBLAS, OpenMP) may
// choose its kernels, threads or precision by the variable `name`: whatever a
// user has set there, bit-for-bit replays need it to be what we set.
bool SteersArithmetic(absl::string_view name);

// Names of the variables that are set and do.
std::vector<std::string> ArithmeticVariables();

}  // namespace archpool

#endif  // ARCHPOOL_COMMON_BASE_ENVIRONMENT_H_
