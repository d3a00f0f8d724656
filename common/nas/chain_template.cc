// SPDX-License-Identifier: Apache-2.0
#include "common/nas/chain_template.h"

#include <algorithm>
#include <iterator>
#include <set>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/status.h"
#include "common/nas/field_resolver.h"
#include "common/nas/resolved_chain.h"
#include "common/nas/search_space.h"
#include "common/nas/template_limits.h"

namespace archpool {
namespace {

// The table in chain_template.h: which operation reads which field.
bool ReadsKernel(Operation operation) {
  using enum Operation;
  return operation != kIdentity && operation != kSkip && operation != kNone &&
         operation != kCell;
}
bool ReadsActivation(Operation operation) {
  using enum Operation;
  return ReadsKernel(operation) && operation != kMaxPool &&
         operation != kAvgPool;
}
bool ReadsWidth(Operation operation) {
  return ReadsActivation(operation) || operation == Operation::kIdentity;
}
bool ReadsExpansion(Operation operation) {
  return operation == Operation::kBottleneck;
}

absl::Status ShapeError(absl::string_view message) {
  return InvalidArgument("TEMPLATE_SHAPE", message);
}

class ChainResolver {
 public:
  ChainResolver(const std::vector<Dimension>& dimensions,
                const ChainTemplate& chain, Ranges ranges)
      : chain_(chain), ranges_(ranges), fields_(dimensions, ranges) {}

  absl::StatusOr<ResolvedChain> Resolve() {
    ARCHPOOL_RETURN_IF_ERROR(CheckShape());
    ResolveBuiltIns();
    // Cells first: a variant may be of one.
    for (const CellTemplate& cell : chain_.cells) {
      ARCHPOOL_RETURN_IF_ERROR(AddCell(cell));
    }
    first_variant_ = static_cast<int64_t>(resolved_.operations.size());
    for (const VariantTemplate& variant : chain_.variants) {
      ARCHPOOL_RETURN_IF_ERROR(AddVariant(variant));
    }
    for (size_t c = 0; c < chain_.cells.size(); ++c) {
      ARCHPOOL_RETURN_IF_ERROR(ResolveEdges(c));
    }
    ARCHPOOL_RETURN_IF_ERROR(ResolveStem());
    for (size_t i = 0; i < chain_.stages.size(); ++i) {
      ARCHPOOL_RETURN_IF_ERROR(
          ResolveStage(absl::StrCat("stages[", i, "]"), chain_.stages[i]));
    }
    ARCHPOOL_RETURN_IF_ERROR(ResolveHead());
    MarkUsedCells();
    ARCHPOOL_RETURN_IF_ERROR(CheckAllUsed());
    ARCHPOOL_RETURN_IF_ERROR(fields_.CheckAllRead());
    return std::move(resolved_);
  }

 private:
  absl::Status CheckShape() const {
    if (ranges_ == Ranges::kTrusted
            ? chain_.stages.empty()
            : !limits::kStages.Contains(std::ssize(chain_.stages))) {
      return ShapeError(absl::StrCat("the template has ", chain_.stages.size(),
                                     " stages; it must have 1 to ",
                                     limits::kStages.max));
    }
    size_t blocks = 0;
    for (size_t i = 0; i < chain_.stages.size(); ++i) {
      if (chain_.stages[i].blocks.empty()) {
        return ShapeError(
            absl::StrCat("field stages[", i,
                         "].blocks is empty; a stage has at least one block"));
      }
      blocks += chain_.stages[i].blocks.size();
    }
    if (ranges_ == Ranges::kTrusted) return absl::OkStatus();
    if (blocks > limits::kBlocksMax) {
      return ShapeError(absl::StrCat("the template has ", blocks,
                                     " blocks; at most ", limits::kBlocksMax,
                                     " are allowed"));
    }
    if (std::ssize(chain_.variants) > limits::kVariantsMax ||
        std::ssize(chain_.cells) > limits::kCellsMax) {
      return ShapeError(absl::StrCat(
          "the template has ", chain_.variants.size(), " variants and ",
          chain_.cells.size(), " cells; at most ", limits::kVariantsMax,
          " and ", limits::kCellsMax, " are allowed"));
    }
    return absl::OkStatus();
  }

