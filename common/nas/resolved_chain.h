// SPDX-License-Identifier: Apache-2.0
// A ChainTemplate whose references are looked up and whose words are codes, so
// that a layer plan is built without comparing strings. Made once per space by
// SearchSpace::Create. Value types; thread-compatible.
#ifndef ARCHPOOL_COMMON_NAS_RESOLVED_CHAIN_H_
#define ARCHPOOL_COMMON_NAS_RESOLVED_CHAIN_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "common/base/range.h"
#include "common/nas/cell_program.h"
#include "common/nas/chain_template.h"

namespace archpool {

struct Dimension;

// A field's value for each choice of its dimension, or its one constant.
struct ResolvedField {
  int dimension = -1;  // -1: a constant
  std::vector<int64_t> values;

  // REQUIRES: `choices` is a valid architecture's.
  int64_t Value(absl::Span<const uint8_t> choices) const {
    return dimension < 0 ? values[0]
                         : values[choices[static_cast<size_t>(dimension)]];
  }
  friend bool operator==(const ResolvedField&, const ResolvedField&) = default;
};

// What a word in an operation field stands for.
struct ResolvedOperation {
  std::string word;
  Operation operation = Operation::kConv;
  // As a variant sets them.
  std::optional<int64_t> kernel;
  std::optional<int64_t> width;
  std::optional<int64_t> expansion;
  std::optional<int64_t> activation;  // Activation
  int cell = -1;                      // kCell: index into the chain's cells
  friend bool operator==(const ResolvedOperation&,
                         const ResolvedOperation&) = default;
};

struct ResolvedCell {
  int nodes = 2;
  std::vector<CellEdge> edges;
  std::vector<ResolvedField> operations;  // by edge, as of a block
  friend bool operator==(const ResolvedCell&, const ResolvedCell&) = default;
};

struct ResolvedBlock {
  ResolvedField operation;  // index into the chain's operations
  ResolvedField kernel;
  ResolvedField width;
  ResolvedField expansion;
  ResolvedField repeat;
  ResolvedField activation;  // Activation
  friend bool operator==(const ResolvedBlock&, const ResolvedBlock&) = default;
};

struct ResolvedStage {
  int64_t stride = 1;
  std::vector<ResolvedBlock> blocks;
  friend bool operator==(const ResolvedStage&, const ResolvedStage&) = default;
};

struct ResolvedChain {
  std::vector<ResolvedOperation> operations;
  std::vector<ResolvedCell> cells;
  ResolvedField stem_width;
  int64_t stem_kernel = 3;
  int64_t stem_stride = 1;
  ResolvedField stem_activation;
  std::vector<ResolvedStage> stages;
  ResolvedField head_width;
  ResolvedField head_activation;
  friend bool operator==(const ResolvedChain&, const ResolvedChain&) = default;
};

// INVALID_ARGUMENT: TEMPLATE_SHAPE, TEMPLATE_RANGE, TEMPLATE_REFERENCE,
// DIMENSION_UNUSED, as SearchSpace::Create documents them.
absl::StatusOr<ResolvedChain> ResolveChain(
    const std::vector<Dimension>& dimensions, const ChainTemplate& chain,
    Ranges ranges);

}  // namespace archpool

#endif  // ARCHPOOL_COMMON_NAS_RESOLVED_CHAIN_H_
