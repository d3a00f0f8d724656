// SPDX-License-Identifier: Apache-2.0
#include "client/family.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"

namespace archpool {
namespace {

constexpr int64_t kLastSideMin = 4;
constexpr int64_t kHalvingsMax = 4;

// Strides of the stem and of three stages: the first halving is the last
// stage's, where maps are widest and pixels matter least.
struct Strides {
  int64_t stem = 1;
  int64_t stage1 = 1;
  int64_t stage2 = 1;
  int64_t stage3 = 1;
};

Strides StridesFor(int64_t halvings) {
  const auto at = [halvings](int64_t least) {
    return halvings < least ? 1 : 2;
  };
  return {.stem = at(4), .stage1 = at(3), .stage2 = at(2), .stage3 = at(1)};
}

// The eight blocks of NAS-Bench-Macro (Su et al., CVPR 2021).
constexpr char kMobile[] = R"(space:
  # Inverted bottlenecks, as phones use them: the eight blocks of
  # NAS-Bench-Macro (Su et al., CVPR 2021), narrower. Each is left out, or has
  # kernels of 3 or 5 pixels over 3 or 6 times its input's channels.
  dimensions:
    - {name: block1, choices: [identity, k3e3, k5e6]}
    - {name: block2, choices: [identity, k3e3, k5e6]}
    - {name: block3, choices: [identity, k3e3, k5e6]}
    - {name: block4, choices: [identity, k3e3, k5e6]}
    - {name: block5, choices: [identity, k3e3, k5e6]}
    - {name: block6, choices: [identity, k3e3, k5e6]}
    - {name: block7, choices: [identity, k3e3, k5e6]}
    - {name: block8, choices: [identity, k3e3, k5e6]}
    - {name: head.width, choices: [0, <64>, <128>]}
  template:
    kind: chain
    variants:
      - {name: k3e3, operation: bottleneck, kernel: 3, expansion: 3}
      - {name: k5e6, operation: bottleneck, kernel: 5, expansion: 6}
    stem: {width: <8>, stride: {stem}}
    stages:
      - stride: {stage1}
        blocks:
          - {operation: $block1, width: <12>}
          - {operation: $block2, width: <16>}
      - stride: {stage2}
        blocks:
          - {operation: $block3, width: <24>}
          - {operation: $block4, width: <24>}
          - {operation: $block5, width: <24>}
      - stride: {stage3}
        blocks:
          - {operation: $block6, width: <32>}
          - {operation: $block7, width: <32>}
          - {operation: $block8, width: <32>}
    # A 1x1 convolution before the classifier; width 0 leaves it out.
    head: {width: $head.width}
)";

constexpr char kResidual[] = R"(space:
  # A residual network of three stages; each is 1 to 3 blocks deep, of one of
  # three widths, with kernels of 3 or 5 pixels.
  dimensions:
    - {name: stage1.width, choices: [<8>, <12>, <16>]}
    - {name: stage1.depth, choices: [1, 2, 3]}
    - {name: stage1.kernel, choices: [3, 5]}
    - {name: stage2.width, choices: [<16>, <24>, <32>]}
    - {name: stage2.depth, choices: [1, 2, 3]}
    - {name: stage2.kernel, choices: [3, 5]}
    - {name: stage3.width, choices: [<32>, <48>, <64>]}
    - {name: stage3.depth, choices: [1, 2, 3]}
    - {name: stage3.kernel, choices: [3, 5]}
  template:
    kind: chain
    stem: {width: <8>, stride: {stem}}
    stages:
      - stride: {stage1}
        blocks:
          - {operation: residual, kernel: $stage1.kernel, width: $stage1.width,
             repeat: $stage1.depth}
      - stride: {stage2}
        blocks:
          - {operation: residual, kernel: $stage2.kernel, width: $stage2.width,
             repeat: $stage2.depth}
      - stride: {stage3}
        blocks:
          - {operation: residual, kernel: $stage3.kernel, width: $stage3.width,
             repeat: $stage3.depth}
)";

