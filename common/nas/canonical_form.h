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

namespace archpool {

// A choice that does nothing (an identity among blocks of equal shape) may
// stand anywhere in its run of dimensions: the spelling has it last.
struct MovableChoice {
  std::vector<std::vector<int>> runs;    // of dimension indices, ascending
  std::vector<std::vector<int>> choice;  // of each run's dimensions, its index
  friend bool operator==(const MovableChoice&, const MovableChoice&) = default;
};

// A cell as in NAS-Bench-201 (Dong and Yang, ICLR 2020): node j sums the
// operations on its incoming edges from nodes i < j; dimension e is the edge
// edges[e]. `none` gives nothing, `skip` the node itself. The spelling drops
// what nothing comes from, splices what is skipped, and sorts each sum.
struct CellForm {
  struct Edge {
    int from = 0;
    int to = 0;
    friend bool operator==(const Edge&, const Edge&) = default;
  };
  int nodes = 0;
  std::vector<Edge> edges;  // ascending by `to`
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
