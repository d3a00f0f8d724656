// SPDX-License-Identifier: Apache-2.0
// A rail behind HTTPS. Amounts are decimal coins. One thread at a time, as
// every Rail.
//
//   POST URL/payouts        {"key", "address", "coins"}
//     Idempotency-Key: the key, 64 hex digits
//   GET  URL/payouts/KEY
//   both:
//     Archpool-Time: seconds since 1970
//     Archpool-Signature: hex of HMAC-SHA256(secret, time "." method "." path
//                         "." body)
//
// The answer to both, with status 200 to 202, is
//   {"key", "address", "coins", "state": "settled" | "sent" | "refused",
//    "reference", "reason"}
// and to a GET of a key that the rail does not know, status 404 with
//   {"key", "state": "never_seen"}.
//
//   GET  URL/payouts?since=SECONDS[&after=KEY]
// answers what it was given since then, oldest first, in pages:
//   {"payouts": [...], "next": the last KEY, where there are more}.
// A rail may do without (404 or 501).
// Anything else is doubt: no status by itself says that nothing was moved.
#ifndef ARCHPOOL_SERVER_PAYOUT_HTTP_RAIL_H_
#define ARCHPOOL_SERVER_PAYOUT_HTTP_RAIL_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/base/clock.h"
#include "common/crypto/sha256.h"
#include "server/payout/rail.h"

namespace archpool {

struct HttpRailOptions {
  std::string url;  // "https://rail.example.org/v1"
  Digest secret;    // shared with the rail
  absl::Duration timeout = absl::Seconds(10);
};

class HttpRail : public Rail {
 public:
  // INVALID_ARGUMENT (RAIL_URL): not such a URL, or not https, but for a rail
  // on this machine ("http://127.0.0.1:8080"), where nobody listens in between.
  static absl::StatusOr<std::unique_ptr<HttpRail>> Open(
      const Clock& clock, const HttpRailOptions& options);
  ~HttpRail() override;

  std::vector<RailAnswer> Send(absl::Span<const Payout> payouts) override;
  RailAnswer LookUp(const Payout& payout) override;
  // UNAVAILABLE (RAIL_UNREACHABLE, or what it answered, which makes no sense).
  absl::StatusOr<RailList> ListSince(absl::Time time) override;

 private:
  class Connection;
  explicit HttpRail(std::unique_ptr<Connection> connection);

  const std::unique_ptr<Connection> connection_;
};

}  // namespace archpool

#endif  // ARCHPOOL_SERVER_PAYOUT_HTTP_RAIL_H_
