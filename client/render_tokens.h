// SPDX-License-Identifier: Apache-2.0
// Tokens as pages; never what makes them tokens. Pure functions.
#ifndef ARCHPOOL_CLIENT_RENDER_TOKENS_H_
#define ARCHPOOL_CLIENT_RENDER_TOKENS_H_

#include <string>

#include "archpool/v1/token.pb.h"
#include "client/text.h"

namespace archpool {

// "w (work), until 2026-11-28 00:00", within a sentence.
std::string DescribeToken(const v1::Token& token);

std::string RenderTokens(const v1::ListTokensResponse& response,
                         const Terminal& terminal);

}  // namespace archpool

#endif  // ARCHPOOL_CLIENT_RENDER_TOKENS_H_
