// SPDX-License-Identifier: Apache-2.0
#include "common/wire/proof_wire.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/status.h"
#include "common/wire/fields.h"
#include "common/wire/request_limits.h"
#include "common/wire/work_wire.h"

namespace archpool::wire {
namespace {

template <typename Value>
absl::StatusOr<Value> ReadFixed(absl::string_view path, absl::string_view bytes,
                                size_t size) {
  if (bytes.empty()) return RequiredError(path);
  absl::StatusOr<Value> value = Value::FromBytes(bytes);
  if (value.ok()) return value;
  return InvalidArgument("FIELD_MALFORMED",
                         absl::StrCat("field ", path, " has ", bytes.size(),
                                      " bytes; it takes ", size));
}

absl::StatusOr<CheckpointFiles> FilesFromProto(
    const std::string& path, const v1::CheckpointFiles& proto) {
  CheckpointFiles files;
  ARCHPOOL_ASSIGN_OR_RETURN(
      files.weights,
      ReadDigest(Join(path, "weights_digest"), proto.weights_digest()));
  ARCHPOOL_ASSIGN_OR_RETURN(
      files.optimizer,
      ReadDigest(Join(path, "optimizer_digest"), proto.optimizer_digest()));
  ARCHPOOL_RETURN_IF_ERROR(
      CheckRanges(path, {{"weights_size_bytes", proto.weights_size_bytes(),
                          limits::kWeightsSizeBytes},
                         {"optimizer_size_bytes", proto.optimizer_size_bytes(),
                          limits::kWeightsSizeBytes}}));
  files.weights_size_bytes = proto.weights_size_bytes();
  files.optimizer_size_bytes = proto.optimizer_size_bytes();
  return files;
}

}  // namespace

absl::StatusOr<std::vector<Digest>> ProofFromProto(absl::string_view path,
                                                   const RepeatedBytes& proto) {
  ARCHPOOL_RETURN_IF_ERROR(
      CheckCount(path, proto.size(), static_cast<int64_t>(kProofLengthMax)));
  std::vector<Digest> proof;
  proof.reserve(static_cast<size_t>(proto.size()));
  for (int i = 0; i < proto.size(); ++i) {
    ARCHPOOL_ASSIGN_OR_RETURN(const Digest digest,
                              ReadDigest(At(path, i), proto.Get(i)));
    proof.push_back(digest);
  }
  return proof;
}

void SetProof(const std::vector<Digest>& proof, RepeatedBytes* proto) {
  proto->Clear();
  for (const Digest& digest : proof) *proto->Add() = digest.AsBytes();
}

v1::Opening ToProto(const Opening& opening) {
  v1::Opening proto;
  if (opening.begin != CheckpointFiles()) {
    v1::CheckpointFiles* begin = proto.mutable_begin();
    begin->set_weights_digest(opening.begin.weights.AsBytes());
    begin->set_weights_size_bytes(opening.begin.weights_size_bytes);
    begin->set_optimizer_digest(opening.begin.optimizer.AsBytes());
    begin->set_optimizer_size_bytes(opening.begin.optimizer_size_bytes);
  }
  SetProof(opening.begin_proof, proto.mutable_begin_proof());
  proto.set_end_digest(opening.end.AsBytes());
  SetProof(opening.end_proof, proto.mutable_end_proof());
  SetProof(opening.start_proof, proto.mutable_start_proof());
  return proto;
}

absl::StatusOr<Opening> OpeningFromProto(const std::string& path,
                                         const v1::Opening& proto) {
  Opening opening;
  if (proto.has_begin()) {
    ARCHPOOL_ASSIGN_OR_RETURN(
        opening.begin, FilesFromProto(Join(path, "begin"), proto.begin()));
  }
  ARCHPOOL_ASSIGN_OR_RETURN(
      opening.begin_proof,
      ProofFromProto(Join(path, "begin_proof"), proto.begin_proof()));
  ARCHPOOL_ASSIGN_OR_RETURN(
      opening.end, ReadDigest(Join(path, "end_digest"), proto.end_digest()));
  ARCHPOOL_ASSIGN_OR_RETURN(
      opening.end_proof,
      ProofFromProto(Join(path, "end_proof"), proto.end_proof()));
  ARCHPOOL_ASSIGN_OR_RETURN(
      opening.start_proof,
      ProofFromProto(Join(path, "start_proof"), proto.start_proof()));
  return opening;
}

absl::StatusOr<PublicKey> ReadPublicKey(absl::string_view path,
                                        absl::string_view bytes) {
  return ReadFixed<PublicKey>(path, bytes, sizeof(PublicKey().bytes));
}

absl::StatusOr<Signature> ReadSignature(absl::string_view path,
                                        absl::string_view bytes) {
  return ReadFixed<Signature>(path, bytes, sizeof(Signature().bytes));
}

}  // namespace archpool::wire
