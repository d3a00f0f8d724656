// SPDX-License-Identifier: Apache-2.0
#include "client/reproduction.h"

#include <string>
#include <vector>

#include "common/model/arithmetic.h"
#include "common/wire/task_spec_wire.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/status_matchers.h"

namespace archpool {
namespace {

using ::testing::HasSubstr;

Reproduction SampleReproduction() {
  Reproduction sample{.task_id = 3, .trial_id = 9};
  sample.architecture_id = Sha256("network");
  sample.recipe.epochs = 2;
  sample.recipe.further_epochs = {3, 5};
  sample.manifest = {.shape = {3, 8, 6},
                     .classes = 4,
                     .train_count = 80,
                     .validation_count = 20,
                     .held_out_count = 10,
                     .train = Sha256("train"),
                     .validation = Sha256("validation"),
                     .mean_ppm = 300'000,
                     .deviation_ppm = 200'000};
  sample.held_out = Sha256("held out");
  sample.split_key = Sha256("split");
  for (const int64_t rung : {1, 2}) {
    sample.trainings.push_back(
        {.trial_id = 7 + rung,
         .rung = rung,
         .trial_key = Sha256("key " + std::to_string(rung)),
         .weights = Sha256("weights " + std::to_string(rung)),
         .correct = 15 + rung,
         .arithmetic = std::string(kArithmetic)});
  }
  sample.held_out_correct = 8;
  sample.task_file = "/somewhere/task.yaml";
  return sample;
}

TEST(ReproductionTest, IsReadAsItWasWritten) {
  const Reproduction sample = SampleReproduction();
  const auto read =
      ParseReproduction("r.json", ReproductionJson(sample).dump());
  ASSERT_THAT(read, IsOk());
  EXPECT_EQ(*read, sample);

  Reproduction least = sample;
  least.split_key.reset();
  least.held_out_correct.reset();
  least.task_file.clear();
  least.trainings.erase(least.trainings.begin());
  const auto again =
      ParseReproduction("r.json", ReproductionJson(least).dump());
  ASSERT_THAT(again, IsOk());
  EXPECT_EQ(*again, least);
}

TEST(ReproductionTest, KeysOfLaterVersionsArePassedOver) {
  Json json = ReproductionJson(SampleReproduction());
  json["mood"] = "sunny";
  json["recipe"]["mood"] = {1, 2};
  const auto read = ParseReproduction("r.json", json.dump());
  ASSERT_THAT(read, IsOk());
  EXPECT_EQ(*read, SampleReproduction());
  json["format_version"] = 2;
  EXPECT_THAT(ParseReproduction("r.json", json.dump()),
              FailsWith("RESULT_FILE_TOO_NEW"));
}

// Anybody may have made the file. Each change is at one place, and is named.
TEST(ReproductionTest, WhatIsBrokenIsNamed) {
  struct Damage {
    const char* place;  // as JSON pointers name it
    Json value;
    const char* said;
  };
  const std::string other = Sha256("other").ToString();
  const std::vector<Damage> damages = {
      {"/format", "archpool/architecture", "format"},
      {"/format", Json(), "format"},
      {"/format_version", "1", "format_version"},
      {"/task_id", 0, "task_id"},
      {"/task_id", -1, "task_id"},
      {"/trial_id", 1.5, "trial_id"},
      {"/trial_id", UINT64_MAX, "trial_id"},
      {"/architecture_id", "abc", "architecture_id"},
      {"/architecture_id", 7, "architecture_id"},
      {"/recipe", Json::array(), "recipe"},
      {"/recipe/epochs", 0, "epochs"},
      {"/recipe/epochs", "2", "epochs"},
      {"/recipe/batch_size", 1'000'000, "batch_size"},
      {"/recipe/batch_size", UINT64_MAX, "batch_size"},
      {"/recipe/segments", -3, "segments"},
      {"/recipe/horizontal_flip", 1, "horizontal_flip"},
      {"/recipe/further_epochs", 3, "further_epochs"},
      {"/recipe/further_epochs", std::vector<int>(9, 1), "further_epochs"},
      {"/recipe/further_epochs", Json::array({3, "5"}), "further_epochs"},
      {"/recipe/further_epochs", Json::array({3, 0}), "further_epochs"},
      {"/recipe/further_epochs", Json::array({3}), "trainings"},
      {"/dataset", 4, "dataset"},
      {"/dataset/dataset_id", other, "dataset_id"},
      {"/dataset/train_digest", other, "dataset_id"},
      {"/dataset/train_digest", Json::object(), "train_digest"},
      {"/dataset/channels", 0, "channels"},
      {"/dataset/height", 1'000'000'000, "height"},
      {"/dataset/train_count", INT64_MAX, "train_count"},
      {"/dataset/mean_ppm", 300'001, "dataset_id"},
      {"/dataset/split_key", "", "split_key"},
      {"/dataset/task_file", 5, "task_file"},
      {"/dataset/task_file", std::string(5'000, 'a'), "task_file"},
      {"/trainings", Json::array(), "trainings"},
      {"/trainings", 1, "trainings"},
      {"/trainings", std::vector<int>(4, 1), "trainings"},
      {"/trainings/0", "first", "trainings[0]"},
      {"/trainings/0/rung", 0, "trainings[1].rung"},
      {"/trainings/1/rung", 1, "trainings[1].rung"},
      {"/trainings/1/rung", 3, "trainings[1].rung"},
      {"/trainings/1/trial_key", nullptr, "trainings[1].trial_key"},
      {"/trainings/1/weights_digest", true, "trainings[1].weights_digest"},
      {"/trainings/0/validation_correct", 21,
       "trainings[0].validation_correct"},
      {"/trainings/0/arithmetic", std::string(200, 'x'),
       "trainings[0].arithmetic"},
      {"/held_out_correct", 11, "held_out_correct"},
  };
  for (const Damage& damage : damages) {
    Json json = ReproductionJson(SampleReproduction());
    json[Json::json_pointer(damage.place)] = damage.value;
    const auto read = ParseReproduction("r.json", json.dump());
    EXPECT_THAT(read, FailsWith("RESULT_FILE_MALFORMED")) << damage.place;
    EXPECT_THAT(std::string(read.status().message()), HasSubstr(damage.said));
    EXPECT_THAT(std::string(read.status().message()), HasSubstr("r.json"));
  }
}

// Every key that it needs is missed by its name.
TEST(ReproductionTest, WhatIsMissingIsNamed) {
  const Json whole = ReproductionJson(SampleReproduction());
  const auto expect_missed = [](const Json& json, const std::string& key) {
    const auto read = ParseReproduction("r.json", json.dump());
    EXPECT_THAT(read, FailsWith("RESULT_FILE_MALFORMED")) << key;
    EXPECT_THAT(std::string(read.status().message()), HasSubstr(key));
  };
  for (const auto& item : whole.items()) {
    if (item.key() == "held_out_correct") continue;
    Json json = whole;
    json.erase(item.key());
    expect_missed(json, item.key());
  }
  for (const char* part : {"recipe", "dataset"}) {
    for (const auto& item : whole[part].items()) {
      if (item.key() == "split_key" || item.key() == "task_file") continue;
      Json json = whole;
      json[part].erase(item.key());
      expect_missed(json, item.key());
    }
  }
  for (const auto& item : whole["trainings"][1].items()) {
    Json json = whole;
    json["trainings"][1].erase(item.key());
    expect_missed(json, item.key());
  }
}

TEST(ReproductionTest, NothingNestedOrEndlessHarms) {
  const std::string deep =
      std::string(100'000, '[') + std::string(100'000, ']');
  const std::string whole = ReproductionJson(SampleReproduction()).dump();
  // A later key of the same name is the one that counts.
  for (const char* key : {"format", "task_id", "architecture_id", "recipe",
                          "dataset", "trainings", "held_out_correct"}) {
    const std::string text =
        whole.substr(0, whole.size() - 1) + ",\"" + key + "\":" + deep + "}";
    EXPECT_THAT(ParseReproduction("r.json", text),
                FailsWith("RESULT_FILE_MALFORMED"))
        << key;
  }
  for (const std::string& text :
       {std::string(), std::string("null"), std::string("[]"), deep,
        std::string(1'000, '{'), whole.substr(0, whole.size() - 1),
        whole + whole, std::string(8, '\xff'),
        whole.substr(0, whole.size() - 1) + ",\"a\":\"" +
            std::string(300'000, 'a') + "\"}"}) {
    EXPECT_THAT(ParseReproduction("r.json", text),
                FailsWith("RESULT_FILE_MALFORMED"));
  }
}

// The pool's answer, and what it must not be.
TEST(ReproductionTest, AnAnswerBecomesAFile) {
  const Reproduction sample = SampleReproduction();
  v1::Task task;
  task.set_task_id(sample.task_id);
  *task.mutable_spec()->mutable_recipe() = wire::ToProto(sample.recipe);
  *task.mutable_manifest() = wire::ToProto(sample.manifest);
  v1::Trial trial;
  trial.set_trial_id(sample.trial_id);
  trial.set_architecture_id(sample.architecture_id.AsBytes());
  v1::GetReproductionResponse answer;
  for (const ReproducedTraining& one : sample.trainings) {
    auto& training = *answer.add_trainings();
    training.set_trial_id(one.trial_id);
    training.set_rung(one.rung);
    training.set_trial_key(one.trial_key.AsBytes());
    training.set_weights_digest(one.weights.AsBytes());
    training.set_validation_correct(one.correct);
    training.set_arithmetic(one.arithmetic);
  }
  answer.set_split_key(sample.split_key->AsBytes());
  answer.set_held_out_digest(sample.held_out.AsBytes());
  answer.set_held_out_correct(*sample.held_out_correct);
  const auto made = MakeReproduction(task, trial, answer, sample.task_file);
  ASSERT_THAT(made, IsOk());
  EXPECT_EQ(*made, sample);

  v1::GetReproductionResponse bad = answer;
  bad.mutable_trainings(1)->set_trial_key("short");
  EXPECT_THAT(MakeReproduction(task, trial, bad, ""),
              FailsWith("REPRODUCTION_MALFORMED"));
  bad = answer;
  bad.clear_trainings();
  EXPECT_THAT(MakeReproduction(task, trial, bad, ""),
              FailsWith("REPRODUCTION_MALFORMED"));
}

}  // namespace
}  // namespace archpool
