// SPDX-License-Identifier: Apache-2.0
// The second opinion that the verifier program was built with: LibTorch's, or
// none.
#ifndef ARCHPOOL_VERIFIER_MAKE_SECOND_OPINION_H_
#define ARCHPOOL_VERIFIER_MAKE_SECOND_OPINION_H_

#include <memory>

#include "verifier/second_opinion.h"

namespace archpool {

// Null where there is none.
std::unique_ptr<SecondOpinion> MakeSecondOpinion(int threads);

// Warns the operator where there is none.
void SayWhoseOpinionIsSecond();

}  // namespace archpool

#endif  // ARCHPOOL_VERIFIER_MAKE_SECOND_OPINION_H_
