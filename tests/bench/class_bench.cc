// Whether honest trainings are ever found false: trains networks in each
// hardware class of this machine (instruction sets, one thread and two), each
// segment to be replayed by another process of the same class and compared bit
// for bit. Then replays one class's in the others', which shows that classes
// are needed.
//
//   class_bench [TRIALS]     of each class; 21 by default: 2,016 segments
//
// Prints JSON lines; exits with 1 where an honest segment was found false.
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "common/base/check.h"
#include "common/data/checkpoint.h"
#include "common/data/read_file.h"
#include "common/nn/arithmetic.h"
#include "common/nn/trial.h"
#include "tests/bench/json_line.h"
#include "tests/support/fashion_mnist.h"
#include "tests/support/pool_fixture.h"
#include "tests/support/temporary_directory.h"

namespace archpool {
namespace {

constexpr int64_t kExamples = 1'280;
constexpr int64_t kFileBytesMax = 1 << 26;

// What both processes train.
class Trials {
 public:
  Trials() {
    auto split = testing::LoadFashionMnist();
    ARCHPOOL_CHECK(split.ok());
    split_ = *std::move(split);
    Cut(split_.train, kExamples);
    Cut(split_.validation, 100);
    recipe_.epochs = 1;
  }

  LayerPlan PlanOf(int64_t trial) const {
    const SearchSpace space = TinySpace(8);
    const auto plan =
        MakeLayerPlan(space, space.ArchitectureAt(trial * 7 % space.size()),
                      split_.train.shape, split_.train.classes, PlanLimits{});
    ARCHPOOL_CHECK(plan.ok());
    return *plan;
  }
  static Digest KeyOf(int64_t trial) {
    return Sha256(absl::StrCat("trial ", trial));
  }

  // Writes every checkpoint of the trial.
  void Train(int64_t trial, const std::string& directory) const {
    const auto trained = nn::Train(
        PlanOf(trial), recipe_, {}, KeyOf(trial), normalization(), split_.train,
        split_.validation, nullptr, [&](const Checkpoint& checkpoint) {
          const CheckpointBytes bytes = SerializeCheckpoint(checkpoint);
          const std::string path =
              PathOf(directory, trial, checkpoint.boundary);
          std::ofstream(path + ".w", std::ios::binary) << bytes.weights;
          std::ofstream(path + ".o", std::ios::binary) << bytes.optimizer;
          return absl::OkStatus();
        });
    ARCHPOOL_CHECK(trained.ok());
  }

  // How many of its segments lead elsewhere here.
  int64_t CountFalse(int64_t trial, const std::string& directory) const {
    int64_t found = 0;
    for (int64_t k = 0; k < recipe_.segments; ++k) {
      const auto next = nn::ReplaySegment(
          PlanOf(trial), recipe_, {}, KeyOf(trial), normalization(),
          split_.train, Read(directory, trial, k));
      ARCHPOOL_CHECK(next.ok());
      found += *next == Read(directory, trial, k + 1) ? 0 : 1;
    }
    return found;
  }

  int64_t segments() const { return recipe_.segments; }

 private:
  static void Cut(Dataset& dataset, int64_t count) {
    dataset.labels.resize(static_cast<size_t>(count));
    dataset.images.resize(
        static_cast<size_t>(count * dataset.shape.elements()));
  }
  static std::string PathOf(const std::string& directory, int64_t trial,
                            int64_t boundary) {
    return absl::StrCat(directory, "/", trial, ".", boundary);
  }
  nn::Normalization normalization() const {
    return {split_.manifest.mean_ppm, split_.manifest.deviation_ppm};
  }
  static Checkpoint Read(const std::string& directory, int64_t trial,
                         int64_t boundary) {
    const std::string path = PathOf(directory, trial, boundary);
    const auto weights = ReadFile(path + ".w", kFileBytesMax);
    const auto optimizer = ReadFile(path + ".o", kFileBytesMax);
    ARCHPOOL_CHECK(weights.ok() && optimizer.ok());
    auto checkpoint =
        ParseCheckpoint(boundary, *weights, *optimizer, SafetensorsLimits());
    ARCHPOOL_CHECK(checkpoint.ok());
    return *std::move(checkpoint);
  }

  DatasetSplit split_;
  Recipe recipe_;
};

// Another process of a class: "train" or "replay"; how many segments it found
// false.
int64_t RunChild(const std::string& what, const std::string& directory,
                 const std::string& set, int64_t threads, int64_t trials) {
  const std::string result = directory + "/result";
  std::filesystem::remove(result);
  const pid_t child = fork();
  if (child == 0) {
    for (const auto& [name, value] : nn::ArithmeticEnvironment(set, threads)) {
      setenv(name.c_str(), value.c_str(), 1);
    }
    execl("/proc/self/exe", "class_bench", "--child", what.c_str(),
          directory.c_str(), absl::StrCat(threads).c_str(),
          absl::StrCat(trials).c_str(), nullptr);
    _exit(127);
  }
  int status = 0;
  ARCHPOOL_CHECK(waitpid(child, &status, 0) == child && status == 0);
  int64_t found = 0;
  const auto text = ReadFile(result, 100);
  ARCHPOOL_CHECK(text.ok() && absl::SimpleAtoi(*text, &found));
  return found;
}

int Child(char** argv) {
  int threads = 1;
  int64_t count = 0;
  ARCHPOOL_CHECK(absl::SimpleAtoi(argv[4], &threads) &&
                 absl::SimpleAtoi(argv[5], &count));
  nn::ConfigureRuntime(threads);
  const Trials trials;
  const std::string directory = argv[3];
  int64_t found = 0;
  for (int64_t trial = 0; trial < count; ++trial) {
    if (std::string(argv[2]) == "train") {
      trials.Train(trial, directory);
    } else {
      found += trials.CountFalse(trial, directory);
    }
  }
  std::ofstream(directory + "/result") << found;
  return 0;
}

int Parent(int64_t count) {
  const int64_t segments = count * Trials().segments();
  int64_t honest = 0;
  int64_t found_false = 0;
  int64_t classes = 0;
  const std::vector<std::string> sets = nn::InstructionSets();
  for (const std::string& set : sets) {
    for (const int64_t threads : {1, 2}) {
      const TemporaryDirectory directory;
      RunChild("train", directory.path(), set, threads, count);
      found_false += RunChild("replay", directory.path(), set, threads, count);
      honest += segments;
      ++classes;
      if (set != sets.front() || threads != 1) continue;
      // A few trials will do to see that classes differ.
      const int64_t few = std::min<int64_t>(count, 3);
      for (const std::string& other : sets) {
        if (other == set) continue;
        PrintJsonLine(absl::StrCat("class/", set, "_replayed_in_", other),
                      static_cast<double>(
                          RunChild("replay", directory.path(), other, 1, few)),
                      "segments differ of",
                      static_cast<double>(few * Trials().segments()));
      }
    }
  }
  PrintJsonLine("class/classes", static_cast<double>(classes), "classes", 6);
  PrintJsonLine("class/honest_segments", static_cast<double>(honest),
                "segments", 2'000);
  PrintJsonLine("class/false_rejections", static_cast<double>(found_false),
                "segments of", static_cast<double>(honest));
  return found_false == 0 ? 0 : 1;
}

}  // namespace
}  // namespace archpool

int main(int argc, char** argv) {
  if (argc == 6 && std::string(argv[1]) == "--child") {
    return archpool::Child(argv);
  }
  int64_t count = 21;
  if (argc > 1 && !absl::SimpleAtoi(argv[1], &count)) return 2;
  return archpool::Parent(count);
}
