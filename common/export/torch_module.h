// SPDX-License-Identifier: Apache-2.0
// A network as a Python file for PyTorch that needs nothing of archpool. Pure
// functions; thread-safe.
#ifndef ARCHPOOL_COMMON_EXPORT_TORCH_MODULE_H_
#define ARCHPOOL_COMMON_EXPORT_TORCH_MODULE_H_

#include <string>

#include "absl/strings/string_view.h"
#include "common/export/exported_network.h"

namespace archpool {

// `text` as a string of Python's, in double quotes and ASCII. What is not UTF-8
// becomes U+FFFD. Nothing that it holds can end it.
std::string PythonString(absl::string_view text);

// The file, equal for equal arguments: a class Network, whose forward takes
// uint8 images as the dataset has them, and a small program for images. It
// reads weights.safetensors beside it. All names in it are ours, and those of
// classes are strings.
std::string TorchModule(const ExportedNetwork& network);

}  // namespace archpool

#endif  // ARCHPOOL_COMMON_EXPORT_TORCH_MODULE_H_
