// SPDX-License-Identifier: Apache-2.0
// Search spaces and architectures on the wire. Pure functions; thread-safe.
#ifndef ARCHPOOL_COMMON_WIRE_SEARCH_SPACE_WIRE_H_
#define ARCHPOOL_COMMON_WIRE_SEARCH_SPACE_WIRE_H_

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "archpool/v1/task.pb.h"
#include "common/nas/search_space.h"
#include "google/protobuf/repeated_field.h"

namespace archpool::wire {

v1::SearchSpace ToProto(const SearchSpace& space);

// INVALID_ARGUMENT: the reasons of common/wire/fields.h and of
// SearchSpace::Create. Lists and texts are bounded before they are copied,
// unless their ranges are trusted.
absl::StatusOr<SearchSpace> SearchSpaceFromProto(
    absl::string_view path, const v1::SearchSpace& proto,
    Ranges ranges = Ranges::kChecked);

void SetChoices(const Architecture& architecture,
                google::protobuf::RepeatedField<int32_t>* choices);

// INVALID_ARGUMENT (ARCHITECTURE_MALFORMED): not of `space`.
absl::StatusOr<Architecture> ArchitectureFromProto(
    absl::string_view path, const SearchSpace& space,
    const google::protobuf::RepeatedField<int32_t>& choices);

}  // namespace archpool::wire

#endif  // ARCHPOOL_COMMON_WIRE_SEARCH_SPACE_WIRE_H_