  void ResolveBuiltIns() {
    for (size_t i = 0; i < kOperationWords.size(); ++i) {
      const std::string word(kOperationWords[i]);
      block_words_[word] = edge_words_[word] =
          Append({.word = word, .operation = static_cast<Operation>(i)});
    }
    const std::string none = ToString(Operation::kNone);
    edge_words_[none] = Append({.word = none, .operation = Operation::kNone});
    for (size_t i = 0; i < kCountOf<Activation>; ++i) {
      activation_words_[kWordsOf<Activation>[i]] = static_cast<int64_t>(i);
    }
  }

  int64_t Append(ResolvedOperation operation) {
    resolved_.operations.push_back(std::move(operation));
    return static_cast<int64_t>(resolved_.operations.size()) - 1;
  }

  absl::Status CheckName(absl::string_view path,
                         const std::string& name) const {
    if (ranges_ == Ranges::kChecked &&
        !limits::kWordLength.Contains(std::ssize(name))) {
      return ShapeError(absl::StrCat("field ", path, ".name must have 1 to ",
                                     limits::kWordLength.max, " characters"));
    }
    if (block_words_.contains(name) || edge_words_.contains(name)) {
      return ShapeError(absl::StrCat(
          "field ", path, ".name is \"", name,
          "\", which is an operation already; choose another name"));
    }
    return absl::OkStatus();
  }

  absl::Status AddCell(const CellTemplate& cell) {
    const std::string path =
        absl::StrCat("cells[", resolved_.cells.size(), "]");
    ARCHPOOL_RETURN_IF_ERROR(CheckName(path, cell.name));
    ARCHPOOL_RETURN_IF_ERROR(fields_.CheckConstant(
        absl::StrCat(path, ".nodes"), cell.nodes, limits::kCellNodes));
    std::set<std::pair<int64_t, int64_t>> joined;
    for (const CellTemplate::Edge& edge : cell.edges) {
      if (edge.from < 0 || edge.from >= edge.to || edge.to >= cell.nodes ||
          !joined.insert({edge.from, edge.to}).second) {
        return ShapeError(absl::StrCat(
            "field ", path, ".edges has an edge from ", edge.from, " to ",
            edge.to, "; each must lead to a higher node below ", cell.nodes,
            ", and no two may join the same nodes"));
      }
    }
    block_words_[cell.name] =
        Append({.word = cell.name,
                .operation = Operation::kCell,
                .cell = static_cast<int>(resolved_.cells.size())});
    resolved_.cells.push_back({.nodes = static_cast<int>(cell.nodes)});
    return absl::OkStatus();
  }

  absl::Status AddVariant(const VariantTemplate& variant) {
    const std::string path = absl::StrCat("variant \"", variant.name, "\"");
    ARCHPOOL_RETURN_IF_ERROR(CheckName(path, variant.name));
    const auto of = block_words_.find(variant.operation);
    if (of == block_words_.end() || of->second >= first_variant_) {
      return ShapeError(absl::StrCat("field ", path, ".operation is \"",
                                     variant.operation,
                                     "\", which is no operation or cell"));
    }
    const auto check = [&](absl::string_view field,
                           const std::optional<int64_t>& value,
                           const Range<int64_t>& range) {
      return value.has_value()
                 ? fields_.CheckConstant(absl::StrCat(path, ".", field), *value,
                                         range)
                 : absl::OkStatus();
    };
    ARCHPOOL_RETURN_IF_ERROR(check("kernel", variant.kernel, limits::kKernel));
    ARCHPOOL_RETURN_IF_ERROR(check("width", variant.width, limits::kWidth));
    ARCHPOOL_RETURN_IF_ERROR(
        check("expansion", variant.expansion, limits::kExpansion));
    ResolvedOperation operation =
        resolved_.operations[static_cast<size_t>(of->second)];
    operation.word = variant.name;
    operation.kernel = variant.kernel;
    operation.width = variant.width;
    operation.expansion = variant.expansion;
    if (variant.activation.has_value()) {
      ARCHPOOL_ASSIGN_OR_RETURN(
          const ResolvedField activation,
          fields_.Word(absl::StrCat(path, ".activation"), *variant.activation,
                       activation_words_));
      operation.activation = activation.values[0];
    }
    const bool fits_edges = operation.operation != Operation::kCell;
    const int64_t code = Append(std::move(operation));
    block_words_[variant.name] = code;
    if (fits_edges) edge_words_[variant.name] = code;
    return absl::OkStatus();
  }

