// SPDX-License-Identifier: Apache-2.0
#include "common/nn/trial.h"

#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <functional>
#include <limits>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "common/base/counter_rng.h"
#include "common/base/status.h"
#include "gtest/gtest.h"
#include "tests/support/plan_builder.h"

namespace archpool::nn {
namespace {

// Class c is a bright bar across row block c on a noisy ground: learnt within
// a few steps by anything that trains at all.
Dataset BarImages(int64_t count, uint64_t key) {
  Dataset data;
  data.shape = {1, 16, 16};
  data.classes = 4;
  CounterRng rng(key, 0);
  for (int64_t i = 0; i < count; ++i) {
    const auto label = static_cast<uint8_t>(rng.Below(4));
    for (uint32_t y = 0; y < 16; ++y) {
      for (uint32_t x = 0; x < 16; ++x) {
        const uint32_t bar = y / 4 == label ? 120u : 0u;
        data.images.push_back(static_cast<uint8_t>(bar + rng.Below(100)));
      }
    }
    data.labels.push_back(label);
  }
  return data;
}

Recipe ShortRecipe() {
  Recipe recipe;
  recipe.batch_size = 32;
  recipe.epochs = 2;
  recipe.shift_pixels_max = 1;
  recipe.horizontal_flip = true;
  recipe.label_smoothing_ppm = 50'000;
  return recipe;
}

LayerPlan Plan() { return testing::EveryLayerKind({1, 16, 16}, 4); }

absl::StatusOr<TrainedNetwork> TrainShort(
    const Digest& key, const ProgressCallback& progress = nullptr) {
  static const Dataset train = BarImages(512, 1);
  static const Dataset validation = BarImages(200, 2);
  return Train(Plan(), ShortRecipe(), {}, key, {300'000, 200'000}, train,
               validation, progress);
}

// One digest over every bit of the weights.
std::string Fingerprint(const TensorMap& weights) {
  Sha256Stream stream;
  for (const auto& [name, tensor] : weights) {
    stream.Update(name);
    stream.Update(
        absl::string_view(reinterpret_cast<const char*>(tensor.values.data()),
                          tensor.values.size() * sizeof(float)));
  }
  return stream.Finish().ToString();
}

class TrialTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() { ConfigureRuntime(1); }
};

// The child is a process of its own: its output is its fingerprint.
TEST_F(TrialTest, TheSameTrialGivesTheSameBitsInEveryProcess) {
  int channel[2];
  ASSERT_EQ(pipe(channel), 0);
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    const auto trained = TrainShort(Sha256("key"));
    const std::string text = trained.ok() ? Fingerprint(trained->weights) : "";
    const ssize_t written = write(channel[1], text.data(), text.size());
    _exit(written == 64 ? 0 : 1);
  }
  close(channel[1]);
  std::string of_child(64, ' ');
  ASSERT_EQ(read(channel[0], of_child.data(), of_child.size()), 64);
  int status = 0;
  waitpid(child, &status, 0);
  EXPECT_EQ(status, 0);

  const auto first = TrainShort(Sha256("key"));
  ASSERT_TRUE(first.ok()) << first.status();
  EXPECT_EQ(Fingerprint(first->weights), of_child);
  // Another thread, with a heap that is not fresh any more.
  std::string of_thread;
  std::thread([&] {
    of_thread = Fingerprint(TrainShort(Sha256("key"))->weights);
  }).join();
  EXPECT_EQ(of_thread, of_child);
}

TEST_F(TrialTest, AnotherKeyGivesAnotherNetwork) {
  EXPECT_NE(Fingerprint(TrainShort(Sha256("a"))->weights),
            Fingerprint(TrainShort(Sha256("b"))->weights));
}

