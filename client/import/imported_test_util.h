// SPDX-License-Identifier: Apache-2.0
// For tests of what is made of pictures and of arrays.
#ifndef ARCHPOOL_CLIENT_IMPORT_IMPORTED_TEST_UTIL_H_
#define ARCHPOOL_CLIENT_IMPORT_IMPORTED_TEST_UTIL_H_

#include <string>

#include "client/import/imported.h"
#include "common/data/idx.h"
#include "gtest/gtest.h"

namespace archpool {

// One side, "train" or "held_out", as the pool reads it.
inline Dataset LoadSide(const ImportedDataset& imported,
                        const std::string& side = "train") {
  const auto dataset = LoadIdx(imported.files.at(side + "_images").front(),
                               imported.files.at(side + "_labels").front(),
                               imported.classes, {});
  EXPECT_TRUE(dataset.ok()) << dataset.status();
  return dataset.ok() ? *dataset : Dataset();
}

}  // namespace archpool

#endif  // ARCHPOOL_CLIENT_IMPORT_IMPORTED_TEST_UTIL_H_
