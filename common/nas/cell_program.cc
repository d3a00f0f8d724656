// SPDX-License-Identifier: Apache-2.0
#include "common/nas/cell_program.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace archpool {
namespace {

// A summand: the cell's input, or the operation on an edge.
struct Term {
  std::string spelling;  // of the whole computation behind it
  int edge = CellProgram::kInput;
  friend auto operator<=>(const Term&, const Term&) = default;
};

class Programmer {
 public:
  Programmer(int nodes, absl::Span<const CellEdge> edges,
             absl::Span<const EdgeOperation> operations)
      : nodes_(nodes),
        edges_(edges),
        operations_(operations),
        sums_(static_cast<size_t>(nodes)),
        step_of_(edges.size(), kNoStep) {}

  CellProgram Make() {
    sums_[0] = {Term{.spelling = "x"}};
    for (int node = 1; node < nodes_; ++node) Spell(node);
    CellProgram program;
    program.output = Emit(nodes_ - 1, program);
    return program;
  }

 private:
  static constexpr int kNoStep = -1;

  // Nodes are spelt in ascending order: edges lead upwards.
  void Spell(int node) {
    std::vector<Term>& sum = sums_[static_cast<size_t>(node)];
    for (size_t e = 0; e < edges_.size(); ++e) {
      if (edges_[e].to != node) continue;
      const auto& from = sums_[static_cast<size_t>(edges_[e].from)];
      if (operations_[e].kind == EdgeKind::kNone || from.empty()) continue;
      if (operations_[e].kind == EdgeKind::kSkip) {
        sum.insert(sum.end(), from.begin(), from.end());
        continue;
      }
      const std::string inner =
          absl::StrJoin(from, "+", [](std::string* out, const Term& term) {
            absl::StrAppend(out, term.spelling);
          });
      sum.push_back(
          {.spelling = absl::StrCat(operations_[e].word, "(", inner, ")"),
           .edge = static_cast<int>(e)});
    }
    std::sort(sum.begin(), sum.end());
  }

  // Only what the output reads is ever emitted.
  std::vector<int> Emit(int node, CellProgram& program) {
    std::vector<int> summands;
    for (const Term& term : sums_[static_cast<size_t>(node)]) {
      summands.push_back(term.edge == CellProgram::kInput
                             ? CellProgram::kInput
                             : StepOf(term.edge, program));
    }
    std::sort(summands.begin(), summands.end());
    return summands;
  }

  int StepOf(int edge, CellProgram& program) {
    int& step = step_of_[static_cast<size_t>(edge)];
    if (step != kNoStep) return step;
    std::vector<int> summands =
        Emit(edges_[static_cast<size_t>(edge)].from, program);
    step = static_cast<int>(program.steps.size());
    program.steps.push_back({.edge = edge, .summands = std::move(summands)});
    return step;
  }

  const int nodes_;
  const absl::Span<const CellEdge> edges_;
  const absl::Span<const EdgeOperation> operations_;
  std::vector<std::vector<Term>> sums_;  // by node, sorted
  std::vector<int> step_of_;             // by edge
};

std::string SumOf(absl::Span<const int> summands) {
  return absl::StrJoin(summands, "+", [](std::string* out, int term) {
    term == CellProgram::kInput ? absl::StrAppend(out, "x")
                                : absl::StrAppend(out, term);
  });
}

}  // namespace

CellProgram MakeCellProgram(int nodes, absl::Span<const CellEdge> edges,
                            absl::Span<const EdgeOperation> operations) {
  return Programmer(nodes, edges, operations).Make();
}

std::string Describe(const CellProgram& program,
                     absl::Span<const EdgeOperation> operations) {
  if (program.output.empty()) return "";
  std::string text;
  for (const CellProgram::Step& step : program.steps) {
    absl::StrAppend(&text, operations[static_cast<size_t>(step.edge)].word, "(",
                    SumOf(step.summands), ") ");
  }
  return absl::StrCat(text, "= ", SumOf(program.output));
}

}  // namespace archpool
