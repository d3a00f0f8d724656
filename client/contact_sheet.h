// SPDX-License-Identifier: Apache-2.0
// A few images of each class on one sheet, so that a person sees what networks
// will learn from. Pure; thread-safe.
#ifndef ARCHPOOL_CLIENT_CONTACT_SHEET_H_
#define ARCHPOOL_CLIENT_CONTACT_SHEET_H_

#include <optional>
#include <string>

#include "common/data/dataset.h"

namespace archpool {

// PNG: a row for each class, by label from the top, with up to eight images to
// train or validate on from its first to its last and, right of a gap, up to
// four that are held out. Images of more than 64 pixels a side are shrunk; of
// those that are neither gray nor colour, the first channel is shown.
// REQUIRES: images of the same shape and classes; `train` has some.
std::string DrawContactSheet(const Dataset& train,
                             const std::optional<Dataset>& held_out);

}  // namespace archpool

#endif  // ARCHPOOL_CLIENT_CONTACT_SHEET_H_
