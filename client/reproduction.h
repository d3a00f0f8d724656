// SPDX-License-Identifier: Apache-2.0
// What decides the training of a network of a result: reproduction.json of its
// folder (docs/networks.md), from which `archpool reproduce` trains it again.
// Value types and pure functions; thread-safe.
#ifndef ARCHPOOL_CLIENT_REPRODUCTION_H_
#define ARCHPOOL_CLIENT_REPRODUCTION_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "archpool/v1/task.pb.h"
#include "client/json.h"
#include "common/crypto/sha256.h"
#include "common/model/dataset_manifest.h"
#include "common/model/task_spec.h"

namespace archpool {

// Grows when a program that knows the older one would compute something else.
// Keys that are new do not change it.
inline constexpr int64_t kReproductionFormatVersion = 1;
// Nine trainings take some kilobytes.
inline constexpr int64_t kReproductionBytesMax = int64_t{256} << 10;

// What one trial added to a network.
struct ReproducedTraining {
  int64_t trial_id = 0;
  int64_t rung = 0;        // up to which it trained
  Digest trial_key;        // all that is random in it comes from this
  Digest weights;          // as they were committed
  int64_t correct = 0;     // on the validation split, as its miner claimed
  std::string arithmetic;  // that it was trained in

  friend bool operator==(const ReproducedTraining&,
                         const ReproducedTraining&) = default;
};

struct Reproduction {
  int64_t task_id = 0;
  int64_t trial_id = 0;  // of the task: of a known result not the trained one
  Digest architecture_id;
  Recipe recipe;
  DatasetManifest manifest;
  Digest held_out;  // of the held-out split's blob
  // What the draw of the splits from the client's files follows from; unset:
  // the pool had not noted it.
  std::optional<Digest> split_key;
  // In their order, each of the rung above the one before; the first begins
  // from nothing. At least one.
  std::vector<ReproducedTraining> trainings;
  // On the held-out split, as a verifier counted; unset: none did.
  std::optional<int64_t> held_out_correct;
  // The task's file on the machine that saved the result; "": not known.
  std::string task_file;

  friend bool operator==(const Reproduction&, const Reproduction&) = default;
};

// The one of a trial of `task`, by what the pool answers about it. `task_file`:
// "" for none. INTERNAL (REPRODUCTION_MALFORMED): the answer is none that can
// be followed.
absl::StatusOr<Reproduction> MakeReproduction(
    const v1::Task& task, const v1::Trial& trial,
    const v1::GetReproductionResponse& answer, const std::string& task_file);

Json ReproductionJson(const Reproduction& reproduction);

// What ReproductionJson wrote, maybe among other keys; the text may be
// anybody's. Messages begin with `name`. INVALID_ARGUMENT:
// RESULT_FILE_MALFORMED (no JSON; a key missing, of another type or outside its
// range; trainings that do not follow each other); RESULT_FILE_TOO_NEW.
absl::StatusOr<Reproduction> ParseReproduction(absl::string_view name,
                                               absl::string_view text);

}  // namespace archpool

#endif  // ARCHPOOL_CLIENT_REPRODUCTION_H_
