// A ChainTemplate says how an architecture's choices make a network: a stem, a
// chain of stages, each a list of blocks, and a classifier head. Every field of
// a block is a constant or refers to a dimension by name. Value types.
#ifndef ARCHPOOL_COMMON_NAS_CHAIN_TEMPLATE_H_
#define ARCHPOOL_COMMON_NAS_CHAIN_TEMPLATE_H_

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

namespace archpool {

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
//   conv           x       x               conv k×k, batch norm, activation
//   separable      x       x               depthwise k×k, norm, activation,
//                                          pointwise 1×1, norm, activation
//   bottleneck     x       x       x       pointwise to expansion × input
//   width,
//                                          norm, activation, depthwise k×k,
//                                          norm, activation, pointwise to
//                                          width, norm; plus the input where
//                                          shapes agree
//   max_pool       x                       k×k pooling, width unchanged
//   avg_pool       x                       k×k pooling, width unchanged
//   skip                                   the input itself; at stride 2 a 1×1
//                                          stride-2 conv of the same width,
//                                          norm
//
// `repeat` copies of the block follow each other; the first one carries the
// stride and the change of width. Two assignments that differ only in a field
// that their operation ignores are the same network and share one id.
struct BlockTemplate {
  WordField operation = std::string("conv");
  IntField kernel = int64_t{3};                // odd, in [1, 11]
  IntField width = int64_t{16};                // in [1, 4096]
  IntField expansion = int64_t{1};             // in [1, 16]
  IntField repeat = int64_t{1};                // in [0, 16]; 0 only at stride 1
  WordField activation = std::string("relu");  // relu, hardswish, silu
  friend bool operator==(const BlockTemplate&, const BlockTemplate&) = default;
};

struct StageTemplate {
  int64_t stride = 1;                 // 1 or 2, of the stage's first block
  std::vector<BlockTemplate> blocks;  // at least one
  friend bool operator==(const StageTemplate&, const StageTemplate&) = default;
};

struct ChainTemplate {
  // The stem: conv stem_kernel×stem_kernel, stride stem_stride, batch norm,
  // activation.
  IntField stem_width = int64_t{16};
  int64_t stem_kernel = 3;
  int64_t stem_stride = 1;
  WordField stem_activation = std::string("relu");
  std::vector<StageTemplate> stages;  // in [1, 16], 64 blocks at most
  // The head: a 1×1 conv to head_width, norm, activation (none where 0), global
  // average pool, linear to the dataset's classes.
  IntField head_width = int64_t{0};
  WordField head_activation = std::string("relu");
  friend bool operator==(const ChainTemplate&, const ChainTemplate&) = default;
};

}  // namespace archpool

#endif  // ARCHPOOL_COMMON_NAS_CHAIN_TEMPLATE_H_
