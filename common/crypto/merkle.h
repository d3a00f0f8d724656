// Merkle trees over SHA-256 as in Certificate Transparency (RFC 9162, 2.1):
// leaves and inner nodes are hashed under different prefixes, so that neither
// passes for the other. Pure; thread-safe.
#ifndef ARCHPOOL_COMMON_CRYPTO_MERKLE_H_
#define ARCHPOOL_COMMON_CRYPTO_MERKLE_H_

#include <cstdint>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "common/crypto/sha256.h"

namespace archpool {

// The hash of a leaf's content: what the functions below call a leaf.
Digest MerkleLeaf(absl::string_view content);

// Of no leaves: the hash of nothing.
Digest MerkleRoot(absl::Span<const Digest> leaves);

// The siblings on the way from leaf `index` to the root, the lowest first.
// REQUIRES: index in [0, leaves.size()).
std::vector<Digest> MerkleProof(absl::Span<const Digest> leaves, int64_t index);

// Whether `leaf` is number `index` of the `count` leaves under `root`. Safe on
// whatever anybody sends.
bool VerifyMerkleProof(const Digest& leaf, int64_t index, int64_t count,
                       absl::Span<const Digest> proof, const Digest& root);

}  // namespace archpool

#endif  // ARCHPOOL_COMMON_CRYPTO_MERKLE_H_
