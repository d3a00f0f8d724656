// SPDX-License-Identifier: Apache-2.0
// Reads NumPy's .npy (versions 1 to 3): a header, then numbers. Nothing is
// allocated for what a header announces before the numbers are there, and
// nothing in it is ever run: arrays of Python objects are refused. Pure
// functions and value types; thread-safe.
#ifndef ARCHPOOL_CLIENT_IMPORT_NPY_H_
#define ARCHPOOL_CLIENT_IMPORT_NPY_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "client/import/byte_source.h"

namespace archpool {

enum class NpyKind : uint8_t { kUnsigned, kSigned, kFloat };

struct NpyHeader {
  NpyKind kind = NpyKind::kUnsigned;
  size_t item_bytes = 1;  // 1, 2, 4 or 8; a float's 4 or 8
  bool is_big_endian = false;
  bool is_fortran = false;     // the first axis runs fastest
  std::vector<int64_t> shape;  // at most 8 axes
  int64_t count = 1;           // of numbers: the product of `shape`
  std::string type;            // "uint8", "big-endian float64"

  // "60000x28x28".
  std::string DescribeShape() const;
};

// "NAME: what", NUMPY_MALFORMED and NUMPY_VALUES.
absl::Status MalformedNumpy(absl::string_view name, absl::string_view what);
absl::Status WrongValues(absl::string_view name, absl::string_view what);

// Reads up to the first number. NUMPY_MALFORMED: no .npy, a version or a type
// that is not read, a header that makes no sense.
absl::StatusOr<NpyHeader> ReadNpyHeader(absl::string_view name,
                                        ByteSource& source);

// Reads all numbers, some of them at a time, as they are stored. Errors:
// NUMPY_MALFORMED (fewer or more bytes than the header says), those of `take`
// and of `source`.
absl::Status ReadNpyItems(
    absl::string_view name, const NpyHeader& header, ByteSource& source,
    absl::FunctionRef<absl::Status(absl::Span<const uint8_t>)> take);

// What numbers become pixels: as they are, or 255 times as much.
enum class PixelScale : uint8_t { kBytes, kUnit };

// The least and the largest of floats, and whether one is none (NaN or an
// infinity).
struct NpyRange {
  double least = 0;
  double largest = 0;
  bool is_finite = true;
};
void ExtendRange(const NpyHeader& header, absl::Span<const uint8_t> items,
                 std::optional<NpyRange>& range);

// 0 to 1, or 0 to 255. NUMPY_VALUES: neither. An array that has no number above
// 1 is taken for the first.
absl::StatusOr<PixelScale> ScaleOf(absl::string_view name,
                                   const NpyRange& range);

// Appends items as pixels: floats as floor(value * scale + 0.5) in double
// precision. NUMPY_VALUES: an integer outside of 0 to 255; floats are within,
// by ScaleOf. `at`: the number of the first, for messages.
absl::Status AppendPixels(absl::string_view name, const NpyHeader& header,
                          absl::Span<const uint8_t> items, PixelScale scale,
                          int64_t at, std::vector<uint8_t>& pixels);

// Appends items as labels. NUMPY_VALUES: outside of 0 to 255, or no integers.
absl::Status AppendLabels(absl::string_view name, const NpyHeader& header,
                          absl::Span<const uint8_t> items,
                          std::vector<uint8_t>& labels);

}  // namespace archpool

#endif  // ARCHPOOL_CLIENT_IMPORT_NPY_H_
