// SPDX-License-Identifier: Apache-2.0
// TLS 1.3 and nothing older, in every program that makes a gRPC connection.
#ifndef ARCHPOOL_COMMON_CHANNEL_TLS13_H_
#define ARCHPOOL_COMMON_CHANNEL_TLS13_H_

namespace archpool {

// Whether gRPC was told so before main. Functions that make TLS credentials
// check it, which also links it.
bool IsTls13Alone();

}  // namespace archpool

#endif  // ARCHPOOL_COMMON_CHANNEL_TLS13_H_
