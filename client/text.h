// SPDX-License-Identifier: Apache-2.0
// Words, numbers and tables for people's terminals. Pure functions; everything
// that a server or a file said passes through Clean before it is shown.
#ifndef ARCHPOOL_CLIENT_TEXT_H_
#define ARCHPOOL_CLIENT_TEXT_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "common/model/coins.h"

namespace archpool {

// What a terminal can show.
struct Terminal {
  size_t width = 80;  // columns
  bool has_color = false;
  bool has_unicode = false;
};

enum class Color { kNone, kBold, kDim, kGreen, kYellow, kRed, kCyan };

// `text` in `color`, where the terminal has colors.
std::string Paint(const Terminal& terminal, Color color,
                  absl::string_view text);

// Without control characters: a name must not move the cursor.
std::string Clean(absl::string_view text);

// Columns that `text` (UTF-8, with or without Paint) takes.
size_t DisplayWidth(absl::string_view text);
// The first `width` columns; the last one an ellipsis where more was there.
// REQUIRES: no Paint in it.
std::string Shorten(const Terminal& terminal, absl::string_view text,
                    size_t width);
// The first `width` columns of a line that may be painted; it ends unpainted.
std::string CutLine(absl::string_view line, size_t width);
// At word boundaries, each line indented.
std::string Wrap(absl::string_view text, size_t width, size_t indent);

// FormatCoins of an amount in decimal text, which may pass 64 bits. What is no
// number stays as it is.
std::string FormatCoins(const std::string& amount);
std::string FormatPercent(int64_t accuracy_ppm);    // "91.25 %"; "-" below 0
std::string FormatCount(int64_t count);             // "41,200"
std::string FormatShort(int64_t count);             // "41.2k", "3.1M"
std::string FormatCoreSeconds(int64_t work_units);  // "3,412.5"
std::string FormatSpan(absl::Duration span);  // "1h 02m", "2m 05s", "5.0 s"
std::string FormatMoment(absl::Time time);    // "2026-01-31 17:05:09 UTC"; "-"

// `done` of `whole` as a bar of `width` columns.
std::string Bar(const Terminal& terminal, int64_t done, int64_t whole,
                size_t width);

// Columns that line up.
class Table {
 public:
  enum class Align { kLeft, kRight };
  struct Column {
    std::string title;
    Align align = Align::kLeft;
  };
  struct Cell {
    Cell(std::string text_, Color color_ = Color::kNone)  // NOLINT
        : text(std::move(text_)), color(color_) {}
    Cell(const char* text_) : text(text_) {}  // NOLINT
    std::string text;
    Color color = Color::kNone;
  };

  explicit Table(std::vector<Column> columns) : columns_(std::move(columns)) {}
  // REQUIRES: as many cells as columns.
  void AddRow(std::vector<Cell> cells);
  bool empty() const { return rows_.empty(); }

  // The titles, then the rows, each indented by `indent`. Where a row would be
  // wider than the terminal, the widest columns give way.
  std::string Render(const Terminal& terminal, size_t indent) const;

 private:
  std::vector<Column> columns_;
  std::vector<std::vector<Cell>> rows_;
};

}  // namespace archpool

#endif  // ARCHPOOL_CLIENT_TEXT_H_