// Held-out examples of a task that a linear model solves: far above chance.
TEST_F(TrialTest, LearnsAndItsWeightsRepeatTheClaim) {
  double first_loss = 0;
  double last_loss = 0;
  const auto trained =
      TrainShort(Sha256("key"), [&](const TrainingProgress& progress) {
        if (progress.step == 1) first_loss = progress.loss;
        last_loss = progress.loss;
        EXPECT_EQ(progress.steps, 32);
        return true;
      });
  ASSERT_TRUE(trained.ok()) << trained.status();
  EXPECT_LT(last_loss, 0.6 * first_loss);
  EXPECT_GT(trained->validation_correct, 160);
  const auto correct = CountCorrect(Plan(), trained->weights,
                                    {300'000, 200'000}, BarImages(200, 2));
  ASSERT_TRUE(correct.ok()) << correct.status();
  EXPECT_EQ(*correct, trained->validation_correct);
}

absl::StatusOr<TrainedNetwork> TrainRung(const RungSpan& span,
                                         int64_t* steps = nullptr) {
  static const Dataset train = BarImages(512, 1);
  static const Dataset validation = BarImages(200, 2);
  Recipe recipe = ShortRecipe();
  recipe.epochs = 1;
  recipe.further_epochs = {1, 2};
  return Train(Plan(), recipe, span, Sha256("key"), {300'000, 200'000}, train,
               validation, [steps](const TrainingProgress& progress) {
                 if (steps != nullptr) *steps = progress.steps;
                 return true;
               });
}

TEST_F(TrialTest, ARungGoesOnFromTheOneBelow) {
  int64_t steps = 0;
  const auto first = TrainRung({0, nullptr}, &steps);
  ASSERT_TRUE(first.ok()) << first.status();
  EXPECT_EQ(steps, 16);
  const auto second = TrainRung({1, &first->weights}, &steps);
  ASSERT_TRUE(second.ok()) << second.status();
  EXPECT_EQ(steps, 16);
  const auto third = TrainRung({2, &second->weights}, &steps);
  ASSERT_TRUE(third.ok()) << third.status();
  EXPECT_EQ(steps, 32);
  EXPECT_GE(third->validation_correct, first->validation_correct);
  EXPECT_EQ(Fingerprint(TrainRung({2, &second->weights})->weights),
            Fingerprint(third->weights))
      << "a rung can be replayed from the weights below";
}

Recipe InSegments(int64_t segments) {
  Recipe recipe = ShortRecipe();
  recipe.further_epochs = {1};
  recipe.segments = segments;
  return recipe;
}

struct Segmented {
  std::vector<Checkpoint> checkpoints;
  TensorMap weights;
};

Segmented TrainInSegments(const Recipe& recipe, const RungSpan& span) {
  static const Dataset train = BarImages(512, 1);
  static const Dataset validation = BarImages(200, 2);
  Segmented result;
  auto trained = Train(
      Plan(), recipe, span, Sha256("key"), {300'000, 200'000}, train,
      validation, nullptr, [&](const Checkpoint& checkpoint) -> absl::Status {
        EXPECT_EQ(checkpoint.boundary,
                  static_cast<int64_t>(result.checkpoints.size()));
        result.checkpoints.push_back(checkpoint);
        return absl::OkStatus();
      });
  EXPECT_TRUE(trained.ok()) << trained.status();
  result.weights = std::move(trained->weights);
  return result;
}

absl::StatusOr<Checkpoint> Replay(const Recipe& recipe, const RungSpan& span,
                                  const Checkpoint& from,
                                  const std::string& key = "key") {
  static const Dataset train = BarImages(512, 1);
  return ReplaySegment(Plan(), recipe, span, Sha256(key), {300'000, 200'000},
                       train, from);
}

// Two rungs of 32 and 16 steps in 7 segments: one of them crosses the rungs.
TEST_F(TrialTest, EverySegmentIsReplayedBitForBit) {
  const Recipe recipe = InSegments(7);
  const RungSpan span{.rung = 1};
  const Segmented training = TrainInSegments(recipe, span);
  ASSERT_EQ(training.checkpoints.size(), 8u);
  for (size_t k = 0; k + 1 < training.checkpoints.size(); ++k) {
    const Checkpoint& next = training.checkpoints[k + 1];
    const auto replayed = Replay(recipe, span, training.checkpoints[k]);
    ASSERT_TRUE(replayed.ok()) << replayed.status();
    EXPECT_EQ(*replayed, next) << k;
    EXPECT_NE(next.weights, training.checkpoints[k].weights) << k;
  }
  EXPECT_EQ(training.checkpoints[7].weights, training.weights);
}

