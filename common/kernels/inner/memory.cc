// SPDX-License-Identifier: Apache-2.0
#include "common/kernels/inner/memory.h"

#include <new>

#if defined(__linux__)
#include <sys/mman.h>
#endif

namespace archpool::kernels {
namespace {

constexpr size_t kLineBytes = 64;
constexpr size_t kPageBytes = size_t{2} << 20;
// What is left of the last page is lost, and has to be small beside the rest.
constexpr size_t kLargeBytes = 16 * kPageBytes;

std::align_val_t AlignmentOf(size_t bytes) {
  return std::align_val_t{bytes < kLargeBytes ? kLineBytes : kPageBytes};
}

}  // namespace

void* AllocateAligned(size_t bytes) {
  void* at = ::operator new(bytes, AlignmentOf(bytes));
#if defined(__linux__)
  // A wish: a system without large pages computes the same.
  if (bytes >= kLargeBytes) {
    (void)madvise(at, bytes / kPageBytes * kPageBytes, MADV_HUGEPAGE);
  }
#endif
  return at;
}

void FreeAligned(void* at, size_t bytes) {
  ::operator delete(at, AlignmentOf(bytes));
}

}  // namespace archpool::kernels
