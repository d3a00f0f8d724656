// SPDX-License-Identifier: Apache-2.0
// Commitments and openings between their messages and their values
// (common/model/commitment.h). Pure functions; thread-safe. Errors are those of
// common/wire/fields.h.
#ifndef ARCHPOOL_COMMON_WIRE_PROOF_WIRE_H_
#define ARCHPOOL_COMMON_WIRE_PROOF_WIRE_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "archpool/v1/proof.pb.h"
#include "common/crypto/signature.h"
#include "common/model/commitment.h"

namespace archpool::wire {

using RepeatedBytes = google::protobuf::RepeatedPtrField<std::string>;

// kProofLengthMax digests at most.
absl::StatusOr<std::vector<Digest>> ProofFromProto(absl::string_view path,
                                                   const RepeatedBytes& proto);
void SetProof(const std::vector<Digest>& proof, RepeatedBytes* proto);

v1::Opening ToProto(const Opening& opening);
// `begin` may be unset: the first segment has none.
absl::StatusOr<Opening> OpeningFromProto(const std::string& path,
                                         const v1::Opening& proto);

absl::StatusOr<PublicKey> ReadPublicKey(absl::string_view path,
                                        absl::string_view bytes);
absl::StatusOr<Signature> ReadSignature(absl::string_view path,
                                        absl::string_view bytes);

}  // namespace archpool::wire

#endif  // ARCHPOOL_COMMON_WIRE_PROOF_WIRE_H_
