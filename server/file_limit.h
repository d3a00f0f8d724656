// SPDX-License-Identifier: Apache-2.0
// How many descriptors this process may have open, and whom they are for.
#ifndef ARCHPOOL_SERVER_FILE_LIMIT_H_
#define ARCHPOOL_SERVER_FILE_LIMIT_H_

#include <cstdint>

namespace archpool {

// Raises the limit to what the system allows a process, and answers it.
int64_t RaiseFileLimit();

// How many of `file_limit` descriptors connections may take: never those that
// the database, blobs, logs and children need. Each connection takes two. The
// log warns where that is few.
int64_t ConnectionsOf(int64_t file_limit);

}  // namespace archpool

#endif  // ARCHPOOL_SERVER_FILE_LIMIT_H_
