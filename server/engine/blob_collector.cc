// SPDX-License-Identifier: Apache-2.0
#include "server/engine/blob_collector.h"

#include <algorithm>
#include <utility>

#include "common/base/status.h"
#include "common/base/stop.h"
#include "server/core/commands/storage_commands.h"
#include "server/storage/removal_lock.h"

namespace archpool {
namespace {

// Blobs whose digests begin with the same byte lie together.
constexpr int kParts = 256;
// Asked about in one transaction: a few reads by an index for each.
constexpr size_t kAskedAtOnce = 200;
constexpr absl::Duration kLookInterval = absl::Seconds(1);

}  // namespace

BlobCollector::BlobCollector(const Clock& clock, const Clock& files,
                             Engine& engine, Reader& reader,
                             const BlobStore& blobs,
                             BlobCollectorOptions options)
    : clock_(clock),
      files_(files),
      engine_(engine),
      reader_(reader),
      blobs_(blobs),
      options_(std::move(options)) {}

BlobCollector::~BlobCollector() { Stop(); }

void BlobCollector::Start() {
  thread_ = std::jthread([this](const std::stop_token& stop) {
    while (!WaitForRound(stop)) {
      const absl::StatusOr<CollectedBlobs> collected = Round(stop);
      if (options_.on_round && !stop.stop_requested()) {
        options_.on_round(collected);
      }
    }
  });
}

bool BlobCollector::WaitForRound(const std::stop_token& stop) const {
  const absl::Duration all = options_.interval;
  for (absl::Duration waited; waited < all; waited += kLookInterval) {
    if (waited >= options_.urgent_interval && options_.is_urgent()) break;
    if (WaitOrStop(stop, std::min(kLookInterval, all - waited))) return true;
  }
  return stop.stop_requested();
}

void BlobCollector::Stop() {
  thread_.request_stop();
  if (thread_.joinable()) thread_.join();
}

absl::StatusOr<CollectedBlobs> BlobCollector::Round(
    const std::stop_token& stop) {
  CollectedBlobs collected;
  collected.parts_removed =
      blobs_.RemoveParts(files_.Now() - options_.unclaimed_kept);
  for (int part = 0; part < kParts && !stop.stop_requested(); ++part) {
    // Not for the whole round: a backup that begins waits for it.
    ARCHPOOL_ASSIGN_OR_RETURN(const std::optional<RemovalLock> lock,
                              RemovalLock::TryToRemove(options_.directory));
    if (!lock) {
      collected.was_held_up = true;
      break;
    }
    ARCHPOOL_RETURN_IF_ERROR(CollectPart(part, stop, collected));
  }
  return collected;
}

absl::Status BlobCollector::CollectPart(int part, const std::stop_token& stop,
                                        CollectedBlobs& collected) {
  const absl::StatusOr<std::vector<Digest>> listed = blobs_.List(part);
  // What the disk does not do is told where all its failures are
  // (StorageErrors), and keeps nothing else on it.
  if (!listed.ok()) return absl::OkStatus();
  const std::vector<Digest>& blobs = *listed;
  for (size_t from = 0; from < blobs.size() && !stop.stop_requested();
       from += kAskedAtOnce) {
    const size_t to = std::min(from + kAskedAtOnce, blobs.size());
    const std::vector<Digest> some(
        blobs.begin() + static_cast<std::ptrdiff_t>(from),
        blobs.begin() + static_cast<std::ptrdiff_t>(to));
    ARCHPOOL_ASSIGN_OR_RETURN(std::vector<BlobClaims> claims,
                              reader_.FindClaims(some));
    collected.looked_at += static_cast<int64_t>(some.size());
    for (BlobClaims& one : claims) {
      if (stop.stop_requested()) break;
      DropUnsent(one);
      if (!HasEnded(options_.retention, one, clock_.Now())) {
        unwanted_since_.erase(one.digest);
        continue;
      }
      // It was refused for another one: each more would wait for it again.
      if (!collected.unended.ok() && !one.IsEmpty()) continue;
      ARCHPOOL_RETURN_IF_ERROR(Collect(one.digest, collected));
    }
  }
  return absl::OkStatus();
}

// A trial needs what its miner sent. By a commitment alone, a miner that knows
// a digest could have a file kept that is counted to nobody any more.
void BlobCollector::DropUnsent(BlobClaims& claims) const {
  std::erase_if(claims.trials, [&](const WeightsClaim& claim) {
    const bool is_counted =
        std::any_of(claims.weights.begin(), claims.weights.end(),
                    [&](const StoredWeights& weights) {
                      return weights.account == claim.account;
                    });
    if (is_counted) return false;
    const absl::StatusOr<bool> has_sent =
        blobs_.HasSent(claim.account.ToString(), claims.digest);
    return has_sent.ok() && !*has_sent && !blobs_.IsOfNobody(claims.digest);
  });
}

absl::Status BlobCollector::Collect(const Digest& blob,
                                    CollectedBlobs& collected) {
  const absl::Time now = files_.Now();
  const auto since = unwanted_since_.find(blob);
  // Who asks for it again and again makes it as new each time: that counts for
  // a while, and not for good.
  const bool is_overdue = since != unwanted_since_.end() &&
                          now - since->second >= 2 * options_.unclaimed_kept;
  std::optional<absl::StatusOr<bool>> asked;
  const absl::StatusOr<BlobRemoval> removal = blobs_.Remove(
      blob, is_overdue ? absl::InfiniteFuture() : now - options_.unclaimed_kept,
      [&] { return *(asked = IsWanted(blob, is_overdue, collected)); });
  if (!asked) return absl::OkStatus();  // somebody holds it
  ARCHPOOL_RETURN_IF_ERROR(asked->status());
  if (!removal.ok()) return absl::OkStatus();  // as of a part above
  const bool is_told = collected.unended.ok();
  if (removal->is_gone || (is_told && **asked)) {
    unwanted_since_.erase(blob);
  } else if (is_told) {
    unwanted_since_.try_emplace(blob, now);
  }
  collected.removed += removal->is_gone ? 1 : 0;
  collected.freed_bytes += removal->freed_bytes;
  if (removal->is_gone) options_.at("blob.removed");
  return absl::OkStatus();
}

// Asked while nobody can begin to use the blob: so what the store says now is
// all there is.
absl::StatusOr<bool> BlobCollector::IsWanted(const Digest& blob,
                                             bool is_overdue,
                                             CollectedBlobs& collected) {
  // The age of a blob leaves time to a commit whose outcome is in doubt. Where
  // it does not count, a command is answered when there is no doubt any more.
  if (is_overdue) {
    const absl::Status settled = engine_.Call(EndClaims{}).status();
    if (!settled.ok()) {
      collected.unended = settled;
      return true;
    }
  }
  ARCHPOOL_ASSIGN_OR_RETURN(std::vector<BlobClaims> claims,
                            reader_.FindClaims({blob}));
  DropUnsent(claims.front());
  if (claims.front().IsEmpty()) {
    // Nothing is to be committed, which a full disk may not let the database
    // do: what this frees helps it. Another server's database is not ours to
    // clean up after.
    if (!engine_.IsRunning()) return true;
    options_.at("blob.ended");
    return false;
  }
  const absl::StatusOr<EndClaims::Reply> reply =
      engine_.Call(EndClaims{.claims = std::move(claims.front())});
  if (!reply.ok()) {
    collected.unended = reply.status();
    return true;
  }
  collected.claims_ended += reply->ended;
  collected.datasets_dropped.insert(collected.datasets_dropped.end(),
                                    reply->dropped.begin(),
                                    reply->dropped.end());
  if (!reply->is_wanted) options_.at("blob.ended");
  return reply->is_wanted;
}

}  // namespace archpool
