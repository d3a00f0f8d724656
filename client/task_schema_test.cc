// SPDX-License-Identifier: Apache-2.0
// The schema that editors are given says what the parser takes: every key of
// the one is a key of the other.
#include "client/task_schema.h"

#include <set>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "client/json.h"
#include "client/task_file.h"
#include "gtest/gtest.h"

namespace archpool {
namespace {

constexpr char kStray[] = "zzzzzzzzzzzz";

std::string Usable(const std::string& /*path*/) { return ""; }

Json Schema() { return Json::parse(std::string(TaskSchema())); }

// With a map of every kind in it.
Json WholeTask(const Json& dataset) {
  return {
      {"name", "all keys"},
      {"dataset", dataset},
      {"space",
       {{"dimensions", {{{"name", "k"}, {"choices", {3, 5}}}}},
        {"template",
         {{"variants", {{{"name", "v"}, {"operation", "conv"}}}},
          {"cells",
           {{{"name", "c"},
             {"nodes", 2},
             {"edges", {{{"from", 0}, {"to", 1}, {"operation", "conv"}}}}}}},
          {"stem", {{"width", 8}}},
          {"stages", {{{"blocks", {{{"kernel", "$k"}}}}}}},
          {"head", {{"width", 0}}}}}}},
      {"limits", {{"macs", 1000}}},
      {"recipe", {{"epochs", 1}}},
      {"budget", {{"core_seconds", 600}}},
      {"reward", {{"amount", 10}}},
      {"search", {{"halved_macs", 0}}},
      {"partition", {{"subspaces", 4}}},
  };
}

Json IdxDataset() {
  return {{"format", "idx"},     {"train_images", "a"},
          {"train_labels", "b"}, {"held_out_count", 10},
          {"classes", 10},       {"validation_count", 10}};
}

// The keys that the parser knows in the map at `place` of the task: it lists
// them where it meets another.
std::set<std::string> KnownKeys(Json task, const std::string& place) {
  task[Json::json_pointer(place)][kStray] = 1;
  const absl::StatusOr<TaskFile> parsed =
      ParseTaskFile(task.dump(1), "t", Usable, Usable);
  EXPECT_FALSE(parsed.ok()) << place;
  for (const absl::string_view line :
       absl::StrSplit(parsed.status().message(), '\n')) {
    if (!absl::StrContains(line, kStray)) continue;
    const std::vector<std::string> parts =
        absl::StrSplit(line, absl::MaxSplits("known keys: ", 1));
    if (parts.size() != 2) continue;
    return absl::StrSplit(parts[1], ", ");
  }
  ADD_FAILURE() << place << ": " << parsed.status();
  return {};
}

std::set<std::string> SchemaKeys(const Json& schema, const std::string& place) {
  std::set<std::string> keys;
  const Json& map = schema.at(Json::json_pointer(place));
  EXPECT_EQ(map.at("additionalProperties"), false) << place;
  for (const auto& [key, value] : map.at("properties").items()) {
    keys.insert(key);
  }
  return keys;
}

TEST(TaskSchemaTest, HasTheKeysThatTheParserKnows) {
  const Json schema = Schema();
  const Json task = WholeTask(IdxDataset());
  const std::string in_template = "/space/template";
  const std::pair<std::string, std::string> places[] = {
      {"", ""},
      {"/dataset", "/$defs/idx"},
      {"/space", "/properties/space"},
      {"/space/dimensions/0", "/$defs/dimension"},
      {in_template, "/$defs/template"},
      {in_template + "/variants/0", "/$defs/variant"},
      {in_template + "/cells/0", "/$defs/cell"},
      {in_template + "/cells/0/edges/0", "/$defs/edge"},
      {in_template + "/stem", "/$defs/template/properties/stem"},
      {in_template + "/stages/0", "/$defs/stage"},
      {in_template + "/stages/0/blocks/0", "/$defs/block"},
      {in_template + "/head", "/$defs/template/properties/head"},
      {"/limits", "/properties/limits"},
      {"/recipe", "/properties/recipe"},
      {"/budget", "/properties/budget"},
      {"/reward", "/properties/reward"},
      {"/search", "/properties/search"},
      {"/partition", "/properties/partition"},
  };
  for (const auto& [place, of_schema] : places) {
    EXPECT_EQ(KnownKeys(task, place), SchemaKeys(schema, of_schema)) << place;
  }
}

TEST(TaskSchemaTest, HasTheKeysOfEveryKindOfDataset) {
  const Json schema = Schema();
  const std::pair<std::string, Json> datasets[] = {
      {"idx", {{"format", "idx"}}},
      {"cifar10", {{"format", "cifar10"}}},
      {"pictures", {{"images", "photos"}}},
      {"arrays", {{"arrays", "a.npz"}}},
      {"cifar100", {{"format", "cifar100"}}},
  };
  for (const auto& [name, dataset] : datasets) {
    EXPECT_EQ(KnownKeys(WholeTask(dataset), "/dataset"),
              SchemaKeys(schema, "/$defs/" + name))
        << name;
  }
  EXPECT_EQ(schema.at("properties").at("dataset").at("anyOf").size(),
            std::size(datasets));
}

// Every map that is no section of the table above would be missed by it.
void CheckMaps(const Json& part, const std::string& place, int& maps) {
  if (part.is_object() && part.contains("properties") &&
      part.at("properties").is_object() && part.contains("type")) {
    ++maps;
    for (const auto& [key, value] : part.at("properties").items()) {
      EXPECT_TRUE(value.contains("description") || value.contains("$ref"))
          << place << " " << key << " is not described";
    }
  }
  if (!part.is_structured()) return;
  for (const auto& [key, value] : part.items()) {
    CheckMaps(value, absl::StrCat(place, "/", key), maps);
  }
}

TEST(TaskSchemaTest, DescribesEveryKeyAndHasNoOtherMaps) {
  int maps = 0;
  CheckMaps(Schema(), "", maps);
  constexpr int kOfTheTables = 18 + 4;  // the dataset's idx is in both
  EXPECT_EQ(maps, kOfTheTables);
}

// Goal: what the schema says by itself is what a file without the key gets.
TEST(TaskSchemaTest, SaysTheDefaultsOfTheRecipe) {
  const Json recipe = Schema().at("properties").at("recipe").at("properties");
  Json spelt = WholeTask(IdxDataset());
  for (const auto& [key, value] : recipe.items()) {
    ASSERT_TRUE(value.contains("default")) << key;
    spelt["recipe"][key] = value.at("default");
  }
  Json bare = WholeTask(IdxDataset());
  bare["recipe"].erase("epochs");
  bare.erase("recipe");
  // Files with one dimension that is read, and nothing that is not.
  for (Json* task : {&spelt, &bare}) {
    (*task)["space"]["template"].erase("variants");
    (*task)["space"]["template"].erase("cells");
  }
  const auto with = ParseTaskFile(spelt.dump(1), "t", Usable, Usable);
  const auto without = ParseTaskFile(bare.dump(1), "t", Usable, Usable);
  ASSERT_TRUE(with.ok()) << with.status();
  ASSERT_TRUE(without.ok()) << without.status();
  EXPECT_EQ(with->spec.recipe, without->spec.recipe);
}

}  // namespace
}  // namespace archpool
