// SPDX-License-Identifier: Apache-2.0
#include "common/export/torch_module.h"

#include <nlohmann/json.hpp>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_replace.h"
#include "common/base/check.h"

namespace archpool {
namespace {

// The file around the layers. "@...@" is replaced, once.
constexpr char kFile[] =
    R"py("""A network that an archpool search found, in PyTorch.

    network = load()
    scores = network(images)   # uint8 [count, @CHANNELS@, @HEIGHT@, @WIDTH@]
    labels = scores.argmax(1)

It needs torch, and weights.safetensors beside it. As a program it also needs
numpy for .npy files, and Pillow for pictures:

    python3 model.py IMAGE...

Its architecture is @ARCHITECTURE@,
and its dataset @DATASET@.
"""

import json
import struct
import sys
from pathlib import Path

import torch
from torch import nn

CHANNELS, HEIGHT, WIDTH = @CHANNELS@, @HEIGHT@, @WIDTH@
# By label, from 0.
CLASSES = [
@CLASSES@]
# Of pixels / 255, over the images that it was trained on.
MEAN, DEVIATION = @MEAN@, @DEVIATION@
WEIGHTS = Path(__file__).resolve().with_name("weights.safetensors")


class Network(nn.Module):
    """Images in, a score for each class out: the largest is the answer."""

    def __init__(self):
        super().__init__()
        # Layer N's tensors are called layers.N.weight and so on in the file of
        # the weights.
        self.layers = nn.ModuleDict({
@LAYERS@        })

    def forward(self, images):
        """uint8 [count, @CHANNELS@, @HEIGHT@, @WIDTH@], from 0 to 255, channels first, rows from
        the top -> float32 [count, @COUNT@]. Scaling is done here."""
        if images.dtype != torch.uint8 or images.ndim != 4 or (
                tuple(images.shape[1:]) != (CHANNELS, HEIGHT, WIDTH)):
            raise ValueError(
                f"images must be torch.uint8 of [count, {CHANNELS}, {HEIGHT}, "
                f"{WIDTH}], and these are {images.dtype} of "
                f"{list(images.shape)}")
        pixels = images.to(torch.float64) / 255
        x = ((pixels - MEAN) / DEVIATION).to(next(self.parameters()).dtype)
@STEPS@        return x


def read_weights(path=WEIGHTS):
    """The float32 tensors of a safetensors file, by name."""
    data = Path(path).read_bytes()
    if len(data) < 8:
        raise ValueError(f"{path} is no safetensors file: it is cut off")
    size, = struct.unpack_from("<Q", data)
    if size > len(data) - 8:
        raise ValueError(f"{path} is no safetensors file: it is cut off")
    header = json.loads(data[8:8 + size])
    header.pop("__metadata__", None)
    numbers = bytearray(data[8 + size:])
    weights = {}
    for name, entry in header.items():
        begin, end = entry["data_offsets"]
        if entry["dtype"] != "F32" or not 0 <= begin < end <= len(numbers):
            raise ValueError(f"{path}: {name} is not float32, or is cut off")
        weights[name] = torch.frombuffer(
            numbers, dtype=torch.float32, count=(end - begin) // 4,
            offset=begin).reshape(entry["shape"]).clone()
    return weights


def load(path=WEIGHTS):
    """The trained network, ready to answer; train() to train it further."""
    network = Network()
    network.load_state_dict(read_weights(path))
    return network.eval()


def read_images(path):
    """The images of a file, as Network takes them."""
    if path.endswith(".npy"):
        import numpy
        images = torch.from_numpy(numpy.load(path, allow_pickle=False))
        if images.ndim == 2 or (images.ndim == 3 and CHANNELS == 1
                                and images.shape[0] != 1):
            images = images.unsqueeze(-3)  # without channels
        return images if images.ndim == 4 else images.unsqueeze(0)
    from PIL import Image
    if CHANNELS not in (1, 3):
        raise ValueError(f"{path}: a picture has 1 or 3 channels, not "
                         f"{CHANNELS}; use .npy")
    picture = Image.open(path).convert("L" if CHANNELS == 1 else "RGB")
    if picture.size != (WIDTH, HEIGHT):
        raise ValueError(f"{path}: has {picture.width}x{picture.height} "
                         f"pixels, and the network reads {WIDTH}x{HEIGHT}; "
                         "`archpool predict` resizes as its dataset was")
    data = torch.frombuffer(bytearray(picture.tobytes()), dtype=torch.uint8)
    return data.reshape(1, HEIGHT, WIDTH, CHANNELS).permute(0, 3, 1, 2)


def main(paths):
    if not paths:
        return "usage: python3 model.py IMAGE.npy|IMAGE.png..."
    network = load()
    for path in paths:
        try:
            images = read_images(path)
            with torch.no_grad():
                chances = network(images).softmax(1)
        except (ImportError, OSError, ValueError) as error:
            return f"{path}: {error}"
        for chance in chances:
            best = int(chance.argmax())
            print(f"{path}: {CLASSES[best]} ({chance[best]:.1%})")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
)py";

// JSON's escapes mean the same in Python, but for a character beyond 16 bits,
// which JSON writes as two.
std::string JoinSurrogates(absl::string_view json) {
  const auto unit_at = [json](size_t at) -> uint32_t {
    uint32_t unit = 0;
    if (at + 6 > json.size() || json[at] != '\\' || json[at + 1] != 'u' ||
        !absl::SimpleHexAtoi(json.substr(at + 2, 4), &unit)) {
      return 0;
    }
    return unit;
  };
  std::string python;
  for (size_t i = 0; i < json.size();) {
    if (json[i] != '\\') {
      python += json[i++];
      continue;
    }
    const uint32_t high = unit_at(i);
    const uint32_t low = unit_at(i + 6);
    if (high >= 0xd800 && high < 0xdc00 && low >= 0xdc00 && low < 0xe000) {
      absl::StrAppendFormat(&python, "\\U%08x",
                            0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00));
      i += 12;
      continue;
    }
    // A backslash and what it escapes stay together.
    const size_t length = json[i + 1] == 'u' ? 6 : 2;
    absl::StrAppend(&python, json.substr(i, length));
    i += length;
  }
  return python;
}

std::string WindowText(const Layer& layer) {
  return absl::StrCat(layer.kernel, ", stride=", layer.stride,
                      ", padding=", PaddingOfLayer(layer));
}

// What makes the layer; "" where none is needed.
std::string ConstructorOf(const Layer& layer) {
  const int64_t in = layer.input_shape.channels;
  const int64_t out = layer.output_shape.channels;
  switch (layer.kind) {
    case LayerKind::kConv:
      return absl::StrCat(
          "nn.Conv2d(", in, ", ", out, ", ", WindowText(layer),
          layer.groups > 1 ? absl::StrCat(", groups=", layer.groups) : "",
          ", bias=False)");
    case LayerKind::kBatchNorm:
      return absl::StrCat("nn.BatchNorm2d(", out, ", eps=1e-5)");
    case LayerKind::kRelu:
      return "nn.ReLU()";
    case LayerKind::kHardswish:
      return "nn.Hardswish()";
    case LayerKind::kSilu:
      return "nn.SiLU()";
    case LayerKind::kMaxPool:
      return absl::StrCat("nn.MaxPool2d(", WindowText(layer), ")");
    case LayerKind::kAvgPool:
      return absl::StrCat("nn.AvgPool2d(", WindowText(layer),
                          ", count_include_pad=False)");
    case LayerKind::kGlobalAvgPool:
      return "nn.AdaptiveAvgPool2d(1)";
    case LayerKind::kLinear:
      return absl::StrCat("nn.Linear(", layer.input_shape.elements(), ", ", out,
                          ")");
    case LayerKind::kAdd:
      return "";
  }
  ARCHPOOL_CHECK(false);
}

std::string LayersText(const LayerPlan& plan) {
  std::string text;
  for (size_t i = 0; i < plan.layers.size(); ++i) {
    const std::string constructor = ConstructorOf(plan.layers[i]);
    if (constructor.empty()) continue;
    absl::StrAppend(&text, "            \"", i, "\": ", constructor, ",\n");
  }
  return text;
}

// What is read by the next layer alone is called x, and is dropped with it;
// everything else has its layer's number.
std::vector<bool> FindKept(const LayerPlan& plan) {
  std::vector<bool> is_kept(plan.layers.size() + 1, false);  // [0]: images
  for (size_t i = 0; i < plan.layers.size(); ++i) {
    const Layer& layer = plan.layers[i];
    const auto read = [&](int input) {
      if (input + 1 != static_cast<int>(i)) {
        is_kept[static_cast<size_t>(input + 1)] = true;
      }
    };
    read(layer.input);
    if (layer.kind == LayerKind::kAdd) read(layer.second_input);
  }
  return is_kept;
}

std::string StepsText(const LayerPlan& plan) {
  const std::vector<bool> is_kept = FindKept(plan);
  const auto name = [&is_kept](int layer) -> std::string {
    if (!is_kept[static_cast<size_t>(layer + 1)]) return "x";
    return layer < 0 ? "scaled" : absl::StrCat("x", layer);
  };
  std::string text;
  if (is_kept[0]) text = "        scaled = x\n";
  for (size_t i = 0; i < plan.layers.size(); ++i) {
    const Layer& layer = plan.layers[i];
    const std::string input = name(layer.input);
    absl::StrAppend(&text, "        ", name(static_cast<int>(i)), " = ");
    if (layer.kind == LayerKind::kAdd) {
      absl::StrAppend(&text, input, " + ", name(layer.second_input), "\n");
    } else {
      absl::StrAppend(&text, "self.layers[\"", i, "\"](", input,
                      layer.kind == LayerKind::kLinear ? ".flatten(1)" : "",
                      ")\n");
    }
  }
  return text;
}

std::string ClassesText(const ExportedNetwork& network) {
  std::string text;
  const bool has_names =
      std::ssize(network.class_names) == network.plan.classes;
  for (int64_t i = 0; i < network.plan.classes; ++i) {
    const std::string label = absl::StrCat(i);
    absl::StrAppend(
        &text, "    ",
        PythonString(has_names ? network.class_names[static_cast<size_t>(i)]
                               : label),
        ",\n");
  }
  return text;
}

}  // namespace

std::string PythonString(absl::string_view text) {
  const nlohmann::json json = std::string(text);
  return JoinSurrogates(json.dump(-1, ' ', /*ensure_ascii=*/true,
                                  nlohmann::json::error_handler_t::replace));
}

std::string TorchModule(const ExportedNetwork& network) {
  const LayerPlan& plan = network.plan;
  // In one pass: what is put in is not looked at again.
  return absl::StrReplaceAll(
      kFile, {{"@CHANNELS@", absl::StrCat(plan.input_shape.channels)},
              {"@HEIGHT@", absl::StrCat(plan.input_shape.height)},
              {"@WIDTH@", absl::StrCat(plan.input_shape.width)},
              {"@COUNT@", absl::StrCat(plan.classes)},
              {"@ARCHITECTURE@", ArchitectureIdOf(plan).ToString()},
              {"@DATASET@", network.dataset_id.ToString()},
              {"@CLASSES@", ClassesText(network)},
              {"@MEAN@", absl::StrFormat("%.6f", network.Mean())},
              {"@DEVIATION@", absl::StrFormat("%.6f", network.Deviation())},
              {"@LAYERS@", LayersText(plan)},
              {"@STEPS@", StepsText(plan)}});
}

}  // namespace archpool
