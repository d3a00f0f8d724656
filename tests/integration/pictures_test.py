# SPDX-License-Identifier: Apache-2.0
"""Folders of pictures, arrays and CIFAR-100 with the real programs: from the folder to
a paid result, the same digest each time, and nothing sent or left behind where
something is wrong."""

import gzip
import io
import json
import os
import struct
import unittest
import zipfile
import zlib

from harness import PoolTestCase, Refused

SIDE = 9
PER_CLASS = 60


def png(shade, number):
    """A colour PNG, SIDE x SIDE, by hand: no library of Python's is needed."""
    rows = b"".join(
        b"\0" + b"".join(bytes((shade, (x * y + number) % 256, number % 256))
                         for x in range(SIDE))
        for y in range(SIDE))

    def chunk(kind, data):
        body = kind + data
        return struct.pack(">I", len(data)) + body + struct.pack(
            ">I", zlib.crc32(body))

    return (b"\x89PNG\r\n\x1a\n"
            + chunk(b"IHDR", struct.pack(">IIBBBBB", SIDE, SIDE, 8, 2, 0, 0, 0))
            + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))


def npy(kind, shape, data):
    """As numpy.save writes it."""
    text = f"{{'descr': '{kind}', 'fortran_order': False, 'shape': {shape}, }}"
    text += " " * (-(10 + len(text) + 1) % 64) + "\n"
    return (b"\x93NUMPY\x01\0" + struct.pack("<H", len(text)) + text.encode()
            + data)


