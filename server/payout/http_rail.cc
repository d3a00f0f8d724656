// SPDX-License-Identifier: Apache-2.0
#include "server/payout/http_rail.h"

#include <httplib.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "absl/time/time.h"
#include "common/base/reason.h"
#include "common/base/status.h"
#include "common/model/coins.h"

namespace archpool {
namespace {

using Json = nlohmann::json;

constexpr size_t kBodyBytesMax = size_t{64} << 10;
constexpr size_t kReferenceLengthMax = 200;

RailAnswer Doubt(std::string reason) {
  return {RailWord::kDoubt, "", std::move(reason)};
}

std::string TextAt(const Json& object, const char* name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_string() ? found->get<std::string>()
                                                     : "";
}

bool IsReference(const std::string& text) {
  return !text.empty() && text.size() <= kReferenceLengthMax &&
         std::all_of(text.begin(), text.end(),
                     [](char c) { return c > ' ' && c < 0x7f; });
}

// What an answer says of the payout that was asked about.
RailAnswer Read(const Payout& payout, int status, const std::string& body) {
  const Json answer = Json::parse(body, nullptr, /*allow_exceptions=*/false);
  if (!answer.is_object() || TextAt(answer, "key") != payout.key.ToString()) {
    return Doubt(absl::StrCat("HTTP_", status));
  }
  const std::string state = TextAt(answer, "state");
  if (status == 404 && state == "never_seen") {
    return {RailWord::kNeverSeen, "", ""};
  }
  if (status < 200 || status > 202) return Doubt(absl::StrCat("HTTP_", status));
  // A key that stands for another payout there must not settle this one.
  if (TextAt(answer, "address") != payout.address ||
      TextAt(answer, "coins") != FormatCoins(payout.amount)) {
    return Doubt("RAIL_DIFFERS");
  }
  const std::string reference = TextAt(answer, "reference");
  if (state == "settled" && IsReference(reference)) {
    return {RailWord::kSettled, reference, ""};
  }
  if (state == "sent") {
    return {RailWord::kSent, IsReference(reference) ? reference : "", ""};
  }
  if (state == "refused") {
    const std::string reason = TextAt(answer, "reason");
    return {RailWord::kRefused, "", IsReason(reason) ? reason : "REFUSED"};
  }
  return Doubt("ANSWER_MALFORMED");
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
    return Ask(payout, "POST", path_ + "/payouts", body);
  }
  RailAnswer Get(const Payout& payout) {
    return Ask(payout, "GET",
               absl::StrCat(path_, "/payouts/", payout.key.ToString()), "");
  }

 private:
  RailAnswer Ask(const Payout& payout, const std::string& method,
                 const std::string& path, const std::string& body) {
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
    request.set_header("Idempotency-Key", payout.key.ToString());
    if (!body.empty()) request.set_header("Content-Type", "application/json");
    std::string received;
    const absl::Time deadline = clock_.Now() + timeout_;
    request.content_receiver = [&](const char* data, size_t size, uint64_t,
                                   uint64_t) {
      if (received.size() + size > kBodyBytesMax || clock_.Now() > deadline) {
        return false;
      }
      received.append(data, size);
      return true;
    };
    const httplib::Result result = client_.send(request);
    if (!result) return Doubt(kRailUnreachable);
    return Read(payout, result->status, received);
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

}  // namespace archpool
