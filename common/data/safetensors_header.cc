// SPDX-License-Identifier: Apache-2.0
#include "common/data/safetensors_header.h"

#include <cstddef>
#include <set>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/base/check.h"
#include "common/base/status.h"
#include "nlohmann/json.hpp"

namespace archpool {
namespace {

using Json = nlohmann::json;

constexpr char kMetadataName[] = "__metadata__";
constexpr int64_t kElementBytes = sizeof(float);

absl::Status MalformedHeader(absl::string_view message) {
  return InvalidArgument("SAFETENSORS_MALFORMED",
                         absl::StrCat("safetensors: ", message));
}

absl::Status TooLarge(absl::string_view message) {
  return InvalidArgument("SAFETENSORS_TOO_LARGE",
                         absl::StrCat("safetensors: ", message));
}

// A stranger's text, fit for a message.
std::string Quoted(absl::string_view text) {
  return absl::StrCat("'", absl::CHexEscape(text.substr(0, 64)), "'");
}

// Reads the header event by event, so that nothing is built that the format
// has no place for; the nesting is bounded by the states themselves.
class HeaderReader : public Json::json_sax_t {
 public:
  explicit HeaderReader(const SafetensorsLimits& limits) : limits_(limits) {}

  absl::Status TakeStatus() { return std::move(status_); }
  std::vector<TensorEntry> TakeEntries() { return std::move(entries_); }

  bool start_object(std::size_t /*elements*/) override {
    switch (state_) {
      case State::kStart:
        return Enter(State::kTop);
      case State::kTensor:
        entry_ = TensorEntry();
        entry_.name = name_;
        fields_.clear();
        return Enter(State::kField);
      case State::kMetadata:
        return Enter(State::kMetadataKey);
      default:
        return Unexpected("an object");
    }
  }

  bool key(string_t& text) override {
    switch (state_) {
      case State::kTop:
        return OnName(text);
      case State::kField:
        return OnField(text);
      case State::kMetadataKey:
        if (!metadata_keys_.insert(text).second) {
          return Fail(MalformedHeader(
              absl::StrCat("__metadata__ has ", Quoted(text), " twice")));
        }
        return Enter(State::kMetadataValue);
      default:
        return Unexpected("a key");
    }
  }

  bool end_object() override {
    switch (state_) {
      case State::kTop:
        return Enter(State::kEnd);
      case State::kField:
        return OnTensorEnd();
      case State::kMetadataKey:
        return Enter(State::kTop);
      default:
        return Unexpected("the end of an object");
    }
  }

  bool start_array(std::size_t /*elements*/) override {
    numbers_.clear();
    switch (state_) {
      case State::kShape:
        return Enter(State::kShapeNumber);
      case State::kOffsets:
        return Enter(State::kOffsetsNumber);
      default:
        return Unexpected("an array");
    }
  }

  bool end_array() override {
    if (state_ == State::kShapeNumber) {
      entry_.shape = numbers_;
      return Enter(State::kField);
    }
    if (numbers_.size() != 2) {
      return Fail(MalformedHeader(absl::StrCat(
          "data_offsets of ", Quoted(name_), " must be [begin, end], not ",
          numbers_.size(), " numbers")));
    }
    entry_.begin_bytes = numbers_[0];
    entry_.end_bytes = numbers_[1];
    return Enter(State::kField);
  }

  bool number_unsigned(number_unsigned_t value) override {
    if (state_ != State::kShapeNumber && state_ != State::kOffsetsNumber) {
      return Unexpected("a number");
    }
    if (value > INT64_MAX) {
      return Fail(MalformedHeader(
          absl::StrCat("a number of ", Quoted(name_), " exceeds 63 bits")));
    }
    const bool is_shape = state_ == State::kShapeNumber;
    const int64_t numbers_max = is_shape ? limits_.rank_max : 2;
    if (static_cast<int64_t>(numbers_.size()) >= numbers_max) {
      if (!is_shape) {
        return Fail(MalformedHeader(
            absl::StrCat("data_offsets of ", Quoted(name_),
                         " must be [begin, end], not more numbers")));
      }
      return Fail(TooLarge(absl::StrCat("tensor ", Quoted(name_), " has over ",
                                        limits_.rank_max, " axes")));
    }
    numbers_.push_back(static_cast<int64_t>(value));
    return true;
  }

  bool string(string_t& text) override {
    if (state_ == State::kMetadataValue) return Enter(State::kMetadataKey);
    if (state_ != State::kDtype) return Unexpected("a text");
    if (text != "F32") {
      return Fail(MalformedHeader(absl::StrCat("tensor ", Quoted(name_),
                                               " has the dtype ", Quoted(text),
                                               "; only F32 is accepted")));
    }
    return Enter(State::kField);
  }

  bool number_integer(number_integer_t /*value*/) override {
    return Unexpected("a negative number");
  }
  bool number_float(number_float_t /*value*/,
                    const string_t& /*text*/) override {
    return Unexpected("a number that is no 64-bit integer");
  }
  bool null() override { return Unexpected("null"); }
  bool boolean(bool /*value*/) override { return Unexpected("a boolean"); }
  bool binary(binary_t& /*value*/) override { return Unexpected("binary"); }

  bool parse_error(std::size_t position, const std::string& last_token,
                   const Json::exception& /*error*/) override {
    return Fail(
        MalformedHeader(absl::StrCat("the header is no JSON at its byte ",
                                     position, ", near ", Quoted(last_token))));
  }

