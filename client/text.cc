// SPDX-License-Identifier: Apache-2.0
#include "client/text.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "client/map_reader.h"
#include "common/base/check.h"

namespace archpool {
namespace {

constexpr size_t kColumnGap = 2;
constexpr size_t kColumnMin = 8;

const char* EscapeOf(Color color) {
  switch (color) {
    case Color::kNone:
      return "";
    case Color::kBold:
      return "\x1b[1m";
    case Color::kDim:
      return "\x1b[2m";
    case Color::kGreen:
      return "\x1b[32m";
    case Color::kYellow:
      return "\x1b[33m";
    case Color::kRed:
      return "\x1b[31m";
    case Color::kCyan:
      return "\x1b[36m";
  }
  return "";
}

bool IsContinuation(char c) {
  return (static_cast<unsigned char>(c) & 0xc0) == 0x80;
}

std::string Spaces(size_t count) { return std::string(count, ' '); }

// Narrows the widest columns until all fit into `room`, or none can give more.
void FitColumns(std::vector<size_t>& widths, size_t room) {
  size_t used = kColumnGap * (widths.size() - 1);
  for (const size_t width : widths) used += width;
  while (used > room) {
    const auto widest = std::max_element(widths.begin(), widths.end());
    if (*widest <= kColumnMin) return;
    --*widest;
    --used;
  }
}

}  // namespace

std::string Paint(const Terminal& terminal, Color color,
                  absl::string_view text) {
  if (!terminal.has_color || color == Color::kNone) return std::string(text);
  return absl::StrCat(EscapeOf(color), text, "\x1b[0m");
}

std::string Clean(absl::string_view text) {
  std::string clean;
  for (size_t i = 0; i < text.size(); ++i) {
    const auto byte_at = [text](size_t at) {
      return at < text.size() ? static_cast<unsigned char>(text[at]) : 0;
    };
    // U+0080 to U+009F too: U+009B begins what moves the cursor as ESC [ does.
    const bool is_long_control =
        byte_at(i) == 0xc2 && byte_at(i + 1) >= 0x80 && byte_at(i + 1) < 0xa0;
    if (is_long_control) ++i;
    const bool is_control = byte_at(i) < 0x20 || byte_at(i) == 0x7f;
    clean += is_control || is_long_control ? '?' : text[i];
  }
  return clean;
}

size_t DisplayWidth(absl::string_view text) {
  size_t width = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\x1b') {
      while (i < text.size() && text[i] != 'm') ++i;
    } else if (!IsContinuation(text[i])) {
      ++width;
    }
  }
  return width;
}

std::string Shorten(const Terminal& terminal, absl::string_view text,
                    size_t width) {
  if (DisplayWidth(text) <= width) return std::string(text);
  if (width == 0) return "";
  const absl::string_view ellipsis = terminal.has_unicode ? "…" : "~";
  size_t columns = 0;
  size_t end = 0;
  while (end < text.size()) {
    if (!IsContinuation(text[end]) && ++columns == width) break;
    ++end;
  }
  return absl::StrCat(text.substr(0, end), ellipsis);
}

std::string CutLine(absl::string_view line, size_t width) {
  if (DisplayWidth(line) <= width) return std::string(line);
  size_t columns = 0;
  size_t end = 0;
  bool is_painted = false;
  while (end < line.size()) {
    if (line[end] == '\x1b') {
      is_painted = true;
      while (end < line.size() && line[end] != 'm') ++end;
    } else if (!IsContinuation(line[end]) && ++columns > width) {
      break;
    }
    ++end;
  }
  return absl::StrCat(line.substr(0, end), is_painted ? "\x1b[0m" : "");
}

std::string Wrap(absl::string_view text, size_t width, size_t indent) {
  std::string lines;
  std::string line = Spaces(indent);
  size_t columns = indent;
  for (const absl::string_view word :
       absl::StrSplit(text, ' ', absl::SkipEmpty())) {
    const size_t word_width = DisplayWidth(word);
    if (columns > indent && columns + 1 + word_width > width) {
      absl::StrAppend(&lines, line, "\n");
      line = Spaces(indent);
      columns = indent;
    }
    if (columns > indent) {
      line += ' ';
      ++columns;
    }
    absl::StrAppend(&line, word);
    columns += word_width;
  }
  return absl::StrCat(lines, line, "\n");
}

std::string FormatCoins(const std::string& amount) {
  constexpr size_t kDecimals = 6;
  const bool is_number =
      !amount.empty() &&
      amount.find_first_not_of("0123456789") == std::string::npos;
  if (!is_number) return amount;
  const std::string digits =
      amount.size() > kDecimals
          ? amount
          : std::string(kDecimals + 1 - amount.size(), '0') + amount;
  std::string text = digits.substr(0, digits.size() - kDecimals) + "." +
                     digits.substr(digits.size() - kDecimals);
  text.erase(text.find_last_not_of('0') + 1);
  if (text.back() == '.') text.pop_back();
  return text;
}

