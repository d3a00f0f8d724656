// SPDX-License-Identifier: Apache-2.0
// What every store and reader has to do for the collection of blobs.
#include <algorithm>
#include <optional>
#include <variant>
#include <vector>

#include "server/storage/store_conformance.h"
#include "tests/support/random_records.h"
#include "tests/support/store_writer.h"

namespace archpool {
namespace {

using ::testing::IsEmpty;

// Each record that names a blob is found by it, of an ended task as of an open
// one.
TEST_P(StoreConformanceTest, ReaderFindsWhoNamesABlob) {
  Writer writer(backend_->NewWriter());
  RandomRecords records(12);
  ASSERT_THAT(writer.Commit(records.Next(1'000)), IsOk());
  Reader& reader = backend_->reader();
  int ended = 0;
  for (const auto& [id, trial] : records.All<Trial>()) {
    if (!trial.commitment) continue;
    const Task& task = records.All<Task>().at(trial.task);
    const auto found = reader.FindClaims({trial.commitment->weights_digest});
    ASSERT_THAT(found, IsOk());
    ASSERT_EQ(found->size(), 1U);
    ASSERT_EQ(found->front().trials.size(), 1U);
    const WeightsClaim& claim = found->front().trials.front();
    EXPECT_EQ(claim.trial, id);
    EXPECT_EQ(claim.task, trial.task);
    EXPECT_EQ(claim.account, trial.account);
    EXPECT_EQ(claim.state, trial.state);
    EXPECT_EQ(claim.task_end_time, task.end_time);
    EXPECT_EQ(found->front().weights,
              std::vector{records.All<StoredWeights>().at(id)});
    ended += task.end_time ? 1 : 0;
  }
  EXPECT_GT(ended, 0);
  for (const auto& [id, dataset] : records.All<DatasetRecord>()) {
    bool has_open_task = false;
    std::optional<absl::Time> last_end_time;
    for (const auto& [task_id, task] : records.All<Task>()) {
      if (task.spec->dataset != id) continue;
      has_open_task |= !task.end_time;
      last_end_time = std::max(last_end_time, task.end_time);
    }
    const auto found =
        reader.FindClaims({dataset.manifest.train, dataset.manifest.validation,
                           dataset.held_out});
    ASSERT_THAT(found, IsOk());
    for (const BlobClaims& claims : *found) {
      ASSERT_EQ(claims.datasets.size(), 1U);
      EXPECT_EQ(claims.datasets.front().dataset, dataset);
      EXPECT_EQ(claims.datasets.front().has_open_task, has_open_task);
      EXPECT_EQ(claims.datasets.front().last_end_time, last_end_time);
    }
  }
  const auto of_none = reader.FindClaims({Sha256("nobody's")});
  ASSERT_THAT(of_none, IsOk());
  EXPECT_EQ(of_none->front().digest, Sha256("nobody's"));
  EXPECT_THAT(of_none->front().trials, IsEmpty());
}

// What goes is there no more; what is not there cannot go: whatever counts on
// it would be given back twice.
TEST_P(StoreConformanceTest, RecordsGoOnceAndAlone) {
  const SmallPool pool;
  StoredFile file{.account = pool.client.id,
                  .digest = Sha256("file"),
                  .size_bytes = 5,
                  .create_time = absl::UnixEpoch()};
  StoredFile other = file;
  other.digest = Sha256("other");
  StoredWeights weights{.trial = pool.trial.id,
                        .account = pool.miner.id,
                        .digest = Sha256("weights"),
                        .size_bytes = 7};
  Writer writer(backend_->NewWriter());
  ASSERT_THAT(writer.Commit(pool.Events()), IsOk());
  ASSERT_THAT(writer.Commit({file, other, weights}), IsOk());
  const auto claims = [&] {
    return *backend_->reader().FindClaims(
        {file.digest, other.digest, weights.digest});
  };
  ASSERT_EQ(claims()[0].files, std::vector{file});
  ASSERT_EQ(claims()[2].weights, std::vector{weights});

  file.is_gone = true;
  weights.is_gone = true;
  const StorageUse use{.account = pool.client.id, .file_bytes = 1};
  ASSERT_THAT(writer.Commit({file, weights, use}), IsOk());
  EXPECT_THAT(claims()[0].files, IsEmpty());
  EXPECT_THAT(claims()[2].weights, IsEmpty());
  EXPECT_EQ(claims()[1].files, std::vector{other});

  StorageUse twice = use;
  twice.file_bytes = 0;
  EXPECT_THAT(writer.Commit({file, twice}), FailsWith("CONSTRAINT"));
  EXPECT_THAT(writer.Commit({twice, weights}), FailsWith("CONSTRAINT"));
  std::vector<Event> kept;
  const Writer next(backend_->NewWriter());
  for (const Event& event : next.loaded().snapshot.records) {
    if (std::holds_alternative<StorageUse>(event) ||
        std::holds_alternative<StoredFile>(event)) {
      kept.push_back(event);
    }
  }
  EXPECT_EQ(kept, (std::vector<Event>{other, use})) << "nothing of it is there";
}

}  // namespace
}  // namespace archpool
