// SPDX-License-Identifier: Apache-2.0

#include "common/log/log.h"
#include "verifier/make_second_opinion.h"

namespace archpool {

std::unique_ptr<SecondOpinion> MakeSecondOpinion(int /*threads*/) {
  return nullptr;
}

void SayWhoseOpinionIsSecond() {
  LogWarn("no_second_opinion",
          "this verifier was built without LibTorch: it trusts the kernels, "
          "and asks for no second opinion",
          "use a build with LibTorch where a pool has no other verifier");
}

}  // namespace archpool
