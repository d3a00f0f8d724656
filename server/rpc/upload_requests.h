// SPDX-License-Identifier: Apache-2.0
// What is to be uploaded, read from the wire: every field is checked here. Pure
// function; thread-safe.
#ifndef ARCHPOOL_SERVER_RPC_UPLOAD_REQUESTS_H_
#define ARCHPOOL_SERVER_RPC_UPLOAD_REQUESTS_H_

#include "absl/status/statusor.h"
#include "archpool/v1/blob.pb.h"
#include "server/core/records/entities.h"
#include "server/intake/upload_rules.h"

namespace archpool::rpc {

// INVALID_ARGUMENT: reasons of common/wire/fields.h. CheckMayUpload's errors: a
// caller who may not upload it is told so before what else is wrong.
absl::StatusOr<UploadWish> ReadUpload(const Account& caller,
                                      const v1::BeginUploadRequest& request);

}  // namespace archpool::rpc

#endif  // ARCHPOOL_SERVER_RPC_UPLOAD_REQUESTS_H_
