// SPDX-License-Identifier: Apache-2.0
#include "simulator/space_file.h"

#include <algorithm>
#include <fstream>
#include <map>
#include <sstream>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/counter_rng.h"
#include "common/base/status.h"
#include "yaml-cpp/yaml.h"

namespace archpool {
namespace {

int IndexOf(const Dimension& dimension, const std::string& choice) {
  for (size_t c = 0; c < dimension.choices.size(); ++c) {
    if (ToString(dimension.choices[c]) == choice) return static_cast<int>(c);
  }
  return -1;
}

int DimensionNamed(const std::vector<Dimension>& dimensions,
                   const std::string& name) {
  for (size_t d = 0; d < dimensions.size(); ++d) {
    if (dimensions[d].name == name) return static_cast<int>(d);
  }
  throw YAML::Exception(YAML::Mark(),
                        absl::StrCat("there is no dimension \"", name, "\""));
}

// movable: {choice: identity, runs: [[block4, block5], [block7, block8]]}
MovableChoice ReadMovable(const YAML::Node& node,
                          const std::vector<Dimension>& dimensions) {
  MovableChoice form;
  const auto choice = node["choice"].as<std::string>();
  for (const YAML::Node& run : node["runs"]) {
    form.runs.emplace_back();
    form.choice.emplace_back();
    for (const YAML::Node& name : run) {
      const int d = DimensionNamed(dimensions, name.as<std::string>());
      form.runs.back().push_back(d);
      form.choice.back().push_back(
          IndexOf(dimensions[static_cast<size_t>(d)], choice));
    }
  }
  return form;
}

// cell: {nodes: 4, edges: [[0, 1], …], none: none, skip: skip}: one edge per
// dimension, in the order of the dimensions.
CellForm ReadCell(const YAML::Node& node,
                  const std::vector<Dimension>& dimensions) {
  CellForm form;
  form.nodes = node["nodes"].as<int>();
  for (const YAML::Node& edge : node["edges"]) {
    form.edges.push_back({edge[0].as<int>(), edge[1].as<int>()});
  }
  for (const Dimension& dimension : dimensions) {
    form.none.push_back(IndexOf(dimension, node["none"].as<std::string>()));
    form.skip.push_back(IndexOf(dimension, node["skip"].as<std::string>()));
  }
  return form;
}

std::vector<Dimension> ReadDimensions(const YAML::Node& node) {
  std::vector<Dimension> dimensions;
  for (const auto& entry : node) {
    Dimension& dimension = dimensions.emplace_back();
    dimension.name = entry.first.as<std::string>();
    for (const YAML::Node& choice : entry.second) {
      dimension.choices.emplace_back(choice.as<std::string>());
    }
  }
  return dimensions;
}

}  // namespace

absl::StatusOr<SearchSpace> ParseSpaceFile(const std::string& yaml) {
  try {
    const YAML::Node root = YAML::Load(yaml);
    if (!root.IsMap() || !root["dimensions"].IsMap()) {
      return InvalidArgument("SPACE_FILE",
                             "a space is a map with `dimensions`, itself a map "
                             "from names to lists of choices");
    }
    for (const auto& entry : root) {
      const auto key = entry.first.as<std::string>();
      if (key == "dimensions" || key == "movable" || key == "cell") continue;
      return InvalidArgument(
          "SPACE_FILE",
          absl::StrCat("line ", entry.first.Mark().line + 1, ": \"", key,
                       "\" is not known; a space has dimensions, movable and "
                       "cell"));
    }
    std::vector<Dimension> dimensions = ReadDimensions(root["dimensions"]);
    CanonicalForm form;
    if (root["movable"]) form = ReadMovable(root["movable"], dimensions);
    if (root["cell"]) form = ReadCell(root["cell"], dimensions);
    return SearchSpace::CreatePlain(std::move(dimensions), std::move(form));
  } catch (const YAML::Exception& exception) {
    return InvalidArgument("SPACE_FILE", exception.what());
  }
}

absl::StatusOr<SearchSpace> ReadSpaceFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::stringstream text;
  text << file.rdbuf();
  if (!file) {
    return NotFound("FILE_UNREADABLE", absl::StrCat("cannot read ", path));
  }
  return ParseSpaceFile(text.str());
}

Relabelling Relabel(const SearchSpace& space, uint64_t seed) {
  CounterRng rng(seed, 0);
  std::vector<Dimension> dimensions = space.dimensions();
  CanonicalForm form = space.canonical_form();
  Relabelling relabelling;
  for (Dimension& dimension : dimensions) {
    std::vector<uint8_t> order;  // old indices in their new order
    for (size_t c = 0; c < dimension.choices.size(); ++c) {
      order.push_back(static_cast<uint8_t>(c));
    }
    for (size_t i = 0; i + 1 < order.size(); ++i) {
      std::swap(order[i], order[i + rng.Below64(order.size() - i)]);
    }
    std::vector<ChoiceValue> choices;
    std::vector<uint8_t>& new_index =
        relabelling.new_index.emplace_back(order.size());
    for (size_t i = 0; i < order.size(); ++i) {
      choices.push_back(dimension.choices[order[i]]);
      new_index[order[i]] = static_cast<uint8_t>(i);
    }
    dimension.choices = std::move(choices);
  }
  const auto renew = [&](int d, int& choice) {
    if (choice < 0) return;
    choice =
        relabelling
            .new_index[static_cast<size_t>(d)][static_cast<size_t>(choice)];
  };
  if (auto* movable = std::get_if<MovableChoice>(&form)) {
    for (size_t r = 0; r < movable->runs.size(); ++r) {
      for (size_t i = 0; i < movable->runs[r].size(); ++i) {
        renew(movable->runs[r][i], movable->choice[r][i]);
      }
    }
  } else if (auto* cell = std::get_if<CellForm>(&form)) {
    for (size_t e = 0; e < cell->edges.size(); ++e) {
      renew(static_cast<int>(e), cell->none[e]);
      renew(static_cast<int>(e), cell->skip[e]);
    }
  }
  relabelling.space =
      *SearchSpace::CreatePlain(std::move(dimensions), std::move(form));
  return relabelling;
}

}  // namespace archpool
