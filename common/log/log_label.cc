// SPDX-License-Identifier: Apache-2.0
#include "common/log/log_label.h"

#include <utility>

namespace archpool {
namespace {

std::string& Mine() {
  thread_local std::string label;
  return label;
}

}  // namespace

LogLabel::LogLabel(std::string label)
    : before_(std::exchange(Mine(), std::move(label))) {}

LogLabel::~LogLabel() { Mine() = std::move(before_); }

const std::string& LogLabel::Current() { return Mine(); }

}  // namespace archpool
