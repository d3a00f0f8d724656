// SPDX-License-Identifier: Apache-2.0
// One line of a log before it is written: its event, its sentence and its
// fields, and the two forms that a line has. Pure functions and values;
// thread-compatible.
#ifndef ARCHPOOL_COMMON_LOG_LOG_RECORD_H_
#define ARCHPOOL_COMMON_LOG_LOG_RECORD_H_

#include <concepts>
#include <cstdint>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "common/base/words.h"

namespace archpool {

enum class LogLevel { kDebug, kInfo, kWarn, kError };
template <>
inline constexpr const char* kWordsOf<LogLevel>[] = {"debug", "info", "warn",
                                                     "error"};

enum class LogFormat { kText, kJson };
template <>
inline constexpr const char* kWordsOf<LogFormat>[] = {"text", "json"};

// The name of an event or of a field: a literal in snake_case, checked when it
// is compiled. kEnding, where there is one, is the unit that the name must say.
struct AnyEnding {
  static constexpr const char kEnding[] = "";
};
struct SecondsEnding {
  static constexpr const char kEnding[] = "_s";
};
struct IdEnding {
  static constexpr const char kEnding[] = "_id";
};
struct TimeEnding {
  static constexpr const char kEnding[] = "_time";
};

template <typename Ending>
class LogName {
 public:
  // Implicit, so that a call shows the literal alone.
  // NOLINTNEXTLINE(google-explicit-constructor)
  consteval LogName(const char* text) : text_(text) {
    size_t length = 0;
    for (; text[length] != '\0'; ++length) {
      const char c = text[length];
      const bool is_letter = c >= 'a' && c <= 'z';
      const bool is_other = (c >= '0' && c <= '9') || c == '_';
      if (!is_letter && (!is_other || length == 0)) {
        throw "a name in a log is in snake_case";
      }
    }
    constexpr size_t kLength = sizeof(Ending::kEnding) - 1;
    if (length <= kLength) throw "a name in a log is more than its unit";
    for (size_t i = 0; i < kLength; ++i) {
      if (text[length - kLength + i] != Ending::kEnding[i]) {
        throw "the name of a field ends in its unit: _s, _id or _time";
      }
    }
  }

  const char* text() const { return text_; }

 private:
  const char* text_;
};

using LogEventName = LogName<AnyEnding>;

template <typename T>
concept LogId = requires(const T& id) {
  { id.value } -> std::convertible_to<int64_t>;
  { id.IsSet() } -> std::same_as<bool>;
};

// One name and its value. Quantities that have a type of their own are written
// in one unit; a plain number says its unit in its name (cache_bytes).
class LogField {
 public:
  using Value = std::variant<std::string, int64_t, double, bool>;

  LogField(LogName<AnyEnding> name, absl::string_view value)
      : name_(name.text()), value_(std::string(value)) {}
  LogField(LogName<AnyEnding> name, const std::string& value)
      : LogField(name, absl::string_view(value)) {}
  LogField(LogName<AnyEnding> name, const char* value)
      : LogField(name, absl::string_view(value)) {}
  template <std::integral T>
  LogField(LogName<AnyEnding> name, T value) : name_(name.text()) {
    if constexpr (std::same_as<T, bool>) {
      value_ = value;
    } else {
      value_ = static_cast<int64_t>(value);
    }
  }
  template <std::floating_point T>
  LogField(LogName<AnyEnding> name, T value)
      : name_(name.text()), value_(static_cast<double>(value)) {}
  // In seconds, to a thousandth; "inf" without an end.
  LogField(LogName<SecondsEnding> name, absl::Duration value);
  // "2026-05-04T03:02:01.123Z".
  LogField(LogName<TimeEnding> name, absl::Time value);
  // As the command line takes it: its number.
  template <LogId T>
  LogField(LogName<IdEnding> name, const T& id)
      : name_(name.text()), value_(int64_t{id.value}) {}
  // Two fields: `reason`, which is stable, and the status's words.
  LogField(LogName<AnyEnding> name, const absl::Status& status);

  const char* name() const { return name_; }
  const Value& value() const { return value_; }
  // "" where the field is no status.
  const std::string& reason() const { return reason_; }

 private:
  const char* name_;
  Value value_;
  std::string reason_;
};

struct LogRecord {
  absl::Time time;  // Log's own
  LogLevel level = LogLevel::kInfo;
  LogEventName event = "unnamed";
  // What the event means, in lower case and without a full stop.
  absl::string_view sentence;
  // What the event wants of an operator; warnings and errors have it.
  absl::string_view advice;
  // The LogLabel ("lane 2: "); Log's own.
  absl::string_view label;
  std::vector<LogField> fields;
};

// "2026-05-04T03:02:01.123Z warn  lane 2: SENTENCE; ADVICE  event=E a=1 b="x
// y"", without a line's end: one line whatever a sentence or a field holds.
// Control characters, bytes that are no UTF-8, and characters that turn the
// direction of writing or end lines are escaped; long values are cut.
std::string RenderText(const LogRecord& record);

// Where RenderText's level stands.
inline constexpr size_t kLogLevelBegin = 25;

// One object on one line, in ASCII, whatever a sentence or a field holds: time,
// level, event, message, advice (if any), part (the label, if any), and the
// fields. A field that took one of these names ends in '_'.
std::string RenderJson(const LogRecord& record);

std::string Render(LogFormat format, const LogRecord& record);

}  // namespace archpool

#endif  // ARCHPOOL_COMMON_LOG_LOG_RECORD_H_
