// The rail of an operator who pays by hand, or by a program of his own: batches
// as files. DIR/BATCH.json holds the payouts, DIR/BATCH.json.sig the pool's
// signature of its bytes (Ed25519, hexadecimal, under the domain
// "archpool/payout-batch/v1"). What became of them is told in
// DIR/BATCH.result.json, which `archpool payout confirm` writes:
//
//   {"<key>": {"state": "settled", "reference": "..."},
//    "<key>": {"state": "refused", "reason": "ADDRESS_UNKNOWN"}}
#ifndef ARCHPOOL_SERVER_PAYOUT_FILE_RAIL_H_
#define ARCHPOOL_SERVER_PAYOUT_FILE_RAIL_H_

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
  // skipped, and said once. A batch that cannot be read leaves payouts that are
  // in no other in doubt (BATCH_MALFORMED): nobody knows what it asked for.
  // Errors as MakeDirectories and WriteFileDurably.
  static absl::StatusOr<std::unique_ptr<FileRail>> Open(std::string directory,
                                                        SigningKey key);

  std::vector<RailAnswer> Send(absl::Span<const Payout> payouts) override;
  RailAnswer LookUp(const Payout& payout) override;

 private:
  struct Entry {
    std::string batch;
    std::string address;
    std::string coins;
  };

  FileRail(std::string directory, SigningKey key)
      : directory_(std::move(directory)), key_(std::move(key)) {}
  // Reads what is there; false where some of it cannot be read.
  bool Load();
  absl::Status LoadBatch(const std::string& name, const std::string& path);
  void Warn(const std::string& name, const std::string& message);
  // What the batch's result says of the payout.
  RailAnswer Result(const Entry& entry, const std::string& key) const;

  const std::string directory_;
  const SigningKey key_;
  std::map<std::string, Entry> entries_;  // by key
  std::set<std::string> warned_;          // names of files
};

}  // namespace archpool

#endif  // ARCHPOOL_SERVER_PAYOUT_FILE_RAIL_H_
