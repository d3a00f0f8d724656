// SPDX-License-Identifier: Apache-2.0
#include "server/rpc/join_limits.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>
#include <array>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/strip.h"
#include "common/base/status.h"

namespace archpool::rpc {
namespace {

absl::Status TooOften(absl::string_view whose, double lacks,
                      const JoinRate& rate) {
  const absl::Duration wait =
      absl::Ceil(lacks * rate.interval, absl::Seconds(1));
  return ResourceExhausted(
      "JOINS_TOO_OFTEN",
      absl::StrCat(whose, " too many accounts were asked for; ask again in ",
                   absl::FormatDuration(wait)));
}

}  // namespace

std::string JoinSource(absl::string_view peer) {
  // Later releases of gRPC escape the brackets.
  const std::string text =
      absl::StrReplaceAll(peer, {{"%5B", "["}, {"%5D", "]"}});
  absl::string_view rest = text;
  const size_t colon = rest.rfind(':');
  if (absl::StartsWith(rest, "ipv4:")) {
    return std::string(rest.substr(0, colon));  // without the port
  }
  if (!absl::ConsumePrefix(&rest, "ipv6:[")) return text;
  const std::string address(rest.substr(0, rest.rfind(']')));
  in6_addr parsed;
  if (inet_pton(AF_INET6, address.c_str(), &parsed) != 1) {
    return absl::StrCat("ipv6:", address);
  }
  std::array<char, 16> bytes;
  std::copy_n(reinterpret_cast<const char*>(&parsed), bytes.size(),
              bytes.begin());
  if (IN6_IS_ADDR_V4MAPPED(&parsed)) {
    return absl::StrCat("ipv4:", static_cast<uint8_t>(bytes[12]), ".",
                        static_cast<uint8_t>(bytes[13]), ".",
                        static_cast<uint8_t>(bytes[14]), ".",
                        static_cast<uint8_t>(bytes[15]));
  }
  return absl::StrCat(
      "ipv6:", absl::BytesToHexString(absl::string_view(bytes.data(), 8)));
}

absl::Status JoinLimits::Take(const std::string& source, absl::Time now) {
  absl::MutexLock lock(&mutex_);
  ForgetFull(now);
  Fill(rates_.of_all, now, all_);
  const auto [found, is_new] =
      sources_.try_emplace(source, Bucket{rates_.per_source.burst, now});
  // The source's own first: who has used that up takes nothing from others.
  const double own = found->second.left;
  if (own < 1) return TooOften("from your address", 1 - own, rates_.per_source);
  if (all_.left < 1) {
    if (is_new) sources_.erase(found);
    return TooOften("of this pool", 1 - all_.left, rates_.of_all);
  }
  found->second.left -= 1;
  all_.left -= 1;
  return absl::OkStatus();
}

void JoinLimits::Fill(const JoinRate& rate, absl::Time now, Bucket& bucket) {
  const absl::Duration passed =
      std::max(absl::ZeroDuration(), now - bucket.time);
  bucket.left = std::min(
      rate.burst, bucket.left + absl::FDivDuration(passed, rate.interval));
  bucket.time = now;
}

void JoinLimits::ForgetFull(absl::Time now) {
  for (auto it = sources_.begin(); it != sources_.end();) {
    Fill(rates_.per_source, now, it->second);
    if (it->second.left < rates_.per_source.burst) {
      ++it;
    } else {
      it = sources_.erase(it);
    }
  }
}

}  // namespace archpool::rpc
