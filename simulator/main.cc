// SPDX-License-Identifier: Apache-2.0
// archpool-sim: the pool under virtual time (docs/simulator.md).
#include <cstdio>
#include <fstream>
#include <iostream>
#include <optional>

#include "CLI/CLI.hpp"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/base/standard_streams.h"
#include "common/base/version.h"
#include "common/nas/search/search_policy.h"
#include "simulator/cheats_command.h"
#include "simulator/compare.h"
#include "simulator/runs.h"
#include "simulator/space_file.h"
#include "simulator/trouble_command.h"

namespace archpool {
namespace {

struct RunFlags {
  std::string space;
  std::string table;
  TableColumns columns;
  std::string policy = "model";
  std::string backups = "on";
  std::string audits = "on";
  std::string liars;
  std::string out;
  double target = 0;
  bool has_target = false;
  uint64_t seed = 1;
  int64_t seeds = 1;
  std::optional<int64_t> list_length;
  std::optional<double> speed_deviation;
  Setting setting;
};

int Fail(const absl::Status& status) {
  std::cerr << "archpool-sim: " << status.message() << "\n";
  return 2;
}

absl::Status ReadLiars(const std::string& text, SimulationOptions& options) {
  if (text.empty()) return absl::OkStatus();
  const std::vector<std::string> parts = absl::StrSplit(text, ':');
  if (parts.size() != 2 || !absl::SimpleAtod(parts[0], &options.liars) ||
      !absl::SimpleAtod(parts[1], &options.liars_delta) || options.liars < 0 ||
      options.liars > 1) {
    return absl::InvalidArgumentError(
        "--liars takes SHARE:DELTA, for instance 0.3:1");
  }
  return absl::OkStatus();
}

// In experiments in which miners leave, a box takes half a lease term in
// several steps, and miners differ.
constexpr int64_t kListWithChurn = 8;
constexpr double kSpeedDeviationWithChurn = 0.3;

int Run(RunFlags& flags) {
  SimulationOptions& options = flags.setting.options;
  const bool has_churn = options.churn > 0;
  options.list_length =
      flags.list_length.value_or(has_churn ? kListWithChurn : 1);
  options.speed_deviation =
      flags.speed_deviation.value_or(has_churn ? kSpeedDeviationWithChurn : 0);
  absl::StatusOr<SearchSpace> space = ReadSpaceFile(flags.space);
  if (!space.ok()) return Fail(space.status());
  options.space = *std::move(space);
  absl::StatusOr<Table> table =
      ReadTable(flags.table, options.space, flags.columns);
  if (!table.ok()) return Fail(table.status());
  flags.setting.table = *std::move(table);
  const auto policy = ParseSearchPolicy(flags.policy);
  if (!policy.ok()) return Fail(policy.status());
  options.search = *policy;
  options.backups = flags.backups == "on";
  options.audits = flags.audits == "on";
  if (absl::Status status = ReadLiars(flags.liars, options); !status.ok()) {
    return Fail(status);
  }
  const double scale = flags.setting.table.is_percent ? 100 : 1;
  options.liars_delta /= scale;
  if (flags.has_target) options.target = flags.target / scale;

  const std::vector<nlohmann::json> runs =
      RunSeeds(flags.setting, flags.seed, flags.seeds);
  std::ofstream out(flags.out);
  out << nlohmann::json(runs).dump(1) << "\n";
  out.close();
  if (!out) return Fail(absl::InternalError("cannot write " + flags.out));
  int64_t violations = 0;
  for (const auto& run : runs) {
    violations += static_cast<int64_t>(run["violations"].size());
  }
  std::cout << runs.size() << " seeds; medians: best value "
            << QuantileOf(runs, "best_value", 0.5) << ", distinct trainings "
            << QuantileOf(runs, "distinct_architectures", 0.5);
  if (flags.has_target) {
    std::cout << ", trials to target "
              << QuantileOf(runs, "trials_to_target", 0.5) << ", time to it "
              << QuantileOf(runs, "time_to_target", 0.5) << " mean trial times";
  }
  std::cout << "\n";
  if (violations > 0) {
    std::cerr << "archpool-sim: the oracle found " << violations
              << " violations; see " << flags.out << "\n";
    return 1;
  }
  return 0;
}

void AddRunFlags(CLI::App& app, RunFlags& flags) {
  SimulationOptions& options = flags.setting.options;
  const auto on_off = CLI::IsMember({"on", "off"});
  app.add_option("--space", flags.space, "The space, YAML")->required();
  app.add_option("--table", flags.table, "The table, CSV")->required();
  app.add_option("--metric", flags.columns.metric, "What the pool sees")
      ->required();
  app.add_option("--seconds", flags.columns.seconds, "Training times");
  app.add_option("--judge", flags.columns.judge,
                 "What the result is read from; default: the metric");
  app.add_option("--miners", options.miners)->check(CLI::Range(1, 1'000'000));
  app.add_option("--budget-trials", options.budget_trials)
      ->check(CLI::Range(1, 100'000'000));
  app.add_option("--policy", flags.policy,
                 absl::StrCat("One of ", SearchPolicyNames()));
  app.add_option("--target", flags.target, "In the judge's unit");
  app.add_flag("--relabel", flags.setting.relabels,
               "Permute each dimension's choices per seed");
  app.add_option("--churn", options.churn,
                 "Share of miners that leave per lease term")
      ->check(CLI::Range(0.0, 0.99));
  app.add_option("--backups", flags.backups)->check(on_off);
  app.add_option("--liars", flags.liars, "SHARE:DELTA");
  app.add_option("--lost-leases", options.lost_leases)
      ->check(CLI::Range(0.0, 0.99));
  app.add_option("--colluders", options.colluders,
                 "Share of miners that are one person, who copies results")
      ->check(CLI::Range(0.0, 1.0));
  app.add_option("--partitions", options.partitions,
                 "Share of leases whose worker is cut off for half a term")
      ->check(CLI::Range(0.0, 1.0));
  app.add_option("--stragglers", options.stragglers,
                 "Share of miners that are four times as slow")
      ->check(CLI::Range(0.0, 1.0));
  app.add_option("--audits", flags.audits)->check(on_off);
  app.add_option("--subspaces", options.subspaces)
      ->check(CLI::Range(1, 16'384));
  app.add_option("--list", flags.list_length,
                 "Trials of a lease; default: 1, with churn 8")
      ->check(CLI::Range(1, 64));
  app.add_option("--speed-deviation", flags.speed_deviation,
                 "Of the miners' paces, around 1; default: 0, with churn 0.3")
      ->check(CLI::Range(0.0, 2.0));
  app.add_option("--faults", options.faults,
                 "Share of commands that meet a fault of the server")
      ->check(CLI::Range(0.0, 0.5));
  app.add_option("--seed", flags.seed);
  app.add_option("--seeds", flags.seeds)->check(CLI::Range(1, 1'000'000));
  app.add_option("--json", flags.out, "Where the results go")->required();
}

int Dispatch(int argc, char** argv) {
  CLI::App app("Simulates a pool: the real core under virtual time");
  app.set_version_flag("--version", DescribeBuild("archpool-sim"));
  app.require_subcommand(1);
  RunFlags run_flags;
  CLI::App* run = app.add_subcommand("run", "Runs seeds of one setting");
  AddRunFlags(*run, run_flags);
  CompareFlags compare_flags;
  CLI::App* compare =
      app.add_subcommand("compare", "Runs the experiments of docs/results.md");
  AddCompareFlags(*compare, compare_flags);
  CheatsFlags cheats_flags;
  CLI::App* cheats =
      app.add_subcommand("cheats", "Shows what cheating brings a miner");
  AddCheatsFlags(*cheats, cheats_flags);
  TroubleFlags trouble_flags;
  CLI::App* trouble = app.add_subcommand(
      "trouble", "Shows what honest miners are paid whatever happens");
  AddTroubleFlags(*trouble, trouble_flags);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  if (*run) {
    run_flags.has_target = run->count("--target") > 0;
    return Run(run_flags);
  }
  if (*cheats) return Cheats(cheats_flags);
  if (*trouble) return Trouble(trouble_flags);
  return Compare(compare_flags);
}

}  // namespace
}  // namespace archpool

// An exception ends it: nothing is lost with a simulation.
// NOLINTNEXTLINE(bugprone-exception-escape)
int main(int argc, char** argv) {
  archpool::ReserveStandardStreams();
  const int code = archpool::Dispatch(argc, argv);
  // What is said by printf and by streams goes out by the same number.
  const bool is_printed = std::fflush(stdout) == 0 && std::ferror(stdout) == 0;
  const absl::Status shown = archpool::FlushOutput(std::cout);
  if (is_printed && shown.ok()) return code;
  std::cerr << "archpool-sim: the output could not be written\n";
  return code == 0 ? 1 : code;
}
