# SPDX-License-Identifier: Apache-2.0
"""What clients get of a network answers as the pool's kernels do, in programs that
know nothing of archpool: model.py in PyTorch, model.onnx in OpenCV and in ONNX
Runtime. Networks of each example's space are trained for a moment; every image of the
held-out split is compared.

Each runtime that is absent is skipped:

    apt-get install python3-torch python3-numpy
    apt-get install python3-opencv
    npm install onnxruntime-node      (and NODE_PATH=.../node_modules)
"""

import importlib.util
import json
import os
import pathlib
import shutil
import struct
import subprocess
import sys
import tempfile
import unittest
import zlib

PROGRAMS = pathlib.Path(os.environ.get("ARCHPOOL_PROGRAMS",
                                       "build/release/bin"))
EXAMPLES = sorted(pathlib.Path("deploy/examples").glob("*.yaml"))
NETWORKS = int(os.environ.get("ARCHPOOL_NETWORKS", "3"))  # of each example
RANDOM = 12  # of every kind of layer, of no example
DEBIANS_PYTHON = "/usr/bin/python3"  # which Debian's packages are for
# Runtimes add in other orders than the kernels. Scores that differ by less than
# this part of them may change places.
NOISE = 1e-4

NODE_SCRIPT = """
const runtime = require('onnxruntime-node');
const fs = require('fs');
async function main() {
  const [model, pixels, out, ...shape] = process.argv.slice(2);
  const session = await runtime.InferenceSession.create(model);
  const bytes = fs.readFileSync(pixels);
  const values = Float32Array.from(bytes);
  const images = new runtime.Tensor('float32', values, shape.map(Number));
  const answer = await session.run({images});
  fs.writeFileSync(out, JSON.stringify(
      {dims: answer.scores.dims, data: Array.from(answer.scores.data)}));
}
main().catch(error => { console.error(String(error)); process.exit(1); });
"""


def missing(*modules):
    """Which of Python's modules is not here; "" where all are."""
    for module in modules:
        if importlib.util.find_spec(module) is None:
            return module
    return ""


def png(image):
    """uint8 [1 or 3, height, width] as a PNG file, by hand."""
    channels, height, width = image.shape
    rows = b"".join(b"\0" + image[:, y, :].T.tobytes() for y in range(height))

    def chunk(kind, data):
        body = kind + data
        return struct.pack(">I", len(data)) + body + struct.pack(
            ">I", zlib.crc32(body))

    return (b"\x89PNG\r\n\x1a\n"
            + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8,
                                         0 if channels == 1 else 2, 0, 0, 0))
            + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))


def has_onnxruntime():
    node = shutil.which("node")
    return node is not None and subprocess.run(
        [node, "-e", "require('onnxruntime-node')"], capture_output=True,
        check=False).returncode == 0


