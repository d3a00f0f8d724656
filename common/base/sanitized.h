// SPDX-License-Identifier: Apache-2.0
// Whether this program was built with sanitizers, which need memory and system
// calls of their own: a sandbox that is closed to those is no place for them.
#ifndef ARCHPOOL_COMMON_BASE_SANITIZED_H_
#define ARCHPOOL_COMMON_BASE_SANITIZED_H_

namespace archpool {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
inline constexpr bool kIsSanitized = true;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
inline constexpr bool kIsSanitized = true;
#else
inline constexpr bool kIsSanitized = false;
#endif
#else
inline constexpr bool kIsSanitized = false;
#endif

}  // namespace archpool

#endif  // ARCHPOOL_COMMON_BASE_SANITIZED_H_
