// SPDX-License-Identifier: Apache-2.0
// Dataset blobs, which clients upload. Goal: no blob crashes the reader, and
// every blob that it accepts is the one encoding of what it holds.
#include <cstddef>
#include <cstdint>

#include "common/base/check.h"
#include "common/data/dataset.h"

namespace archpool {
namespace {

void Fuzz(absl::string_view input) {
  const absl::StatusOr<Dataset> dataset = DecodeDataset(input);
  if (!dataset.ok()) return;
  ARCHPOOL_CHECK(EncodeDataset(*dataset) == input);
  const PixelStatistics statistics = StatisticsOf(*dataset);
  ARCHPOOL_CHECK(statistics.mean_ppm >= 0 && statistics.mean_ppm <= 1'000'000);
  ARCHPOOL_CHECK(statistics.deviation_ppm >= 1 &&
                 statistics.deviation_ppm <= 500'000);
}

}  // namespace
}  // namespace archpool

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  archpool::Fuzz({reinterpret_cast<const char*>(data), size});
  return 0;
}
