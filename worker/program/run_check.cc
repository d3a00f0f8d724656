// SPDX-License-Identifier: Apache-2.0
#include "worker/program/run_check.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <iostream>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "common/base/countdown.h"
#include "common/base/standard_streams.h"
#include "common/base/status.h"
#include "common/channel/program.h"
#include "common/kernels/machine_choice.h"
#include "common/kernels/self_check.h"
#include "common/model/arithmetic.h"
#include "worker/agent/machine_memory.h"
#include "worker/agent/run_worker.h"
#include "worker/train/lane_plan.h"
#include "worker/train/machine_check.h"
#include "worker/train/speed.h"

namespace archpool {
namespace {

constexpr char kProgram[] = "archpool-worker check";
// How long each of at most five measurements takes.
constexpr absl::Duration kMeasured = absl::Milliseconds(1'200);
// No other one is begun after so long.
constexpr absl::Duration kMeasuringMax = absl::Seconds(6);

void AddFlags(CLI::App& app, WorkerFlags& flags) {
  app.add_option("--simd", flags.simd,
                 "Vector instructions: scalar, neon, avx2 or avx512; the "
                 "processor's widest by\ndefault")
      ->check(CLI::IsMember({"scalar", "neon", "avx2", "avx512"}));
  app.add_option("--threads", flags.threads,
                 "Number of threads to measure, for one training and shared by "
                 "several")
      ->check(CLI::Range(1, 1024))
      ->capture_default_str();
  app.add_option("--memory-mib", flags.memory_mib,
                 "Memory that a worker would have, in MiB; by default three "
                 "quarters of what the\nmachine, its control group and its "
                 "limits allow")
      ->check(CLI::Range(64, 1 << 30));
  app.footer(
      "Exit codes: 0 this machine can work, 1 it computes wrongly, 2 bad "
      "flags, 3 it is too\nslow to be of use.");
}

std::string DescribeMachine(const kernels::Machine& machine) {
  constexpr int64_t kMebi = int64_t{1} << 20;
  const int64_t memory = ProcessMemoryBytes();
  return absl::StrCat(
      "Arithmetic:    ", kArithmetic, "\n",
      "Instructions:  ", kernels::ToString(machine.simd),
      " (here: ", kernels::DescribeSimds(kernels::SimdsHere()), ")\n",
      "Memory:        ",
      memory == 0 ? "cannot be read" : absl::StrCat(memory / kMebi, " MiB"),
      "\n\n");
}

std::string DescribeSpeed(const std::string& what, double rate, double one) {
  return absl::StrFormat("  %-28s %8.0f images/s  %5.2f x\n", what, rate,
                         one > 0 ? rate / one : 0);
}

void PrintSpeeds(const kernels::Machine& machine, int64_t memory_bytes) {
  const Stopwatch watch;
  kernels::Machine alone = machine;
  alone.threads = 1;
  std::cout << "\nTraining a small network of three convolutions:\n";
  const double one = ImagesPerSecond(alone, kMeasured);
  std::cout << DescribeSpeed("1 thread", one, one) << std::flush;
  if (machine.threads == 1) return;
  std::vector<LanePlan> choices = LaneChoices(machine.threads, memory_bytes);
  const bool is_choice = choices.size() > 1;
  std::vector<double> rates;
  for (const LanePlan& choice : choices) {
    if (watch.elapsed() > kMeasuringMax) break;
    rates.push_back(ImagesPerSecond(machine, choice, kMeasured));
    std::cout << DescribeSpeed(DescribeLanes(choice), rates.back(), one)
              << std::flush;
  }
  choices.resize(rates.size());
  if (!is_choice) {
    std::cout
        << "Too little memory for trainings side by side, or it cannot be "
           "read.\n";
    return;
  }
  std::cout << "A worker with --threads " << machine.threads
            << " is fastest with "
            << DescribeLanes(choices[FillsBest(choices, rates)])
            << "; it measures that at its start.\n";
}

}  // namespace

int RunCheck(int argc, char** argv) {
  WorkerFlags flags;
  flags.threads =
      std::clamp<int64_t>(std::thread::hardware_concurrency(), 1, 1024);
  CLI::App app(
      "Checks that this machine computes as the pool's arithmetic says, and "
      "measures how fast it trains, in ten seconds. Needs no pool.",
      kProgram);
  AddFlags(app, flags);
  if (const std::optional<int> exit_code = ParseFlags(app, argc, argv)) {
    return *exit_code;
  }
  const absl::StatusOr<kernels::Machine> machine =
      ChooseMachine(flags.simd, flags.threads);
  if (!machine.ok()) return Finish(kProgram, machine.status());
  std::cout << DescribeMachine(*machine) << std::flush;
  const std::vector<kernels::TestVector> vectors =
      kernels::ComputeTestVectors(*machine);
  std::cout << DescribeVectors(vectors);
  const absl::Status judged = JudgeVectors(vectors);
  if (!judged.ok()) {
    std::cout << std::flush;
    Finish(kProgram, judged);
    return kExitFailed;
  }
  PrintSpeeds(*machine, MemoryFor(flags));
  return Finish(kProgram, FlushOutput(std::cout));
}

}  // namespace archpool
