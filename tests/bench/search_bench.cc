// SPDX-License-Identifier: Apache-2.0
// How many distinct trainings the policies need on a benchmark table, without
// the pool around them: M searchers share one policy, each always training one
// architecture. For tuning policies; `archpool-sim` measures the pool.
#include <algorithm>
#include <deque>
#include <fstream>
#include <iostream>
#include <map>
#include <set>
#include <sstream>

#include "CLI/CLI.hpp"
#include "common/base/check.h"
#include "common/crypto/sha256.h"
#include "common/nas/search/search_policy.h"

namespace archpool {
namespace {

struct Row {
  Digest id;
  double metric = 0;
  double judge = 0;
};

struct Table {
  SearchSpace space;
  std::vector<Row> rows;  // by rank
};

Table ReadTable(const std::string& path, const std::string& metric,
                const std::string& judge) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  std::map<std::string, size_t> columns;
  std::stringstream header(line);
  for (std::string word; std::getline(header, word, ',');) {
    columns.emplace(word, columns.size());
  }
  std::vector<Dimension> dimensions;
  for (int d = 1; d <= 8; ++d) {
    dimensions.push_back(
        {"block" + std::to_string(d), {int64_t{0}, int64_t{1}, int64_t{2}}});
  }
  Table table{*SearchSpace::CreatePlain(dimensions), {}};
  table.rows.resize(static_cast<size_t>(table.space.size()));
  while (std::getline(file, line)) {
    std::vector<std::string> cells;
    std::stringstream stream(line);
    for (std::string cell; std::getline(stream, cell, ',');) {
      cells.push_back(cell);
    }
    Architecture one;
    for (const char c : cells[columns.at("arch")]) {
      one.choices.push_back(static_cast<uint8_t>(c - '0'));
    }
    table.rows[static_cast<size_t>(table.space.RankOf(one))] = {
        Sha256(cells[columns.at("canon")]),
        std::stod(cells[columns.at(metric)]),
        std::stod(cells[columns.at(judge)])};
  }
  return table;
}

int64_t TrialsToTarget(const Table& table, const std::string& policy_text,
                       size_t miners, double target, uint64_t seed) {
  const auto policy =
      MakeSearchPolicy(*ParseSearchPolicy(policy_text), table.space, seed);
  std::set<Digest> taken;
  std::deque<Architecture> running;
  const auto row = [&](const Architecture& one) -> const Row& {
    return table.rows[static_cast<size_t>(table.space.RankOf(one))];
  };
  for (int64_t trials = 0; trials < 6'000;) {
    while (running.size() < miners) {
      const std::vector<Architecture> pending(running.begin(), running.end());
      const auto ranked =
          policy
              ->Rank({.count = 1,
                      .boxes = {},
                      .dead_boxes = {},
                      .id_of = [&](const Architecture& one)
                          -> std::optional<Digest> { return row(one).id; },
                      .is_taken =
                          [&](const Digest& id) { return taken.contains(id); },
                      .pending = pending})
              .candidates;
      if (ranked.empty()) break;
      taken.insert(row(ranked[0]).id);
      running.push_back(ranked[0]);
    }
    if (running.empty()) break;
    const Architecture done = running.front();
    running.pop_front();
    ++trials;
    if (row(done).judge >= target) return trials;
    policy->Observe({done, row(done).metric});
  }
  return 1'000'000;
}

}  // namespace
}  // namespace archpool

int main(int argc, char** argv) {
  CLI::App app("Trainings to a target on NAS-Bench-Macro's table");
  std::string path, policy = "model", metric = "mean", judge = "mean";
  size_t miners = 8;
  uint64_t seeds = 100;
  double target = 93.027;
  app.add_option("--table", path)->required();
  app.add_option("--policy", policy);
  app.add_option("--metric", metric);
  app.add_option("--judge", judge);
  app.add_option("--miners", miners);
  app.add_option("--seeds", seeds);
  app.add_option("--target", target);
  CLI11_PARSE(app, argc, argv);
  const archpool::Table table = archpool::ReadTable(path, metric, judge);
  std::vector<int64_t> trials;
  for (uint64_t seed = 0; seed < seeds; ++seed) {
    trials.push_back(
        archpool::TrialsToTarget(table, policy, miners, target, seed));
  }
  std::sort(trials.begin(), trials.end());
  std::cout << "{\"policy\": \"" << policy << "\", \"miners\": " << miners
            << ", \"median\": " << trials[trials.size() / 2]
            << ", \"quartiles\": [" << trials[trials.size() / 4] << ", "
            << trials[trials.size() * 3 / 4] << "]}\n";
  return 0;
}