class ResultRuntimesTest(unittest.TestCase):
    """One folder of networks for all tests."""

    @classmethod
    def setUpClass(cls):
        absent = missing("numpy")
        if absent:
            raise unittest.SkipTest("no numpy: apt-get install python3-numpy")
        # pylint: disable=import-outside-toplevel
        import numpy
        cls.numpy = numpy
        cls.temporary = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls.temporary.cleanup)
        cls.folder = pathlib.Path(cls.temporary.name)
        subprocess.run(
            [PROGRAMS / "archpool-export-networks", "--out", cls.folder,
             "--networks", str(NETWORKS), "--random", str(RANDOM), *EXAMPLES], check=True)
        cls.networks = sorted(p for p in cls.folder.iterdir() if p.is_dir())
        cls.expected = {}
        for network in cls.networks:
            expected = json.loads((network / "expected.json").read_text())
            cls.expected[network] = expected

    def test_there_is_something_to_compare(self):
        self.assertEqual(len(self.networks), NETWORKS * len(EXAMPLES) + RANDOM)
        kinds, answers = set(), set()
        for network in self.networks:
            plan = json.loads((network / "architecture.json").read_text())
            kinds |= {layer["kind"] for layer in plan["layers"]}
            expected = self.expected[network]
            hits = sum(a == b for a, b in zip(expected["answers"],
                                              expected["labels"]))
            self.assertEqual(hits, expected["correct"])
            answers |= set(expected["answers"])
        self.assertEqual(kinds, {
            "conv", "batch_norm", "relu", "hardswish", "silu", "max_pool",
            "avg_pool", "add", "global_avg_pool", "linear"})
        self.assertGreater(len(answers), 5)

    def compare(self, runtime, network, scores):
        """Holds a runtime's scores, [example][class], against the kernels'
        answers; how many differ, each for no more than noise."""
        numpy = self.numpy
        expected = self.expected[network]
        answers = numpy.array(expected["answers"])
        self.assertEqual(scores.shape[0], len(answers))
        theirs = scores.argmax(axis=1)
        others = numpy.flatnonzero(theirs != answers)
        for i in others:
            gap = float(scores[i].max() - scores[i][answers[i]])
            self.assertLessEqual(
                gap, NOISE * (1 + float(abs(scores[i]).max())),
                f"{runtime}: image {i} of {expected['name']} is {theirs[i]} "
                f"and not {answers[i]}, by {gap}")
        correct = int((theirs == numpy.array(expected["labels"])).sum())
        self.assertLessEqual(abs(correct - expected["correct"]), len(others))
        print(f"{runtime}: {expected['name']}: {correct} of {len(answers)} "
              f"correct, {expected['correct']} by the kernels; "
              f"{len(others)} answers differ", file=sys.stderr)

    def images(self, network):
        return self.numpy.load(network / "held_out.npy")

    def test_model_py_in_pytorch(self):
        if missing("torch"):
            raise unittest.SkipTest("no torch: apt-get install python3-torch")
        # pylint: disable=import-outside-toplevel
        import torch
        for network in self.networks:
            spec = importlib.util.spec_from_file_location(
                f"model_{network.name}", network / "model.py")
            model = importlib.util.module_from_spec(spec)
            spec.loader.exec_module(model)
            images = torch.from_numpy(self.images(network))
            with torch.no_grad():
                scores = model.load()(images).numpy()
            self.compare("PyTorch", network, scores)
            with self.assertRaisesRegex(ValueError, "uint8"):
                model.load()(images.float() / 255)

    def test_model_py_is_a_program(self):
        if missing("torch"):
            raise unittest.SkipTest("no torch: apt-get install python3-torch")
        network = self.networks[0]
        ran = subprocess.run(
            [sys.executable, network / "model.py", network / "held_out.npy"],
            capture_output=True, text=True, check=True)
        lines = ran.stdout.splitlines()
        answers = self.expected[network]["answers"]
        self.assertEqual(len(lines), len(answers))
        self.assertRegex(lines[0], rf"held_out\.npy: {answers[0]} \([\d.]+%\)$")
        weights = network / "weights.safetensors"
        whole = weights.read_bytes()
        self.addCleanup(weights.write_bytes, whole)
        weights.write_bytes(whole[:-4])
        ran = subprocess.run(
            [sys.executable, network / "model.py", network / "held_out.npy"],
            capture_output=True, text=True, check=False)
        self.assertNotEqual(ran.returncode, 0)
        self.assertIn("cut off", ran.stderr)

    def test_model_onnx_in_opencv(self):
        if missing("cv2"):
            raise unittest.SkipTest("no cv2: apt-get install python3-opencv")
        # pylint: disable=import-outside-toplevel
        import cv2
        for network in self.networks:
            images = self.images(network).astype(self.numpy.float32)
            net = cv2.dnn.readNetFromONNX(str(network / "model.onnx"))
            parts = []
            # Batches of two sizes: the file says that it may be any.
            for begin, end in ((0, 7), (7, len(images))):
                net.setInput(images[begin:end], "images")
                parts.append(net.forward().reshape(end - begin, -1).copy())
            self.compare("OpenCV", network, self.numpy.concatenate(parts))

    def test_model_onnx_in_onnx_runtime(self):
        if not has_onnxruntime():
            raise unittest.SkipTest(
                "no onnxruntime-node: npm install onnxruntime-node, and "
                "NODE_PATH to node_modules")
        script = self.folder / "run.js"
        script.write_text(NODE_SCRIPT)
        for network in self.networks:
            images = self.images(network)
            pixels, out = network / "pixels", network / "scores"
            pixels.write_bytes(images.tobytes())
            subprocess.run(["node", script, network / "model.onnx", pixels, out,
                            *map(str, images.shape)], check=True)
            answer = json.loads(out.read_text())
            self.compare("ONNX Runtime", network, self.numpy.array(
                answer["data"], dtype=self.numpy.float32).reshape(
                    answer["dims"]))


    def test_archpool_predict(self):
        """Every tenth image as a PNG file, of the networks that read such."""
        seen = 0
        for network in self.networks:
            images = self.images(network)
            if images.shape[1] not in (1, 3):
                continue
            answers = self.expected[network]["answers"][::10]
            paths = []
            for i, image in enumerate(images[::10]):
                paths.append(network / f"{i}.png")
                paths[-1].write_bytes(png(image))
            ran = subprocess.run(
                [PROGRAMS / "archpool", "--json", "predict", network, *paths],
                capture_output=True, text=True, check=False)
            self.assertEqual(ran.returncode, 0, ran.stderr)
            said = json.loads(ran.stdout)["predictions"]
            self.assertEqual([one["label"] for one in said], answers)
            seen += len(said)
        self.assertGreater(seen, 100)


if __name__ == "__main__":
    if missing("numpy") and os.path.exists(DEBIANS_PYTHON) and (
            "ARCHPOOL_PYTHON_CHOSEN" not in os.environ):
        os.environ["ARCHPOOL_PYTHON_CHOSEN"] = "1"
        os.execv(DEBIANS_PYTHON, [DEBIANS_PYTHON, *sys.argv])
    unittest.main()
