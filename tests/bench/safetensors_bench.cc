// SPDX-License-Identifier: Apache-2.0
// Measures how fast safetensors files are read and written, beside a plain copy
// of the same bytes into fresh memory in the same run. Prints one JSON object a
// line; fails where reading is slower than
// kFloorBytesPerSecond.
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/base/check.h"
#include "common/data/safetensors.h"
#include "tests/bench/json_line.h"

namespace archpool {
namespace {

constexpr double kFloorBytesPerSecond = 1e9;
constexpr int kRounds = 15;

// Keeps the compiler from dropping work whose result nobody reads.
void Use(const void* pointer) { asm volatile("" : : "r"(pointer) : "memory"); }

// Of kRounds; the median shrugs off what else the machine does.
double MedianSeconds(const std::function<void()>& work) {
  std::vector<double> seconds;
  for (int round = 0; round < kRounds; ++round) {
    const auto start = std::chrono::steady_clock::now();
    work();
    seconds.push_back(
        std::chrono::duration<double>(std::chrono::steady_clock::now() - start)
            .count());
  }
  std::nth_element(seconds.begin(), seconds.begin() + kRounds / 2,
                   seconds.end());
  return seconds[kRounds / 2];
}

// Weights as a network has them: a big tensor, and small ones of a batch norm.
TensorMap Weights(int layers, int64_t values_per_layer) {
  TensorMap tensors;
  for (int layer = 0; layer < layers; ++layer) {
    for (const auto& [name, count] : {std::pair("weight", values_per_layer),
                                      std::pair("running_mean", int64_t{64}),
                                      std::pair("running_var", int64_t{64})}) {
      Tensor tensor;
      tensor.shape = {count};
      tensor.values.assign(static_cast<size_t>(count), 0.5f);
      tensors.emplace(absl::StrCat("layers.", layer, ".", name),
                      std::move(tensor));
    }
  }
  return tensors;
}

// The speed of reading, in bytes per second.
double Measure(const std::string& size_name, const TensorMap& tensors,
               int repeats) {
  const std::string bytes = SerializeSafetensors(tensors);
  const auto volume =
      static_cast<double>(bytes.size()) * static_cast<double>(repeats);
  const auto repeat = [repeats](const auto& work) {
    for (int i = 0; i < repeats; ++i) work();
  };
  const double copy_seconds = MedianSeconds([&] {
    repeat([&] {
      const std::unique_ptr<char[]> copy(new char[bytes.size()]);
      std::memcpy(copy.get(), bytes.data(), bytes.size());
      Use(copy.get());
    });
  });
  const double parse_seconds = MedianSeconds([&] {
    repeat([&] {
      const absl::StatusOr<TensorMap> parsed = ParseSafetensors(bytes, {});
      ARCHPOOL_CHECK(parsed.ok());
      Use(&*parsed);
    });
  });
  const double write_seconds = MedianSeconds([&] {
    repeat([&] {
      const std::string written = SerializeSafetensors(tensors);
      Use(written.data());
    });
  });
  PrintJsonLine("safetensors_parse_" + size_name, volume / parse_seconds,
                "bytes/s", volume / copy_seconds);
  PrintJsonLine("safetensors_serialize_" + size_name, volume / write_seconds,
                "bytes/s", volume / copy_seconds);
  return volume / parse_seconds;
}

int Run() {
  Measure("1MB", Weights(20, 12'500), 20);
  const double big = Measure("128MB", Weights(64, 500'000), 1);
  if (big >= kFloorBytesPerSecond) return 0;
  std::fprintf(stderr, "reading must reach %.0f bytes/s\n",
               kFloorBytesPerSecond);
  return 1;
}

}  // namespace
}  // namespace archpool

int main() { return archpool::Run(); }
