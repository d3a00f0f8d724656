// SPDX-License-Identifier: Apache-2.0
// Memory that kernels read and write. It begins with a cache line, for a vector
// of sixteen floats that crosses a line costs two accesses; and where there is
// much of it, in large pages: maps are streamed through, and every small page
// would have to be looked up. Throws std::bad_alloc, as containers do.
#ifndef ARCHPOOL_COMMON_KERNELS_INNER_MEMORY_H_
#define ARCHPOOL_COMMON_KERNELS_INNER_MEMORY_H_

#include <cstddef>
#include <vector>

namespace archpool::kernels {

void* AllocateAligned(size_t bytes);
void FreeAligned(void* at, size_t bytes);

template <typename T>
struct AlignedAllocator {
  using value_type = T;

  AlignedAllocator() = default;
  template <typename U>
  AlignedAllocator(const AlignedAllocator<U>&) {}  // NOLINT: as allocators are

  T* allocate(size_t count) {
    return static_cast<T*>(AllocateAligned(count * sizeof(T)));
  }
  void deallocate(T* at, size_t count) { FreeAligned(at, count * sizeof(T)); }
  friend bool operator==(const AlignedAllocator&, const AlignedAllocator&) {
    return true;
  }
};

using AlignedFloats = std::vector<float, AlignedAllocator<float>>;

}  // namespace archpool::kernels

#endif  // ARCHPOOL_COMMON_KERNELS_INNER_MEMORY_H_
