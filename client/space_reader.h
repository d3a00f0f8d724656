// SPDX-License-Identifier: Apache-2.0
// Reads the `space` section of a task file.
#ifndef ARCHPOOL_CLIENT_SPACE_READER_H_
#define ARCHPOOL_CLIENT_SPACE_READER_H_

#include <optional>

#include "client/map_reader.h"
#include "client/yaml_tree.h"
#include "common/nas/search_space.h"

namespace archpool {

// Nothing, after at least one complaint, where the space is wrong.
std::optional<SearchSpace> ReadSpace(ProblemList& problems,
                                     const YamlNode& space);

}  // namespace archpool

#endif  // ARCHPOOL_CLIENT_SPACE_READER_H_
