#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/base/status.h"
#include "common/nas/resolved_chain.h"
#include "common/nas/search_space.h"

namespace archpool {
namespace {

constexpr size_t kStagesMax = 16;
constexpr size_t kBlocksMax = 64;
constexpr int64_t kKernelMax = 11;
constexpr int64_t kWidthMax = 4096;
constexpr int64_t kExpansionMax = 16;
constexpr int64_t kRepeatMax = 16;

// Indexed by Operation and Activation.
constexpr std::array<absl::string_view, 6> kOperationWords = {
    "conv", "separable", "bottleneck", "max_pool", "avg_pool", "skip"};
constexpr std::array<absl::string_view, 3> kActivationWords = {
    "relu", "hardswish", "silu"};

struct Range {
  int64_t min;
  int64_t max;
  bool odd = false;

  bool Contains(int64_t value) const {
    return value >= min && value <= max && (!odd || value % 2 != 0);
  }
  std::string ToString() const {
    return absl::StrCat(odd ? "odd, in [" : "in [", min, ", ", max, "]");
  }
};

constexpr Range kKernelRange{.min = 1, .max = kKernelMax, .odd = true};
constexpr Range kStrideRange{.min = 1, .max = 2};

class Resolver {
 public:
  explicit Resolver(const std::vector<Dimension>& dimensions)
      : dimensions_(dimensions) {
    for (size_t i = 0; i < dimensions.size(); ++i) {
      index_of_[dimensions[i].name] = static_cast<int>(i);
    }
  }

  absl::StatusOr<ResolvedField> Int(absl::string_view field,
                                    const IntField& value, const Range& range) {
    if (const auto* constant = std::get_if<int64_t>(&value)) {
      ARCHPOOL_RETURN_IF_ERROR(CheckConstant(field, *constant, range));
      return ResolvedField{.dimension = -1, .values = {*constant}};
    }
    return Reference<int64_t>(
        field, std::get<DimensionRef>(value), range.ToString(),
        [&range](int64_t choice) { return range.Contains(choice); },
        [](int64_t choice) { return choice; });
  }

  absl::StatusOr<ResolvedField> Word(
      absl::string_view field, const WordField& value,
      absl::Span<const absl::string_view> words) {
    const auto code_of = [words](absl::string_view word) {
      return std::find(words.begin(), words.end(), word) - words.begin();
    };
    const auto is_known = [&](absl::string_view word) {
      return code_of(word) < static_cast<ptrdiff_t>(words.size());
    };
    const std::string expected =
        absl::StrCat("one of ", absl::StrJoin(words, ", "));
    if (const auto* constant = std::get_if<std::string>(&value)) {
      if (!is_known(*constant)) {
        return InvalidArgument(
            "TEMPLATE_RANGE", absl::StrCat("Field ", field, " is \"", *constant,
                                           "\"; it must be ", expected, "."));
      }
      return ResolvedField{.dimension = -1, .values = {code_of(*constant)}};
    }
    return Reference<std::string>(field, std::get<DimensionRef>(value),
                                  expected, is_known, code_of);
  }

  absl::Status CheckConstant(absl::string_view field, int64_t value,
                             const Range& range) {
    if (range.Contains(value)) return absl::OkStatus();
    return InvalidArgument(
        "TEMPLATE_RANGE", absl::StrCat("Field ", field, " is ", value,
                                       "; it must be ", range.ToString(), "."));
  }

  // Notes that some network depends on `field`.
  void MarkRead(const ResolvedField& field) {
    if (field.dimension >= 0) read_.insert(field.dimension);
  }

  absl::Status CheckAllRead() const {
    for (size_t i = 0; i < dimensions_.size(); ++i) {
      if (read_.count(static_cast<int>(i)) != 0) continue;
      return InvalidArgument(
          "DIMENSION_UNUSED",
          absl::StrCat("No network depends on dimension \"",
                       dimensions_[i].name,
                       "\": refer to it in a field that one of its block's "
                       "operations reads, or remove it."));
    }
    return absl::OkStatus();
  }

