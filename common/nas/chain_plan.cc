// SPDX-License-Identifier: Apache-2.0
#include <map>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/base/check.h"
#include "common/base/status.h"
#include "common/nas/layer_plan.h"
#include "common/nas/plan_builder.h"

namespace archpool {
namespace {

LayerKind KindOf(Activation activation) {
  switch (activation) {
    case Activation::kRelu:
      return LayerKind::kRelu;
    case Activation::kHardswish:
      return LayerKind::kHardswish;
    case Activation::kSilu:
      return LayerKind::kSilu;
  }
  ARCHPOOL_CHECK(false);
}

// Walks a template with an architecture's choices.
class ChainPlanner {
 public:
  ChainPlanner(const ResolvedChain& chain, absl::Span<const uint8_t> choices,
               PlanBuilder builder)
      : chain_(chain), choices_(choices), builder_(std::move(builder)) {}

  absl::StatusOr<LayerPlan> Plan() && {
    builder_.ConvNormActivation(chain_.stem_width.Value(choices_),
                                chain_.stem_kernel, chain_.stem_stride, 1,
                                ActivationOf(chain_.stem_activation));
    for (const ResolvedStage& stage : chain_.stages) {
      int64_t stride = stage.stride;
      for (const ResolvedBlock& block : stage.blocks) {
        const int64_t repeat = block.repeat.Value(choices_);
        for (int64_t copy = 0; copy < repeat && !builder_.refused(); ++copy) {
          Place(block, stride);
          stride = 1;
        }
      }
    }
    const int64_t head_width = chain_.head_width.Value(choices_);
    if (head_width > 0) {
      builder_.ConvNormActivation(head_width, 1, 1, 1,
                                  ActivationOf(chain_.head_activation));
    }
    builder_.Classify();
    return std::move(builder_).Finish();
  }

 private:
  LayerKind ActivationOf(const ResolvedField& field) const {
    return KindOf(static_cast<Activation>(field.Value(choices_)));
  }

  const ResolvedOperation& OperationOf(const ResolvedField& field) const {
    return chain_.operations[static_cast<size_t>(field.Value(choices_))];
  }

  void Place(const ResolvedBlock& fields, int64_t stride) {
    const ResolvedOperation& operation = OperationOf(fields.operation);
    if (operation.operation == Operation::kCell) {
      builder_.Identity(builder_.channels(), stride);
      return PlaceCell(chain_.cells[static_cast<size_t>(operation.cell)]);
    }
    builder_.Place(
        {.operation = operation.operation,
         .kernel = operation.kernel.value_or(fields.kernel.Value(choices_)),
         .width = operation.width.value_or(fields.width.Value(choices_)),
         .expansion =
             operation.expansion.value_or(fields.expansion.Value(choices_)),
         .activation =
             operation.activation.has_value()
                 ? KindOf(static_cast<Activation>(*operation.activation))
                 : ActivationOf(fields.activation)},
        stride);
  }

  void PlaceEdge(const ResolvedOperation& operation) {
    builder_.Place(
        {.operation = operation.operation,
         .kernel = operation.kernel.value_or(3),
         .width = builder_.channels(),
         .expansion = operation.expansion.value_or(1),
         .activation =
             KindOf(static_cast<Activation>(operation.activation.value_or(0)))},
        1);
  }

  void PlaceCell(const ResolvedCell& cell) {
    std::vector<EdgeOperation> edges;
    edges.reserve(cell.edges.size());
    for (const ResolvedField& field : cell.operations) {
      const ResolvedOperation& operation = OperationOf(field);
      edges.push_back(
          {.kind = EdgeKindOf(operation.operation), .word = operation.word});
    }
    const CellProgram program = MakeCellProgram(cell.nodes, cell.edges, edges);
    if (program.output.empty()) {
      return builder_.Refuse("CELL_PASSES_NOTHING",
                             "nothing flows through the cell to its output");
    }
    const int input = builder_.tip();
    std::vector<int> tips;  // by step
    // Sums that are read twice are computed once.
    std::map<std::vector<int>, int> sums;
    const auto go_to_sum = [&](const std::vector<int>& summands) {
      const auto [sum, is_new] = sums.try_emplace(summands, 0);
      if (!is_new) return builder_.ReturnTo(sum->second);
      const auto tip_of = [&](int term) {
        return term == CellProgram::kInput ? input
                                           : tips[static_cast<size_t>(term)];
      };
      builder_.ReturnTo(tip_of(summands[0]));
      for (size_t t = 1; t < summands.size(); ++t) {
        builder_.AddTo(tip_of(summands[t]));
      }
      sum->second = builder_.tip();
    };
    for (const CellProgram::Step& step : program.steps) {
      go_to_sum(step.summands);
      PlaceEdge(OperationOf(cell.operations[static_cast<size_t>(step.edge)]));
      tips.push_back(builder_.tip());
    }
    go_to_sum(program.output);
  }

  static EdgeKind EdgeKindOf(Operation operation) {
    if (operation == Operation::kNone) return EdgeKind::kNone;
    // At stride 1 and the cell's width both are the input itself.
    if (operation == Operation::kSkip || operation == Operation::kIdentity) {
      return EdgeKind::kSkip;
    }
    return EdgeKind::kOperation;
  }

  const ResolvedChain& chain_;
  const absl::Span<const uint8_t> choices_;
  PlanBuilder builder_;
};

}  // namespace

absl::StatusOr<LayerPlan> MakeLayerPlan(const SearchSpace& space,
                                        const Architecture& architecture,
                                        const TensorShape& input_shape,
                                        int64_t classes,
                                        const PlanLimits& limits,
                                        const Pricing& pricing) {
  if (space.is_plain()) {
    return InvalidArgument("SPACE_WITHOUT_NETWORK",
                           "the space has no template, so its architectures "
                           "are no networks that could be trained");
  }
  if (!space.IsValid(architecture)) {
    return InvalidArgument(
        "ARCHITECTURE_MALFORMED",
        absl::StrCat("the architecture has ", architecture.choices.size(),
                     " choices and does not fit the space of ",
                     space.dimensions().size(),
                     " dimensions: give one index per dimension, each below "
                     "its number of choices"));
  }
  return ChainPlanner(space.chain(), architecture.choices,
                      PlanBuilder(input_shape, classes, limits, pricing))
      .Plan();
}

}  // namespace archpool
