// SPDX-License-Identifier: Apache-2.0
#include "tests/fuzz/request_maker.h"

#include <cstdint>
#include <limits>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/check.h"
#include "google/protobuf/duration.pb.h"
#include "google/protobuf/timestamp.pb.h"

namespace archpool {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::EnumDescriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::MessageFactory;
using google::protobuf::Reflection;

constexpr int kDepthMax = 6;
constexpr int kListMax = 40;
// What google.protobuf.Duration says is the greatest.
constexpr int64_t kDurationSecondsMax = 315'576'000'000;

// What has broken programs before.
const std::vector<int64_t>& OddNumbers() {
  static const auto* const kOdd =
      new std::vector<int64_t>{0,
                               1,
                               -1,
                               2,
                               255,
                               1'000'000,
                               1'000'001,
                               std::numeric_limits<int32_t>::max(),
                               std::numeric_limits<int32_t>::min(),
                               int64_t{1} << 53,
                               kDurationSecondsMax,
                               kDurationSecondsMax + 1,
                               std::numeric_limits<int64_t>::max() / 2,
                               std::numeric_limits<int64_t>::max(),
                               std::numeric_limits<int64_t>::min() + 1,
                               std::numeric_limits<int64_t>::min()};
  return *kOdd;
}

const std::vector<std::string>& OddTexts() {
  static const auto* const kOdd =
      new std::vector<std::string>{"",
                                   "a",
                                   " ",
                                   "A Name",
                                   std::string("a\0b", 3),
                                   "\x1b[31mred",
                                   "line\nline",
                                   "../../etc/passwd",
                                   "%s%n%x",
                                   "' OR 1=1; --",
                                   "\xe2\x80\xae"
                                   "over",
                                   "\xcf\x80",
                                   "-1",
                                   "9223372036854775808",
                                   std::string(300, 'x'),
                                   std::string(5'000, 'y')};
  return *kOdd;
}

bool IsTime(const Descriptor& type) {
  return &type == google::protobuf::Duration::descriptor() ||
         &type == google::protobuf::Timestamp::descriptor();
}

// Calls `use(message, field, index)`-like setters: one place that knows whether
// a field is a list.
class FieldWriter {
 public:
  FieldWriter(Message& message, const FieldDescriptor& field)
      : message_(message), field_(field), to_(*message.GetReflection()) {}

  void Number(int64_t value) const {
    switch (field_.cpp_type()) {
      case FieldDescriptor::CPPTYPE_INT64:
        return field_.is_repeated() ? to_.AddInt64(&message_, &field_, value)
                                    : to_.SetInt64(&message_, &field_, value);
      case FieldDescriptor::CPPTYPE_INT32: {
        const auto narrow = static_cast<int32_t>(value);
        return field_.is_repeated() ? to_.AddInt32(&message_, &field_, narrow)
                                    : to_.SetInt32(&message_, &field_, narrow);
      }
      case FieldDescriptor::CPPTYPE_BOOL:
        return field_.is_repeated()
                   ? to_.AddBool(&message_, &field_, value % 2 != 0)
                   : to_.SetBool(&message_, &field_, value % 2 != 0);
      case FieldDescriptor::CPPTYPE_ENUM: {
        const auto narrow = static_cast<int>(value);
        return field_.is_repeated()
                   ? to_.AddEnumValue(&message_, &field_, narrow)
                   : to_.SetEnumValue(&message_, &field_, narrow);
      }
      case FieldDescriptor::CPPTYPE_DOUBLE: {
        const auto wide = static_cast<double>(value);
        return field_.is_repeated() ? to_.AddDouble(&message_, &field_, wide)
                                    : to_.SetDouble(&message_, &field_, wide);
      }
      default:
        // No interface of the pool has a field of another kind (lint_protos).
        ARCHPOOL_CHECK(false);
    }
  }
  void Text(const std::string& value) const {
    field_.is_repeated() ? to_.AddString(&message_, &field_, value)
                         : to_.SetString(&message_, &field_, value);
  }
  Message& Child() const {
    return field_.is_repeated() ? *to_.AddMessage(&message_, &field_)
                                : *to_.MutableMessage(&message_, &field_);
  }

 private:
  Message& message_;
  const FieldDescriptor& field_;
  const Reflection& to_;
};

class Maker {
 public:
  Maker(const KnownValues& known, Choices& choices)
      : known_(known), choices_(choices) {}

  // Sets what an honest caller would, as far as names say it.
  void Fill(Message& message, int depth = 0) const {
    const Descriptor& type = *message.GetDescriptor();
    for (int i = 0; i < type.field_count(); ++i) {
      const FieldDescriptor& field = *type.field(i);
      // What may be left out is left out; of alternatives the first is taken.
      if (field.has_optional_keyword()) continue;
      const auto* const choice = field.real_containing_oneof();
      if (choice != nullptr && choice->field(0) != &field) continue;
      FillField(message, field, depth);
    }
  }

  // Changes one field somewhere in the message.
  void Change(Message& message, int depth = 0) {
    const Descriptor& type = *message.GetDescriptor();
    if (type.field_count() == 0) return;
    const FieldDescriptor& field = *type.field(static_cast<int>(
        choices_.Below(static_cast<size_t>(type.field_count()))));
    const Reflection& reflection = *message.GetReflection();
    const uint8_t way = choices_.Byte();
    if (way % 8 == 7) return reflection.ClearField(&message, &field);
    if (field.cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE &&
        depth < kDepthMax) {
      return ChangeChild(message, field, way, depth);
    }
    if (!field.is_repeated()) return ChangeScalar(message, field, way);
    if (way % 8 == 6) {
      for (int i = 0; i < kListMax; ++i) ChangeScalar(message, field, 0);
    } else if (way % 8 == 5 && reflection.FieldSize(message, &field) > 0) {
      reflection.RemoveLast(&message, &field);
    } else {
      ChangeScalar(message, field, way);
    }
  }

 private:
  void FillField(Message& message, const FieldDescriptor& field,
                 int depth) const {
    const FieldWriter writer(message, field);
    switch (field.cpp_type()) {
      case FieldDescriptor::CPPTYPE_MESSAGE:
        if (&*field.message_type() ==
            google::protobuf::Duration::descriptor()) {
          // An hour suits what is asked for; nobody waits for work.
          if (field.name() == "wait") return;
          FieldWriter(writer.Child(),
                      *google::protobuf::Duration::descriptor()->field(0))
              .Number(3'600);
        } else if (!IsTime(*field.message_type()) && depth < kDepthMax) {
          Fill(writer.Child(), depth + 1);
        }
        return;
      case FieldDescriptor::CPPTYPE_STRING: {
        const auto& texts = known_.TextsFor(field);
        if (!texts.empty()) writer.Text(texts.back());
        return;
      }
      case FieldDescriptor::CPPTYPE_ENUM:
        // The first one that is not "unspecified".
        if (field.enum_type()->value_count() > 1) {
          writer.Number(field.enum_type()->value(1)->number());
        }
        return;
      case FieldDescriptor::CPPTYPE_INT64: {
        // Lists of ids name what is held, or given up: none, as a rule.
        if (field.is_repeated()) return;
        const auto& numbers = known_.NumbersFor(field);
        if (!numbers.empty()) writer.Number(numbers.back());
        return;
      }
      default:
        return;
    }
  }

  void ChangeChild(Message& message, const FieldDescriptor& field, uint8_t way,
                   int depth) {
    const Reflection& reflection = *message.GetReflection();
    const int size =
        field.is_repeated() ? reflection.FieldSize(message, &field) : 0;
    if (field.is_repeated() && (size == 0 || way % 4 == 1)) {
      if (size >= kListMax) return reflection.ClearField(&message, &field);
      Message& added = FieldWriter(message, field).Child();
      // Often the same once more, as no honest caller says it.
      if (size > 0 && way % 8 == 1) {
        added.CopyFrom(reflection.GetRepeatedMessage(message, &field, 0));
      } else {
        Fill(added, depth + 1);
      }
      return;
    }
    Message& child =
        field.is_repeated()
            ? *reflection.MutableRepeatedMessage(
                  &message, &field,
                  static_cast<int>(choices_.Below(static_cast<size_t>(size))))
            : *reflection.MutableMessage(&message, &field);
    Change(child, depth + 1);
  }

  void ChangeScalar(Message& message, const FieldDescriptor& field,
                    uint8_t way) {
    const FieldWriter writer(message, field);
    if (field.cpp_type() == FieldDescriptor::CPPTYPE_STRING) {
      return writer.Text(AnyText(field, way));
    }
    if (field.cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) return;
    if (field.cpp_type() == FieldDescriptor::CPPTYPE_ENUM) {
      // One past the last one too, as of a later version.
      return writer.Number(static_cast<int64_t>(choices_.Below(
          static_cast<size_t>(field.enum_type()->value_count()) + 1)));
    }
    const auto& numbers = known_.NumbersFor(field);
    if (way % 3 == 0 && !numbers.empty()) {
      return writer.Number(numbers[choices_.Below(numbers.size())]);
    }
    if (way % 3 == 1) {
      return writer.Number(OddNumbers()[choices_.Below(OddNumbers().size())]);
    }
    writer.Number(way % 2 == 0 ? choices_.Byte() : choices_.Number());
  }

  std::string AnyText(const FieldDescriptor& field, uint8_t way) {
    const auto& texts = known_.TextsFor(field);
    if (way % 3 == 0 && !texts.empty()) {
      std::string text = texts[choices_.Below(texts.size())];
      // Cut off, as by a bad copy, where the choice is so.
      if (way >= 192 && !text.empty()) text.pop_back();
      return text;
    }
    if (way % 3 == 1) return OddTexts()[choices_.Below(OddTexts().size())];
    std::string text(choices_.Take(choices_.Below(64)));
    if (field.type() == FieldDescriptor::TYPE_BYTES) return text;
    for (char& c : text) c = static_cast<char>(c & 0x7f);
    return text;
  }

  const KnownValues& known_;
  Choices& choices_;
};

// Nobody waits in here, whatever a request asks for; what it says wrongly
// stays.
void ShortenWaits(Message& message) {
  const Reflection& reflection = *message.GetReflection();
  std::vector<const FieldDescriptor*> fields;
  reflection.ListFields(message, &fields);
  for (const FieldDescriptor* const field : fields) {
    if (field->name() != "wait" || field->is_repeated() ||
        field->message_type() != google::protobuf::Duration::descriptor()) {
      continue;
    }
    google::protobuf::Duration wait;
    wait.CopyFrom(reflection.GetMessage(message, field));
    if (wait.seconds() < 0 || wait.seconds() > kDurationSecondsMax ||
        wait.nanos() < 0 || wait.nanos() > 999'999'999) {
      continue;
    }
    wait.set_seconds(0);
    wait.set_nanos(wait.nanos() % 1'000'000);
    reflection.MutableMessage(&message, field)->CopyFrom(wait);
  }
}

}  // namespace

std::string PathOf(const google::protobuf::MethodDescriptor& method) {
  return absl::StrCat("/", method.service()->full_name(), "/", method.name());
}

Requests MakeRequests(const google::protobuf::MethodDescriptor& method,
                      const HonestRequests& honest, const KnownValues& known,
                      Choices& choices) {
  Maker maker(known, choices);
  const auto found = honest.find(PathOf(method));
  Requests begin;
  if (found != honest.end()) {
    begin = found->second[choices.Below(found->second.size())];
  } else {
    const std::shared_ptr<Message> filled(
        MessageFactory::generated_factory()
            ->GetPrototype(method.input_type())
            ->New());
    maker.Fill(*filled);
    begin.push_back(filled);
  }
  // Of a stream, messages once more, or none.
  if (method.client_streaming()) {
    const uint8_t more = choices.Byte();
    if (more % 8 == 7) begin.pop_back();
    if (more % 8 == 6) begin.push_back(begin.front());
    if (more % 8 == 5) begin.push_back(begin.back());
  }
  Requests made;
  for (const auto& one : begin) {
    const std::shared_ptr<Message> request(one->New());
    request->CopyFrom(*one);
    for (uint8_t left = choices.Byte() % 8; left > 0; --left) {
      maker.Change(*request);
    }
    ShortenWaits(*request);
    made.push_back(request);
  }
  return made;
}

}  // namespace archpool
