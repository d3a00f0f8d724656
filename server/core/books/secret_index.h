// SPDX-License-Identifier: Apache-2.0
// Which record a secret is of: an invitation's code, an account's token.
#ifndef ARCHPOOL_SERVER_CORE_BOOKS_SECRET_INDEX_H_
#define ARCHPOOL_SERVER_CORE_BOOKS_SECRET_INDEX_H_

#include <cstdint>
#include <optional>
#include <utility>

#include "absl/container/btree_map.h"
#include "common/crypto/sha256.h"

namespace archpool {

// How long a look takes tells at most about the first eight bytes of a hash,
// which leave a secret as unknown as it was: the rest is compared in constant
// time. Value type; thread-compatible.
template <typename Key>
class SecretIndex {
 public:
  // `before` is the hash that the record of this key had; nullptr: there was
  // none.
  void Put(const Key& key, const Digest* before, const Digest& after) {
    if (before != nullptr) hashes_.erase({before->Prefix64(), key});
    hashes_[{after.Prefix64(), key}] = after;
  }

  // nullopt: no record has this hash of its secret.
  std::optional<Key> Find(const Digest& hash) const {
    const uint64_t prefix = hash.Prefix64();
    std::optional<Key> found;
    for (auto it = hashes_.lower_bound({prefix, Key()});
         it != hashes_.end() && it->first.first == prefix; ++it) {
      if (AreEqualInConstantTime(it->second, hash)) found = it->first.second;
    }
    return found;
  }

 private:
  // By the first eight bytes of the hash.
  absl::btree_map<std::pair<uint64_t, Key>, Digest> hashes_;
};

}  // namespace archpool

#endif  // ARCHPOOL_SERVER_CORE_BOOKS_SECRET_INDEX_H_
