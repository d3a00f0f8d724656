// SPDX-License-Identifier: Apache-2.0
// Medians and quartiles as pictures. Pure functions.
#ifndef ARCHPOOL_SIMULATOR_PLOT_H_
#define ARCHPOOL_SIMULATOR_PLOT_H_

#include <string>
#include <vector>

namespace archpool {

// One line of a plot; a value that is not finite was never reached.
struct QuartileRow {
  std::string name;
  double q1 = 0;
  double median = 0;
  double q3 = 0;
};

// An SVG image: a line a row, the quartiles as a bar and the median as a mark,
// on a logarithmic axis. Rows without a finite median are left out.
std::string PlotQuartiles(const std::string& title, const std::string& unit,
                          const std::vector<QuartileRow>& rows);

}  // namespace archpool

#endif  // ARCHPOOL_SIMULATOR_PLOT_H_