class PicturesTest(PoolTestCase):
    def setUp(self):
        super().setUp()
        self.pool.add_client()
        self.folder = self.pool.directory / "beasts"
        for label, name in enumerate(("ant", "bee", "cat", "dog")):
            where = self.folder / name
            where.mkdir(parents=True)
            for i in range(PER_CLASS):
                (where / f"{i}.png").write_bytes(png(40 * label, i))
        self.temporary = self.pool.directory / "temporary"
        self.temporary.mkdir()
        os.environ["TMPDIR"] = str(self.temporary)
        self.addCleanup(os.environ.pop, "TMPDIR")

    def write_task(self, dataset):
        path = self.pool.write_task(trials=4)
        text = path.read_text()
        begin, end = text.index("dataset:"), text.index("space:")
        path.write_text(f"{text[:begin]}dataset: {{{dataset}, "
                        f"validation_count: 40}}\n{text[end:]}")
        return path

    def assert_nothing_is_left(self):
        self.assertEqual(list(self.temporary.iterdir()), [])

    def test_a_folder_becomes_a_result_with_the_names_of_its_classes(self):
        path = self.write_task("images: beasts, size: 8x8, colors: gray, "
                               "held_out_fraction: 0.2, seed: 3")
        sheet = self.pool.directory / "sheet.png"
        checked = self.pool.command("client", "task", "check", path,
                                    "--contact-sheet", sheet)
        self.assertEqual(checked["shape"], [1, 8, 8])
        self.assertEqual([c["name"] for c in checked["classes"]],
                         ["ant", "bee", "cat", "dog"])
        self.assertEqual({(c["images"], c["held_out_images"])
                          for c in checked["classes"]}, {(48, 12)})
        self.assertEqual(sheet.read_bytes()[:4], b"\x89PNG")
        self.assert_nothing_is_left()
        task_id = self.pool.command("client", "task", "submit", path)["task_id"]
        # The same folder is the same dataset, to the last bit.
        again = self.pool.command("client", "task", "submit", path)
        self.assertEqual(again, {"task_id": task_id, "is_new": False})
        self.assert_nothing_is_left()
        self.pool.add_verifier()
        self.pool.add_worker("alice")
        task = self.pool.wait_for_end(task_id)
        self.assertEqual(task["state"], "succeeded")
        self.assert_adds_up(task)
        out = self.pool.directory / "out"
        self.pool.command("client", "task", "result", task_id, "--output", out,
                          "--task-file", path)
        self.assertEqual(json.loads((out / "classes.json").read_text()),
                         {"task_id": task_id,
                          "classes": ["ant", "bee", "cat", "dog"],
                          "fit": "crop"})
        self.assertIn('"ant",', (out / "model.py").read_text())
        self.assertTrue(list((out / "front").glob("trial-*/classes.json")))
        # These weights are the fake trainer's: kept, but no network's.
        self.assertTrue((out / "weights.safetensors").exists())
        self.assertFalse((out / "model.onnx").exists())

    def test_what_is_wrong_is_said_and_nothing_is_sent(self):
        path = self.write_task("images: beasts, held_out_count: 40")
        good = (self.folder / "bee" / "7.png").read_bytes()
        for name, data, said in (
            ("bee/7.png", good[:-20], "bee/7.png: is a PNG picture that cannot"),
            ("bee/7.png", b"GIF89a", "bee/7.png: is a GIF picture"),
            ("stray.png", good, "stray.png: is a picture beside"),
            ("bee/7.webp", b"", "bee/7.webp: is a picture by its name"),
        ):
            (self.folder / name).write_bytes(data)
            for words in (("check",), ("submit",)):
                with self.assertRaises(Refused) as caught:
                    self.pool.command("client", "task", *words, path)
                self.assertEqual(caught.exception.code, 2)
                self.assertIn(said, caught.exception.text)
            if name == "bee/7.png":
                (self.folder / name).write_bytes(good)
            else:
                (self.folder / name).unlink()
        self.assertEqual(self.pool.command("client", "task", "list"), [])
        self.assert_nothing_is_left()
        self.pool.command("client", "task", "check", path)

    def test_arrays_are_taken_too(self):
        count = 200
        pixels = bytes(i * 7 % 256 for i in range(count * 8 * 8 * 3))
        labels = struct.pack(f"<{count}q", *(i % 4 for i in range(count)))
        archive = io.BytesIO()
        with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as file:
            file.writestr("x_train.npy", npy("|u1", f"({count}, 8, 8, 3)", pixels))
            file.writestr("y_train.npy", npy("<i8", f"({count},)", labels))
        (self.pool.directory / "a.npz").write_bytes(archive.getvalue())
        path = self.write_task("arrays: a.npz, held_out_count: 40")
        self.assertEqual(
            self.pool.command("client", "task", "check", path)["shape"],
            [3, 8, 8])
        task_id = self.pool.command("client", "task", "submit", path)["task_id"]
        self.assertEqual(self.pool.task(task_id)["state"], "active")
        self.assert_nothing_is_left()

    def test_idx_files_of_floats_are_searched(self):
        """Floats from 0 to 1 with the channels last, gzip, and wide labels."""
        count, side = 200, 8
        pixels = struct.pack(f">{count * side * side * 3}f", *(
            (i * 7 % 256) / 255 for i in range(count * side * side * 3)))
        images = struct.pack(">4B4I", 0, 0, 0x0d, 4, count, side, side, 3) + pixels
        labels = struct.pack(f">4BI{count}i", 0, 0, 0x0c, 1, count,
                             *(i % 4 for i in range(count)))
        (self.pool.directory / "x.gz").write_bytes(gzip.compress(images))
        (self.pool.directory / "y").write_bytes(labels)
        path = self.write_task(
            "format: idx, train_images: x.gz, train_labels: y, classes: 4, "
            "held_out_count: 40")
        checked = self.pool.command("client", "task", "check", path)
        self.assertEqual(checked["shape"], [3, side, side])
        self.assertEqual([c["images"] for c in checked["classes"]], [50] * 4)
        task_id = self.pool.command("client", "task", "submit", path)["task_id"]
        self.assertEqual(self.pool.command("client", "task", "submit", path),
                         {"task_id": task_id, "is_new": False})
        self.assert_nothing_is_left()
        self.pool.add_verifier()
        self.pool.add_worker("alice")
        task = self.pool.wait_for_end(task_id)
        self.assertEqual(task["state"], "succeeded")
        self.assert_adds_up(task)
        # A number that is no pixel is named, and nothing is sent.
        broken = bytearray(images)
        broken[20:24] = struct.pack(">f", -1.5)
        (self.pool.directory / "x.gz").write_bytes(gzip.compress(broken))
        with self.assertRaises(Refused) as caught:
            self.pool.command("client", "task", "submit", path)
        self.assertEqual(caught.exception.code, 2)
        self.assertIn("x.gz: has numbers from -1.5 to 1", caught.exception.text)
        self.assertEqual(len(self.pool.command("client", "task", "list")), 1)

    def test_cifar100_is_registered(self):
        records = b"".join(
            bytes([i % 20, i % 100])
            + bytes((at * i + i // 250) % 253 for at in range(3072))
            for i in range(400))
        folder = self.pool.directory / "cifar-100-binary"
        folder.mkdir()
        (folder / "train.bin").write_bytes(records[:300 * 3074])
        (folder / "test.bin").write_bytes(records[300 * 3074:])
        path = self.write_task(
            "format: cifar100, train_batches: [cifar-100-binary/train.bin], "
            "held_out_batches: [cifar-100-binary/test.bin], labels: coarse")
        checked = self.pool.command("client", "task", "check", path)
        self.assertEqual(checked["shape"], [3, 32, 32])
        self.assertEqual([c["held_out_images"] for c in checked["classes"]],
                         [5] * 20)
        task_id = self.pool.command("client", "task", "submit", path)["task_id"]
        self.assertEqual(self.pool.task(task_id)["state"], "active")
        self.assert_nothing_is_left()


if __name__ == "__main__":
    unittest.main()
