// SPDX-License-Identifier: Apache-2.0
// The operations of vec-inl.h on one number at a time: what any machine has,
// and what vectors are compared with.
#ifndef ARCHPOOL_COMMON_KERNELS_INNER_VEC_SCALAR_H_
#define ARCHPOOL_COMMON_KERNELS_INNER_VEC_SCALAR_H_

#include <bit>
#include <cmath>
#include <cstdint>

namespace archpool::kernels::scalar {

using Vec = float;
using Mask = bool;
inline constexpr int kLanes = 1;
inline constexpr int kSumsMax = 12;

inline Vec Zero() { return 0.0f; }
inline Vec Broadcast(float value) { return value; }
inline Vec Load(const float* from) { return *from; }
inline Vec LoadWhere(Mask mask, const float* from) {
  return mask ? *from : 0.0f;
}
inline void Store(Vec v, float* to) { *to = v; }
inline constexpr int64_t kLineFloats = 16;
inline void Fetch(const float*) {}
inline void FetchFarther(const float*) {}
inline void FetchToWrite(const float*) {}
inline Mask FirstLanes(int64_t count) { return count > 0; }
inline void StoreWhere(Mask mask, Vec v, float* to) {
  if (mask) *to = v;
}

// One lane has no half: never called.
inline Vec LoadHalf(const float*) { return 0.0f; }
inline void StoreHalf(Vec, float*) {}

inline Vec Add(Vec a, Vec b) { return a + b; }
inline Vec Subtract(Vec a, Vec b) { return a - b; }
inline Vec Multiply(Vec a, Vec b) { return a * b; }
inline Vec Divide(Vec a, Vec b) { return a / b; }
inline Vec MultiplyAdd(Vec a, Vec b, Vec c) { return std::fma(a, b, c); }
inline Vec Negate(Vec a) { return -a; }

inline Mask Less(Vec a, Vec b) { return a < b; }
inline Mask LessOrEqual(Vec a, Vec b) { return a <= b; }
inline Mask Equal(Vec a, Vec b) { return a == b; }
inline Mask Both(Mask a, Mask b) { return a && b; }
inline Vec Select(Mask mask, Vec yes, Vec no) { return mask ? yes : no; }
inline Vec SelectOrZero(Mask mask, Vec yes) { return mask ? yes : 0.0f; }

using Bits = uint32_t;
inline Bits BitsOf(Vec v) { return std::bit_cast<uint32_t>(v); }
inline Vec FloatOf(Bits bits) { return std::bit_cast<float>(bits); }
inline Bits BroadcastBits(uint32_t value) { return value; }
inline Bits AddBits(Bits a, Bits b) { return a + b; }
template <int kCount>
inline Bits ShiftBitsLeft(Bits bits) {
  return bits << kCount;
}

}  // namespace archpool::kernels::scalar

#endif  // ARCHPOOL_COMMON_KERNELS_INNER_VEC_SCALAR_H_
