// A search space for Fashion-MNIST whose networks train on one core within
// seconds: a stem, then two stages of two blocks at 14x14 and 7x7 pixels.
#ifndef ARCHPOOL_TESTS_SUPPORT_FASHION_SPACE_H_
#define ARCHPOOL_TESTS_SUPPORT_FASHION_SPACE_H_

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "common/nas/search_space.h"

namespace archpool::testing {

inline absl::StatusOr<SearchSpace> FashionSpace() {
  using Choices = std::vector<ChoiceValue>;
  const auto words = [](std::vector<std::string> list) {
    return Choices(list.begin(), list.end());
  };
  const auto numbers = [](std::vector<int64_t> list) {
    return Choices(list.begin(), list.end());
  };
  ChainTemplate chain;
  chain.stem_width = DimensionRef{"stem.width"};
  chain.stem_stride = 2;
  chain.stem_kernel = 5;
  chain.head_width = DimensionRef{"head.width"};
  std::vector<Dimension> dimensions = {
      {"stem.width", numbers({8, 16, 24, 32})}};
  const std::vector<std::vector<int64_t>> widths = {{16, 24, 32, 48},
                                                    {32, 48, 64, 96}};
  for (size_t s = 0; s < widths.size(); ++s) {
    const std::string stage = absl::StrCat("stage", s + 1);
    dimensions.push_back({stage + ".width", numbers(widths[s])});
    dimensions.push_back(
        {stage + ".activation", words({"relu", "hardswish", "silu"})});
    StageTemplate made;
    made.stride = s == 0 ? 1 : 2;
    for (const std::string block : {".a", ".b"}) {
      const std::string place = stage + block;
      std::vector<std::string> operations = {"conv", "separable", "bottleneck"};
      if (block == ".b") {
        operations.insert(operations.end(), {"max_pool", "skip"});
      }
      dimensions.push_back({place + ".operation", words(operations)});
      dimensions.push_back({place + ".kernel", numbers({3, 5})});
      BlockTemplate block_template;
      block_template.operation = DimensionRef{place + ".operation"};
      block_template.kernel = DimensionRef{place + ".kernel"};
      block_template.width = DimensionRef{stage + ".width"};
      block_template.expansion = int64_t{2};
      block_template.activation = DimensionRef{stage + ".activation"};
      made.blocks.push_back(std::move(block_template));
    }
    chain.stages.push_back(std::move(made));
  }
  dimensions.push_back({"head.width", numbers({0, 64, 128})});
  return SearchSpace::Create(std::move(dimensions), std::move(chain));
}

}  // namespace archpool::testing

#endif  // ARCHPOOL_TESTS_SUPPORT_FASHION_SPACE_H_
