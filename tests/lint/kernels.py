# SPDX-License-Identifier: Apache-2.0
"""Kernels name only what gives the same bits on every processor.

docs/arithmetic.md has what they may compute with: sums, products, quotients,
square roots, fused multiply-adds, comparisons and selections.
"""

import re

INNER = "common/kernels/inner/"
# Beside the standard library and Highway, and built without anything else.
ALLOWED = (
    "common/base/check.h", "common/base/counter_rng.h",
    "common/base/word_table.h",
    "common/kernels/arithmetic.h", "common/kernels/simd.h",
    "common/nas/layer.h", "common/nas/network_constants.h",
)
TEST_HELPERS = ("_test.cc", "/test_maps.h")
OPERATIONS = INNER + "vec-inl.h"
FLAGS = "cmake/Archpool.cmake"

INCLUDE = re.compile(r'^\s*#\s*include\s*(["<])([^">]+)[">]')
# Beside those of C++, the one that asks Linux for large pages.
STANDARD = re.compile(r"(?:[a-z_0-9]+|sys/mman\.h)$")
# Of Highway: what differs in NaN, in the sign of zero, in order or in bits.
OPERATION = re.compile(
    r"\b(Max|Min|ReduceSum|ReduceMax|ReduceMin|SumOfLanes|MaxOfLanes|MinOfLanes"
    r"|Approximate\w*|ConvertTo|DemoteTo|OrderedDemote\w*|NearestInt|Round|Floor"
    r"|Ceil|Trunc|NegMulAdd|MulSub)\s*(?:<[^()]*>)?\(")
# From a literal, a lane or an element of a map. Sizes are converted as well.
TO_INTEGER = re.compile(
    r"static_cast<(?:std::)?(?:u?int\w*|long|unsigned|size_t|short|char)[^>]*>"
    r"\([^;]*?(?:\d\.\d*|GetLane|\[)")
CMATH = re.compile(
    r"\bstd::(f?abs|fmod|remainder|remquo|fmax|fmin|fdim|lerp|exp2?|expm1|log"
    r"|log10|log2|log1p|pow|cbrt|hypot|a?sinh?|a?cosh?|a?tanh?|atan2|erfc?"
    r"|tgamma|lgamma|ceil|floor|trunc|l?l?round|nearbyint|l?l?rint|frexp|ldexp"
    r"|modf|scalbl?n|ilogb|logb|nextafter|nexttoward|copysign)f?\(")
# Of compilers: each lets them fuse, reorder, or flush denormal numbers.
FAST = re.compile(
    r"-ffast-math|-Ofast|-ffp-contract=(?:fast|on)|-funsafe-math\S*"
    r"|-fassociative-math|-freciprocal-math|-ffinite-math-only|-fno-signed-zeros"
    r"|-mdaz-ftz")


def is_inner(path):
    return ((path.startswith(INNER) or path in ALLOWED)
            and not path.endswith(TEST_HELPERS))


def check_include(path, line):
    match = INCLUDE.match(line)
    if not match:
        return None
    mark, name = match.groups()
    if mark == "<" and STANDARD.match(name):
        return None
    if name == "hwy/highway.h" and path != OPERATIONS:
        return f"only {OPERATIONS} may include it: name an operation there"
    if name.startswith(("hwy/", INNER)) or name in ALLOWED:
        return None
    return (f"\"{name}\": it is built for processors that have the standard "
            "library and Highway's headers alone")


def check_words(path, code):
    match = CMATH.search(code)
    if match:
        return f"{match.group(0)}): libraries differ; fma and sqrt alone do not"
    if not path.startswith(INNER) or not path.endswith((".inc", "vec-inl.h")):
        return None
    match = OPERATION.search(code)
    if match:
        return (f"{match.group(1)} differs between processors: compare and "
                "select, and add in the order of docs/arithmetic.md")
    if TO_INTEGER.search(code):
        return ("a float becomes an integer: what is out of range differs "
                "between processors")
    return None


