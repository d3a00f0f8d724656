// SPDX-License-Identifier: Apache-2.0
// The rail of an operator who pays by hand, or by a program of their own:
// batches as files. DIR/BATCH.json holds the payouts, DIR/BATCH.json.sig the
// pool's signature of its bytes (Ed25519, hexadecimal, under the domain
// "archpool/payout-batch/v1"). Their outcome is recorded in
// DIR/BATCH.result.json, which `archpool payout confirm` writes:
//
//   {"<key>": {"state": "settled", "reference": "..."},
//    "<key>": {"state": "refused", "reason": "ADDRESS_UNKNOWN"}}
//
// One thread at a time, as every Rail.
#ifndef ARCHPOOL_SERVER_PAYOUT_FILE_RAIL_H_
#define ARCHPOOL_SERVER_PAYOUT_FILE_RAIL_H_

#include <cstddef>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "common/crypto/signature.h"
#include "server/payout/rail.h"

namespace archpool {

class FileRail : public Rail {
 public:
  // `directory` is made where it is missing; the batches in it are read, and
  // the key that signs them is written beside them. Files of other names are
  // skipped, with one warning each. A batch that cannot be read leaves payouts
  // that are in no other in doubt (BATCH_MALFORMED): nobody knows what it asked
  // for. Errors as MakeDirectories and WriteFileDurably.
  //
  // At most `entries_max` payouts are kept in memory, those of the latest
  // batches; others are looked for in the files.
  static absl::StatusOr<std::unique_ptr<FileRail>> Open(
      std::string directory, SigningKey key, size_t entries_max = 50'000);

  size_t entries() const { return entries_.size(); }

  std::vector<RailAnswer> Send(absl::Span<const Payout> payouts) override;
  RailAnswer LookUp(const Payout& payout) override;
  // All batches in the folder, of any time. Never complete: whether the folder
  // is, the operator alone knows. FAILED_PRECONDITION (BATCH_MALFORMED).
  absl::StatusOr<RailList> ListSince(absl::Time time) override;

 private:
  struct Entry {
    std::string batch;
    std::string address;
    std::string coins;
    int64_t account = 0;  // 0 in batches that do not say
  };

  using Batch = std::map<std::string, Entry>;  // by key

  FileRail(std::string directory, SigningKey key, size_t entries_max)
      : directory_(std::move(directory)),
        key_(std::move(key)),
        entries_max_(entries_max) {}
  // Reads the batches that are there and calls `use` with each, until it
  // answers false; false where some of them cannot be read.
  bool ReadBatches(const std::function<bool(const Batch& batch)>& use);
  absl::StatusOr<Batch> ReadBatch(const std::string& name,
                                  const std::string& path) const;
  // In the place of the oldest ones, where there is no room.
  void Keep(const Batch& batch);
  // What the batch's result says of the payout.
  RailAnswer Result(const Entry& entry, const std::string& key) const;

  const std::string directory_;
  const SigningKey key_;
  const size_t entries_max_;
  Batch entries_;
  std::deque<std::string> kept_;  // keys, those kept longest first
  std::set<std::string> warned_;  // names of files
};

}  // namespace archpool

#endif  // ARCHPOOL_SERVER_PAYOUT_FILE_RAIL_H_
