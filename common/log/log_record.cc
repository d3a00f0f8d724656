// SPDX-License-Identifier: Apache-2.0
#include "common/log/log_record.h"

#include <array>
#include <cmath>
#include <nlohmann/json.hpp>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/strip.h"
#include "common/base/reason.h"
#include "common/base/status.h"

namespace archpool {
namespace {

// What an untrusted value may fill of a line.
constexpr size_t kValueBytesMax = 4096;

std::string FormatMoment(absl::Time time) {
  return absl::FormatTime("%Y-%m-%dT%H:%M:%E3SZ", time, absl::UTCTimeZone());
}

// The bytes of the UTF-8 character that `text` begins with; 0: it begins with
// none (a stray byte, an overlong form, a surrogate).
size_t CharacterLength(absl::string_view text, char32_t& code) {
  const auto byte = [&](size_t i) {
    return static_cast<unsigned char>(text[i]);
  };
  size_t length = 1;
  if (byte(0) < 0x80) {
    code = byte(0);
  } else if (byte(0) >= 0xC2 && byte(0) < 0xE0) {
    length = 2;
    code = byte(0) & 0x1F;
  } else if (byte(0) >= 0xE0 && byte(0) < 0xF0) {
    length = 3;
    code = byte(0) & 0x0F;
  } else if (byte(0) >= 0xF0 && byte(0) < 0xF5) {
    length = 4;
    code = byte(0) & 0x07;
  } else {
    return 0;
  }
  if (text.size() < length) return 0;
  for (size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xC0) != 0x80) return 0;
    code = code << 6 | (byte(i) & 0x3F);
  }
  constexpr std::array<char32_t, 5> kLeast = {0, 0, 0x80, 0x800, 0x10000};
  const bool is_surrogate = code >= 0xD800 && code < 0xE000;
  return code < kLeast[length] || code > 0x10FFFF || is_surrogate ? 0 : length;
}

// Characters that move a terminal's cursor, end a line for some reader, or let
// what stands beside them show as something else.
bool IsUnsafe(char32_t code) {
  return code < 0x20 || (code >= 0x7F && code < 0xA0) || code == 0xAD ||
         code == 0x61C || (code >= 0x200B && code <= 0x200F) ||
         (code >= 0x2028 && code <= 0x202E) ||
         (code >= 0x2060 && code <= 0x206F) || code == 0xFEFF ||
         (code >= 0xFFF0 && code <= 0xFFFB) ||
         (code >= 0xE0000 && code <= 0xE0FFF);
}

absl::string_view Shorten(absl::string_view text) {
  if (text.size() <= kValueBytesMax) return text;
  size_t end = kValueBytesMax;
  // Between two characters.
  while (end > kValueBytesMax - 4 && (text[end] & 0xC0) == 0x80) --end;
  return text.substr(0, end);
}

void AppendEscaped(absl::string_view whole, bool is_quoted, std::string& line) {
  const absl::string_view text = Shorten(whole);
  for (size_t i = 0; i < text.size();) {
    char32_t code = 0;
    const size_t length = CharacterLength(text.substr(i), code);
    const size_t bytes = length == 0 ? 1 : length;
    if (is_quoted && (text[i] == '"' || text[i] == '\\')) {
      line.append({'\\', text[i]});
    } else if (length != 0 && !IsUnsafe(code)) {
      line.append(text.data() + i, bytes);
    } else if (text[i] == '\n') {
      line += "\\n";
    } else {
      for (size_t j = i; j < i + bytes; ++j) {
        absl::StrAppendFormat(&line, "\\x%02x",
                              static_cast<unsigned char>(text[j]));
      }
    }
    i += bytes;
  }
  if (text.size() < whole.size()) {
    absl::StrAppend(&line, "... (", whole.size(), " bytes)");
  }
}

bool IsBare(absl::string_view text) {
  if (text.empty() || text.size() > kValueBytesMax) return false;
  for (const char c : text) {
    if (!absl::ascii_isgraph(static_cast<unsigned char>(c)) || c == '"' ||
        c == '=' || c == '\\') {
      return false;
    }
  }
  return true;
}

