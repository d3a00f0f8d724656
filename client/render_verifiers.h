// SPDX-License-Identifier: Apache-2.0
// The pool's verifiers as a page for operators. Pure functions.
#ifndef ARCHPOOL_CLIENT_RENDER_VERIFIERS_H_
#define ARCHPOOL_CLIENT_RENDER_VERIFIERS_H_

#include <string>

#include "archpool/v1/verification.pb.h"
#include "client/text.h"

namespace archpool {

std::string RenderVerifiers(const v1::ListVerifiersResponse& response,
                            const Terminal& terminal);

}  // namespace archpool

#endif  // ARCHPOOL_CLIENT_RENDER_VERIFIERS_H_
