// SPDX-License-Identifier: Apache-2.0
// Which versions of archpool understand each other. Every call carries its
// caller's version in the metadata, and a server answers with CLIENT_TOO_OLD
// where that is older than the oldest that it understands. Version
// 0.1.0 said none at all, which is how it is known. Pure functions;
// thread-safe.
#ifndef ARCHPOOL_COMMON_WIRE_API_VERSION_H_
#define ARCHPOOL_COMMON_WIRE_API_VERSION_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "google/protobuf/repeated_ptr_field.h"

namespace archpool::wire {

// The metadata key.
inline constexpr char kClientVersionKey[] = "archpool-client-version";
// In trailing metadata, where the caller's token ends soon: in how many
// seconds.
inline constexpr char kTokenSecondsLeftKey[] = "archpool-token-seconds-left";
// The same of the certificate that a verifier's connection shows.
inline constexpr char kCertificateSecondsLeftKey[] =
    "archpool-certificate-seconds-left";
// In trailing metadata, where the answer waited because its account calls more
// often than the pool answers at once: for how many milliseconds.
inline constexpr char kAnswerLateKey[] = "archpool-answer-late-ms";
// The version of this build, as common/base/version.h has it: that library is
// made again at each commit, and this one is not.
extern const char kOwnVersion[];
// The oldest client that a server of this build understands.
inline constexpr char kClientVersionMin[] = "0.2.0";

// FAILED_PRECONDITION (CLIENT_TOO_OLD): `version` is empty, no version
// ("1.2.3"), or older than kClientVersionMin.
absl::Status CheckClientVersion(absl::string_view version);

// What a program says to a server that knows less than it: FAILED_PRECONDITION
// (SERVER_TOO_OLD) where `server_version`, of an answer, is empty, as that of
// 0.1.0 is.
absl::Status CheckServerVersion(absl::string_view server_version);

// Adds to `shared` the features that a program names and this build has too.
// INVALID_ARGUMENT: the reasons of common/wire/fields.h.
absl::Status ShareFeatures(
    const google::protobuf::RepeatedPtrField<std::string>& named,
    google::protobuf::RepeatedPtrField<std::string>* shared);

}  // namespace archpool::wire

#endif  // ARCHPOOL_COMMON_WIRE_API_VERSION_H_
