// SPDX-License-Identifier: Apache-2.0
// archpool-fake-worker: a worker for tests of everything but training.
#include <CLI/CLI.hpp>
#include <memory>

#include "tests/support/cheating_trainer.h"
#include "tests/support/fake_network.h"
#include "worker/agent/run_worker.h"

int main(int argc, char** argv) {
  int64_t trial_ms = 200;
  archpool::testing::CheatOptions cheat;
  bool is_cheat = false;
  archpool::WorkerProgram program;
  program.name = "archpool-fake-worker";
  program.description = "A worker that only pretends to train. For tests.";
  program.add_flags = [&](CLI::App& app) {
    app.add_option("--trial-ms", trial_ms, "How long a trial takes")
        ->check(CLI::Range(0, 3'600'000))
        ->capture_default_str();
    app.add_flag("--cheats", is_cheat, "Cheats, as --cheat says");
    archpool::testing::AddCheatFlags(app, cheat);
  };
  program.make_trainer = [&](const archpool::WorkerFlags&) {
    constexpr int64_t kSteps = 20;
    auto honest = std::make_unique<archpool::testing::FakeTrainer>(
        kSteps, absl::Milliseconds(trial_ms) / kSteps);
    std::unique_ptr<archpool::Trainer> trainer = std::move(honest);
    if (is_cheat) {
      trainer = std::make_unique<archpool::testing::CheatingTrainer>(
          std::move(trainer), cheat);
    }
    return trainer;
  };
  return archpool::RunWorker(argc, argv, program);
}
