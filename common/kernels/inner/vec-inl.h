// SPDX-License-Identifier: Apache-2.0
// The operations that kernels are written in, once for each set of vector
// instructions: no include guard that holds, no other operation. Each is one
// operation of docs/arithmetic.md on every lane. There is no maximum, minimum,
// sum over lanes, approximation or conversion to integers here, since those
// differ between processors.
#if defined(ARCHPOOL_COMMON_KERNELS_INNER_VEC_INL_H_) == \
    defined(HWY_TARGET_TOGGLE)
#ifdef ARCHPOOL_COMMON_KERNELS_INNER_VEC_INL_H_
#undef ARCHPOOL_COMMON_KERNELS_INNER_VEC_INL_H_
#else
#define ARCHPOOL_COMMON_KERNELS_INNER_VEC_INL_H_
#endif

#include <cstddef>
#include <cstdint>

#include "hwy/cache_control.h"
#include "hwy/highway.h"

#if !HWY_NATIVE_FMA
#error "These instructions have no fused multiply-add; see inner/targets.h"
#endif

HWY_BEFORE_NAMESPACE();
namespace archpool::kernels::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

using Lanes = hn::ScalableTag<float>;
using Vec = hn::Vec<Lanes>;
using Mask = hn::Mask<Lanes>;
inline constexpr int kLanes = static_cast<int>(HWY_LANES(float));
// Vector registers that a kernel may fill with sums.
inline constexpr int kSumsMax = HWY_TARGET == HWY_AVX2 ? 12 : 28;

HWY_INLINE Vec Zero() { return hn::Zero(Lanes()); }
HWY_INLINE Vec Broadcast(float value) { return hn::Set(Lanes(), value); }
HWY_INLINE Vec Load(const float* from) { return hn::LoadU(Lanes(), from); }
// Zero in the other lanes, whose memory is not read.
HWY_INLINE Vec LoadWhere(Mask mask, const float* from) {
  return hn::MaskedLoad(mask, Lanes(), from);
}
HWY_INLINE void Store(Vec v, float* to) { hn::StoreU(v, Lanes(), to); }
inline constexpr int64_t kLineFloats = 16;  // of a cache
// Ask for a line of the cache, without waiting for it; any address will do.
HWY_INLINE void Fetch(const float* at) { hwy::Prefetch(at); }
// Into a cache that has room for more than the nearest one.
HWY_INLINE void FetchFarther(const float* at) { __builtin_prefetch(at, 0, 2); }
HWY_INLINE void FetchToWrite(const float* at) {
#if defined(__x86_64__)
  // Compilers emit it for no processor that HWY_AVX2 stands for, though all of
  // them take it.
  asm volatile("prefetchw %0" : : "m"(*at));
#else
  __builtin_prefetch(at, 1);
#endif
}
// The first `count` lanes. REQUIRES: count in [0, kLanes].
HWY_INLINE Mask FirstLanes(int64_t count) {
  return hn::FirstN(Lanes(), static_cast<size_t>(count));
}
HWY_INLINE void StoreWhere(Mask mask, Vec v, float* to) {
  hn::BlendedStore(v, mask, Lanes(), to);
}

// The lower half of the lanes, and zero in the others. Unlike a masked load, it
// need not wait until what was stored before has left for the cache.
HWY_INLINE Vec LoadHalf(const float* from) {
  const hn::Half<Lanes> half;
  return hn::ZeroExtendVector(Lanes(), hn::LoadU(half, from));
}
HWY_INLINE void StoreHalf(Vec v, float* to) {
  const hn::Half<Lanes> half;
  hn::StoreU(hn::LowerHalf(half, v), half, to);
}

HWY_INLINE Vec Add(Vec a, Vec b) { return hn::Add(a, b); }
HWY_INLINE Vec Subtract(Vec a, Vec b) { return hn::Sub(a, b); }
HWY_INLINE Vec Multiply(Vec a, Vec b) { return hn::Mul(a, b); }
HWY_INLINE Vec Divide(Vec a, Vec b) { return hn::Div(a, b); }
// a · b + c with one rounding.
HWY_INLINE Vec MultiplyAdd(Vec a, Vec b, Vec c) { return hn::MulAdd(a, b, c); }
HWY_INLINE Vec Negate(Vec a) { return hn::Neg(a); }

// A comparison with NaN is false.
HWY_INLINE Mask Less(Vec a, Vec b) { return hn::Lt(a, b); }
HWY_INLINE Mask LessOrEqual(Vec a, Vec b) { return hn::Le(a, b); }
HWY_INLINE Mask Equal(Vec a, Vec b) { return hn::Eq(a, b); }
HWY_INLINE Mask Both(Mask a, Mask b) { return hn::And(a, b); }
HWY_INLINE Vec Select(Mask mask, Vec yes, Vec no) {
  return hn::IfThenElse(mask, yes, no);
}
HWY_INLINE Vec SelectOrZero(Mask mask, Vec yes) {
  return hn::IfThenElseZero(mask, yes);
}

// A vector of bits, for pooling's choices and powers of two.
using Bits = hn::Vec<hn::RebindToUnsigned<Lanes>>;
HWY_INLINE Bits BitsOf(Vec v) {
  return hn::BitCast(hn::RebindToUnsigned<Lanes>(), v);
}
HWY_INLINE Vec FloatOf(Bits bits) { return hn::BitCast(Lanes(), bits); }
HWY_INLINE Bits BroadcastBits(uint32_t value) {
  return hn::Set(hn::RebindToUnsigned<Lanes>(), value);
}
HWY_INLINE Bits AddBits(Bits a, Bits b) { return hn::Add(a, b); }
template <int kCount>
HWY_INLINE Bits ShiftBitsLeft(Bits bits) {
  return hn::ShiftLeft<kCount>(bits);
}

}  // namespace archpool::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
