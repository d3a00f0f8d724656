// SPDX-License-Identifier: Apache-2.0
// Reads a space of its own, without a network: the space of a benchmark table.
#ifndef ARCHPOOL_SIMULATOR_SPACE_FILE_H_
#define ARCHPOOL_SIMULATOR_SPACE_FILE_H_

#include <string>

#include "absl/status/statusor.h"
#include "common/nas/search_space.h"

namespace archpool {

// YAML (docs/simulator.md): `dimensions`, a map from names to lists of choices,
// and, where spellings repeat, `movable` or `cell`. INVALID_ARGUMENT
// (SPACE_FILE, or a reason of SearchSpace::CreatePlain).
absl::StatusOr<SearchSpace> ParseSpaceFile(const std::string& yaml);
absl::StatusOr<SearchSpace> ReadSpaceFile(const std::string& path);

// `space` with the choices of each dimension in another order, and the new
// index of every old choice.
struct Relabelling {
  SearchSpace space;
  std::vector<std::vector<uint8_t>> new_index;  // per dimension, by old index
};
Relabelling Relabel(const SearchSpace& space, uint64_t seed);

}  // namespace archpool

#endif  // ARCHPOOL_SIMULATOR_SPACE_FILE_H_
