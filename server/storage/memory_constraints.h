// The constraints of migrations/, for the store in memory. Each function names
// the constraint of the same name in SQL that a record would break, or "".
#ifndef ARCHPOOL_SERVER_STORAGE_MEMORY_CONSTRAINTS_H_
#define ARCHPOOL_SERVER_STORAGE_MEMORY_CONSTRAINTS_H_

#include <string>
#include <vector>

#include "server/core/records/entities.h"

namespace archpool::memory {

std::string BrokenCheck(const Account& account);
std::string BrokenCheck(const DatasetRecord& dataset);
std::string BrokenCheck(const Task& task);
std::string BrokenCheck(const SubspaceRecord& subspace);
std::string BrokenCheck(const Session& session);
std::string BrokenCheck(const Lease& lease);
std::string BrokenCheck(const Trial& trial);
std::string BrokenCheck(const Audit& audit);
std::string BrokenCheck(const Payout& payout);
std::string BrokenCheck(const Balance& balance);
std::string BrokenCheck(const Transfer& transfer);
std::string BrokenCheck(const Owed& owed);
std::string BrokenCheck(const Receipt& receipt);
std::string BrokenCheck(const VerifierRecord& verifier);
inline std::string BrokenCheck(const Ranking&) { return ""; }
inline std::string BrokenCheck(const PoolClock&) { return ""; }

// What no other record may claim at the same time.
struct UniqueKey {
  std::string constraint;
  std::string value;
  friend auto operator<=>(const UniqueKey&, const UniqueKey&) = default;
};
std::vector<UniqueKey> UniqueKeysOf(const Account& account);
std::vector<UniqueKey> UniqueKeysOf(const DatasetRecord& dataset);
std::vector<UniqueKey> UniqueKeysOf(const Task& task);
std::vector<UniqueKey> UniqueKeysOf(const SubspaceRecord& subspace);
std::vector<UniqueKey> UniqueKeysOf(const Session& session);
std::vector<UniqueKey> UniqueKeysOf(const Lease& lease);
std::vector<UniqueKey> UniqueKeysOf(const Trial& trial);
std::vector<UniqueKey> UniqueKeysOf(const Audit& audit);
std::vector<UniqueKey> UniqueKeysOf(const Payout& payout);
std::vector<UniqueKey> UniqueKeysOf(const Balance& balance);
std::vector<UniqueKey> UniqueKeysOf(const Transfer& transfer);
inline std::vector<UniqueKey> UniqueKeysOf(const Owed&) { return {}; }
inline std::vector<UniqueKey> UniqueKeysOf(const Receipt&) { return {}; }
inline std::vector<UniqueKey> UniqueKeysOf(const Ranking&) { return {}; }
inline std::vector<UniqueKey> UniqueKeysOf(const PoolClock&) { return {}; }
inline std::vector<UniqueKey> UniqueKeysOf(const VerifierRecord&) { return {}; }

}  // namespace archpool::memory

#endif  // ARCHPOOL_SERVER_STORAGE_MEMORY_CONSTRAINTS_H_
