// SPDX-License-Identifier: Apache-2.0
// Which variables of a process's environment change how it computes.
#ifndef ARCHPOOL_COMMON_BASE_ENVIRONMENT_H_
#define ARCHPOOL_COMMON_BASE_ENVIRONMENT_H_

#include "absl/strings/string_view.h"

namespace archpool {

// Whether a numerical library (LibTorch, oneDNN, MKL, OpenBLAS, OpenMP) may
// choose its kernels, threads or precision by the variable `name`: a second
// opinion is to be the library's own, whatever a user has set there.
bool SteersArithmetic(absl::string_view name);

}  // namespace archpool

#endif  // ARCHPOOL_COMMON_BASE_ENVIRONMENT_H_
