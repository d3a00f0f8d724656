// SPDX-License-Identifier: Apache-2.0
// archpool reproduce: a network of a result, trained again from nothing and
// compared with what the pool gave, bit for bit.
#ifndef ARCHPOOL_CLIENT_REPRODUCE_H_
#define ARCHPOOL_CLIENT_REPRODUCE_H_

#include <cstdint>
#include <functional>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "client/context.h"
#include "client/reproduction.h"
#include "client/weights_difference.h"
#include "common/data/safetensors.h"
#include "common/data/split.h"
#include "common/export/exported_network.h"
#include "common/kernels/simd.h"

namespace archpool {

// A folder's network with what it is compared by. Value type.
struct ReproducibleNetwork {
  ExportedNetwork network;
  TensorMap weights;  // of the folder; of the plan's shapes, any bits
  Reproduction reproduction;
};

// Reads architecture.json, weights.safetensors and reproduction.json in
// `directory`, which may come from anybody. Errors, whose messages name the
// file: ReadFile's, ParseArchitecture's and ParseReproduction's;
// INVALID_ARGUMENT: RESULT_FILE_MALFORMED (weights that are broken, or files of
// different networks); ARITHMETIC_REPLACED (it was trained in an arithmetic
// that this archpool does not have).
absl::StatusOr<ReproducibleNetwork> ReadReproducible(
    const std::string& directory);

// What training again came to. Value type.
struct Reproduced {
  // The trainings that were done: all of them, or those up to the first whose
  // weights are others than those that were committed.
  struct Training {
    Digest weights;
    int64_t correct = 0;  // on the validation split
  };
  std::vector<Training> trainings;
  // Where all trainings were done: on the held-out split, and where the
  // folder's weights differ from those trained here.
  int64_t held_out_correct = 0;
  std::optional<WeightsDifference> difference;
};

// Hears how far it is; on the training thread.
using ReproductionProgress =
    std::function<void(size_t training, int64_t step, int64_t steps)>;

// Trains the network again, one training after the other. The bits do not
// depend on `machine`. kernels::Train's errors.
absl::StatusOr<Reproduced> Reproduce(const ReproducibleNetwork& of,
                                     const DatasetSplit& data,
                                     const kernels::Machine& machine,
                                     const std::stop_token& stop,
                                     const ReproductionProgress& progress);

// OK, or ABORTED: WEIGHTS_DIFFER (the weights that were committed, or those in
// the folder, are not the ones that the training comes to), CLAIM_DIFFERS (they
// are, and another number of answers is correct than was claimed or measured).
absl::Status JudgeReproduced(const Reproduction& wanted,
                             const Reproduced& reproduced);

struct ReproduceFlags {
  std::string directory;
  std::string task_file;  // "": what the folder remembers
  int64_t threads = 0;    // 0: all that this machine has
  std::string simd;       // "": the widest
};
// Shows the verdict. JudgeReproduced's errors, and those of all that it takes;
// FAILED_PRECONDITION (ARITHMETIC_DIFFERS): this machine cannot tell.
absl::Status RunReproduce(Context& context, const ReproduceFlags& flags);

}  // namespace archpool

#endif  // ARCHPOOL_CLIENT_REPRODUCE_H_
