// SPDX-License-Identifier: Apache-2.0
#include "simulator/plot.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_replace.h"

namespace archpool {
namespace {

constexpr int kWidth = 860;
constexpr int kLeft = 300;  // where the axis begins
constexpr int kRight = 800;
constexpr int kTop = 56;
constexpr int kRowHeight = 28;

std::string Escaped(const std::string& text) {
  return absl::StrReplaceAll(text,
                             {{"&", "&amp;"}, {"<", "&lt;"}, {">", "&gt;"}});
}

std::string Text(double x, double y, const char* anchor,
                 const std::string& text) {
  return absl::StrFormat(
      "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\">%s"
      "</text>\n",
      x, y, anchor, Escaped(text));
}

// Powers of ten around all that is shown.
class Axis {
 public:
  explicit Axis(const std::vector<QuartileRow>& rows) {
    double least = INFINITY;
    double most = 0;
    for (const QuartileRow& row : rows) {
      least = std::min({least, row.q1, row.median});
      most = std::max(most, row.median);
      if (std::isfinite(row.q3)) most = std::max(most, row.q3);
    }
    first_ = static_cast<int>(std::floor(std::log10(least)));
    last_ = std::max(first_ + 1, static_cast<int>(std::ceil(std::log10(most))));
  }
  double At(double value) const {
    const double share =
        (std::log10(value) - first_) / static_cast<double>(last_ - first_);
    return kLeft + std::clamp(share, 0.0, 1.0) * (kRight - kLeft);
  }
  std::string Draw(int bottom) const {
    std::string out;
    for (int power = first_; power <= last_; ++power) {
      const double value = std::pow(10, power);
      absl::StrAppendFormat(&out,
                            "<line x1=\"%.1f\" x2=\"%.1f\" y1=\"%d\" y2=\"%d\" "
                            "stroke=\"#ddd\"/>\n",
                            At(value), At(value), kTop - 6, bottom);
      absl::StrAppend(&out, Text(At(value), bottom + 16, "middle",
                                 absl::StrFormat("%g", value)));
    }
    return out;
  }

 private:
  int first_ = 0;
  int last_ = 1;
};

}  // namespace

std::string PlotQuartiles(const std::string& title, const std::string& unit,
                          const std::vector<QuartileRow>& all_rows) {
  std::vector<QuartileRow> rows;
  for (const QuartileRow& row : all_rows) {
    if (row.q1 > 0 && std::isfinite(row.median)) rows.push_back(row);
  }
  const int bottom = kTop + kRowHeight * static_cast<int>(rows.size());
  std::string svg = absl::StrFormat(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" "
      "font-family=\"sans-serif\" font-size=\"13\">\n"
      "<rect width=\"100%%\" height=\"100%%\" fill=\"white\"/>\n",
      kWidth, bottom + 48);
  absl::StrAppend(&svg, Text(20, 26, "start", title));
  if (!rows.empty()) {
    const Axis axis(rows);
    absl::StrAppend(&svg, axis.Draw(bottom));
    for (size_t i = 0; i < rows.size(); ++i) {
      const double y = kTop + kRowHeight * (static_cast<double>(i) + 0.5);
      const double from = axis.At(rows[i].q1);
      const double to =
          std::isfinite(rows[i].q3) ? axis.At(rows[i].q3) : kRight;
      absl::StrAppend(&svg, Text(kLeft - 12, y + 4, "end", rows[i].name));
      absl::StrAppendFormat(&svg,
                            "<rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" "
                            "height=\"12\" fill=\"#9ecae1\"/>\n",
                            from, y - 6, std::max(1.0, to - from));
      absl::StrAppendFormat(
          &svg, "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"5\" fill=\"#08519c\"/>\n",
          axis.At(rows[i].median), y);
      absl::StrAppend(&svg, Text(kRight + 8, y + 4, "start",
                                 absl::StrFormat("%g", rows[i].median)));
    }
  }
  absl::StrAppend(&svg,
                  Text((kLeft + kRight) / 2.0, bottom + 38, "middle",
                       absl::StrCat(unit, "; median and quartiles")),
                  "</svg>\n");
  return svg;
}

}  // namespace archpool
