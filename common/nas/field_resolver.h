// SPDX-License-Identifier: Apache-2.0
// Looks up the fields of a template in a space's dimensions, and complains with
// the field's name. Used by chain_template.cc alone. Not thread-safe.
#ifndef ARCHPOOL_COMMON_NAS_FIELD_RESOLVER_H_
#define ARCHPOOL_COMMON_NAS_FIELD_RESOLVER_H_

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/base/range.h"
#include "common/nas/resolved_chain.h"
#include "common/nas/search_space.h"

namespace archpool {

// The words that a field takes, and what each stands for.
using Vocabulary = std::map<std::string, int64_t>;

class FieldResolver {
 public:
  // `dimensions` must outlive the resolver.
  FieldResolver(const std::vector<Dimension>& dimensions, Ranges ranges);

  // TEMPLATE_RANGE (a constant), TEMPLATE_REFERENCE (a dimension).
  absl::StatusOr<ResolvedField> Int(absl::string_view field,
                                    const IntField& value,
                                    const Range<int64_t>& range) const;
  absl::StatusOr<ResolvedField> Word(absl::string_view field,
                                     const WordField& value,
                                     const Vocabulary& words) const;
  // TEMPLATE_RANGE.
  absl::Status CheckConstant(absl::string_view field, int64_t value,
                             const Range<int64_t>& range) const;

  // Notes that some network depends on `field`.
  void MarkRead(const ResolvedField& field) {
    if (field.dimension >= 0) read_.insert(field.dimension);
  }
  // DIMENSION_UNUSED.
  absl::Status CheckAllRead() const;

 private:
  template <typename T, typename Accept, typename Encode>
  absl::StatusOr<ResolvedField> Reference(absl::string_view field,
                                          const DimensionRef& reference,
                                          absl::string_view expected,
                                          const Accept& accept,
                                          const Encode& encode) const;

  const std::vector<Dimension>& dimensions_;
  const Ranges ranges_;
  std::map<std::string, int> index_of_;
  std::set<int> read_;
};

}  // namespace archpool

#endif  // ARCHPOOL_COMMON_NAS_FIELD_RESOLVER_H_