TEST_F(TrialTest, ASegmentOfAResumedRungIsReplayedWithoutTheWeightsBelow) {
  const Recipe recipe = InSegments(4);
  const Segmented first = TrainInSegments(recipe, {.rung = 0});
  const RungSpan span{.rung = 1, .resumed = &first.weights};
  const Segmented second = TrainInSegments(recipe, span);
  const TensorMap anything;
  const auto replayed =
      Replay(recipe, {.rung = 1, .resumed = &anything}, second.checkpoints[2]);
  ASSERT_TRUE(replayed.ok()) << replayed.status();
  EXPECT_EQ(*replayed, second.checkpoints[3]);
}

// What a cheat would hand in does not lead where it says.
TEST_F(TrialTest, AReplayTellsASegmentThatWasNotTrained) {
  const Recipe recipe = InSegments(6);
  const RungSpan span{.rung = 0};
  const Segmented honest = TrainInSegments(recipe, span);
  const Checkpoint& from = honest.checkpoints[2];
  const Checkpoint& to = honest.checkpoints[3];
  const auto leads_to = [&](const Checkpoint& begin, const std::string& key) {
    Checkpoint led = *Replay(recipe, span, begin, key);
    led.boundary = to.boundary;
    return led;
  };
  ASSERT_EQ(leads_to(from, "key"), to);
  EXPECT_NE(leads_to(from, "another seed"), to);
  Checkpoint skipped = from;  // a segment later than it is
  ++skipped.boundary;
  EXPECT_NE(leads_to(skipped, "key"), to);
  Checkpoint touched = from;  // one bit of one weight
  float& weight = touched.weights.begin()->second.values[0];
  weight = std::nextafter(weight, 1.0f);
  EXPECT_NE(leads_to(touched, "key"), to);
  Checkpoint restless = from;  // without the optimiser's memory
  for (auto& [name, tensor] : restless.optimizer) {
    std::fill(tensor.values.begin(), tensor.values.end(), 0.0f);
  }
  EXPECT_NE(leads_to(restless, "key"), to);
}

// What a worker does after a crash, and a verifier before a first segment.
TEST_F(TrialTest, GoesOnFromACheckpointToTheSameEnd) {
  const Recipe recipe = InSegments(6);
  const RungSpan span{.rung = 1};
  const Segmented whole = TrainInSegments(recipe, span);
  const auto start = StartTraining(Plan(), recipe, span, Sha256("key"),
                                   {300'000, 200'000}, BarImages(512, 1));
  ASSERT_TRUE(start.ok()) << start.status();
  EXPECT_EQ(*start, whole.checkpoints[0]);
  std::vector<Checkpoint> rest;
  const auto trained = Train(
      Plan(), recipe, span, Sha256("key"), {300'000, 200'000},
      BarImages(512, 1), BarImages(200, 2), nullptr,
      [&](const Checkpoint& checkpoint) {
        rest.push_back(checkpoint);
        return absl::OkStatus();
      },
      &whole.checkpoints[4]);
  ASSERT_TRUE(trained.ok()) << trained.status();
  EXPECT_EQ(trained->weights, whole.weights);
  ASSERT_EQ(rest.size(), 2u);
  EXPECT_EQ(rest[0], whole.checkpoints[5]);
  EXPECT_EQ(rest[1], whole.checkpoints[6]);
}

