// The arithmetic that a process computes in: the instruction set and the number
// of threads, which numerical libraries read from their environment while they
// are loaded, before main.
#ifndef ARCHPOOL_COMMON_NN_ARITHMETIC_H_
#define ARCHPOOL_COMMON_NN_ARITHMETIC_H_

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace archpool::nn {

// Those that this processor has, the widest first: "avx512", "avx2", "default".
std::vector<std::string> InstructionSets();

// What a process needs in its environment to compute so, whatever else its
// processor has: LibTorch, oneDNN and BLAS agree bit for bit between machines
// then. REQUIRES: one of "avx512", "avx2", "default".
std::vector<std::pair<std::string, std::string>> ArithmeticEnvironment(
    const std::string& instruction_set, int64_t threads);

// Where this process was not loaded so, or with other variables that its
// libraries obey, sets these, takes those away and executes this program anew,
// with the same arguments; otherwise returns. "" stands for the widest
// instruction set. The program runs with SIGINT and SIGTERM blocked from before
// its libraries start threads (common/base/signals.h). REQUIRES: no other
// thread of ours runs.
void PinArithmetic(const std::string& instruction_set, int64_t threads,
                   char** argv);

}  // namespace archpool::nn

#endif  // ARCHPOOL_COMMON_NN_ARITHMETIC_H_
