// SPDX-License-Identifier: Apache-2.0
#include "common/log/log.h"

#include <spdlog/formatter.h>
#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>

#include <memory>
#include <string>
#include <utility>

#include "absl/strings/string_view.h"
#include "absl/time/clock.h"
#include "common/log/log_label.h"

namespace archpool {
namespace {

// The logger whose messages are whole lines; all others are libraries'.
constexpr char kOurs[] = "archpool";
constexpr char kLibraryAdvice[] =
    "a library's own words; the lines around it say what archpool makes of it";

spdlog::level::level_enum ToSpdlog(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug:
      return spdlog::level::debug;
    case LogLevel::kInfo:
      return spdlog::level::info;
    case LogLevel::kWarn:
      return spdlog::level::warn;
    default:
      return spdlog::level::err;
  }
}

LogLevel FromSpdlog(spdlog::level::level_enum level) {
  if (level >= spdlog::level::err) return LogLevel::kError;
  if (level == spdlog::level::warn) return LogLevel::kWarn;
  return level == spdlog::level::info ? LogLevel::kInfo : LogLevel::kDebug;
}

LogRecord LibraryRecord(LogLevel level, absl::string_view library,
                        absl::string_view message) {
  return {.time = absl::Now(),
          .level = level,
          .event = "library_message",
          .sentence = "a library says",
          .advice = level >= LogLevel::kWarn ? kLibraryAdvice : "",
          .label = LogLabel::Current(),
          .fields = {{"library", library}, {"text", message}}};
}

class LineFormatter : public spdlog::formatter {
 public:
  explicit LineFormatter(LogFormat format) : format_(format) {}

  void format(const spdlog::details::log_msg& message,
              spdlog::memory_buf_t& line) override {
    if (format_ == LogFormat::kText) {
      message.color_range_start = kLogLevelBegin;
      message.color_range_end =
          kLogLevelBegin +
          absl::string_view(ToString(FromSpdlog(message.level))).size();
    }
    const absl::string_view text(message.payload.data(),
                                 message.payload.size());
    const absl::string_view logger(message.logger_name.data(),
                                   message.logger_name.size());
    if (logger == kOurs) {
      line.append(text.data(), text.data() + text.size());
    } else {
      const std::string whole = Render(
          format_, LibraryRecord(FromSpdlog(message.level), logger, text));
      line.append(whole.data(), whole.data() + whole.size());
    }
    line.push_back('\n');
  }

  std::unique_ptr<spdlog::formatter> clone() const override {
    return std::make_unique<LineFormatter>(format_);
  }

 private:
  const LogFormat format_;
};

struct Writer {
  LogOptions options;
  std::shared_ptr<spdlog::logger> logger;
};

Writer MakeWriter(const LogOptions& options) {
  auto sink = std::make_shared<spdlog::sinks::stderr_color_sink_mt>();
  sink->set_formatter(std::make_unique<LineFormatter>(options.format));
  const auto make = [&](const char* name) {
    auto logger = std::make_shared<spdlog::logger>(name, sink);
    logger->set_level(ToSpdlog(options.level));
    logger->flush_on(spdlog::level::debug);
    return logger;
  };
  spdlog::set_default_logger(make("spdlog"));
  return {options, make(kOurs)};
}

// Never destroyed: threads may log while the program ends.
Writer& TheWriter() {
  static auto& writer = *new Writer(MakeWriter({}));
  return writer;
}

}  // namespace

void SetUpLog(const LogOptions& options) { TheWriter() = MakeWriter(options); }

LogOptions CurrentLogOptions() { return TheWriter().options; }

void Log(LogRecord record) {
  const Writer& writer = TheWriter();
  if (record.level < writer.options.level) return;
  record.time = absl::Now();
  record.label = LogLabel::Current();
  const std::string line = Render(writer.options.format, record);
  writer.logger->log(ToSpdlog(record.level),
                     spdlog::string_view_t(line.data(), line.size()));
}

void LogDebug(LogEventName event, absl::string_view sentence,
              std::initializer_list<LogField> fields) {
  Log({.level = LogLevel::kDebug,
       .event = event,
       .sentence = sentence,
       .fields = fields});
}

void LogInfo(LogEventName event, absl::string_view sentence,
             std::initializer_list<LogField> fields) {
  Log({.level = LogLevel::kInfo,
       .event = event,
       .sentence = sentence,
       .fields = fields});
}

void LogWarn(LogEventName event, absl::string_view sentence,
             absl::string_view advice, std::initializer_list<LogField> fields) {
  Log({.level = LogLevel::kWarn,
       .event = event,
       .sentence = sentence,
       .advice = advice,
       .fields = fields});
}

void LogError(LogEventName event, absl::string_view sentence,
              absl::string_view advice,
              std::initializer_list<LogField> fields) {
  Log({.level = LogLevel::kError,
       .event = event,
       .sentence = sentence,
       .advice = advice,
       .fields = fields});
}

void LogLibrary(LogLevel level, absl::string_view library,
                absl::string_view message) {
  Log(LibraryRecord(level, library, message));
}

void FlushLog() { TheWriter().logger->flush(); }

}  // namespace archpool