TEST_F(TrialTest, RefusesCheckpointsThatAreNotTheTrainings) {
  const Recipe recipe = InSegments(2);
  const RungSpan span{.rung = 0};
  const Checkpoint good = TrainInSegments(recipe, span).checkpoints[1];
  const auto reason = [&](const std::function<void(Checkpoint&)>& spoil) {
    Checkpoint bad = good;
    spoil(bad);
    return GetReason(Replay(recipe, span, bad).status());
  };
  const std::string malformed = "CHECKPOINT_MALFORMED";
  EXPECT_EQ(reason([](Checkpoint&) {}), "");
  EXPECT_EQ(reason([](Checkpoint& c) { c.boundary = -1; }), malformed);
  EXPECT_EQ(reason([](Checkpoint& c) { c.boundary = 2; }), malformed);
  EXPECT_EQ(reason([](Checkpoint& c) { c.boundary = 3; }), malformed);
  EXPECT_EQ(reason([](Checkpoint& c) { c.weights.clear(); }), malformed);
  EXPECT_EQ(reason([](Checkpoint& c) { c.optimizer.clear(); }), malformed);
  EXPECT_EQ(reason([](Checkpoint& c) {
              c.optimizer["more"] = Tensor{{1}, {0}};
            }),
            malformed);
  EXPECT_EQ(reason([](Checkpoint& c) {
              c.optimizer.rbegin()->second.values.push_back(0);
            }),
            malformed);
  // A training that diverged can be replayed as well.
  EXPECT_EQ(reason([](Checkpoint& c) {
              c.weights.begin()->second.values[0] = std::nanf("");
            }),
            "");
}

TEST_F(TrialTest, WithoutWeightsEveryRungIsTrained) {
  int64_t steps = 0;
  const auto all = TrainRung({2, nullptr}, &steps);
  ASSERT_TRUE(all.ok()) << all.status();
  EXPECT_EQ(steps, 64);
  EXPECT_EQ(Fingerprint(TrainRung({2, nullptr})->weights),
            Fingerprint(all->weights));
}

TEST_F(TrialTest, RefusesToGoOnFromOtherWeights) {
  const TensorMap none;
  EXPECT_EQ(GetReason(TrainRung({1, &none}).status()), "WEIGHTS_MISMATCH");
}

TEST_F(TrialTest, StopsWhenTold) {
  int64_t last = 0;
  const auto trained =
      TrainShort(Sha256("key"), [&](const TrainingProgress& progress) {
        last = progress.step;
        return progress.step < 3;
      });
  EXPECT_EQ(trained.status().code(), absl::StatusCode::kCancelled);
  EXPECT_EQ(GetReason(trained.status()), "TRAINING_STOPPED");
  EXPECT_EQ(last, 3);
}

// After the last step: counting a large split may take long.
TEST_F(TrialTest, StopsInItsEvaluationWhenTold) {
  int calls_at_the_end = 0;
  const auto trained =
      TrainShort(Sha256("key"), [&](const TrainingProgress& progress) {
        if (progress.step == progress.steps) ++calls_at_the_end;
        return calls_at_the_end < 2;
      });
  EXPECT_EQ(GetReason(trained.status()), "TRAINING_STOPPED");
  EXPECT_EQ(calls_at_the_end, 2);
}

TEST_F(TrialTest, RefusesWeightsThatAreNotThePlans) {
  const TensorMap weights = TrainShort(Sha256("key"))->weights;
  const Dataset data = BarImages(10, 3);
  const auto reason_of = [&](const TensorMap& changed) {
    return GetReason(
        CountCorrect(Plan(), changed, Normalization{}, data).status());
  };
  TensorMap changed = weights;
  changed.erase(changed.begin());
  EXPECT_EQ(reason_of(changed), "WEIGHTS_MISMATCH");

  changed = weights;
  changed["layers.0.surplus"] = Tensor{{1}, {0.0f}};
  EXPECT_EQ(reason_of(changed), "WEIGHTS_MISMATCH");

  changed = weights;
  changed["layers.0.weight"].shape = {8, 9, 1, 1};
  EXPECT_EQ(reason_of(changed), "WEIGHTS_MISMATCH");

  changed = weights;
  changed["layers.0.weight"].values.pop_back();
  EXPECT_EQ(reason_of(changed), "WEIGHTS_MISMATCH");

  for (const float bad : {std::numeric_limits<float>::quiet_NaN(),
                          -std::numeric_limits<float>::infinity()}) {
    changed = weights;
    changed["layers.1.running_var"].values[2] = bad;
    EXPECT_EQ(reason_of(changed), "WEIGHTS_NOT_FINITE");
  }
}

