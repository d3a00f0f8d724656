#include "common/base/environment.h"

#include <unistd.h>

#include <algorithm>

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

std::vector<std::string> ArithmeticVariables() {
  std::vector<std::string> names;
  for (char** variable = environ; *variable != nullptr; ++variable) {
    const absl::string_view text = *variable;
    const absl::string_view name = text.substr(0, text.find('='));
    if (SteersArithmetic(name)) names.emplace_back(name);
  }
  return names;
}

}  // namespace archpool