def check_flags(tree):
    findings = []
    if "-ffp-contract=off" not in tree.files.get(FLAGS, ""):
        findings.append(f"{FLAGS}:1: no -ffp-contract=off: GCC would fuse what "
                        "must be rounded twice")
    for path in tree.files:
        if not path.endswith((".cmake", "CMakeLists.txt", "Presets.json")):
            continue
        for number, line in enumerate(tree.lines(path), 1):
            match = FAST.search(line)
            if match:
                findings.append(f"{path}:{number}: {match.group(0)} changes "
                                "what is computed")
    return findings


def check(tree):
    findings = check_flags(tree)
    if not re.search(r"#if !HWY_NATIVE_FMA\n#error",
                     tree.files.get(OPERATIONS, "")):
        findings.append(f"{OPERATIONS}:1: HWY_NATIVE_FMA is not asserted: where "
                        "it is 0, MulAdd rounds twice")
    for path in tree.paths(".h", ".cc", ".inc"):
        if not is_inner(path):
            continue
        for number, line in enumerate(tree.lines(path), 1):
            problem = check_include(path, line) or check_words(
                path, line.split("//", 1)[0])
            if problem:
                findings.append(f"{path}:{number}: {problem}")
    return findings


_GOOD_FLAGS = "target_compile_options(a INTERFACE -ffp-contract=off)\n"
_ASSERTED = "#if !HWY_NATIVE_FMA\n#error \"x\"\n#endif\n"


def _with(path, text):
    return {FLAGS: _GOOD_FLAGS, OPERATIONS: _ASSERTED, path: text}


def _kernel(text):
    return _with(INNER + "a.inc", text)


BAD = (
    ("no -ffp-contract=off", {FLAGS: "", OPERATIONS: _ASSERTED}),
    ("HWY_NATIVE_FMA", {FLAGS: _GOOD_FLAGS, OPERATIONS: ""}),
    ("-ffast-math changes", _with("a/CMakeLists.txt",
                                  "add_compile_options(-ffast-math)\n")),
    ("alone", _with(INNER + "a.cc", '#include "absl/types/span.h"\n')),
    ("alone", _with(INNER + "a.h", '#include "common/nas/layer_plan.h"\n')),
    ("alone", _with("common/nas/layer.h", '#include "common/base/status.h"\n')),
    ("alone", _with(INNER + "a.cc", "#include <immintrin/x.h>\n")),
    ("name an operation there", _with(INNER + "a.cc",
                                      '#include "hwy/highway.h"\n')),
    ("libraries differ", _with(INNER + "a.cc", "x = std::exp(y);\n")),
    ("libraries differ", _with("common/kernels/arithmetic.h",
                               "x = std::fmax(y, z);\n")),
    ("Max differs", _kernel("v = hn::Max(a, b);\n")),
    ("Min differs", _kernel("v = Min(a, b);\n")),
    ("ReduceSum differs", _kernel("s = hn::ReduceSum(Lanes(), v);\n")),
    ("SumOfLanes differs", _kernel("s = hn::SumOfLanes(Lanes(), v);\n")),
    ("ApproximateReciprocal differs",
     _kernel("v = hn::ApproximateReciprocal(a);\n")),
    ("ConvertTo differs", _with(OPERATIONS, _ASSERTED +
                                "return hn::ConvertTo(d, v);\n")),
    ("DemoteTo differs", _kernel("v = hn::DemoteTo(d, v);\n")),
    ("becomes an integer", _kernel("n = static_cast<int>(in[x]);\n")),
    ("becomes an integer", _kernel("n = static_cast<int32_t>(x + 0.5f);\n")),
    ("becomes an integer",
     _kernel("n = static_cast<int64_t>(hn::GetLane(v));\n")),
)
GOOD = {
    FLAGS: _GOOD_FLAGS,
    OPERATIONS: _ASSERTED + '#include "hwy/highway.h"\n',
    INNER + "a.inc": "// Not Max(): NaN.\nv = std::min(a, b);\n"
                     "RoundUp(c, 8);\nTilePixelsMax(static_cast<int>(n));\n",
    INNER + "a.cc": '#include <cmath>\n#include "hwy/foreach_target.h"\n'
                    '#include "common/nas/layer.h"\n'
                    '#include "common/kernels/inner/a.inc"\n'
                    "x = std::sqrt(y) + std::fma(a, b, c);\n",
    INNER + "a_test.cc": '#include "absl/strings/str_cat.h"\n',
}
