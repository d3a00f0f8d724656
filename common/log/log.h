// SPDX-License-Identifier: Apache-2.0
// A program's log: one line for each event, on stderr, as text or JSON. Each
// event has a name of its own that stays what it is, and docs/logs.md says what
// it means and what it wants of an operator. Thread-safe; a line is written by
// the thread that calls, in one piece.
#ifndef ARCHPOOL_COMMON_LOG_LOG_H_
#define ARCHPOOL_COMMON_LOG_LOG_H_

#include <initializer_list>

#include "absl/strings/string_view.h"
#include "common/log/log_record.h"

namespace archpool {

struct LogOptions {
  LogFormat format = LogFormat::kText;
  LogLevel level = LogLevel::kInfo;  // what is below is left out
};

// Before it is called, lines are text from info on. Call it before other
// threads begin. What libraries log through spdlog takes the same way then.
void SetUpLog(const LogOptions& options);
// What SetUpLog was last given.
LogOptions CurrentLogOptions();

// `sentence` says what happened: lower case, no full stop, and no value that a
// field holds. Values that others chose belong into fields.
void LogDebug(LogEventName event, absl::string_view sentence,
              std::initializer_list<LogField> fields = {});
void LogInfo(LogEventName event, absl::string_view sentence,
             std::initializer_list<LogField> fields = {});
// `advice` says what to do about it, or that nothing need be done.
void LogWarn(LogEventName event, absl::string_view sentence,
             absl::string_view advice,
             std::initializer_list<LogField> fields = {});
void LogError(LogEventName event, absl::string_view sentence,
              absl::string_view advice,
              std::initializer_list<LogField> fields = {});

// As these, for events that are told of elsewhere than where they are found.
void Log(LogRecord record);

// What a library says in its own words: event library_message.
void LogLibrary(LogLevel level, absl::string_view library,
                absl::string_view message);

// For those that end the process by themselves.
void FlushLog();

}  // namespace archpool

#endif  // ARCHPOOL_COMMON_LOG_LOG_H_
