// SPDX-License-Identifier: Apache-2.0
// archpool search
#include <CLI/CLI.hpp>
#include <memory>

#include "client/context.h"
#include "client/run_search.h"

namespace archpool {

void AddSearchCommand(CLI::App& app, Action& action) {
  const auto flags = std::make_shared<SearchFlags>();
  CLI::App* command = app.add_subcommand(
      "search",
      "Search on this machine alone: runs a whole pool for one task, shows "
      "it,\nand leaves the results in a folder");
  command->add_option("file", flags->file, "The task, as YAML")->required();
  command
      ->add_option("--folder", flags->folder,
                   "Where everything is kept; by default named after the file, "
                   "TASK-search, in the current folder")
      ->type_name("DIR");
  command
      ->add_option("--threads", flags->threads,
                   "Threads of all trainings together; by default as many as "
                   "this machine has")
      ->check(CLI::Range(int64_t{1}, int64_t{1'024}));
  command->add_flag("--again", flags->is_again,
                    "Begin another search in the folder, and give up the one "
                    "that is there if it has not ended");
  command->footer(
      "Needs archpool-server, archpool-verifier, archpool-worker and "
      "PostgreSQL on this machine,\nand no account, token or coins. The first "
      "Ctrl-C stops all of it within seconds. After\nthat, a reboot or a power "
      "cut the same command continues where it was; after the end it\nshows "
      "the "
      "results again.\nExample:\n  archpool search fashion-mnist.yaml");
  command->callback([&action, flags] {
    action = [flags](Context& c) { return RunSearch(c, *flags); };
  });
}

}  // namespace archpool