  absl::Status ResolveEdges(size_t index) {
    ResolvedCell& cell = resolved_.cells[index];
    const CellTemplate& from = chain_.cells[index];
    for (size_t e = 0; e < from.edges.size(); ++e) {
      const CellTemplate::Edge& edge = from.edges[e];
      cell.edges.push_back({.from = static_cast<int>(edge.from),
                            .to = static_cast<int>(edge.to)});
      ARCHPOOL_ASSIGN_OR_RETURN(
          ResolvedField operation,
          fields_.Word(
              absl::StrCat("cells[", index, "].edges[", e, "].operation"),
              edge.operation, edge_words_));
      cell.operations.push_back(std::move(operation));
    }
    return absl::OkStatus();
  }

  absl::Status ResolveStem() {
    ARCHPOOL_ASSIGN_OR_RETURN(
        resolved_.stem_width,
        fields_.Int("stem_width", chain_.stem_width, limits::kWidth));
    fields_.MarkRead(resolved_.stem_width);
    ARCHPOOL_RETURN_IF_ERROR(fields_.CheckConstant(
        "stem_kernel", chain_.stem_kernel, limits::kKernel));
    ARCHPOOL_RETURN_IF_ERROR(fields_.CheckConstant(
        "stem_stride", chain_.stem_stride, limits::kStride));
    resolved_.stem_kernel = chain_.stem_kernel;
    resolved_.stem_stride = chain_.stem_stride;
    ARCHPOOL_ASSIGN_OR_RETURN(
        resolved_.stem_activation,
        fields_.Word("stem_activation", chain_.stem_activation,
                     activation_words_));
    fields_.MarkRead(resolved_.stem_activation);
    return absl::OkStatus();
  }

  absl::Status ResolveHead() {
    ARCHPOOL_ASSIGN_OR_RETURN(
        resolved_.head_width,
        fields_.Int("head_width", chain_.head_width, limits::kHeadWidth));
    fields_.MarkRead(resolved_.head_width);
    ARCHPOOL_ASSIGN_OR_RETURN(
        resolved_.head_activation,
        fields_.Word("head_activation", chain_.head_activation,
                     activation_words_));
    const auto& widths = resolved_.head_width.values;
    if (*std::max_element(widths.begin(), widths.end()) > 0) {
      fields_.MarkRead(resolved_.head_activation);
    }
    return absl::OkStatus();
  }

  absl::Status ResolveStage(const std::string& path,
                            const StageTemplate& stage) {
    ARCHPOOL_RETURN_IF_ERROR(fields_.CheckConstant(
        absl::StrCat(path, ".stride"), stage.stride, limits::kStride));
    ResolvedStage resolved{.stride = stage.stride, .blocks = {}};
    for (size_t i = 0; i < stage.blocks.size(); ++i) {
      ARCHPOOL_ASSIGN_OR_RETURN(
          ResolvedBlock block,
          ResolveBlock(absl::StrCat(path, ".blocks[", i, "]"), stage.blocks[i],
                       i == 0 && stage.stride > 1));
      MarkFieldsRead(block);
      resolved.blocks.push_back(std::move(block));
    }
    resolved_.stages.push_back(std::move(resolved));
    return absl::OkStatus();
  }

