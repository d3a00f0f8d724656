// SPDX-License-Identifier: Apache-2.0
// How many descriptors this process may have open, and how they are divided:
// peers never take those that the database, blobs, logs and children need.
#ifndef ARCHPOOL_SERVER_FILE_LIMIT_H_
#define ARCHPOOL_SERVER_FILE_LIMIT_H_

#include <cstdint>

namespace archpool {

struct FileBudget {
  int64_t descriptors = 0;  // in all
  // How many connections of peers fit; each takes two descriptors.
  int64_t connections = 0;
  // From this number on a descriptor is none of theirs, as numbers are given
  // out from the lowest on.
  int connection_descriptor_max = 0;
};

// For a process that may have that many.
FileBudget DivideFiles(int64_t descriptors);

// Raises this process's limit to what the system allows, and divides it. The
// log warns where few connections fit.
FileBudget RaiseFileLimit();

}  // namespace archpool

#endif  // ARCHPOOL_SERVER_FILE_LIMIT_H_
