// SPDX-License-Identifier: Apache-2.0
#include "common/nas/canonical_form.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace archpool {
namespace {

std::string MovableSpelling(const MovableChoice& form,
                            absl::Span<const uint8_t> choices,
                            std::vector<std::string> words) {
  for (size_t r = 0; r < form.runs.size(); ++r) {
    std::vector<std::string> kept;
    std::vector<std::string> moved;
    for (size_t i = 0; i < form.runs[r].size(); ++i) {
      const auto d = static_cast<size_t>(form.runs[r][i]);
      (choices[d] == form.choice[r][i] ? moved : kept).push_back(words[d]);
    }
    kept.insert(kept.end(), moved.begin(), moved.end());
    for (size_t i = 0; i < kept.size(); ++i) {
      words[static_cast<size_t>(form.runs[r][i])] = kept[i];
    }
  }
  return absl::StrJoin(words, "|");
}

std::string CellSpelling(const CellForm& form,
                         absl::Span<const uint8_t> choices,
                         absl::Span<const std::string> words) {
  std::vector<EdgeOperation> operations;
  for (size_t e = 0; e < form.edges.size(); ++e) {
    const EdgeKind kind = choices[e] == form.none[e]   ? EdgeKind::kNone
                          : choices[e] == form.skip[e] ? EdgeKind::kSkip
                                                       : EdgeKind::kOperation;
    operations.push_back({.kind = kind, .word = words[e]});
  }
  return Describe(MakeCellProgram(form.nodes, form.edges, operations),
                  operations);
}

}  // namespace

std::string CanonicalSpelling(const CanonicalForm& form,
                              absl::Span<const uint8_t> choices,
                              absl::Span<const std::string> words) {
  if (const auto* movable = std::get_if<MovableChoice>(&form)) {
    return MovableSpelling(*movable, choices, {words.begin(), words.end()});
  }
  if (const auto* cell = std::get_if<CellForm>(&form)) {
    return CellSpelling(*cell, choices, words);
  }
  return absl::StrJoin(words, "|");
}

}  // namespace archpool