constexpr char kCell[] = R"(space:
  # The cells of NAS-Bench-201 (Dong and Yang, ICLR 2020), narrower and
  # shallower: one graph of four nodes, the same everywhere, with one of five
  # operations on each of its edges.
  dimensions:
    - {name: edge0-1, choices: [none, skip, conv1x1, conv3x3, avg_pool3x3]}
    - {name: edge0-2, choices: [none, skip, conv1x1, conv3x3, avg_pool3x3]}
    - {name: edge1-2, choices: [none, skip, conv1x1, conv3x3, avg_pool3x3]}
    - {name: edge0-3, choices: [none, skip, conv1x1, conv3x3, avg_pool3x3]}
    - {name: edge1-3, choices: [none, skip, conv1x1, conv3x3, avg_pool3x3]}
    - {name: edge2-3, choices: [none, skip, conv1x1, conv3x3, avg_pool3x3]}
  template:
    kind: chain
    variants:
      - {name: conv1x1, operation: preact_conv, kernel: 1}
      - {name: conv3x3, operation: preact_conv, kernel: 3}
      - {name: avg_pool3x3, operation: avg_pool, kernel: 3}
    cells:
      - name: cell
        nodes: 4
        edges:
          - {from: 0, to: 1, operation: $edge0-1}
          - {from: 0, to: 2, operation: $edge0-2}
          - {from: 1, to: 2, operation: $edge1-2}
          - {from: 0, to: 3, operation: $edge0-3}
          - {from: 1, to: 3, operation: $edge1-3}
          - {from: 2, to: 3, operation: $edge2-3}
    stem: {width: <8>, stride: {stem}}
    stages:
      - stride: {stage1}
        blocks:
          - {operation: residual, width: <8>}
          - {operation: cell, repeat: 2}
      - stride: {stage2}
        blocks:
          - {operation: residual, width: <16>}
          - {operation: cell, repeat: 2}
      - stride: {stage3}
        blocks:
          - {operation: residual, width: <32>}
          - {operation: cell, repeat: 2}
)";

constexpr char kTiny[] = R"(space:
  # Networks for microcontrollers: a stem and two stages of two blocks, with few
  # channels, and halved early so that their maps are small.
  dimensions:
    - {name: stem.width, choices: [<4>, <8>, <12>]}
    - {name: early.operation, choices: [conv, separable, bottleneck]}
    - {name: early.kernel, choices: [3, 5]}
    - {name: early.width, choices: [<8>, <12>, <16>]}
    - {name: early.then, choices: [separable, bottleneck, skip]}
    - {name: late.operation, choices: [conv, separable, bottleneck]}
    - {name: late.kernel, choices: [3, 5]}
    - {name: late.width, choices: [<16>, <24>, <32>]}
    - {name: late.then, choices: [separable, bottleneck, skip]}
    - {name: expansion, choices: [1, 2]}
  template:
    kind: chain
    stem: {width: $stem.width, stride: {stage1}}
    stages:
      - stride: {stage2}
        blocks:
          - {operation: $early.operation, kernel: $early.kernel,
             width: $early.width, expansion: $expansion}
          - {operation: $early.then, kernel: $early.kernel,
             width: $early.width, expansion: $expansion}
      - stride: {stage3}
        blocks:
          - {operation: $late.operation, kernel: $late.kernel,
             width: $late.width, expansion: $expansion}
          - {operation: $late.then, kernel: $late.kernel,
             width: $late.width, expansion: $expansion}
)";

const char* TextOf(Family family) {
  switch (family) {
    case Family::kMobile:
      return kMobile;
    case Family::kResidual:
      return kResidual;
    case Family::kCell:
      return kCell;
    case Family::kTiny:
      return kTiny;
  }
  return "";
}

}  // namespace

const std::vector<FamilyEntry>& Families() {
  static const auto* const kFamilies = new std::vector<FamilyEntry>{
      {Family::kMobile, "mobile", "chains of inverted bottlenecks, for phones"},
      {Family::kResidual, "residual", "chains of residual blocks, the classic"},
      {Family::kCell, "cell", "one small graph, repeated"},
      {Family::kTiny, "tiny", "few channels, for microcontrollers"},
  };
  return *kFamilies;
}

std::optional<Family> FindFamily(absl::string_view word) {
  for (const FamilyEntry& entry : Families()) {
    if (word == entry.word) return entry.family;
  }
  return std::nullopt;
}

int64_t HalvingsOf(const TensorShape& image) {
  int64_t side = std::min(image.height, image.width);
  int64_t halvings = 0;
  while (side >= 2 * kLastSideMin && halvings < kHalvingsMax) {
    side /= 2;
    ++halvings;
  }
  return halvings;
}

PlanLimits LimitsOf(Family family) {
  if (family != Family::kTiny) return {};
  return {.parameters_max = 30'000, .macs_max = 3'000'000};
}

std::string SpaceText(Family family, const TensorShape& image, int64_t shrink) {
  const Strides strides = StridesFor(HalvingsOf(image));
  std::string text = absl::StrReplaceAll(
      TextOf(family), {{"{stem}", absl::StrCat(strides.stem)},
                       {"{stage1}", absl::StrCat(strides.stage1)},
                       {"{stage2}", absl::StrCat(strides.stage2)},
                       {"{stage3}", absl::StrCat(strides.stage3)}});
  // All widths are multiples of 4, so that no two choices become one.
  for (const int64_t width : {4, 8, 12, 16, 24, 32, 48, 64, 128}) {
    text = absl::StrReplaceAll(
        text, {{absl::StrCat("<", width, ">"), absl::StrCat(width / shrink)}});
  }
  return text;
}

}  // namespace archpool
