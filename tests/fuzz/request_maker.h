// SPDX-License-Identifier: Apache-2.0
// Makes requests of a fuzzer's choices, by the descriptors alone: every field
// of every message is reached, those that are added later too. Without choices
// a request is what an honest caller would send; each choice changes something.
#ifndef ARCHPOOL_TESTS_FUZZ_REQUEST_MAKER_H_
#define ARCHPOOL_TESTS_FUZZ_REQUEST_MAKER_H_

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "google/protobuf/descriptor.h"
#include "google/protobuf/message.h"
#include "tests/fuzz/choices.h"
#include "tests/fuzz/known_values.h"

namespace archpool {

// One message, or those of a stream in order.
using Requests = std::vector<std::shared_ptr<const google::protobuf::Message>>;

// What honest callers send that cannot be told from the fields' names: by
// method ("/package.Service/Method"), one after the other.
using HonestRequests = std::map<std::string, std::vector<Requests>>;

// "/package.Service/Method", as calls name it.
std::string PathOf(const google::protobuf::MethodDescriptor& method);

// Never with text that is no UTF-8: that is no message, and gRPC itself answers
// it. Long polls wait a millisecond at most.
Requests MakeRequests(const google::protobuf::MethodDescriptor& method,
                      const HonestRequests& honest, const KnownValues& known,
                      Choices& choices);

}  // namespace archpool

#endif  // ARCHPOOL_TESTS_FUZZ_REQUEST_MAKER_H_
