// SPDX-License-Identifier: Apache-2.0
#include "common/data/dataset.h"

#include <array>
#include <cstddef>

#include "absl/strings/str_cat.h"
#include "common/base/check.h"
#include "common/base/range.h"
#include "common/base/status.h"
#include "common/model/limits.h"

namespace archpool {
namespace {

constexpr absl::string_view kDatasetMagic = "archdata";
constexpr int64_t kVersion = 1;
constexpr size_t kFields = 6;  // version, channels, height, width, classes,
                               // count
constexpr size_t kFieldBytes = 8;
constexpr size_t kHeaderBytes = 8 + kFields * kFieldBytes;

constexpr int64_t kMillion = 1'000'000;
constexpr int64_t kPixelMax = 255;

absl::Status MalformedDataset(absl::string_view message) {
  return InvalidArgument("DATASET_MALFORMED",
                         absl::StrCat("dataset: ", message));
}

// Says in `status` what is wrong where it answers false.
bool IsWithin(absl::string_view name, int64_t value,
              const Range<int64_t>& range, absl::Status& status) {
  if (range.Contains(value)) return true;
  status = MalformedDataset(
      absl::StrCat(name, " is ", value, "; it must be in ", ToString(range)));
  return false;
}

std::string EncodeHeader(const Dataset& dataset) {
  std::string header(kDatasetMagic.data(), kDatasetMagic.size());
  for (const int64_t field :
       {kVersion, dataset.shape.channels, dataset.shape.height,
        dataset.shape.width, dataset.classes, dataset.count()}) {
    auto bits = static_cast<uint64_t>(field);
    for (size_t i = 0; i < kFieldBytes; ++i) {
      header.push_back(static_cast<char>(bits & 0xff));
      bits >>= 8;
    }
  }
  return header;
}

std::array<int64_t, kFields> DecodeFields(absl::string_view header) {
  std::array<int64_t, kFields> fields;
  for (size_t field = 0; field < kFields; ++field) {
    uint64_t bits = 0;
    for (size_t i = kFieldBytes; i > 0; --i) {
      const size_t offset = kDatasetMagic.size() + field * kFieldBytes + i - 1;
      bits = bits << 8 | static_cast<uint8_t>(header[offset]);
    }
    fields[field] = static_cast<int64_t>(bits);
  }
  return fields;
}

void CheckConsistent(const Dataset& dataset) {
  ARCHPOOL_CHECK(
      CheckDatasetLimits(dataset.shape, dataset.classes, dataset.count()).ok());
  ARCHPOOL_CHECK(static_cast<int64_t>(dataset.images.size()) ==
                 dataset.count() * dataset.shape.elements());
}

// The largest integer whose square is at most `value`.
uint64_t SquareRoot(uint64_t value) {
  uint64_t root = 0;
  for (uint64_t bit = uint64_t{1} << 31; bit > 0; bit >>= 1) {
    if ((root | bit) * (root | bit) <= value) root |= bit;
  }
  return root;
}

}  // namespace

absl::Status CheckDatasetLimits(const TensorShape& shape, int64_t classes,
                                int64_t count) {
  absl::Status status;
  if (!IsWithin("the number of channels", shape.channels,
                limits::kImageChannels, status) ||
      !IsWithin("the height", shape.height, limits::kImageSide, status) ||
      !IsWithin("the width", shape.width, limits::kImageSide, status) ||
      !IsWithin("the number of classes", classes, {1, limits::kClasses.max},
                status) ||
      !IsWithin("the number of images", count, {0, limits::kImages.max},
                status) ||
      !IsWithin("the size of all images in bytes", count * shape.elements(),
                {0, kDatasetImageBytesMax}, status)) {
    return status;
  }
  return absl::OkStatus();
}

Dataset PickExamples(const Dataset& dataset,
                     absl::Span<const int64_t> examples) {
  Dataset picked;
  picked.shape = dataset.shape;
  picked.classes = dataset.classes;
  const int64_t size = dataset.shape.elements();
  picked.images.reserve(examples.size() * static_cast<size_t>(size));
  picked.labels.reserve(examples.size());
  for (const int64_t example : examples) {
    ARCHPOOL_CHECK(example >= 0 && example < dataset.count());
    const auto image = dataset.images.begin() + example * size;
    picked.images.insert(picked.images.end(), image, image + size);
    picked.labels.push_back(dataset.labels[static_cast<size_t>(example)]);
  }
  return picked;
}

PixelStatistics StatisticsOf(const Dataset& dataset) {
  PixelStatistics statistics;
  if (dataset.images.empty()) return statistics;
  ARCHPOOL_CHECK(static_cast<int64_t>(dataset.images.size()) <=
                 kDatasetImageBytesMax);
  using Wide = unsigned __int128;
  uint64_t sum = 0;
  uint64_t sum_of_squares = 0;
  for (const uint8_t pixel : dataset.images) {
    sum += pixel;
    sum_of_squares += uint64_t{pixel} * pixel;
  }
  const Wide count = dataset.images.size();
  statistics.mean_ppm =
      static_cast<int64_t>(Wide{sum} * kMillion / (count * kPixelMax));
  // count² × variance: at most (255/2 × 2³⁶)², so 10¹² of it fit 128 bits.
  const Wide spread = count * sum_of_squares - Wide{sum} * sum;
  const Wide variance =
      spread * kMillion * kMillion / (count * count * kPixelMax * kPixelMax);
  const auto deviation =
      static_cast<int64_t>(SquareRoot(static_cast<uint64_t>(variance)));
  if (deviation > 0) statistics.deviation_ppm = deviation;
  return statistics;
}

DatasetManifest MakeManifest(const Dataset& train, const Dataset& validation,
                             const Dataset& held_out) {
  for (const Dataset* split : {&validation, &held_out}) {
    ARCHPOOL_CHECK(split->shape == train.shape);
    ARCHPOOL_CHECK(split->classes == train.classes);
  }
  const PixelStatistics statistics = StatisticsOf(train);
  return {.shape = train.shape,
          .classes = train.classes,
          .train_count = train.count(),
          .validation_count = validation.count(),
          .held_out_count = held_out.count(),
          .train = DigestOf(train),
          .validation = DigestOf(validation),
          .mean_ppm = statistics.mean_ppm,
          .deviation_ppm = statistics.deviation_ppm};
}

std::string EncodeDataset(const Dataset& dataset) {
  CheckConsistent(dataset);
  std::string blob;
  blob.reserve(static_cast<size_t>(EncodedSize(dataset)));
  blob += EncodeHeader(dataset);
  blob.append(dataset.images.begin(), dataset.images.end());
  blob.append(dataset.labels.begin(), dataset.labels.end());
  return blob;
}

int64_t EncodedSize(const Dataset& dataset) {
  return static_cast<int64_t>(kHeaderBytes + dataset.images.size() +
                              dataset.labels.size());
}

Digest DigestOf(const Dataset& dataset) {
  CheckConsistent(dataset);
  Sha256Stream stream;
  stream.Update(EncodeHeader(dataset));
  stream.Update(dataset.images);
  stream.Update(dataset.labels);
  return stream.Finish();
}

absl::StatusOr<Dataset> DecodeDataset(absl::string_view blob) {
  if (blob.size() < kHeaderBytes ||
      blob.substr(0, kDatasetMagic.size()) != kDatasetMagic) {
    return MalformedDataset(
        "the blob does not begin with \"archdata\" and a header");
  }
  const auto [version, channels, height, width, classes, count] =
      DecodeFields(blob.substr(0, kHeaderBytes));
  if (version != kVersion) {
    return MalformedDataset(
        absl::StrCat("version ", version, "; only ", kVersion, " can be read"));
  }
  Dataset dataset;
  dataset.shape = {.channels = channels, .height = height, .width = width};
  dataset.classes = classes;
  ARCHPOOL_RETURN_IF_ERROR(CheckDatasetLimits(dataset.shape, classes, count));
  // Within the limits, none of this overflows.
  const auto image_bytes =
      static_cast<size_t>(count * dataset.shape.elements());
  const auto label_bytes = static_cast<size_t>(count);
  const absl::string_view body = blob.substr(kHeaderBytes);
  if (body.size() != image_bytes + label_bytes) {
    return MalformedDataset(
        absl::StrCat(count, " images need ", image_bytes + label_bytes,
                     " bytes after the header, but ", body.size(), " follow"));
  }
  const absl::string_view labels = body.substr(image_bytes);
  for (size_t i = 0; i < labels.size(); ++i) {
    if (static_cast<uint8_t>(labels[i]) >= classes) {
      return MalformedDataset(
          absl::StrCat("label ", i, " is ", static_cast<uint8_t>(labels[i]),
                       ", but there are ", classes, " classes"));
    }
  }
  dataset.images.assign(body.begin(), body.begin() + image_bytes);
  dataset.labels.assign(labels.begin(), labels.end());
  return dataset;
}

}  // namespace archpool
