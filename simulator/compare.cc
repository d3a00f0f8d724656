// SPDX-License-Identifier: Apache-2.0
#include "simulator/compare.h"

#include <cmath>
#include <cstdio>
#include <fstream>
#include <functional>
#include <iostream>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "simulator/plot.h"
#include "simulator/runs.h"
#include "simulator/space_file.h"

namespace archpool {
namespace {

// Means of NAS-Bench-Macro: the best is 93.127.
constexpr double kNearTarget = 93.027;
constexpr double kFarTarget = 92.927;

struct Experiment {
  std::string name;
  std::string metric;
  std::function<void(SimulationOptions&)> set;
};

std::vector<Experiment> Experiments() {
  const auto searcher = [](const char* policy, int64_t miners, int64_t budget) {
    return [policy, miners, budget](SimulationOptions& options) {
      options.search = *ParseSearchPolicy(policy);
      options.miners = miners;
      options.budget_trials = budget;
      options.target = kNearTarget / 100;
      options.stops_at_target = true;
    };
  };
  const auto with = [](const std::function<void(SimulationOptions&)>& base,
                       const std::function<void(SimulationOptions&)>& more) {
    return [base, more](SimulationOptions& options) {
      base(options);
      more(options);
    };
  };
  const auto pool = searcher("model", 8, 1'000);
  std::vector<Experiment> list = {
      {"individual random", "mean", searcher("random", 1, 6'000)},
      {"individual evolution 50:10", "mean",
       searcher("evolution:50:10", 1, 6'000)},
      {"individual evolution 20:5", "mean",
       searcher("evolution:20:5", 1, 6'000)},
      {"individual local", "mean", searcher("local", 1, 6'000)},
      {"individual model", "mean", searcher("model", 1, 1'000)},
      {"individual model, Thompson", "mean", searcher("thompson", 1, 1'000)},
      {"pool of 8", "mean", pool},
      {"pool of 8, Thompson", "mean", searcher("thompson", 8, 1'000)},
      {"pool of 8, 30 % lie by a point", "mean",
       with(pool,
            [](auto& options) {
              options.liars = 0.3;
              options.liars_delta = 0.01;
            })},
      {"pool of 8, 30 % of leases lost", "mean",
       with(pool, [](auto& options) { options.lost_leases = 0.3; })},
      {"pool of 25, one noisy run", "acc0",
       with(searcher("model", 25, 1'000),
            [](auto& options) { options.target = kFarTarget / 100; })},
  };
  for (const double churn : {0.0, 0.1, 0.3}) {
    for (const bool backups : {false, true}) {
      list.push_back({absl::StrFormat("completion, %g %% leave, backups %s",
                                      100 * churn, backups ? "on" : "off"),
                      "mean", [churn, backups](SimulationOptions& options) {
                        options.search = *ParseSearchPolicy("random");
                        options.miners = 50;
                        options.budget_trials = 2'000;
                        options.subspaces = 243;
                        options.list_length = 8;
                        options.speed_deviation = 0.3;
                        options.churn = churn;
                        options.backups = backups;
                      }});
    }
  }
  return list;
}

double Sum(const std::vector<nlohmann::json>& runs, const std::string& key) {
  double sum = 0;
  for (const auto& run : runs) sum += run.at(key).get<double>();
  return sum;
}

nlohmann::json Summarised(const std::string& name,
                          const std::vector<nlohmann::json>& runs) {
  nlohmann::json row = {{"experiment", name}, {"seeds", runs.size()}};
  for (const char* key : {"trials_to_target", "time_to_target"}) {
    for (const auto& [word, at] :
         {std::pair("q1", 0.25), std::pair("median", 0.5),
          std::pair("q3", 0.75)}) {
      row[absl::StrCat(key, "_", word)] = QuantileOf(runs, key, at);
    }
  }
  row["distinct_share"] =
      Sum(runs, "distinct_architectures") / Sum(runs, "trials");
  const double boxes = Sum(runs, "high_reward_boxes");
  row["high_reward_boxes"] = boxes;
  row["completed_in_time"] =
      boxes > 0 ? Sum(runs, "high_reward_boxes_completed_in_time") / boxes : 0;
  row["backup_work"] = Sum(runs, "backup_work_units") / Sum(runs, "work_units");
  row["false_claims_accepted"] = Sum(runs, "false_claims_accepted");
  row["paid_twice"] = Sum(runs, "paid_twice");
  return row;
}

std::string CsvOf(const std::vector<nlohmann::json>& rows) {
  std::string csv;
  for (const auto& [key, value] : rows[0].items())
    absl::StrAppend(&csv, key, ",");
  csv.back() = '\n';
  for (const nlohmann::json& row : rows) {
    for (const auto& [key, value] : row.items()) {
      absl::StrAppend(&csv, value.dump(), ",");
    }
    csv.back() = '\n';
  }
  return csv;
}

std::vector<QuartileRow> RowsOf(const std::vector<nlohmann::json>& rows,
                                const std::string& key) {
  std::vector<QuartileRow> plotted;
  for (const nlohmann::json& row : rows) {
    const auto at = [&](const char* suffix) {
      const nlohmann::json& value = row.at(key + suffix);
      return value.is_number() ? value.get<double>() : INFINITY;
    };
    plotted.push_back({row.at("experiment").get<std::string>(), at("_q1"),
                       at("_median"), at("_q3")});
  }
  return plotted;
}

// A dash for what the experiment does not measure.
void PrintRow(const nlohmann::json& row) {
  const auto number = [&](const char* key, const char* format, double scale) {
    const nlohmann::json& value = row.at(key);
    const double shown = value.is_number() ? scale * value.get<double>() : NAN;
    if (!std::isfinite(shown)) return std::string("-");
    char text[32];
    std::snprintf(text, sizeof(text), format, shown);
    return std::string(text);
  };
  const bool has_boxes = row.at("high_reward_boxes").get<double>() > 0;
  std::printf(
      "%-38s %9s %9s %9s %10s %8s\n",
      row.at("experiment").get<std::string>().c_str(),
      number("trials_to_target_median", "%.0f", 1).c_str(),
      number("time_to_target_median", "%.2f", 1).c_str(),
      number("distinct_share", "%.4f", 1).c_str(),
      has_boxes ? number("completed_in_time", "%.3f%%", 100).c_str() : "-",
      number("backup_work", "%.2f%%", 100).c_str());
}

bool Write(const std::string& path, const std::string& text) {
  std::ofstream file(path);
  file << text;
  file.close();
  if (!file) std::cerr << "archpool-sim: cannot write " << path << "\n";
  return static_cast<bool>(file);
}

// The median of the earliest of `group` independent searchers, in the runs'
// order.
double LuckiestMedian(const std::vector<nlohmann::json>& runs, size_t group) {
  std::vector<nlohmann::json> luckiest;
  for (size_t i = 0; i + group <= runs.size(); i += group) {
    const std::vector<nlohmann::json> some(
        runs.begin() + static_cast<std::ptrdiff_t>(i),
        runs.begin() + static_cast<std::ptrdiff_t>(i + group));
    luckiest.push_back({{"t", QuantileOf(some, "time_to_target", 0)}});
  }
  return luckiest.empty() ? 0 : QuantileOf(luckiest, "t", 0.5);
}

}  // namespace

void AddCompareFlags(CLI::App& app, CompareFlags& flags) {
  app.add_option("--space", flags.space, "nas-bench-macro.yaml")->required();
  app.add_option("--table", flags.table, "NAS-Bench-Macro, CSV")->required();
  app.add_option("--seeds", flags.seeds)->check(CLI::Range(8, 100'000));
  app.add_option("--out", flags.out, "Where OUT.json, OUT.csv and two plots go")
      ->required();
}

int Compare(const CompareFlags& flags) {
  const absl::StatusOr<SearchSpace> space = ReadSpaceFile(flags.space);
  if (!space.ok()) {
    std::cerr << "archpool-sim: " << space.status().message() << "\n";
    return 2;
  }
  std::vector<nlohmann::json> rows;
  std::printf("%-38s %9s %9s %9s %10s %8s\n", "experiment", "trials", "time",
              "distinct", "in time", "backups");
  for (const Experiment& experiment : Experiments()) {
    Setting setting;
    setting.options.space = *space;
    experiment.set(setting.options);
    setting.relabels = true;
    absl::StatusOr<Table> table = ReadTable(
        flags.table, *space, {.metric = experiment.metric, .judge = "mean"});
    if (!table.ok()) {
      std::cerr << "archpool-sim: " << table.status().message() << "\n";
      return 2;
    }
    setting.table = *std::move(table);
    const auto runs = RunSeeds(setting, 1, flags.seeds);
    nlohmann::json row = Summarised(experiment.name, runs);
    for (const auto& run : runs) {
      if (run["violations"].empty()) continue;
      std::cerr << "archpool-sim: " << run["violations"][0] << "\n";
      return 1;
    }
    row["luckiest_of_8_time_median"] = LuckiestMedian(runs, 8);
    PrintRow(row);
    std::fflush(stdout);
    if (experiment.name == "individual local") {
      std::printf("%-38s %9s %9.2f\n", "  the luckiest of 8 of these", "",
                  row["luckiest_of_8_time_median"].get<double>());
    }
    rows.push_back(std::move(row));
  }
  const bool good =
      Write(flags.out + ".json", nlohmann::json(rows).dump(1) + "\n") &&
      Write(flags.out + ".csv", CsvOf(rows)) &&
      Write(flags.out + "-trainings.svg",
            PlotQuartiles("Trainings until within reach of the best",
                          "distinct trainings",
                          RowsOf(rows, "trials_to_target"))) &&
      Write(flags.out + "-times.svg",
            PlotQuartiles("Time until within reach of the best",
                          "mean trial times", RowsOf(rows, "time_to_target")));
  return good ? 0 : 1;
}

}  // namespace archpool
