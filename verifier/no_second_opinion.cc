// SPDX-License-Identifier: Apache-2.0
#include <spdlog/spdlog.h>

#include "verifier/make_second_opinion.h"

namespace archpool {

std::unique_ptr<SecondOpinion> MakeSecondOpinion(int /*threads*/) {
  return nullptr;
}

void SayWhoseOpinionIsSecond() {
  spdlog::warn(
      "this verifier was built without LibTorch: it believes the kernels, and "
      "asks for no second opinion");
}

}  // namespace archpool
