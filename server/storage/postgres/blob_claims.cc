// SPDX-License-Identifier: Apache-2.0
#include "server/storage/postgres/blob_claims.h"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "absl/container/btree_map.h"
#include "absl/container/btree_set.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "common/base/words.h"
#include "server/storage/postgres/array_text.h"
#include "server/storage/postgres/load.h"
#include "server/storage/postgres/query.h"
#include "server/storage/postgres/rows.h"

namespace archpool::postgres {
namespace {

constexpr char kTrialsSql[] =
    "SELECT encode(trial.weights_digest, 'hex'), trial.id, trial.task_id,"
    " trial.state, (extract(epoch FROM task.end_time) * 1000000)::bigint,"
    " trial.account_id"
    " FROM trial JOIN task ON task.id = trial.task_id"
    " WHERE trial.weights_digest IS NOT NULL"
    " AND trial.weights_digest = ANY ($1::bytea[]) ORDER BY trial.id";
constexpr char kUsesSql[] =
    "SELECT encode(dataset_id, 'hex'), bool_or(end_time IS NULL),"
    " (extract(epoch FROM max(end_time)) * 1000000)::bigint"
    " FROM task WHERE dataset_id = ANY ($1::bytea[]) GROUP BY dataset_id";
constexpr char kDatasetsWhere[] =
    "WHERE train_digest = ANY ($1::bytea[])"
    " OR validation_digest = ANY ($1::bytea[])"
    " OR held_out_digest = ANY ($1::bytea[]) ORDER BY id";

using ClaimsByBlob = absl::btree_map<Digest, BlobClaims>;

template <typename Digests>
Parameters ArrayOf(const Digests& digests) {
  ArrayText array;
  for (const Digest& digest : digests) array.AddBytes(digest.bytes);
  return {std::move(array).Take()};
}

std::optional<absl::Time> TimeIn(const pqxx::field& micros) {
  if (micros.is_null()) return std::nullopt;
  return absl::FromUnixMicros(micros.as<int64_t>());
}

absl::Status AddDatasets(pqxx::transaction_base& transaction,
                         const Parameters& blobs, ClaimsByBlob& claims) {
  ARCHPOOL_ASSIGN_OR_RETURN(
      const std::vector<DatasetRecord> datasets,
      Select(transaction, DatasetTable(), kDatasetsWhere, blobs));
  if (datasets.empty()) return absl::OkStatus();
  absl::btree_map<Digest, DatasetClaim> found;
  absl::btree_set<Digest> ids;
  for (const DatasetRecord& dataset : datasets) {
    found[dataset.id] = {.dataset = dataset};
    ids.insert(dataset.id);
  }
  for (const auto& row : Execute(transaction, kUsesSql, ArrayOf(ids))) {
    ARCHPOOL_ASSIGN_OR_RETURN(const Digest id, Digest::Parse(TextOf(row[0])));
    found[id].has_open_task = row[1].as<bool>();
    found[id].last_end_time = TimeIn(row[2]);
  }
  for (const auto& [id, claim] : found) {
    const DatasetRecord& dataset = claim.dataset;
    // The same part of two datasets names each of them once.
    const absl::btree_set<Digest> splits = {
        dataset.manifest.train, dataset.manifest.validation, dataset.held_out};
    for (const Digest& split : splits) {
      const auto blob = claims.find(split);
      if (blob != claims.end()) blob->second.datasets.push_back(claim);
    }
  }
  return absl::OkStatus();
}

absl::Status AddTrials(pqxx::transaction_base& transaction,
                       const Parameters& blobs, ClaimsByBlob& claims) {
  for (const auto& row : Execute(transaction, kTrialsSql, blobs)) {
    ARCHPOOL_ASSIGN_OR_RETURN(const Digest digest,
                              Digest::Parse(TextOf(row[0])));
    const std::optional<TrialState> state =
        FindWord<TrialState>(TextOf(row[3]));
    if (!state) {
      return Internal(
          "STORE_CORRUPT",
          absl::StrCat("the database holds a trial with the unknown state '",
                       TextOf(row[3]), "'"));
    }
    claims[digest].trials.push_back({.trial = TrialId{row[1].as<int64_t>()},
                                     .task = TaskId{row[2].as<int64_t>()},
                                     .account = AccountId{row[5].as<int64_t>()},
                                     .state = *state,
                                     .task_end_time = TimeIn(row[4])});
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::vector<BlobClaims>> FindClaims(
    pqxx::transaction_base& transaction, const std::vector<Digest>& blobs) {
  ClaimsByBlob claims;
  for (const Digest& blob : blobs) claims[blob].digest = blob;
  const Parameters parameters = ArrayOf(blobs);
  ARCHPOOL_ASSIGN_OR_RETURN(
      const std::vector<StoredFile> files,
      Select(transaction, StoredFileTable(),
             "WHERE digest = ANY ($1::bytea[]) ORDER BY account_id, digest",
             parameters));
  for (const StoredFile& file : files) {
    claims[file.digest].files.push_back(file);
  }
  ARCHPOOL_RETURN_IF_ERROR(AddDatasets(transaction, parameters, claims));
  ARCHPOOL_RETURN_IF_ERROR(AddTrials(transaction, parameters, claims));
  ARCHPOOL_ASSIGN_OR_RETURN(
      const std::vector<StoredWeights> weights,
      Select(transaction, StoredWeightsTable(),
             "WHERE digest = ANY ($1::bytea[]) ORDER BY trial_id", parameters));
  for (const StoredWeights& one : weights) {
    claims[one.digest].weights.push_back(one);
  }
  std::vector<BlobClaims> answers;
  answers.reserve(blobs.size());
  for (const Digest& blob : blobs) answers.push_back(claims[blob]);
  return answers;
}

}  // namespace archpool::postgres