std::string FormatPercent(int64_t accuracy_ppm) {
  if (accuracy_ppm < 0) return "-";
  return absl::StrFormat("%d.%02d %%", accuracy_ppm / 10'000,
                         accuracy_ppm % 10'000 / 100);
}

std::string FormatCount(int64_t count) {
  std::string digits = absl::StrCat(count);
  const size_t first = digits[0] == '-' ? 1 : 0;
  for (size_t at = digits.size(); at > first + 3;) {
    at -= 3;
    digits.insert(at, 1, ',');
  }
  return digits;
}

std::string FormatShort(int64_t count) {
  constexpr std::pair<int64_t, const char*> kUnits[] = {
      {1'000'000'000, "G"}, {1'000'000, "M"}, {1'000, "k"}};
  for (const auto& [unit, name] : kUnits) {
    if (count < unit) continue;
    return absl::StrFormat("%d.%d%s", count / unit, count % unit * 10 / unit,
                           name);
  }
  return absl::StrCat(count);
}

std::string FormatCoreSeconds(int64_t work_units) {
  return absl::StrFormat("%s.%d", FormatCount(work_units / 1'000'000),
                         work_units % 1'000'000 / 100'000);
}

std::string FormatSpan(absl::Duration span) {
  const absl::Duration positive = std::max(span, absl::ZeroDuration());
  if (positive < absl::Seconds(10)) {
    return absl::StrFormat("%.1f s", absl::ToDoubleSeconds(positive));
  }
  const int64_t seconds = absl::ToInt64Seconds(positive);
  if (seconds < 60) return absl::StrFormat("%d s", seconds);
  if (seconds < 3600) {
    return absl::StrFormat("%dm %02ds", seconds / 60, seconds % 60);
  }
  if (seconds < 86'400) {
    return absl::StrFormat("%dh %02dm", seconds / 3600, seconds % 3600 / 60);
  }
  return absl::StrFormat("%dd %02dh", seconds / 86'400,
                         seconds % 86'400 / 3600);
}

std::string FormatMoment(absl::Time time) {
  if (time <= absl::UnixEpoch()) return "-";
  return absl::FormatTime("%Y-%m-%d %H:%M:%S UTC", time, absl::UTCTimeZone());
}

std::string Bar(const Terminal& terminal, int64_t done, int64_t whole,
                size_t width) {
  const double part =
      whole > 0
          ? std::clamp(static_cast<double>(done) / static_cast<double>(whole),
                       0.0, 1.0)
          : 0.0;
  const size_t full = static_cast<size_t>(part * static_cast<double>(width));
  const absl::string_view on = terminal.has_unicode ? "█" : "#";
  const absl::string_view off = terminal.has_unicode ? "░" : ".";
  std::string bar;
  for (size_t i = 0; i < width; ++i) absl::StrAppend(&bar, i < full ? on : off);
  return bar;
}

void Table::AddRow(std::vector<Cell> cells) {
  ARCHPOOL_CHECK(cells.size() == columns_.size());
  for (Cell& cell : cells) cell.text = Clean(cell.text);
  rows_.push_back(std::move(cells));
}

std::string Table::Render(const Terminal& terminal, size_t indent) const {
  std::vector<size_t> widths;
  for (size_t c = 0; c < columns_.size(); ++c) {
    size_t width = DisplayWidth(columns_[c].title);
    for (const std::vector<Cell>& row : rows_) {
      width = std::max(width, DisplayWidth(row[c].text));
    }
    widths.push_back(width);
  }
  FitColumns(widths, terminal.width > indent ? terminal.width - indent : 0);
  std::string out;
  const auto add_row = [&](const std::vector<Cell>& row) {
    std::string line = Spaces(indent);
    for (size_t c = 0; c < row.size(); ++c) {
      const bool is_last = c + 1 == row.size();
      const std::string text = Shorten(terminal, row[c].text, widths[c]);
      const std::string padding = Spaces(widths[c] - DisplayWidth(text));
      const std::string painted = Paint(terminal, row[c].color, text);
      if (columns_[c].align == Align::kRight) {
        absl::StrAppend(&line, padding, painted);
      } else {
        absl::StrAppend(&line, painted, is_last ? "" : padding);
      }
      if (!is_last) absl::StrAppend(&line, Spaces(kColumnGap));
    }
    line.erase(line.find_last_not_of(' ') + 1);
    absl::StrAppend(&out, line, "\n");
  };
  std::vector<Cell> titles;
  for (const Column& column : columns_) {
    titles.emplace_back(column.title, Color::kDim);
  }
  add_row(titles);
  for (const std::vector<Cell>& row : rows_) add_row(row);
  return out;
}

}  // namespace archpool