 private:
  enum class State {
    kStart,
    kTop,            // between tensors
    kTensor,         // a tensor's name was read
    kField,          // inside a tensor's object
    kDtype,          // the field's key was read …
    kShape,          //
    kOffsets,        // … its value follows
    kShapeNumber,    // inside the array
    kOffsetsNumber,  //
    kMetadata,       // "__metadata__" was read
    kMetadataKey,    // inside its object
    kMetadataValue,  //
    kEnd,
  };

  bool Enter(State state) {
    state_ = state;
    return true;
  }

  bool Fail(absl::Status status) {
    status_ = std::move(status);
    return false;
  }

  bool Unexpected(absl::string_view what) {
    return Fail(MalformedHeader(absl::StrCat(
        "the header holds ", what, " where the format has none, at ",
        name_.empty() ? "its start" : Quoted(name_),
        "; expected {\"name\": {\"dtype\": \"F32\", \"shape\": [...], "
        "\"data_offsets\": [begin, end]}, ...}")));
  }

  bool OnName(const std::string& name) {
    if (!names_.insert(name).second) {
      return Fail(MalformedHeader(
          absl::StrCat("the header names ", Quoted(name), " twice")));
    }
    name_ = name;
    if (name == kMetadataName) return Enter(State::kMetadata);
    if (static_cast<int64_t>(entries_.size()) >= limits_.tensors_max) {
      return Fail(TooLarge(absl::StrCat("there are over ", limits_.tensors_max,
                                        " tensors, the most accepted")));
    }
    return Enter(State::kTensor);
  }

  bool OnField(const std::string& field) {
    if (!fields_.insert(field).second) {
      return Fail(MalformedHeader(absl::StrCat(
          "tensor ", Quoted(name_), " has ", Quoted(field), " twice")));
    }
    if (field == "dtype") return Enter(State::kDtype);
    if (field == "shape") return Enter(State::kShape);
    if (field == "data_offsets") return Enter(State::kOffsets);
    return Fail(MalformedHeader(absl::StrCat(
        "tensor ", Quoted(name_), " has the unknown field ", Quoted(field),
        "; the fields are dtype, shape and data_offsets")));
  }

  bool OnTensorEnd() {
    // Every field that gets this far is one of the three, and came once.
    if (fields_.size() != 3) {
      return Fail(MalformedHeader(
          absl::StrCat("tensor ", Quoted(name_),
                       " must have dtype, shape and data_offsets")));
    }
    int64_t size_bytes = kElementBytes;
    for (const int64_t extent : entry_.shape) {
      if (__builtin_mul_overflow(size_bytes, extent, &size_bytes)) {
        return Fail(MalformedHeader(absl::StrCat("the shape of ", Quoted(name_),
                                                 " exceeds 63 bits of bytes")));
      }
    }
    if (entry_.begin_bytes != data_end_bytes_) {
      return Fail(MalformedHeader(absl::StrCat(
          "the data of ", Quoted(name_), " begins at ", entry_.begin_bytes,
          ", but the tensor before it ends at ", data_end_bytes_,
          "; tensors must follow each other without gaps")));
    }
    // begin <= end keeps the difference from overflowing.
    if (entry_.end_bytes < entry_.begin_bytes ||
        entry_.end_bytes - entry_.begin_bytes != size_bytes) {
      return Fail(MalformedHeader(
          absl::StrCat("the data of ", Quoted(name_), " spans [",
                       entry_.begin_bytes, ", ", entry_.end_bytes,
                       "), but its shape [", absl::StrJoin(entry_.shape, ", "),
                       "] needs ", size_bytes, " bytes")));
    }
    data_end_bytes_ = entry_.end_bytes;
    entries_.push_back(std::move(entry_));
    return Enter(State::kTop);
  }

  const SafetensorsLimits limits_;
  absl::Status status_;
  State state_ = State::kStart;
  std::vector<TensorEntry> entries_;
  std::set<std::string> names_;
  std::set<std::string> metadata_keys_;
  int64_t data_end_bytes_ = 0;
  // The tensor that is being read.
  std::string name_;
  TensorEntry entry_;
  std::set<std::string> fields_;
  std::vector<int64_t> numbers_;
};

}  // namespace

absl::StatusOr<std::vector<TensorEntry>> ParseSafetensorsHeader(
    absl::string_view json, const SafetensorsLimits& limits) {
  if (json.empty() || json.front() != '{') {
    return MalformedHeader("the header must begin with '{'");
  }
  // The JSON parser takes a NUL for the end of its input.
  const size_t nul = json.find('\0');
  if (nul != absl::string_view::npos) {
    return MalformedHeader(
        absl::StrCat("the header has a NUL at its byte ", nul));
  }
  HeaderReader reader(limits);
  if (!Json::sax_parse(json.begin(), json.end(), &reader)) {
    absl::Status status = reader.TakeStatus();
    ARCHPOOL_CHECK(!status.ok());
    return status;
  }
  return reader.TakeEntries();
}

std::string SerializeSafetensorsHeader(const TensorMap& tensors) {
  std::string json = "{";
  int64_t offset_bytes = 0;
  for (const auto& [name, tensor] : tensors) {
    const int64_t end_bytes =
        offset_bytes +
        kElementBytes * static_cast<int64_t>(tensor.values.size());
    absl::StrAppend(&json, json.size() == 1 ? "" : ",", Json(name).dump(),
                    R"(:{"dtype":"F32","shape":[)",
                    absl::StrJoin(tensor.shape, ","), R"(],"data_offsets":[)",
                    offset_bytes, ",", end_bytes, "]}");
    offset_bytes = end_bytes;
  }
  json += "}";
  return json;
}

}  // namespace archpool
