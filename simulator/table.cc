// SPDX-License-Identifier: Apache-2.0
#include "simulator/table.h"

#include <cmath>
#include <fstream>
#include <map>
#include <optional>
#include <sstream>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "common/base/status.h"

namespace archpool {
namespace {

// A table is held in memory whole.
constexpr int64_t kRowsMax = 10'000'000;

absl::Status Malformed(size_t line, const std::string& what) {
  return InvalidArgument("TABLE_MALFORMED",
                         absl::StrCat("line ", line, ": ", what));
}

// Where the columns of a table are.
struct Layout {
  size_t count = 0;
  std::optional<size_t> arch;
  std::vector<size_t> dimensions;
  size_t metric = 0;
  size_t judge = 0;
  std::optional<size_t> seconds;
};

absl::StatusOr<Layout> LayoutOf(absl::string_view header,
                                const SearchSpace& space,
                                const TableColumns& columns) {
  std::map<std::string, size_t> indexes;
  Layout layout;
  for (absl::string_view word : absl::StrSplit(header, ',')) {
    indexes.emplace(std::string(absl::StripAsciiWhitespace(word)),
                    layout.count++);
  }
  const auto find = [&](const std::string& name) -> absl::StatusOr<size_t> {
    const auto found = indexes.find(name);
    if (found != indexes.end()) return found->second;
    return Malformed(1, absl::StrCat("there is no column \"", name, "\""));
  };
  if (const auto arch = indexes.find("arch"); arch != indexes.end()) {
    layout.arch = arch->second;
  } else {
    for (const Dimension& dimension : space.dimensions()) {
      ARCHPOOL_ASSIGN_OR_RETURN(const size_t index, find(dimension.name));
      layout.dimensions.push_back(index);
    }
  }
  ARCHPOOL_ASSIGN_OR_RETURN(layout.metric, find(columns.metric));
  ARCHPOOL_ASSIGN_OR_RETURN(
      layout.judge,
      find(columns.judge.empty() ? columns.metric : columns.judge));
  if (!columns.seconds.empty()) {
    ARCHPOOL_ASSIGN_OR_RETURN(layout.seconds, find(columns.seconds));
  }
  return layout;
}

// The choice's name, else its index.
std::optional<uint8_t> ChoiceOf(const Dimension& dimension,
                                absl::string_view cell) {
  for (size_t c = 0; c < dimension.choices.size(); ++c) {
    const auto* word = std::get_if<std::string>(&dimension.choices[c]);
    if (word != nullptr && *word == cell) return static_cast<uint8_t>(c);
  }
  uint32_t index = 0;
  if (absl::SimpleAtoi(cell, &index) && index < dimension.choices.size()) {
    return static_cast<uint8_t>(index);
  }
  return std::nullopt;
}

absl::StatusOr<Architecture> ArchitectureOf(
    size_t line, const std::vector<absl::string_view>& cells,
    const Layout& layout, const SearchSpace& space) {
  Architecture architecture;
  if (layout.arch) {
    for (const char c : cells[*layout.arch]) {
      architecture.choices.push_back(static_cast<uint8_t>(c - '0'));
    }
  } else {
    for (size_t d = 0; d < layout.dimensions.size(); ++d) {
      const std::optional<uint8_t> choice =
          ChoiceOf(space.dimensions()[d], cells[layout.dimensions[d]]);
      if (!choice) {
        return Malformed(line, absl::StrCat("\"", cells[layout.dimensions[d]],
                                            "\" is no choice of ",
                                            space.dimensions()[d].name));
      }
      architecture.choices.push_back(*choice);
    }
  }
  if (!space.IsValid(architecture)) {
    return Malformed(line, "the architecture is not one of the space");
  }
  return architecture;
}

}  // namespace

absl::StatusOr<Table> ParseTable(absl::string_view csv,
                                 const SearchSpace& space,
                                 const TableColumns& columns) {
  if (space.size() > kRowsMax) {
    return Malformed(1, absl::StrCat("a space of ", space.size(),
                                     " architectures has no table"));
  }
  const std::vector<absl::string_view> lines = absl::StrSplit(csv, '\n');
  ARCHPOOL_ASSIGN_OR_RETURN(const Layout layout,
                            LayoutOf(lines[0], space, columns));
  Table table;
  table.outcomes.resize(static_cast<size_t>(space.size()));
  std::vector<bool> seen(table.outcomes.size());
  int64_t rows = 0;
  double total_seconds = 0;
  for (size_t i = 1; i < lines.size(); ++i) {
    const absl::string_view text = absl::StripAsciiWhitespace(lines[i]);
    if (text.empty()) continue;
    const size_t line = i + 1;
    std::vector<absl::string_view> cells = absl::StrSplit(text, ',');
    if (cells.size() != layout.count) {
      return Malformed(line, absl::StrCat("has ", cells.size(),
                                          " cells, the header ", layout.count));
    }
    for (absl::string_view& cell : cells) {
      cell = absl::StripAsciiWhitespace(cell);
    }
    ARCHPOOL_ASSIGN_OR_RETURN(const Architecture architecture,
                              ArchitectureOf(line, cells, layout, space));
    const auto rank = static_cast<size_t>(space.RankOf(architecture));
    if (seen[rank]) return Malformed(line, "the architecture has a row before");
    seen[rank] = true;
    ++rows;
    Outcome& outcome = table.outcomes[rank];
    bool good = absl::SimpleAtod(cells[layout.metric], &outcome.metric) &&
                absl::SimpleAtod(cells[layout.judge], &outcome.judge);
    if (layout.seconds) {
      good = good &&
             absl::SimpleAtod(cells[*layout.seconds], &outcome.duration) &&
             outcome.duration > 0;
    }
    if (!good ||
        !std::isfinite(outcome.metric + outcome.judge + outcome.duration)) {
      return Malformed(line, "a value is no number");
    }
    table.is_percent |= outcome.metric > 1.5 || outcome.judge > 1.5;
    total_seconds += outcome.duration;
  }
  if (rows != space.size()) {
    return Malformed(lines.size(),
                     absl::StrCat("the table has ", rows,
                                  " architectures, the space ", space.size()));
  }
  const double scale = table.is_percent ? 100 : 1;
  for (Outcome& outcome : table.outcomes) {
    outcome.metric /= scale;
    outcome.judge /= scale;
    outcome.duration *= static_cast<double>(rows) / total_seconds;
  }
  return table;
}

absl::StatusOr<Table> ReadTable(const std::string& path,
                                const SearchSpace& space,
                                const TableColumns& columns) {
  std::ifstream file(path, std::ios::binary);
  std::stringstream text;
  text << file.rdbuf();
  if (!file) {
    return NotFound("FILE_UNREADABLE", absl::StrCat("cannot read ", path));
  }
  absl::StatusOr<Table> table = ParseTable(text.str(), space, columns);
  if (table.ok()) return table;
  return InvalidArgument("TABLE_MALFORMED",
                         absl::StrCat(path, ": ", table.status().message()));
}

}  // namespace archpool
