// SPDX-License-Identifier: Apache-2.0
#include "common/wire/api_version.h"

#include <algorithm>
#include <array>
#include <optional>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/base/status.h"
#include "common/wire/fields.h"
#include "common/wire/request_limits.h"

namespace archpool::wire {

const char kOwnVersion[] = ARCHPOOL_VERSION;

namespace {

// What this build can do beside what every version can: nothing so far.
constexpr std::array<absl::string_view, 0> kFeatures = {};

using Version = std::array<int64_t, 3>;

// "1.2.3"; what follows a hyphen or a plus sign is not looked at.
std::optional<Version> ParseVersion(absl::string_view text) {
  const std::vector<absl::string_view> parts =
      absl::StrSplit(text.substr(0, text.find_first_of("-+")), '.');
  Version version{};
  if (parts.size() != version.size()) return std::nullopt;
  for (size_t i = 0; i < version.size(); ++i) {
    if (!absl::SimpleAtoi(parts[i], &version[i]) || version[i] < 0) {
      return std::nullopt;
    }
  }
  return version;
}

}  // namespace

absl::Status CheckClientVersion(absl::string_view version) {
  constexpr size_t kShownMax = 32;
  const std::optional<Version> known = ParseVersion(version);
  if (known && *known >= *ParseVersion(kClientVersionMin)) {
    return absl::OkStatus();
  }
  return FailedPrecondition(
      "CLIENT_TOO_OLD",
      absl::StrCat(
          "this program is of version ",
          version.empty() ? "0.1.0 or older" : version.substr(0, kShownMax),
          ", and the server, of version ", kOwnVersion,
          ", understands programs from ", kClientVersionMin,
          " on: update the program to the server's version"));
}

absl::Status CheckServerVersion(absl::string_view server_version) {
  if (!server_version.empty()) return absl::OkStatus();
  return FailedPrecondition(
      "SERVER_TOO_OLD",
      absl::StrCat("the server is of version 0.1.0 or older, and this program "
                   "is of version ",
                   kOwnVersion,
                   ": wait until the pool's operator has updated the server, "
                   "or use a program of its version"));
}

absl::Status ShareFeatures(
    const google::protobuf::RepeatedPtrField<std::string>& named,
    google::protobuf::RepeatedPtrField<std::string>* shared) {
  ARCHPOOL_RETURN_IF_ERROR(
      CheckCount("protocol_features", named.size(), limits::kFeaturesMax));
  for (int i = 0; i < named.size(); ++i) {
    const std::string& feature = named.Get(i);
    ARCHPOOL_RETURN_IF_ERROR(CheckPrintable(At("protocol_features", i), feature,
                                            limits::kFeatureLengthMax));
    if (std::find(kFeatures.begin(), kFeatures.end(), feature) !=
        kFeatures.end()) {
      *shared->Add() = feature;
    }
  }
  return absl::OkStatus();
}

}  // namespace archpool::wire