// A negative variance is finite and makes every logit a NaN.
TEST_F(TrialTest, LogitsThatAreNoNumbersCountAsWrong) {
  TensorMap weights = TrainShort(Sha256("key"))->weights;
  for (float& value : weights["layers.1.running_var"].values) value = -1.0f;
  const auto correct =
      CountCorrect(Plan(), weights, Normalization{}, BarImages(100, 3));
  ASSERT_TRUE(correct.ok()) << correct.status();
  EXPECT_EQ(*correct, 0);
}

// A decay of ten times the weights in every step ends in infinities; that is a
// poor result, no error.
TEST_F(TrialTest, ADivergedTrainingHasNothingRight) {
  Recipe recipe = ShortRecipe();
  recipe.learning_rate_ppm = 10'000'000;
  recipe.weight_decay_ppm = 1'000'000;
  recipe.epochs = 20;
  const Dataset data = BarImages(256, 1);
  const auto trained =
      Train(Plan(), recipe, {}, Sha256("key"), Normalization{}, data, data, {});
  ASSERT_TRUE(trained.ok()) << trained.status();
  EXPECT_EQ(trained->validation_correct, 0);
}

// Behind that point everything is NaN, which anybody could commit to unseen.
TEST_F(TrialTest, ADivergedTrainingEndsAtTheFirstSuchBoundary) {
  Recipe recipe = ShortRecipe();
  recipe.learning_rate_ppm = 10'000'000;
  recipe.weight_decay_ppm = 1'000'000;
  recipe.epochs = 20;
  const Dataset data = BarImages(256, 1);
  std::vector<Checkpoint> seen;
  const auto keep = [&](const Checkpoint& checkpoint) {
    seen.push_back(checkpoint);
    return absl::OkStatus();
  };
  const auto trained = Train(Plan(), recipe, {}, Sha256("key"), Normalization{},
                             data, data, {}, keep);
  ASSERT_TRUE(trained.ok()) << trained.status();
  ASSERT_LT(std::ssize(seen), recipe.segments + 1);
  for (size_t i = 0; i + 1 < seen.size(); ++i) {
    EXPECT_FALSE(HasDiverged(seen[i].weights)) << i;
  }
  EXPECT_TRUE(HasDiverged(seen.back().weights));
  EXPECT_EQ(SerializeSafetensors(seen.back().weights),
            SerializeSafetensors(trained->weights))
      << "compared as bytes: no NaN equals itself";

  // An audit of the last segment comes to the same bytes.
  const auto replayed =
      ReplaySegment(Plan(), recipe, {}, Sha256("key"), Normalization{}, data,
                    seen[seen.size() - 2]);
  ASSERT_TRUE(replayed.ok()) << replayed.status();
  EXPECT_EQ(SerializeCheckpoint(*replayed).weights,
            SerializeCheckpoint(seen.back()).weights);
  EXPECT_EQ(SerializeCheckpoint(*replayed).optimizer,
            SerializeCheckpoint(seen.back()).optimizer);

  // Whoever continues from the end has nothing left to do.
  const size_t boundaries = seen.size();
  const Checkpoint last = seen.back();
  ASSERT_TRUE(Train(Plan(), recipe, {}, Sha256("key"), Normalization{}, data,
                    data, {}, keep, &last)
                  .ok());
  EXPECT_EQ(seen.size(), boundaries);
}

TEST_F(TrialTest, RefusesDataOfAnotherShape) {
  const Dataset data = BarImages(64, 1);
  const LayerPlan plan = testing::ThreeLayerCnn();
  EXPECT_EQ(GetReason(Train(plan, ShortRecipe(), {}, Sha256("key"),
                            Normalization{}, data, data, {})
                          .status()),
            "DATA_MISMATCH");
  EXPECT_EQ(GetReason(CountCorrect(plan, {}, Normalization{}, data).status()),
            "DATA_MISMATCH");
  EXPECT_EQ(
      GetReason(
          CountCorrect(Plan(), {}, Normalization{}, BarImages(0, 1)).status()),
      "DATA_MISMATCH");
}

}  // namespace
}  // namespace archpool::nn
