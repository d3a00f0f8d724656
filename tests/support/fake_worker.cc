// archpool-fake-worker: a worker for tests of everything but training.
#include <CLI/CLI.hpp>
#include <memory>

#include "tests/support/fake_network.h"
#include "tests/support/inflating_trainer.h"
#include "worker/agent/run_worker.h"

int main(int argc, char** argv) {
  int64_t trial_ms = 200;
  double delta = 0;
  archpool::WorkerProgram program;
  program.name = "archpool-fake-worker";
  program.description = "A worker that only pretends to train. For tests.";
  program.add_flags = [&](CLI::App& app) {
    app.add_option("--trial-ms", trial_ms, "How long a trial takes")
        ->check(CLI::Range(0, 3'600'000))
        ->capture_default_str();
    app.add_option("--inflate", delta,
                   "Part of the validation split to add to each claim")
        ->check(CLI::Range(0.0, 1.0))
        ->capture_default_str();
  };
  program.make_trainer = [&](const archpool::WorkerFlags&) {
    constexpr int64_t kSteps = 20;
    return std::make_unique<archpool::testing::InflatingTrainer>(
        std::make_unique<archpool::testing::FakeTrainer>(
            kSteps, absl::Milliseconds(trial_ms) / kSteps),
        delta);
  };
  return archpool::RunWorker(argc, argv, program);
}
