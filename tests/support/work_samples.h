// SPDX-License-Identifier: Apache-2.0
// A small task as a worker and a verifier see it, with its blobs.
#ifndef ARCHPOOL_TESTS_SUPPORT_WORK_SAMPLES_H_
#define ARCHPOOL_TESTS_SUPPORT_WORK_SAMPLES_H_

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "common/channel/blob_cache.h"
#include "common/data/dataset.h"
#include "common/wire/work_wire.h"

namespace archpool::testing {

// Splits of 20 train, 10 validation and 8 held-out images of 1×8×8.
struct SampleDataset {
  SampleDataset();

  std::string train;  // blobs
  std::string validation;
  std::string held_out;
  DatasetManifest manifest;
  Digest held_out_digest;
};

// A split of `count` images of the same kind.
std::string ManyImages(const SampleDataset& dataset, int64_t count);

// A lease of `trials` trials with ids from `first_trial` on, attempt 1.
wire::WorkLease SampleLease(const SampleDataset& dataset, int64_t lease_id,
                            int64_t first_trial, int64_t trials);

// An audit of a segment of a trial of the same id, with nothing committed yet
// (tests/support/sample_training.h does that).
wire::AuditOrder SampleAudit(const SampleDataset& dataset, int64_t audit_id);

// Hands `blob` from `offset_bytes` on to `sink`, in small chunks.
absl::Status ServeBlob(const std::string& blob, int64_t offset_bytes,
                       const BlobSink& sink);

// A new directory under the test's temporary one.
std::string MakeTempDirectory();

}  // namespace archpool::testing

#endif  // ARCHPOOL_TESTS_SUPPORT_WORK_SAMPLES_H_
