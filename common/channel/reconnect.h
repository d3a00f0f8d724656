// SPDX-License-Identifier: Apache-2.0
// Connections that come back while no call waits for them.
#ifndef ARCHPOOL_COMMON_CHANNEL_RECONNECT_H_
#define ARCHPOOL_COMMON_CHANNEL_RECONNECT_H_

namespace archpool {

// Whether gRPC was told so before main. Functions that make channels check it,
// which also links it.
bool ReconnectsByItself();

}  // namespace archpool

#endif  // ARCHPOOL_COMMON_CHANNEL_RECONNECT_H_