  absl::StatusOr<ResolvedBlock> ResolveBlock(const std::string& path,
                                             const BlockTemplate& block,
                                             bool carries_stride) const {
    ResolvedBlock resolved;
    const auto name = [&path](absl::string_view field) {
      return absl::StrCat(path, ".", field);
    };
    ARCHPOOL_ASSIGN_OR_RETURN(
        resolved.operation,
        fields_.Word(name("operation"), block.operation, block_words_));
    ARCHPOOL_ASSIGN_OR_RETURN(
        resolved.kernel,
        fields_.Int(name("kernel"), block.kernel, limits::kKernel));
    ARCHPOOL_ASSIGN_OR_RETURN(
        resolved.width,
        fields_.Int(name("width"), block.width, limits::kWidth));
    ARCHPOOL_ASSIGN_OR_RETURN(
        resolved.expansion,
        fields_.Int(name("expansion"), block.expansion, limits::kExpansion));
    ARCHPOOL_ASSIGN_OR_RETURN(
        resolved.repeat,
        fields_.Int(name("repeat"), block.repeat,
                    {.min = carries_stride ? 1 : limits::kRepeat.min,
                     .max = limits::kRepeat.max}));
    ARCHPOOL_ASSIGN_OR_RETURN(
        resolved.activation,
        fields_.Word(name("activation"), block.activation, activation_words_));
    return resolved;
  }

  void MarkFieldsRead(const ResolvedBlock& block) {
    fields_.MarkRead(block.operation);
    fields_.MarkRead(block.repeat);
    for (const int64_t code : block.operation.values) {
      used_.insert(code);
      const ResolvedOperation& operation =
          resolved_.operations[static_cast<size_t>(code)];
      const Operation kind = operation.operation;
      const auto mark = [this](bool reads, const ResolvedField& field,
                               const std::optional<int64_t>& set) {
        if (reads && !set.has_value()) fields_.MarkRead(field);
      };
      mark(ReadsKernel(kind), block.kernel, operation.kernel);
      mark(ReadsWidth(kind), block.width, operation.width);
      mark(ReadsExpansion(kind), block.expansion, operation.expansion);
      mark(ReadsActivation(kind), block.activation, operation.activation);
      if (kind == Operation::kCell) used_cells_.insert(operation.cell);
    }
  }

  void MarkUsedCells() {
    for (const int cell : used_cells_) {
      for (const ResolvedField& operation :
           resolved_.cells[static_cast<size_t>(cell)].operations) {
        fields_.MarkRead(operation);
        used_.insert(operation.values.begin(), operation.values.end());
      }
    }
  }

  absl::Status CheckAllUsed() const {
    for (size_t i = 0; i < resolved_.operations.size(); ++i) {
      const ResolvedOperation& operation = resolved_.operations[i];
      const bool is_variant = static_cast<int64_t>(i) >= first_variant_;
      const bool is_unused = is_variant
                                 ? !used_.contains(static_cast<int64_t>(i))
                                 : operation.operation == Operation::kCell &&
                                       !used_cells_.contains(operation.cell);
      if (!is_unused) continue;
      return ShapeError(absl::StrCat(
          "no block or edge can be \"", operation.word,
          "\": name it in an operation that is used, or remove it"));
    }
    return absl::OkStatus();
  }

  const ChainTemplate& chain_;
  const Ranges ranges_;
  FieldResolver fields_;
  ResolvedChain resolved_;
  // Each word's index into the chain's operations.
  Vocabulary block_words_;
  Vocabulary edge_words_;
  Vocabulary activation_words_;
  int64_t first_variant_ = 0;
  std::set<int64_t> used_;  // the same indices
  std::set<int> used_cells_;
};

}  // namespace

absl::StatusOr<ResolvedChain> ResolveChain(
    const std::vector<Dimension>& dimensions, const ChainTemplate& chain,
    Ranges ranges) {
  return ChainResolver(dimensions, chain, ranges).Resolve();
}

}  // namespace archpool
