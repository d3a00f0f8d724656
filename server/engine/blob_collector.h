// SPDX-License-Identifier: Apache-2.0
// Removes blobs that nothing needs any more, and parts of uploads that nobody
// continued, while the server runs (docs/adr/0045-keep-what-is-needed.md).
//
// It goes through the blobs that are there, and asks the store who names them.
// What is over (server/core/rules/retention.h) is ended by a command, which
// takes the bytes from the sums of who had them; a blob goes after that is
// committed, where nothing is left that names it. A kill in between leaves a
// blob that nothing names, which the next round finds. A blob that is new, or
// was relied on of late, waits for `unclaimed_kept`, and no longer than twice
// that.
//
// Start and Stop are for one thread.
#ifndef ARCHPOOL_SERVER_ENGINE_BLOB_COLLECTOR_H_
#define ARCHPOOL_SERVER_ENGINE_BLOB_COLLECTOR_H_

#include <cstdint>
#include <functional>
#include <optional>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "absl/container/btree_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/base/clock.h"
#include "common/crypto/sha256.h"
#include "server/core/rules/retention.h"
#include "server/engine/engine.h"
#include "server/storage/blob_store.h"
#include "server/storage/store.h"

namespace archpool {

// What one round did.
struct CollectedBlobs {
  int64_t looked_at = 0;
  int64_t removed = 0;
  int64_t freed_bytes = 0;
  int64_t claims_ended = 0;
  int64_t parts_removed = 0;
  // A backup copies: the rest waits for the next round.
  bool was_held_up = false;
  // Why claims that are over could not be ended: the database takes no
  // commands. What nothing names was removed even so.
  absl::Status unended = absl::OkStatus();
  std::vector<Digest> datasets_dropped = {};
};

struct BlobCollectorOptions {
  RetentionPolicy retention;  // the engine's policy has the same
  // Between two rounds, and before the first.
  absl::Duration interval = absl::Minutes(10);
  // How long what nothing names is left alone, and a part of an upload: who
  // sends it may come back.
  absl::Duration unclaimed_kept = absl::Hours(24);
  // Whether the disk is so full that a round cannot wait for the interval, but
  // for the urgent one. Called every second.
  std::function<bool()> is_urgent = [] { return false; };
  absl::Duration urgent_interval = absl::Minutes(1);
  // The directory of the blobs, where a backup says that it copies.
  std::string directory;
  // Told on the collector's thread, after each round.
  std::function<void(const absl::StatusOr<CollectedBlobs>&)> on_round;
  // Told each step, for tests: "blob.ended" between the commit that ends what
  // names a blob and its removal, "blob.removed" after that.
  std::function<void(const std::string& step)> at = [](const std::string&) {};
};

class BlobCollector {
 public:
  // All outlive it. `clock` is the pool's, `files` the one that the disk's
  // times are of.
  BlobCollector(const Clock& clock, const Clock& files, Engine& engine,
                Reader& reader, const BlobStore& blobs,
                BlobCollectorOptions options);
  ~BlobCollector();  // stops

  void Start();
  void Stop();  // idempotent

  // One round. Not while the thread runs. The reader's errors: what was done
  // until then stays done.
  absl::StatusOr<CollectedBlobs> Round(const std::stop_token& stop = {});

 private:
  // True: asked to stop.
  bool WaitForRound(const std::stop_token& stop) const;
  absl::Status CollectPart(int part, const std::stop_token& stop,
                           CollectedBlobs& collected);
  // Leaves out trials whose miner has not sent the blob.
  void DropUnsent(BlobClaims& claims) const;
  absl::Status Collect(const Digest& blob, CollectedBlobs& collected);
  absl::StatusOr<bool> IsWanted(const Digest& blob, bool is_overdue,
                                CollectedBlobs& collected);

  const Clock& clock_;
  const Clock& files_;
  Engine& engine_;
  Reader& reader_;
  const BlobStore& blobs_;
  const BlobCollectorOptions options_;
  // Blobs that were found unwanted, and stayed for their age; since when, by
  // `files_`. A server that starts counts from the beginning.
  absl::btree_map<Digest, absl::Time> unwanted_since_;
  std::jthread thread_;
};

}  // namespace archpool

#endif  // ARCHPOOL_SERVER_ENGINE_BLOB_COLLECTOR_H_
