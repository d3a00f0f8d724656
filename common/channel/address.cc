// SPDX-License-Identifier: Apache-2.0
#include "common/channel/address.h"

#include <arpa/inet.h>

#include <algorithm>
#include <optional>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "common/base/status.h"

namespace archpool {
namespace {

constexpr int kPortMax = 65'535;
constexpr size_t kHostBytesMax = 253;  // of a name in the DNS
constexpr size_t kPortDigitsMax = 5;

bool IsIpv4(const std::string& host) {
  in_addr address;
  return inet_pton(AF_INET, host.c_str(), &address) == 1;
}

bool IsIpv6(const std::string& host) {
  in6_addr address;
  return inet_pton(AF_INET6, host.c_str(), &address) == 1;
}

bool IsName(absl::string_view host) {
  const auto fits = [](unsigned char c) {
    return absl::ascii_isalnum(c) || c == '-' || c == '.' || c == '_';
  };
  return !host.empty() && host.size() <= kHostBytesMax &&
         std::all_of(host.begin(), host.end(), fits) &&
         // Digits and dots that are no address would be looked up as one.
         host.find_first_not_of("0123456789.") != absl::string_view::npos;
}

// Nothing: no port in [port_min, 65535].
std::optional<int> ReadPort(absl::string_view text, int port_min) {
  int port = 0;
  if (text.empty() || text.size() > kPortDigitsMax ||
      text.find_first_not_of("0123456789") != absl::string_view::npos ||
      !absl::SimpleAtoi(text, &port) || port < port_min || port > kPortMax) {
    return std::nullopt;
  }
  return port;
}

// Why `text` is none, in words that follow "is no address: ".
std::string Trouble(absl::string_view text) {
  const size_t scheme = text.find("://");
  if (scheme != absl::string_view::npos) {
    return absl::StrCat("leave out ",
                        absl::Utf8SafeCHexEscape(text.substr(0, scheme + 3)),
                        " and give HOST:PORT");
  }
  if (std::count(text.begin(), text.end(), ':') > 1 && text.front() != '[') {
    return "an IPv6 address stands in brackets, as in [::1]:7070";
  }
  if (!absl::StrContains(text, ':')) {
    return "it lacks the port; give HOST:PORT, as in pool.example.org:7070";
  }
  return "give HOST:PORT, as in pool.example.org:7070";
}

}  // namespace

std::string HostPort::ToString() const {
  return absl::StrContains(host, ':') ? absl::StrCat("[", host, "]:", port)
                                      : absl::StrCat(host, ":", port);
}

bool HostPort::IsLoopback() const {
  in_addr v4;
  if (inet_pton(AF_INET, host.c_str(), &v4) == 1) {
    return ntohl(v4.s_addr) >> 24 == 127;
  }
  in6_addr v6;
  if (inet_pton(AF_INET6, host.c_str(), &v6) == 1) {
    return IN6_IS_ADDR_LOOPBACK(&v6);
  }
  return host == "localhost";
}

absl::StatusOr<HostPort> ParseHostPort(absl::string_view flag,
                                       absl::string_view text, int port_min) {
  text = absl::StripAsciiWhitespace(text);
  if (text.empty()) {
    return InvalidArgument(
        "ADDRESS_MALFORMED",
        absl::StrCat(flag, " is empty; give HOST:PORT, as in ",
                     "pool.example.org:7070"));
  }
  const bool has_brackets = text.front() == '[';
  const size_t colon = has_brackets ? text.find("]:") : text.find(':');
  HostPort address;
  std::optional<int> port;
  bool is_host = false;
  if (colon != absl::string_view::npos) {
    address.host = std::string(has_brackets ? text.substr(1, colon - 1)
                                            : text.substr(0, colon));
    const absl::string_view digits =
        text.substr(colon + (has_brackets ? 2 : 1));
    is_host = has_brackets ? IsIpv6(address.host)
                           : IsIpv4(address.host) || IsName(address.host);
    port = ReadPort(digits, port_min);
    if (is_host && !port.has_value() &&
        digits.find_first_not_of("0123456789") == absl::string_view::npos &&
        !digits.empty()) {
      return InvalidArgument("ADDRESS_MALFORMED",
                             absl::StrCat(flag, " ", std::string(text),
                                          " is no address: a port "
                                          "is in [",
                                          port_min, ", ", kPortMax, "]"));
    }
  }
  if (!is_host || !port.has_value()) {
    return InvalidArgument(
        "ADDRESS_MALFORMED",
        absl::StrCat(flag, " '", absl::Utf8SafeCHexEscape(text.substr(0, 200)),
                     "' is no address: ", Trouble(text)));
  }
  address.port = *port;
  return address;
}

absl::StatusOr<std::string> ReadServerAddress(absl::string_view text) {
  if (absl::StartsWith(text, "unix:") && text.size() > 5) {
    return std::string(text);
  }
  ARCHPOOL_ASSIGN_OR_RETURN(const HostPort address,
                            ParseHostPort("--server", text, /*port_min=*/1));
  return address.ToString();
}

}  // namespace archpool
