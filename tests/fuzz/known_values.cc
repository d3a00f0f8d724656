// SPDX-License-Identifier: Apache-2.0
#include "tests/fuzz/known_values.h"

#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace archpool {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;

// "holding_lease_ids" is a list of what "lease_id" is one of.
std::string Singular(const FieldDescriptor& field) {
  std::string name = field.name();
  if (field.is_repeated() && absl::EndsWith(name, "s")) name.pop_back();
  return name;
}

// The longest kind that the name ends with; end() where there is none.
template <typename Kinds>
auto FindKind(Kinds& kinds, const FieldDescriptor& field) {
  const std::string name = Singular(field);
  auto best = kinds.end();
  for (auto kind = kinds.begin(); kind != kinds.end(); ++kind) {
    const bool fits = name == kind->first ||
                      absl::EndsWith(name, absl::StrCat("_", kind->first));
    if (!fits) continue;
    if (best == kinds.end() || best->first.size() < kind->first.size()) {
      best = kind;
    }
  }
  return best;
}

template <typename Value>
void AddTo(std::vector<Value>& values, const Value& value, size_t count_max) {
  if (values.size() >= count_max) return;
  if (std::find(values.begin(), values.end(), value) == values.end()) {
    values.push_back(value);
  }
}

}  // namespace

void KnownValues::Add(const std::string& kind, int64_t number) {
  AddTo(numbers_[kind], number, kKindMax);
}

void KnownValues::Add(const std::string& kind, const std::string& text) {
  AddTo(texts_[kind], text, kKindMax);
}

void KnownValues::Learn(const Message& message) {
  const Reflection& reflection = *message.GetReflection();
  std::vector<const FieldDescriptor*> fields;
  reflection.ListFields(message, &fields);
  for (const FieldDescriptor* const field : fields) {
    const int count =
        field->is_repeated() ? reflection.FieldSize(message, field) : 1;
    for (int i = 0; i < count; ++i) {
      if (field->cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) {
        Learn(field->is_repeated()
                  ? reflection.GetRepeatedMessage(message, field, i)
                  : reflection.GetMessage(message, field));
      } else if (field->cpp_type() == FieldDescriptor::CPPTYPE_INT64) {
        const auto kind = FindKind(numbers_, *field);
        if (kind == numbers_.end()) break;
        AddTo(kind->second,
              field->is_repeated()
                  ? reflection.GetRepeatedInt64(message, field, i)
                  : reflection.GetInt64(message, field),
              kKindMax);
      } else if (field->cpp_type() == FieldDescriptor::CPPTYPE_STRING) {
        const auto kind = FindKind(texts_, *field);
        if (kind == texts_.end()) break;
        AddTo(kind->second,
              field->is_repeated()
                  ? reflection.GetRepeatedString(message, field, i)
                  : reflection.GetString(message, field),
              kKindMax);
      }
    }
  }
}

const std::vector<int64_t>& KnownValues::NumbersFor(
    const FieldDescriptor& field) const {
  static const auto* const kNone = new std::vector<int64_t>;
  const auto kind = FindKind(numbers_, field);
  return kind == numbers_.end() ? *kNone : kind->second;
}

const std::vector<std::string>& KnownValues::TextsFor(
    const FieldDescriptor& field) const {
  static const auto* const kNone = new std::vector<std::string>;
  const auto kind = FindKind(texts_, field);
  return kind == texts_.end() ? *kNone : kind->second;
}

}  // namespace archpool
