// SPDX-License-Identifier: Apache-2.0
// Big bytes on disk, named by their SHA-256. A blob that is there is whole and
// durable: written beside, synced, checked, renamed, directory synced.
// Thread-safe.
#ifndef ARCHPOOL_SERVER_STORAGE_BLOB_STORE_H_
#define ARCHPOOL_SERVER_STORAGE_BLOB_STORE_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "common/crypto/sha256.h"
#include "server/storage/blob_holds.h"
#include "server/storage/storage_errors.h"

namespace archpool {

// What came of an attempt to remove a blob.
struct BlobRemoval {
  bool is_gone = false;
  int64_t freed_bytes = 0;
};

// Copies are the same store.
class BlobStore {
 public:
  // Whether `directory` may be removed while others work in it: then nobody
  // wants the bytes any more (UPLOAD_NOT_WANTED), and no disk has failed.
  enum class Lifetime { kStays, kMayBeDropped };

  // `directory` is made where it is missing. Errors of StorageError, as of all
  // below; `errors` hears of them, and outlives the store. Uploads that nobody
  // continued for a day are dropped here.
  static absl::StatusOr<BlobStore> Open(const std::string& directory,
                                        StorageErrors* errors = nullptr,
                                        Lifetime lifetime = Lifetime::kStays);

  // The size of the whole blob; NOT_FOUND (BLOB_UNKNOWN).
  absl::StatusOr<int64_t> Size(const Digest& digest) const;
  // Up to `length` bytes from `offset`; fewer at the end.
  // NOT_FOUND (BLOB_UNKNOWN); INVALID_ARGUMENT (BLOB_RANGE).
  absl::StatusOr<std::string> Read(const Digest& digest, int64_t offset,
                                   int64_t length) const;
  // The whole blob. RESOURCE_EXHAUSTED (BLOB_TOO_LARGE): over `size_max`.
  absl::StatusOr<std::string> ReadAll(const Digest& digest,
                                      int64_t size_max) const;
  // Writes a whole blob; returns its digest. Idempotent. It is noted to be the
  // owner's, as if that had sent it; "": nobody's.
  absl::StatusOr<Digest> Put(absl::string_view bytes,
                             const std::string& owner = "") const;

  // Resumable uploads, per (owner, digest): one owner's partial bytes never mix
  // with another's, and an owner that begins is told, and does, the same
  // whether another has sent the blob or not. Bytes held so far of this owner;
  // the whole size where it has sent the blob whole.
  absl::StatusOr<int64_t> PartialSize(const std::string& owner,
                                      const Digest& digest) const;
  // Appends at `offset`, which must be the partial size. How much one owner may
  // send is the caller's to bound. FAILED_PRECONDITION (BLOB_OFFSET): another
  // offset, or this owner has sent it whole already.
  absl::Status Append(const std::string& owner, const Digest& digest,
                      int64_t offset, absl::string_view bytes) const;
  // Checks the digest and makes the blob durable. Idempotent. INVALID_ARGUMENT
  // (BLOB_DIGEST_MISMATCH): the partial bytes are dropped. NOT_FOUND
  // (BLOB_UNKNOWN): this owner has sent nothing of it.
  absl::Status Complete(const std::string& owner, const Digest& digest) const;
  // Whether the blob is there and this owner has sent it whole itself, and not
  // only named its digest.
  absl::StatusOr<bool> HasSent(const std::string& owner,
                               const Digest& digest) const;
  // Whether the blob is there and it is not noted who sent it: servers that
  // knew no owners took it, or it comes from a backup.
  bool IsOfNobody(const Digest& digest) const;

  // Whether something can be written here.
  absl::Status Probe() const;

  // Below: how blobs go (blob_removal.cc). A caller that finds a blob here,
  // and lets a record name it, holds it from before it looks until that is
  // committed; so does one that reads it in several pieces. Waits while it is
  // removed.
  BlobHold Hold(const Digest& digest) const;
  // It was found here and is relied on: it is as new. For holders.
  void Renew(const Digest& digest) const;
  // The blobs whose digests begin with the byte `part`, in no order.
  absl::StatusOr<std::vector<Digest>> List(int part) const;
  // Removes a blob that was neither written nor renewed since `unused_since`,
  // and that nobody holds, where `is_wanted` says false. That is asked while
  // nobody can begin to hold it; its errors are the answer. Idempotent.
  using IsWanted = std::function<absl::StatusOr<bool>()>;
  absl::StatusOr<BlobRemoval> Remove(const Digest& digest,
                                     absl::Time unused_since,
                                     const IsWanted& is_wanted) const;
  // Removes the parts of uploads that nobody continued since; how many.
  int64_t RemoveParts(absl::Time before) const;

 private:
  BlobStore(std::string directory, StorageErrors* errors, Lifetime lifetime)
      : directory_(std::move(directory)),
        errors_(errors),
        lifetime_(lifetime) {}

  // Each does what its namesake says.
  absl::Status Prepare() const;
  absl::StatusOr<int64_t> TrySize(const Digest& digest) const;
  absl::StatusOr<std::string> TryRead(const Digest& digest, int64_t offset,
                                      int64_t length) const;
  absl::StatusOr<Digest> TryPut(absl::string_view bytes) const;
  absl::StatusOr<int64_t> TryPartialSize(const std::string& owner,
                                         const Digest& digest) const;
  absl::Status TryAppend(const std::string& owner, const Digest& digest,
                         int64_t offset, absl::string_view bytes) const;
  absl::Status TryComplete(const std::string& owner,
                           const Digest& digest) const;
  absl::StatusOr<bool> TryHasSent(const std::string& owner,
                                  const Digest& digest) const;
  absl::Status MarkSent(const std::string& owner, const Digest& digest) const;
  absl::Status TryProbe() const;
  // STORAGE_FULL where the rest of the disk is kept for something else.
  absl::Status CheckOpen() const;
  // Tells `errors_` of a failure, unless the store was dropped.
  template <typename Result>
  Result Noted(Result result) const;

  std::string TemporaryPath() const;
  std::string PathOf(const Digest& digest) const;
  std::string PartialPathOf(const std::string& owner,
                            const Digest& digest) const;
  // A directory with an empty file for each owner that sent the blob.
  std::string OwnersPathOf(const Digest& digest) const;
  std::string OwnerPathOf(const std::string& owner, const Digest& digest) const;

  std::string directory_;
  StorageErrors* errors_;  // nullptr: nobody listens
  Lifetime lifetime_;
  std::shared_ptr<BlobHolds> holds_ = std::make_shared<BlobHolds>();
};

}  // namespace archpool

#endif  // ARCHPOOL_SERVER_STORAGE_BLOB_STORE_H_
