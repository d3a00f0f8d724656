// SPDX-License-Identifier: Apache-2.0
// Tasks, recipes and dataset manifests on the wire, and as they are stored.
// Pure functions; thread-safe.
#ifndef ARCHPOOL_COMMON_WIRE_TASK_SPEC_WIRE_H_
#define ARCHPOOL_COMMON_WIRE_TASK_SPEC_WIRE_H_

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "archpool/v1/task.pb.h"
#include "common/data/dataset.h"
#include "common/model/task_spec.h"

namespace archpool::wire {

v1::TaskSpec ToProto(const TaskSpec& spec);
v1::Recipe ToProto(const Recipe& recipe);
v1::DatasetManifest ToProto(const DatasetManifest& manifest);

// All: INVALID_ARGUMENT with the reasons of common/wire/fields.h; the message
// names the field under `path`.

// Also the reasons of SearchSpace::Create and of TaskSpec::Validate.
absl::StatusOr<TaskSpec> TaskSpecFromProto(absl::string_view path,
                                           const v1::TaskSpec& proto);
inline absl::StatusOr<TaskSpec> TaskSpecFromProto(const v1::TaskSpec& proto) {
  return TaskSpecFromProto("spec", proto);
}
// The pool's own, as it stored it: ranges are trusted, so that a server starts
// on tasks that a limit of today would refuse. What has no form is refused, and
// a count of nothing.
absl::StatusOr<TaskSpec> StoredTaskSpecFromProto(const v1::TaskSpec& proto);
// The reasons of Recipe::Validate.
absl::StatusOr<Recipe> RecipeFromProto(const v1::Recipe& proto);
absl::StatusOr<DatasetManifest> ManifestFromProto(
    absl::string_view path, const v1::DatasetManifest& proto);

}  // namespace archpool::wire

#endif  // ARCHPOOL_COMMON_WIRE_TASK_SPEC_WIRE_H_
