// SPDX-License-Identifier: Apache-2.0
// Which architectures of a plain space (one without a network template) compute
// the same function: they share one canonical spelling, and so one id. Value
// type; thread-compatible.
#ifndef ARCHPOOL_COMMON_NAS_CANONICAL_FORM_H_
#define ARCHPOOL_COMMON_NAS_CANONICAL_FORM_H_

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "absl/types/span.h"
#include "common/nas/cell_program.h"

namespace archpool {

// A choice that does nothing (an identity among blocks of equal shape) may
// stand anywhere in its run of dimensions: the spelling has it last.
struct MovableChoice {
  std::vector<std::vector<int>> runs;    // of dimension indices, ascending
  std::vector<std::vector<int>> choice;  // of each run's dimensions, its index
  friend bool operator==(const MovableChoice&, const MovableChoice&) = default;
};

// Dimension e says what is on edges[e] (common/nas/cell_program.h).
struct CellForm {
  int nodes = 0;
  std::vector<CellEdge> edges;
  // Per edge: the index of its choices none and skip; -1 where it has none.
  std::vector<int> none;
  std::vector<int> skip;
  friend bool operator==(const CellForm&, const CellForm&) = default;
};

// std::monostate: every spelling is its own.
using CanonicalForm = std::variant<std::monostate, MovableChoice, CellForm>;

// Equal for architectures that compute the same function; "" for a cell through
// which nothing flows. `words` are the choices' words, so that the order of a
// dimension's choices does not matter.
std::string CanonicalSpelling(const CanonicalForm& form,
                              absl::Span<const uint8_t> choices,
                              absl::Span<const std::string> words);

}  // namespace archpool

#endif  // ARCHPOOL_COMMON_NAS_CANONICAL_FORM_H_
