// SPDX-License-Identifier: Apache-2.0
#include "client/import/npy.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <type_traits>

#include "absl/strings/str_cat.h"
#include "common/base/check.h"
#include "common/base/status.h"

namespace archpool {
namespace {

constexpr int64_t kNpyStepItems = int64_t{1} << 17;
constexpr double kPixelMaxDouble = 255;

template <typename Bits>
Bits Reversed(Bits bits) {
  if constexpr (sizeof(Bits) == 2) return __builtin_bswap16(bits);
  if constexpr (sizeof(Bits) == 4) return __builtin_bswap32(bits);
  if constexpr (sizeof(Bits) == 8) return __builtin_bswap64(bits);
  return bits;
}

// Gives each number, as `Number`, to `use` until that answers false.
template <typename Number, typename Bits, typename Use>
void VisitAs(const NpyHeader& header, absl::Span<const uint8_t> items,
             const Use& use) {
  static_assert(sizeof(Number) == sizeof(Bits));
  for (size_t at = 0; at < items.size(); at += sizeof(Bits)) {
    Bits bits;
    std::memcpy(&bits, items.data() + at, sizeof(bits));
    if (header.is_big_endian) bits = Reversed(bits);
    Number number;
    std::memcpy(&number, &bits, sizeof(number));
    if (!use(number)) return;
  }
}

template <typename Signed, typename Bits, typename Use>
void VisitIntegers(const NpyHeader& header, absl::Span<const uint8_t> items,
                   const Use& use) {
  if (header.kind == NpyKind::kSigned) {
    VisitAs<Signed, Bits>(header, items, use);
  } else {
    VisitAs<Bits, Bits>(header, items, use);
  }
}

// REQUIRES: whole items.
template <typename Use>
void Visit(const NpyHeader& header, absl::Span<const uint8_t> items,
           const Use& use) {
  ARCHPOOL_CHECK(items.size() % header.item_bytes == 0);
  if (header.kind == NpyKind::kFloat) {
    if (header.item_bytes == 4) {
      VisitAs<float, uint32_t>(header, items, use);
    } else {
      VisitAs<double, uint64_t>(header, items, use);
    }
    return;
  }
  switch (header.item_bytes) {
    case 1:
      return VisitIntegers<int8_t, uint8_t>(header, items, use);
    case 2:
      return VisitIntegers<int16_t, uint16_t>(header, items, use);
    case 4:
      return VisitIntegers<int32_t, uint32_t>(header, items, use);
    default:
      return VisitIntegers<int64_t, uint64_t>(header, items, use);
  }
}

// Whether an integer is a byte's.
template <typename Number>
bool IsByte(Number number) {
  if constexpr (std::is_signed_v<Number>) {
    if (number < 0) return false;
  }
  return number <= static_cast<Number>(255) || sizeof(Number) == 1;
}

}  // namespace

absl::Status MalformedNumpy(absl::string_view name, absl::string_view what) {
  return InvalidArgument("NUMPY_MALFORMED", absl::StrCat(name, ": ", what));
}

absl::Status WrongValues(absl::string_view name, absl::string_view what) {
  return InvalidArgument("NUMPY_VALUES", absl::StrCat(name, ": ", what));
}

absl::Status ReadNpyItems(
    absl::string_view name, const NpyHeader& header, ByteSource& source,
    absl::FunctionRef<absl::Status(absl::Span<const uint8_t>)> take) {
  std::vector<uint8_t> items(
      static_cast<size_t>(std::min(header.count, kNpyStepItems)) *
      header.item_bytes);
  int64_t done = 0;
  while (done < header.count) {
    const int64_t step = std::min(kNpyStepItems, header.count - done);
    const absl::Span<uint8_t> out = absl::MakeSpan(items).subspan(
        0, static_cast<size_t>(step) * header.item_bytes);
    ARCHPOOL_ASSIGN_OR_RETURN(const size_t count, source.Read(out));
    if (count < out.size()) {
      return MalformedNumpy(
          name,
          absl::StrCat("ends after ",
                       done + static_cast<int64_t>(count / header.item_bytes),
                       " of ", header.count, " numbers: it is cut off"));
    }
    ARCHPOOL_RETURN_IF_ERROR(take(out));
    done += step;
  }
  uint8_t extra = 0;
  ARCHPOOL_ASSIGN_OR_RETURN(const size_t extra_count,
                            source.Read(absl::MakeSpan(&extra, 1)));
  if (extra_count == 0) return absl::OkStatus();
  return MalformedNumpy(name, absl::StrCat("has bytes after the ", header.count,
                                           " numbers that its header "
                                           "announces: save it again"));
}

void ExtendRange(const NpyHeader& header, absl::Span<const uint8_t> items,
                 std::optional<NpyRange>& range) {
  Visit(header, items, [&range](auto number) {
    const auto value = static_cast<double>(number);
    if (!std::isfinite(value)) {
      if (!range.has_value()) range.emplace();
      range->is_finite = false;
      return false;
    }
    if (!range.has_value()) range = NpyRange{value, value, true};
    range->least = std::min(range->least, value);
    range->largest = std::max(range->largest, value);
    return true;
  });
}

absl::StatusOr<PixelScale> ScaleOf(absl::string_view name,
                                   const NpyRange& range) {
  if (!range.is_finite) {
    return WrongValues(name,
                       "has a number that is none (NaN or infinite): "
                       "pixels are from 0 to 1, or from 0 to 255");
  }
  if (range.least >= 0 && range.largest <= 1) return PixelScale::kUnit;
  if (range.least >= 0 && range.largest <= kPixelMaxDouble) {
    return PixelScale::kBytes;
  }
  return WrongValues(
      name,
      absl::StrCat("has numbers from ", range.least, " to ", range.largest,
                   "; pixels are from 0 to 1, or from 0 to 255. What was "
                   "normalised must be undone: the pool normalises by "
                   "itself"));
}

absl::Status AppendPixels(absl::string_view name, const NpyHeader& header,
                          absl::Span<const uint8_t> items, PixelScale scale,
                          int64_t at, std::vector<uint8_t>& pixels) {
  absl::Status status;
  const double factor = scale == PixelScale::kUnit ? kPixelMaxDouble : 1;
  Visit(header, items, [&](auto number) {
    if constexpr (std::is_floating_point_v<decltype(number)>) {
      const double value = static_cast<double>(number) * factor + 0.5;
      // A file may have changed since its range was found.
      if (!(value >= 0 && value < kPixelMaxDouble + 1)) {
        status = WrongValues(name, "changed while it was read: try again");
        return false;
      }
      pixels.push_back(static_cast<uint8_t>(value));
    } else {
      if (!IsByte(number)) {
        status = WrongValues(name, absl::StrCat("number ", at, " is ", +number,
                                                "; pixels are from 0 to 255"));
        return false;
      }
      pixels.push_back(static_cast<uint8_t>(number));
    }
    ++at;
    return true;
  });
  return status;
}

absl::Status AppendLabels(absl::string_view name, const NpyHeader& header,
                          absl::Span<const uint8_t> items,
                          std::vector<uint8_t>& labels) {
  if (header.kind == NpyKind::kFloat) {
    return WrongValues(name, absl::StrCat("is of ", header.type,
                                          "; labels are integers: convert it, "
                                          "as by astype('int64')"));
  }
  absl::Status status;
  Visit(header, items, [&](auto number) {
    if constexpr (!std::is_floating_point_v<decltype(number)>) {
      if (!IsByte(number)) {
        status = WrongValues(
            name,
            absl::StrCat("label ", labels.size(), " is ", +number,
                         "; labels are from 0 on, and at most 256 classes are "
                         "taken"));
        return false;
      }
      labels.push_back(static_cast<uint8_t>(number));
    }
    return true;
  });
  return status;
}

}  // namespace archpool
