// SPDX-License-Identifier: Apache-2.0
// A cell (as in NAS-Bench-201; Dong and Yang, ICLR 2020) is a directed graph
// with one operation on each edge: node 0 is the cell's input, every other node
// sums what its incoming edges bring, the last node is the output. `none`
// brings nothing, `skip` the node itself. A CellProgram is what is left to
// compute: dead edges dropped, skips spliced, sums sorted. Pure; value types.
#ifndef ARCHPOOL_COMMON_NAS_CELL_PROGRAM_H_
#define ARCHPOOL_COMMON_NAS_CELL_PROGRAM_H_

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace archpool {

struct CellEdge {
  int from = 0;
  int to = 0;  // greater than from
  friend bool operator==(const CellEdge&, const CellEdge&) = default;
};

struct CellProgram {
  static constexpr int kInput = -1;
  // The operation on `edge` of the sum of `summands`: kInput, or earlier steps.
  struct Step {
    int edge = 0;
    std::vector<int> summands;
    friend bool operator==(const Step&, const Step&) = default;
  };
  std::vector<Step> steps;
  std::vector<int> output;  // summands; empty where nothing flows to the output
};

// What an edge does, beside its word.
enum class EdgeKind { kNone, kSkip, kOperation };
struct EdgeOperation {
  EdgeKind kind = EdgeKind::kOperation;
  absl::string_view word;  // orders the summands of a sum
};

// Cells that differ by the names of inner nodes, by dead edges or by skips have
// one program. Two operations of equal words on equal inputs stay two (each has
// weights of its own); which of two such is read elsewhere may be told apart
// where a renaming would make them equal: a rare equality is missed, none is
// made up. REQUIRES: every edge joins two of `nodes` nodes, from < to, and has
// its operation.
CellProgram MakeCellProgram(int nodes, absl::Span<const CellEdge> edges,
                            absl::Span<const EdgeOperation> operations);

// One line: "conv3x3(x) avg_pool(x+0) = 0+1". "" where nothing flows.
std::string Describe(const CellProgram& program,
                     absl::Span<const EdgeOperation> operations);

}  // namespace archpool

#endif  // ARCHPOOL_COMMON_NAS_CELL_PROGRAM_H_
