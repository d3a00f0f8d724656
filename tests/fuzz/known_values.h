// SPDX-License-Identifier: Apache-2.0
// What a caller of the pool could know: ids, digests, names and tokens, by what
// the fields that carry them are called. Requests that name what is there get
// past the first check. Not thread-safe; copied for each input.
#ifndef ARCHPOOL_TESTS_FUZZ_KNOWN_VALUES_H_
#define ARCHPOOL_TESTS_FUZZ_KNOWN_VALUES_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "google/protobuf/message.h"

namespace archpool {

class KnownValues {
 public:
  // Of a field whose name is `kind` or ends with "_" and `kind`. What is known
  // already stays where it is. Of one kind the first `kKindMax` are kept.
  void Add(const std::string& kind, int64_t number);
  void Add(const std::string& kind, const std::string& text);

  // All of the known kinds that `message` has, however deep.
  void Learn(const google::protobuf::Message& message);

  // Those for the field, the latest last; none where nothing is known for it.
  // The field is a number, or text or bytes.
  const std::vector<int64_t>& NumbersFor(
      const google::protobuf::FieldDescriptor& field) const;
  const std::vector<std::string>& TextsFor(
      const google::protobuf::FieldDescriptor& field) const;

 private:
  static constexpr size_t kKindMax = 16;

  std::map<std::string, std::vector<int64_t>> numbers_;
  std::map<std::string, std::vector<std::string>> texts_;
};

}  // namespace archpool

#endif  // ARCHPOOL_TESTS_FUZZ_KNOWN_VALUES_H_
