// SPDX-License-Identifier: Apache-2.0
#include "common/base/environment.h"

#include <algorithm>
#include <iterator>

#include "absl/strings/match.h"

namespace archpool {
namespace {

constexpr absl::string_view kPrefixes[] = {
    "ATEN_", "BLIS_", "DNNL_",   "GOMP_",     "GOTO_",    "KMP_",
    "MKL_",  "OMP_",  "ONEDNN_", "OPENBLAS_", "PYTORCH_", "TORCH_"};

}  // namespace

bool SteersArithmetic(absl::string_view name) {
  return std::any_of(
      std::begin(kPrefixes), std::end(kPrefixes),
      [&](absl::string_view prefix) { return absl::StartsWith(name, prefix); });
}

}  // namespace archpool
