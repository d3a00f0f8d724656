// SPDX-License-Identifier: Apache-2.0
// Errors that say why twice: a reason a program can read, and a sentence a
// person can act on. Every error that crosses a module boundary of archpool is
// made by one of the functions below; the reason travels as a payload of the
// absl::Status and, on the wire, as archpool.v1.ErrorDetail.
#ifndef ARCHPOOL_COMMON_BASE_STATUS_H_
#define ARCHPOOL_COMMON_BASE_STATUS_H_

#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace archpool {

// `reason` is UPPER_SNAKE_CASE and stable: programs match on it. `message` is
// one sentence that names the object and what would be right.
absl::Status MakeError(absl::StatusCode code, absl::string_view reason,
                       absl::string_view message);

// The reason given to MakeError, or "" for a status without one.
std::string GetReason(const absl::Status& status);

inline absl::Status InvalidArgument(absl::string_view reason,
                                    absl::string_view message) {
  return MakeError(absl::StatusCode::kInvalidArgument, reason, message);
}
inline absl::Status FailedPrecondition(absl::string_view reason,
                                       absl::string_view message) {
  return MakeError(absl::StatusCode::kFailedPrecondition, reason, message);
}
inline absl::Status NotFound(absl::string_view reason,
                             absl::string_view message) {
  return MakeError(absl::StatusCode::kNotFound, reason, message);
}
inline absl::Status AlreadyExists(absl::string_view reason,
                                  absl::string_view message) {
  return MakeError(absl::StatusCode::kAlreadyExists, reason, message);
}
inline absl::Status PermissionDenied(absl::string_view reason,
                                     absl::string_view message) {
  return MakeError(absl::StatusCode::kPermissionDenied, reason, message);
}
inline absl::Status Unavailable(absl::string_view reason,
                                absl::string_view message) {
  return MakeError(absl::StatusCode::kUnavailable, reason, message);
}
inline absl::Status ResourceExhausted(absl::string_view reason,
                                      absl::string_view message) {
  return MakeError(absl::StatusCode::kResourceExhausted, reason, message);
}
inline absl::Status Internal(absl::string_view reason,
                             absl::string_view message) {
  return MakeError(absl::StatusCode::kInternal, reason, message);
}

}  // namespace archpool

#define ARCHPOOL_CONCAT_INNER(a, b) a##b
#define ARCHPOOL_CONCAT(a, b) ARCHPOOL_CONCAT_INNER(a, b)

#define ARCHPOOL_RETURN_IF_ERROR(expression)           \
  do {                                                 \
    absl::Status archpool_status = (expression);       \
    if (!archpool_status.ok()) return archpool_status; \
  } while (false)

// ARCHPOOL_ASSIGN_OR_RETURN(const Foo foo, MakeFoo());
#define ARCHPOOL_ASSIGN_OR_RETURN(declaration, expression) \
  ARCHPOOL_ASSIGN_OR_RETURN_IMPL(                          \
      ARCHPOOL_CONCAT(archpool_status_or_, __LINE__), declaration, expression)
#define ARCHPOOL_ASSIGN_OR_RETURN_IMPL(temporary, declaration, expression) \
  auto temporary = (expression);                                           \
  if (!temporary.ok()) return std::move(temporary).status();               \
  declaration = *std::move(temporary)

#endif  // ARCHPOOL_COMMON_BASE_STATUS_H_
