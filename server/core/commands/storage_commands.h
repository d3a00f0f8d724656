// SPDX-License-Identifier: Apache-2.0
// The inputs of the core about what lies on the pool's disk. Part of
// server/core/commands/commands.h, which says what commands are.
#ifndef ARCHPOOL_SERVER_CORE_COMMANDS_STORAGE_COMMANDS_H_
#define ARCHPOOL_SERVER_CORE_COMMANDS_STORAGE_COMMANDS_H_

#include <cstdint>
#include <optional>
#include <vector>

#include "common/crypto/sha256.h"
#include "common/model/ids.h"
#include "server/core/records/blob_claims.h"

namespace archpool {

// Whether the caller may store these bytes too by its own choice: a file of
// a dataset (`file`; one that it has already costs nothing), or splits. Changes
// nothing. RESOURCE_EXHAUSTED (STORAGE_QUOTA). What the pool asks miners for is
// taken without asking.
struct AskForRoom {
  AccountId caller;
  std::optional<Digest> file = std::nullopt;
  int64_t bytes = 0;
  struct Reply {};
};

// The caller's file of a dataset is durable. Idempotent.
struct ConfirmFile {
  AccountId caller;
  Digest digest;
  int64_t size_bytes = 0;
  struct Reply {};
};

// Whether the caller has sent all of these files itself: a dataset is cut from
// nobody else's. Changes nothing. NOT_FOUND (BLOB_UNKNOWN), which says as much
// of a file that another account has sent as of one that is nowhere.
struct CheckFiles {
  AccountId caller;
  std::vector<Digest> files;
  struct Reply {};
};

// Whether the caller's work gives it a reason to read something now. A miner
// reads the splits of a dataset while it holds a lease of a task on it, or is
// asked for a segment of a trial of one; a verifier reads the splits, the
// weights and the checkpoint of what it examines, and the weights that it goes
// on from. What a dataset's owner and a trial's client may read hangs on no
// work: it is not asked here. Changes nothing, and is no error where there is
// no reason.
struct AskToRead {
  AccountId caller;
  Digest dataset = {};  // zero: it is about a trial
  TrialId trial = {};
  struct Reply {
    bool may = false;
    // A verifier, and the trial is the one whose audit it holds.
    bool is_audited = false;
  };
};

// Ends the claims on a blob that are over (server/core/rules/retention.h), with
// what they counted, and says whether any is left: where none is, the caller
// may remove the blob once this is committed. REQUIRES: `claims` was read a
// moment ago, and nobody has made the blob wanted since (BlobStore::Remove):
// tasks that were open then may have ended. It has only trials whose miner sent
// the blob: a commitment may name any digest, another's file too.
struct EndClaims {
  BlobClaims claims;
  struct Reply {
    bool is_wanted = false;
    // What it ended: how many claims, and the dataset whose splits are no
    // longer kept.
    int64_t ended = 0;
    std::vector<Digest> dropped = {};
  };
};

}  // namespace archpool

#endif  // ARCHPOOL_SERVER_CORE_COMMANDS_STORAGE_COMMANDS_H_
