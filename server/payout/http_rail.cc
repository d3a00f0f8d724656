// SPDX-License-Identifier: Apache-2.0
#include "server/payout/http_rail.h"

#include <httplib.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "absl/time/time.h"
#include "common/base/status.h"
#include "common/model/coins.h"
#include "server/payout/rail_answers.h"

namespace archpool {
namespace {

using Json = nlohmann::json;

constexpr size_t kBodyBytesMax = size_t{64} << 10;
constexpr size_t kPageBytesMax = size_t{16} << 20;
constexpr int kPagesMax = 10'000;

RailAnswer Doubt(std::string reason) {
  return {RailWord::kDoubt, "", std::move(reason)};
}

}  // namespace

class HttpRail::Connection {
 public:
  Connection(const Clock& clock, const Digest& secret, const std::string& host,
             std::string path, absl::Duration timeout)
      : clock_(clock),
        secret_(secret),
        path_(std::move(path)),
        timeout_(timeout),
        client_(host) {
    const auto seconds = static_cast<time_t>(absl::ToInt64Seconds(timeout));
    client_.set_connection_timeout(seconds, 0);
    client_.set_read_timeout(seconds, 0);
    client_.set_write_timeout(seconds, 0);
    // A payout that was asked for is not asked for elsewhere.
    client_.set_follow_location(false);
  }

  RailAnswer Post(const Payout& payout) {
    const std::string body = Json({{"key", payout.key.ToString()},
                                   {"address", payout.address},
                                   {"coins", FormatCoins(payout.amount)}})
                                 .dump();
    return AskAbout(payout, "POST", path_ + "/payouts", body);
  }
  RailAnswer Get(const Payout& payout) {
    return AskAbout(payout, "GET",
                    absl::StrCat(path_, "/payouts/", payout.key.ToString()),
                    "");
  }
  absl::StatusOr<RailList> List(absl::Time since) {
    RailList list;
    std::string after;
    for (int page = 0; page < kPagesMax; ++page) {
      const std::optional<Reply> reply =
          Ask("GET",
              absl::StrCat(path_, "/payouts?since=", absl::ToUnixSeconds(since),
                           after.empty() ? "" : "&after=", after),
              "", "", kPageBytesMax);
      if (!reply) {
        return Unavailable(kRailUnreachable,
                           "the rail does not answer; it is asked again");
      }
      if (reply->status == 404 || reply->status == 501) return RailList();
      if (reply->status != 200) {
        return RailListMalformed(absl::StrCat("HTTP status ", reply->status));
      }
      ARCHPOOL_ASSIGN_OR_RETURN(std::string next,
                                AddRailPage(reply->body, list));
      list.is_complete = next.empty();
      if (list.is_complete) return list;
      if (next == after || !Digest::Parse(next).ok()) {
        return RailListMalformed("a page that leads nowhere");
      }
      after = std::move(next);
    }
    return RailListMalformed("too many pages");
  }

 private:
  struct Reply {
    int status = 0;
    std::string body;
  };

  RailAnswer AskAbout(const Payout& payout, const std::string& method,
                      const std::string& path, const std::string& body) {
    const std::optional<Reply> reply =
        Ask(method, path, body, payout.key.ToString(), kBodyBytesMax);
    return reply ? ReadRailAnswer(payout, reply->status, reply->body)
                 : Doubt(kRailUnreachable);
  }

  // nullopt: no answer came. `key` is "" of what is about no payout.
  std::optional<Reply> Ask(const std::string& method, const std::string& path,
                           const std::string& body, const std::string& key,
                           size_t bytes_max) {
    const std::string time = absl::StrCat(absl::ToUnixSeconds(clock_.Now()));
    httplib::Request request;
    request.method = method;
    request.path = path;
    request.body = body;
    request.set_header("Archpool-Time", time);
    request.set_header("Archpool-Signature",
                       HmacSha256(secret_, absl::StrCat(time, ".", method, ".",
                                                        path, ".", body))
                           .ToString());
    if (!key.empty()) request.set_header("Idempotency-Key", key);
    if (!body.empty()) request.set_header("Content-Type", "application/json");
    Reply reply;
    const absl::Time deadline = clock_.Now() + timeout_;
    request.content_receiver = [&](const char* data, size_t size, uint64_t,
                                   uint64_t) {
      if (reply.body.size() + size > bytes_max || clock_.Now() > deadline) {
        return false;
      }
      reply.body.append(data, size);
      return true;
    };
    const httplib::Result result = client_.send(request);
    if (!result) return std::nullopt;
    reply.status = result->status;
    return reply;
  }

  const Clock& clock_;
  const Digest secret_;
  const std::string path_;
  const absl::Duration timeout_;
  httplib::Client client_;
};

absl::StatusOr<std::unique_ptr<HttpRail>> HttpRail::Open(
    const Clock& clock, const HttpRailOptions& options) {
  absl::string_view rest = options.url;
  const bool is_secure = absl::ConsumePrefix(&rest, "https://");
  const bool is_plain = !is_secure && absl::ConsumePrefix(&rest, "http://");
  const size_t slash = std::min(rest.find('/'), rest.size());
  const absl::string_view authority = rest.substr(0, slash);
  const bool is_local =
      authority == "127.0.0.1" || absl::StartsWith(authority, "127.0.0.1:");
  if (authority.empty() || absl::StrContains(authority, '@') ||
      !(is_secure || (is_plain && is_local))) {
    return InvalidArgument(
        "RAIL_URL", absl::StrCat("'", options.url,
                                 "' is no address of a rail: give one such as "
                                 "https://rail.example.org/v1"));
  }
  std::string path(rest.substr(slash));
  while (!path.empty() && path.back() == '/') path.pop_back();
  const std::string host =
      absl::StrCat(is_secure ? "https://" : "http://", authority);
  return std::unique_ptr<HttpRail>(new HttpRail(std::make_unique<Connection>(
      clock, options.secret, host, path, options.timeout)));
}

HttpRail::HttpRail(std::unique_ptr<Connection> connection)
    : connection_(std::move(connection)) {}
HttpRail::~HttpRail() = default;

std::vector<RailAnswer> HttpRail::Send(absl::Span<const Payout> payouts) {
  std::vector<RailAnswer> answers;
  for (const Payout& payout : payouts) {
    // Each would wait as long as the last one did.
    if (!answers.empty() && answers.back().reason == kRailUnreachable) {
      answers.push_back(answers.back());
      continue;
    }
    answers.push_back(connection_->Post(payout));
    // To be asked after, not sent again: POST itself tells of no key it never
    // saw.
    if (answers.back().word == RailWord::kNeverSeen) {
      answers.back() = Doubt("ANSWER_MALFORMED");
    }
  }
  return answers;
}

RailAnswer HttpRail::LookUp(const Payout& payout) {
  return connection_->Get(payout);
}

absl::StatusOr<RailList> HttpRail::ListSince(absl::Time time) {
  return connection_->List(time);
}

}  // namespace archpool