void AppendText(absl::string_view name, const LogField::Value& value,
                std::string& line) {
  absl::StrAppend(&line, " ", name, "=");
  if (const auto* text = std::get_if<std::string>(&value)) {
    if (IsBare(*text)) {
      line += *text;
      return;
    }
    line += '"';
    AppendEscaped(*text, /*is_quoted=*/true, line);
    line += '"';
  } else if (const auto* count = std::get_if<int64_t>(&value)) {
    absl::StrAppend(&line, *count);
  } else if (const auto* truth = std::get_if<bool>(&value)) {
    line += *truth ? "true" : "false";
  } else {
    absl::StrAppendFormat(&line, "%.10g", std::get<double>(value));
  }
}

using Json = nlohmann::ordered_json;

Json JsonOf(const LogField::Value& value) {
  return std::visit(
      [](const auto& held) -> Json {
        using Held = std::decay_t<decltype(held)>;
        if constexpr (std::is_same_v<Held, std::string>) {
          if (held.size() > kValueBytesMax) {
            return absl::StrCat(std::string(Shorten(held)), "... (",
                                held.size(), " bytes)");
          }
        } else if constexpr (std::is_same_v<Held, double>) {
          // JSON has no word for them.
          if (!std::isfinite(held)) return absl::StrCat(held);
        }
        return held;
      },
      value);
}

LogField::Value SecondsOf(absl::Duration value) {
  const double seconds = absl::ToDoubleSeconds(value);
  if (!std::isfinite(seconds)) return seconds;
  return std::round(seconds * 1000) / 1000;
}

}  // namespace

LogField::LogField(LogName<SecondsEnding> name, absl::Duration value)
    : name_(name.text()), value_(SecondsOf(value)) {}

LogField::LogField(LogName<TimeEnding> name, absl::Time value)
    : name_(name.text()), value_(FormatMoment(value)) {}

LogField::LogField(LogName<AnyEnding> name, const absl::Status& status)
    : name_(name.text()),
      value_(std::string(status.message())),
      reason_(GetReason(status)) {
  if (reason_.empty()) reason_ = absl::StatusCodeToString(status.code());
}

std::string RenderText(const LogRecord& record) {
  std::string line = absl::StrFormat("%s %-5s ", FormatMoment(record.time),
                                     ToString(record.level));
  AppendEscaped(record.label, /*is_quoted=*/false, line);
  AppendEscaped(record.sentence, /*is_quoted=*/false, line);
  if (!record.advice.empty()) {
    line += "; ";
    AppendEscaped(record.advice, /*is_quoted=*/false, line);
  }
  absl::StrAppend(&line, "  event=", record.event.text());
  for (const LogField& field : record.fields) {
    if (!field.reason().empty()) AppendText("reason", field.reason(), line);
    AppendText(field.name(), field.value(), line);
  }
  return line;
}

std::string RenderJson(const LogRecord& record) {
  Json line = {{"time", FormatMoment(record.time)},
               {"level", ToString(record.level)},
               {"event", record.event.text()},
               {"message", std::string(record.sentence)}};
  if (!record.advice.empty()) line["advice"] = std::string(record.advice);
  if (!record.label.empty()) {
    line["part"] = std::string(absl::StripSuffix(record.label, ": "));
  }
  const auto add = [&line](std::string name, const LogField::Value& value) {
    while (line.contains(name)) name += '_';
    line[name] = JsonOf(value);
  };
  for (const LogField& field : record.fields) {
    if (!field.reason().empty()) add("reason", field.reason());
    add(field.name(), field.value());
  }
  return line.dump(-1, ' ', /*ensure_ascii=*/true,
                   Json::error_handler_t::replace);
}

std::string Render(LogFormat format, const LogRecord& record) {
  return format == LogFormat::kText ? RenderText(record) : RenderJson(record);
}

}  // namespace archpool
