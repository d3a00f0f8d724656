// SPDX-License-Identifier: Apache-2.0
// archpool reproduce
#include <CLI/CLI.hpp>
#include <memory>

#include "client/context.h"
#include "client/reproduce.h"

namespace archpool {

void AddReproduceCommand(CLI::App& app, Action& action) {
  const auto flags = std::make_shared<ReproduceFlags>();
  CLI::App* command = app.add_subcommand(
      "reproduce",
      "Train a network of a result again, on this machine, and compare the "
      "bits");
  command
      ->add_option("folder", flags->directory,
                   "A folder with reproduction.json: of a result, or of one "
                   "network in its front/")
      ->required();
  command
      ->add_option("--data", flags->task_file,
                   "The task's file, which names the images; by default the "
                   "one that the folder remembers")
      ->type_name("TASK.yaml");
  command
      ->add_option("--threads", flags->threads,
                   "Threads to train with; by default as many as this machine "
                   "has. The bits do not depend on them")
      ->check(CLI::Range(int64_t{1}, int64_t{1'024}));
  command
      ->add_option("--simd", flags->simd,
                   "Vector instructions: scalar, neon, avx2 or avx512; by "
                   "default the widest. The bits do not depend on them")
      ->check(CLI::IsMember({"scalar", "neon", "avx2", "avx512"}));
  command->footer(
      "Needs no server and no token. Exit codes: 0 the weights are the same "
      "bits and what was\nclaimed of them holds; 1 they differ, or it does "
      "not; 2 the folder or the data are not\nright; 3 this machine cannot "
      "tell; 130 stopped.\nExample:\n  archpool reproduce "
      "fashion-search/result");
  command->callback([&action, flags] {
    action = [flags](Context& c) { return RunReproduce(c, *flags); };
  });
}

}  // namespace archpool
