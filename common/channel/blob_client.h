// SPDX-License-Identifier: Apache-2.0
// BlobService as its callers use it: streams that can be taken up again where
// they were cut. Each call is tried once. Thread-safe.
#ifndef ARCHPOOL_COMMON_CHANNEL_BLOB_CLIENT_H_
#define ARCHPOOL_COMMON_CHANNEL_BLOB_CLIENT_H_

#include <cstdint>
#include <functional>
#include <stop_token>
#include <string>

#include "archpool/v1/blob.grpc.pb.h"
#include "common/channel/blob_cache.h"
#include "common/channel/line_meter.h"
#include "common/channel/remote.h"
#include "common/crypto/sha256.h"

namespace archpool {

// A file to send.
struct UploadSource {
  std::string path;
  Digest digest;
  int64_t size_bytes = 0;
};

class BlobClient {
 public:
  // `remote` outlives this.
  explicit BlobClient(const Remote& remote);

  absl::Status ReadSplit(const Digest& dataset_id, v1::Split split,
                         int64_t offset_bytes, const BlobSink& sink,
                         const std::stop_token& stop) const;
  absl::Status ReadWeights(int64_t trial_id, int64_t offset_bytes,
                           const BlobSink& sink,
                           const std::stop_token& stop) const;
  absl::Status ReadCheckpoint(int64_t trial_id, bool is_optimizer,
                              int64_t offset_bytes, const BlobSink& sink,
                              const std::stop_token& stop) const;

  // Sends what the server does not hold yet. `progress`, where it is set, hears
  // how many bytes the server has. The file's and the server's errors. ABORTED
  // (BLOB_OFFSET): that changed meanwhile; try again.
  absl::Status Upload(const UploadSource& source,
                      const v1::UploadPurpose& purpose,
                      const std::function<void(int64_t sent_bytes)>& progress,
                      const std::stop_token& stop) const;

  // As it was seen of late; 0: nothing was uploaded.
  int64_t upload_bytes_per_second() const {
    return uploads_.bytes_per_second();
  }

 private:
  absl::Status Read(const v1::DownloadRequest& request, const BlobSink& sink,
                    const std::stop_token& stop) const;
  absl::Status SendFrom(const UploadSource& source,
                        const v1::BeginUploadRequest& begin,
                        int64_t offset_bytes,
                        const std::function<void(int64_t)>& progress,
                        const std::stop_token& stop) const;

  const Remote& remote_;
  mutable LineMeter uploads_;
};

}  // namespace archpool

#endif  // ARCHPOOL_COMMON_CHANNEL_BLOB_CLIENT_H_