 private:
  template <typename T, typename Accept, typename Encode>
  absl::StatusOr<ResolvedField> Reference(absl::string_view field,
                                          const DimensionRef& reference,
                                          absl::string_view expected,
                                          const Accept& accept,
                                          const Encode& encode) {
    const auto found = index_of_.find(reference.dimension);
    if (found == index_of_.end()) {
      return InvalidArgument(
          "TEMPLATE_REFERENCE",
          absl::StrCat("Field ", field, " refers to the dimension \"",
                       reference.dimension,
                       "\", which the space does not have."));
    }
    ResolvedField resolved{.dimension = found->second, .values = {}};
    for (const ChoiceValue& choice :
         dimensions_[static_cast<size_t>(found->second)].choices) {
      const T* value = std::get_if<T>(&choice);
      if (value == nullptr || !accept(*value)) {
        return InvalidArgument(
            "TEMPLATE_REFERENCE",
            absl::StrCat("Field ", field, " refers to the dimension \"",
                         reference.dimension, "\", whose choice \"",
                         ToString(choice), "\" does not fit: each must be ",
                         expected, "."));
      }
      resolved.values.push_back(encode(*value));
    }
    return resolved;
  }

  const std::vector<Dimension>& dimensions_;
  std::map<std::string, int> index_of_;
  std::set<int> read_;
};

bool Allows(const ResolvedField& operation,
            std::initializer_list<Operation> readers) {
  return std::any_of(readers.begin(), readers.end(), [&](Operation reader) {
    return std::count(operation.values.begin(), operation.values.end(),
                      static_cast<int64_t>(reader)) != 0;
  });
}

// The table in chain_template.h: which operation reads which field.
void MarkFieldsRead(const ResolvedBlock& block, Resolver& resolver) {
  using enum Operation;
  resolver.MarkRead(block.operation);
  resolver.MarkRead(block.repeat);
  if (Allows(block.operation,
             {kConv, kSeparable, kBottleneck, kMaxPool, kAvgPool})) {
    resolver.MarkRead(block.kernel);
  }
  if (Allows(block.operation, {kConv, kSeparable, kBottleneck})) {
    resolver.MarkRead(block.width);
    resolver.MarkRead(block.activation);
  }
  if (Allows(block.operation, {kBottleneck})) {
    resolver.MarkRead(block.expansion);
  }
}

absl::StatusOr<ResolvedBlock> ResolveBlock(absl::string_view place,
                                           const BlockTemplate& block,
                                           bool carries_stride,
                                           Resolver& resolver) {
  ResolvedBlock resolved;
  const auto name = [place](absl::string_view field) {
    return absl::StrCat(place, ".", field);
  };
  ARCHPOOL_ASSIGN_OR_RETURN(
      resolved.operation,
      resolver.Word(name("operation"), block.operation, kOperationWords));
  ARCHPOOL_ASSIGN_OR_RETURN(
      resolved.kernel,
      resolver.Int(name("kernel"), block.kernel, kKernelRange));
  ARCHPOOL_ASSIGN_OR_RETURN(
      resolved.width,
      resolver.Int(name("width"), block.width, {.min = 1, .max = kWidthMax}));
  ARCHPOOL_ASSIGN_OR_RETURN(resolved.expansion,
                            resolver.Int(name("expansion"), block.expansion,
                                         {.min = 1, .max = kExpansionMax}));
  ARCHPOOL_ASSIGN_OR_RETURN(
      resolved.repeat,
      resolver.Int(name("repeat"), block.repeat,
                   {.min = carries_stride ? 1 : 0, .max = kRepeatMax}));
  ARCHPOOL_ASSIGN_OR_RETURN(
      resolved.activation,
      resolver.Word(name("activation"), block.activation, kActivationWords));
  MarkFieldsRead(resolved, resolver);
  return resolved;
}

absl::Status CheckShape(const ChainTemplate& chain) {
  if (chain.stages.empty() || chain.stages.size() > kStagesMax) {
    return InvalidArgument(
        "TEMPLATE_SHAPE",
        absl::StrCat("The template has ", chain.stages.size(),
                     " stages; it must have 1 to ", kStagesMax, "."));
  }
  size_t blocks = 0;
  for (size_t i = 0; i < chain.stages.size(); ++i) {
    if (chain.stages[i].blocks.empty()) {
      return InvalidArgument(
          "TEMPLATE_SHAPE",
          absl::StrCat("Field stages[", i,
                       "].blocks is empty; a stage has at least one block."));
    }
    blocks += chain.stages[i].blocks.size();
  }
  if (blocks > kBlocksMax) {
    return InvalidArgument(
        "TEMPLATE_SHAPE",
        absl::StrCat("The template has ", blocks, " blocks; at most ",
                     kBlocksMax, " are allowed."));
  }
  return absl::OkStatus();
}

absl::StatusOr<ResolvedStage> ResolveStage(absl::string_view place,
                                           const StageTemplate& stage,
                                           Resolver& resolver) {
  ARCHPOOL_RETURN_IF_ERROR(resolver.CheckConstant(
      absl::StrCat(place, ".stride"), stage.stride, kStrideRange));
  ResolvedStage resolved{.stride = stage.stride, .blocks = {}};
  for (size_t i = 0; i < stage.blocks.size(); ++i) {
    ARCHPOOL_ASSIGN_OR_RETURN(
        ResolvedBlock block,
        ResolveBlock(absl::StrCat(place, ".blocks[", i, "]"), stage.blocks[i],
                     i == 0 && stage.stride > 1, resolver));
    resolved.blocks.push_back(std::move(block));
  }
  return resolved;
}

}  // namespace

absl::StatusOr<ResolvedChain> ResolveChain(
    const std::vector<Dimension>& dimensions, const ChainTemplate& chain) {
  ARCHPOOL_RETURN_IF_ERROR(CheckShape(chain));
  Resolver resolver(dimensions);
  ResolvedChain resolved;
  ARCHPOOL_ASSIGN_OR_RETURN(resolved.stem_width,
                            resolver.Int("stem_width", chain.stem_width,
                                         {.min = 1, .max = kWidthMax}));
  resolver.MarkRead(resolved.stem_width);
  ARCHPOOL_RETURN_IF_ERROR(
      resolver.CheckConstant("stem_kernel", chain.stem_kernel, kKernelRange));
  ARCHPOOL_RETURN_IF_ERROR(
      resolver.CheckConstant("stem_stride", chain.stem_stride, kStrideRange));
  resolved.stem_kernel = chain.stem_kernel;
  resolved.stem_stride = chain.stem_stride;
  ARCHPOOL_ASSIGN_OR_RETURN(
      resolved.stem_activation,
      resolver.Word("stem_activation", chain.stem_activation,
                    kActivationWords));
  resolver.MarkRead(resolved.stem_activation);
  for (size_t i = 0; i < chain.stages.size(); ++i) {
    ARCHPOOL_ASSIGN_OR_RETURN(ResolvedStage stage,
                              ResolveStage(absl::StrCat("stages[", i, "]"),
                                           chain.stages[i], resolver));
    resolved.stages.push_back(std::move(stage));
  }
  ARCHPOOL_ASSIGN_OR_RETURN(resolved.head_width,
                            resolver.Int("head_width", chain.head_width,
                                         {.min = 0, .max = kWidthMax}));
  resolver.MarkRead(resolved.head_width);
  ARCHPOOL_ASSIGN_OR_RETURN(
      resolved.head_activation,
      resolver.Word("head_activation", chain.head_activation,
                    kActivationWords));
  const auto& head_widths = resolved.head_width.values;
  if (*std::max_element(head_widths.begin(), head_widths.end()) > 0) {
    resolver.MarkRead(resolved.head_activation);
  }
  ARCHPOOL_RETURN_IF_ERROR(resolver.CheckAllRead());
  return resolved;
}

}  // namespace archpool
