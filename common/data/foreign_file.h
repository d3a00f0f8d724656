// SPDX-License-Identifier: Apache-2.0
// What a file is that is not what it should be: downloads give pages instead of
// files, checkouts give pointers, archives are not unpacked.
#ifndef ARCHPOOL_COMMON_DATA_FOREIGN_FILE_H_
#define ARCHPOOL_COMMON_DATA_FOREIGN_FILE_H_

#include <string>

#include "absl/strings/string_view.h"

namespace archpool {

// "is a web page (HTML): ..." and what to do, for the first bytes of a file;
// "" where they are of nothing known. Pure.
std::string DescribeForeignFile(absl::string_view first_bytes);

}  // namespace archpool

#endif  // ARCHPOOL_COMMON_DATA_FOREIGN_FILE_H_
