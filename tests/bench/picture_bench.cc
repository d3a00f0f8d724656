// SPDX-License-Identifier: Apache-2.0
// Measures how fast a folder of photographs becomes a dataset: reading,
// decoding and resizing, on two threads, and how much memory that takes beyond
// what the process had. Makes its own pictures. Prints one JSON object a line;
// fails below kFloorPerSecond, which is for two free cores.
#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "client/import/imported.h"
#include "client/import/picture.h"
#include "common/base/check.h"
#include "common/base/counter_rng.h"
#include "tests/bench/json_line.h"
#include "tests/support/picture_writer.h"
#include "tests/support/temporary_directory.h"

namespace archpool {
namespace {

constexpr double kFloorPerSecond = 1'000;
constexpr int64_t kSide = 256;
constexpr int kPictures = 1'000;
constexpr int kDifferent = 20;  // the others are copies: the disk is no matter
constexpr int kThreads = 2;
constexpr int kRounds = 3;
constexpr double kMemoryAllowedBytes = 64e6;

// Large shapes with fine grain, as photographs have them.
Picture Photograph(uint64_t seed) {
  CounterRng random(seed, 1);
  Picture picture{.width = kSide, .height = kSide, .channels = 3};
  const double slope = 0.01 + 0.002 * static_cast<double>(seed % 7);
  for (int64_t y = 0; y < kSide; ++y) {
    for (int64_t x = 0; x < kSide; ++x) {
      for (int64_t c = 0; c < 3; ++c) {
        const double wave =
            std::sin(static_cast<double>(x) * slope + static_cast<double>(c)) +
            std::cos(static_cast<double>(y) * slope * 2);
        const auto grain = static_cast<double>(random.Next() % 24);
        picture.pixels.push_back(static_cast<uint8_t>(
            std::clamp(116 + 50 * wave + grain, 0.0, 255.0)));
      }
    }
  }
  return picture;
}

void WriteFolder(const std::string& path, bool is_png) {
  std::vector<std::string> files;
  for (int i = 0; i < kDifferent; ++i) {
    const Picture picture = Photograph(static_cast<uint64_t>(i));
    files.push_back(is_png ? EncodePng(picture)
                           : WriteJpeg(picture, {.quality = 90}));
  }
  for (int i = 0; i < kPictures; ++i) {
    const std::string folder = absl::StrCat(path, "/class", i % 4);
    std::filesystem::create_directories(folder);
    std::ofstream(absl::StrCat(folder, "/", i, is_png ? ".png" : ".jpg"),
                  std::ios::binary)
        << files[static_cast<size_t>(i % kDifferent)];
  }
}

double PeakBytes() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_maxrss) * 1024;
}

// The best of some rounds: what else the machine does only takes away.
double Measure(const std::string& name, bool is_png, int64_t side) {
  const TemporaryDirectory directory;
  WriteFolder(directory.path(), is_png);
  const PictureFolder source{
      .path = directory.path(), .width = side, .height = side, .held_out = ""};
  const ImportOptions options{.stop = {}, .progress = {}, .threads = kThreads};
  double best = 0;
  for (int round = 0; round < kRounds; ++round) {
    const auto start = std::chrono::steady_clock::now();
    const absl::StatusOr<ImportedDataset> imported =
        ImportPictures(source, options);
    ARCHPOOL_CHECK(imported.ok());
    const double seconds =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - start)
            .count();
    best = std::max(best, kPictures / seconds);
  }
  PrintJsonLine(name, best, "images/s", kFloorPerSecond);
  return best;
}

int Run() {
  const double before = PeakBytes();
  const double jpeg = Measure("jpeg_256_to_32", /*is_png=*/false, 32);
  const double jpeg_64 = Measure("jpeg_256_to_64", /*is_png=*/false, 64);
  Measure("png_256_to_32", /*is_png=*/true, 32);
  const double grown = PeakBytes() - before;
  PrintJsonLine("memory_of_import", grown, "bytes", kMemoryAllowedBytes);
  if (std::min(jpeg, jpeg_64) >= kFloorPerSecond &&
      grown <= kMemoryAllowedBytes) {
    return 0;
  }
  std::fprintf(stderr, "%.0f images/s and at most %.0f bytes are needed\n",
               kFloorPerSecond, kMemoryAllowedBytes);
  return 1;
}

}  // namespace
}  // namespace archpool

int main() { return archpool::Run(); }
