// SPDX-License-Identifier: Apache-2.0
// The layers of a network as JSON (docs/networks.md says what each key
// means), written for clients and read again by `archpool predict`. Pure
// functions; thread-safe.
#ifndef ARCHPOOL_COMMON_EXPORT_ARCHITECTURE_JSON_H_
#define ARCHPOOL_COMMON_EXPORT_ARCHITECTURE_JSON_H_

#include <cstdint>
#include <nlohmann/json.hpp>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/export/exported_network.h"

namespace archpool {

// Grows when a program that knows the older one would compute something else.
// Keys that are new do not change it.
inline constexpr int64_t kArchitectureFormatVersion = 1;
// A thousand layers take half a megabyte.
inline constexpr int64_t kArchitectureBytesMax = int64_t{16} << 20;

// All that ParseArchitecture needs. The names of classes are not in it: they
// are the client's (classes.json).
nlohmann::ordered_json NetworkJson(const ExportedNetwork& network);

// What NetworkJson wrote, maybe among other keys; the text may be anybody's.
// Every layer is checked as MakeLayerPlan would make it, within its limits, so
// that whatever comes back can be computed; costs in nanoseconds are 0.
//
// INVALID_ARGUMENT: RESULT_FILE_MALFORMED (no JSON, a key missing, a layer that
// does not fit the others, layers of another network than its id names);
// RESULT_FILE_TOO_NEW. Messages begin with `name`.
absl::StatusOr<ExportedNetwork> ParseArchitecture(absl::string_view name,
                                                  absl::string_view text);

}  // namespace archpool

#endif  // ARCHPOOL_COMMON_EXPORT_ARCHITECTURE_JSON_H_
