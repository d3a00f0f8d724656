// SPDX-License-Identifier: Apache-2.0
// A ChainTemplate says how an architecture's choices make a network: a stem, a
// chain of stages, each a list of blocks, and a classifier head. Every field of
// a block is a constant or refers to a dimension by name. A block's operation
// may also be a variant (one word that sets several fields) or a cell (a graph
// of operations). What each field may hold stands in
// common/nas/template_limits.h. Value types.
#ifndef ARCHPOOL_COMMON_NAS_CHAIN_TEMPLATE_H_
#define ARCHPOOL_COMMON_NAS_CHAIN_TEMPLATE_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "absl/types/span.h"
#include "common/base/word_table.h"

namespace archpool {

enum class Operation {
  kConv,
  kPreactConv,
  kSeparable,
  kBottleneck,
  kResidual,
  kMaxPool,
  kAvgPool,
  kIdentity,
  kSkip,
  kNone,  // of a cell's edge alone
  kCell,  // of a block alone, which says the cell's name: it has no word
};
template <>
inline constexpr const char* kWordsOf<Operation>[] = {
    "conv",     "preact_conv", "separable", "bottleneck", "residual",
    "max_pool", "avg_pool",    "identity",  "skip",       "none"};
static_assert(kCountOf<Operation> == static_cast<size_t>(Operation::kCell));

// What a block's and an edge's operation may say, beside `none` (an edge) and
// the names of variants and of cells (a block).
inline constexpr absl::Span<const char* const> kOperationWords(
    kWordsOf<Operation>, static_cast<size_t>(Operation::kNone));

enum class Activation : int64_t { kRelu, kHardswish, kSilu };
template <>
inline constexpr const char* kWordsOf<Activation>[] = {"relu", "hardswish",
                                                       "silu"};

// The name of a dimension whose choice fills the field.
struct DimensionRef {
  std::string dimension;
  friend bool operator==(const DimensionRef&, const DimensionRef&) = default;
};

using IntField = std::variant<int64_t, DimensionRef>;
using WordField = std::variant<std::string, DimensionRef>;

// One place in the chain. What a field does depends on the operation:
//
//   operation    kernel  width  expansion  the network
//   conv           x       x               conv k×k, norm, activation
//   preact_conv    x       x               activation, conv k×k, norm
//   separable      x       x               depthwise k×k, norm, activation,
//                                          pointwise 1×1, norm, activation
//   bottleneck     x       x       x       pointwise to expansion × input
//                                          width, norm, activation, depthwise
//                                          k×k, norm, activation, pointwise to
//                                          width, norm; plus the input where
//                                          shapes agree
//   residual       x       x               conv k×k, norm, activation, conv
//                                          k×k, norm; plus `identity`;
//                                          activation (the basic block of He et
//                                          al., CVPR 2016)
//   max_pool       x                       k×k pooling, width unchanged
//   avg_pool       x                       k×k pooling, width unchanged
//   identity               x               the input itself; where shapes
//                                          differ a 1×1 conv of the stride,
//                                          norm
//   skip                                   the input itself; at stride 2 a 1×1
//                                          stride-2 conv of the same width,
//                                          norm
//   a cell                                 at stride 2 first `skip`; then the
//                                          cell, width unchanged
//
// `repeat` copies of the block follow each other; the first one carries the
// stride and the change of width. Two assignments that differ only in a field
// that their operation ignores are the same network and share one id.
struct BlockTemplate {
  WordField operation = std::string("conv");
  IntField kernel = int64_t{3};  // odd
  IntField width = int64_t{16};  // channels
  IntField expansion = int64_t{1};
  IntField repeat = int64_t{1};                // 0 only at stride 1
  WordField activation = std::string("relu");  // relu, hardswish, silu
  friend bool operator==(const BlockTemplate&, const BlockTemplate&) = default;
};

// A word for an operation with some of its fields set; the rest are the
// block's. So one choice can stand for "bottleneck, kernel 5, expansion 6".
struct VariantTemplate {
  std::string name;       // none of the operations, variants and cells
  std::string operation;  // one of the table above, or a cell's name
  std::optional<int64_t> kernel;
  std::optional<int64_t> width;
  std::optional<int64_t> expansion;
  std::optional<std::string> activation;
  friend bool operator==(const VariantTemplate&,
                         const VariantTemplate&) = default;
};

// A graph with an operation on each edge (common/nas/cell_program.h). An edge
// takes `none`, an operation of the table or a variant of one, at stride 1 and
// the cell's own width; kernel 3, expansion 1 and relu unless a variant sets
// them. An architecture whose cell passes nothing on is no network.
struct CellTemplate {
  struct Edge {
    int64_t from = 0;
    int64_t to = 1;  // in (from, nodes); no two edges join the same nodes
    WordField operation = std::string("conv");
    friend bool operator==(const Edge&, const Edge&) = default;
  };
  std::string name;
  int64_t nodes = 2;
  std::vector<Edge> edges;
  friend bool operator==(const CellTemplate&, const CellTemplate&) = default;
};

struct StageTemplate {
  int64_t stride = 1;                 // 1 or 2, of the stage's first block
  std::vector<BlockTemplate> blocks;  // at least one
  friend bool operator==(const StageTemplate&, const StageTemplate&) = default;
};

struct ChainTemplate {
  std::vector<VariantTemplate> variants;  // each used somewhere
  std::vector<CellTemplate> cells;        // the same
  // The stem: conv stem_kernel×stem_kernel, stride stem_stride, batch norm,
  // activation.
  IntField stem_width = int64_t{16};
  int64_t stem_kernel = 3;
  int64_t stem_stride = 1;
  WordField stem_activation = std::string("relu");
  std::vector<StageTemplate> stages;  // at least one
  // The head: a 1×1 conv to head_width, norm, activation (none where 0), global
  // average pool, linear to the dataset's classes.
  IntField head_width = int64_t{0};
  WordField head_activation = std::string("relu");
  friend bool operator==(const ChainTemplate&, const ChainTemplate&) = default;
};

}  // namespace archpool

#endif  // ARCHPOOL_COMMON_NAS_CHAIN_TEMPLATE_H_
